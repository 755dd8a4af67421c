//! How a leader stays one: when it renews, and how long each grant bears.

use std::time::Duration;

use super::kit::*;
use crate::election::{Command, Stamp, Term, Timing};

fn beat_of(command: &Command) -> u64 {
    match command {
        Command::Renew { beat, .. } => *beat,
        _ => panic!("{} is no renewal", command.name()),
    }
}

#[test]
fn a_leader_renews_once_in_each_interval_with_a_higher_beat() {
    let network = Network::new();
    let mut a = network.leader("a");
    let first = network.stored().beat;
    for beat in first + 1..first + 8 {
        network.passes(a.rests().unwrap());
        assert_eq!(a.settles(), ["renew"]);
        assert_eq!(network.stored().beat, beat);
        assert_eq!(a.rests(), Some(INTERVAL));
    }
    assert_eq!(a.events(), []);
}

#[test]
fn a_renewal_is_dated_from_its_sending() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    network.passes(100);
    let reply = network.applies(&renewal);
    network.passes(40);
    a.hears_back(&renewal, reply);
    // Everything after is lost.
    network.passes(VALIDITY - 141);
    assert!(a.leads());
    network.passes(1);
    assert!(!a.leads());
}

#[test]
fn a_failed_renewal_is_followed_by_another_in_the_next_interval() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let lost = a.sends();
    network.passes(144);
    a.gives_up(&lost);
    assert_eq!(a.rests(), Some(INTERVAL - 144));
    network.passes(INTERVAL - 144);
    assert_eq!(a.settles(), ["renew"]);
    assert!(a.leads());
}

#[test]
fn three_lost_renewals_in_a_row_end_no_reign_and_a_fourth_does() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    a.settles();
    for _ in 0..3 {
        network.passes(a.rests().unwrap());
        a.loses();
    }
    assert!(a.leads());
    network.passes(INTERVAL);
    assert!(!a.leads());
    assert_ne!(a.polls().map(|request| request.command.name()), Some("renew"));
}

#[test]
fn a_late_renewal_is_refused_once_a_later_one_was_granted() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let late = a.loses();
    network.passes(a.rests().unwrap());
    a.settles();
    let stored = network.stored();
    assert!(!network.applies(&late).granted);
    assert_eq!(network.stored(), stored);
}

#[test]
fn a_renewal_delivered_twice_counts_once_and_harms_nobody() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    assert!(network.applies(&renewal).granted);
    let reply = network.applies(&renewal);
    assert!(!reply.granted);
    a.hears_back(&renewal, reply);
    assert!(a.leads());
    assert_eq!(a.events(), []);
    network.passes(a.rests().unwrap());
    assert_eq!(a.settles(), ["renew"]);
    assert!(a.leads());
}

#[test]
fn a_refused_renewal_extends_nothing() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    a.settles();
    network.passes(INTERVAL);
    let renewal = a.sends();
    network.applies(&renewal);
    let refused = network.applies(&renewal);
    a.hears_back(&renewal, refused);
    network.passes(VALIDITY - INTERVAL);
    assert!(!a.leads(), "dated from the last one that was granted");
}

#[test]
fn an_answer_that_comes_twice_or_to_a_renewal_given_up_is_ignored() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    network.passes(144);
    a.gives_up(&renewal);
    a.hears_back(&renewal, reply.clone());
    a.hears_back(&renewal, reply);
    network.passes(VALIDITY - 144 - INTERVAL);
    assert!(!a.leads(), "only the reign's first grant counted");
}

#[test]
fn one_renewal_is_under_way_at_a_time() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    network.passes(INTERVAL);
    assert!(a.polls().is_none());
    a.gives_up(&renewal);
    assert_eq!(beat_of(&a.sends().command), beat_of(&renewal.command) + 1);
}

#[test]
fn a_renewal_names_the_term_that_was_granted() {
    let network = Network::new();
    network.sets_server_time(77_000_000_000_000);
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    match a.sends().command {
        Command::Renew { term, holder, over: None, .. } => {
            assert_eq!(term, network.stored().term);
            assert!(term > Term(77_000_000_000_000));
            assert_eq!(Some(holder), network.stored().holder);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_grant_that_shows_another_holder_or_term_extends_nothing() {
    let distortions: [fn(&mut crate::election::Reply); 2] = [
        |reply| reply.shown.record.holder = None,
        |reply| reply.shown.record.term = Term(reply.shown.record.term.0 + 1),
    ];
    for distort in distortions {
        let network = Network::new();
        let mut a = network.leader("a");
        network.passes(a.rests().unwrap());
        let renewal = a.sends();
        let mut reply = network.applies(&renewal);
        distort(&mut reply);
        a.hears_back(&renewal, reply);
        assert!(!a.leads());
    }
}

#[test]
fn a_leader_that_reconnects_renews_at_once() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    a.loses();
    network.passes(20);
    a.election.handle_connected(network.now());
    assert_eq!(a.settles(), ["renew"]);
}

#[test]
fn who_does_not_lead_never_renews() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(VALIDITY);
    // a has expired and its answers are lost; b watches.
    for _ in 0..40 {
        for node in [&mut a, &mut b] {
            if let Some(request) = node.polls() {
                assert_ne!(request.command.name(), "renew");
                node.gives_up(&request);
            }
        }
        network.passes(20);
    }
}

#[test]
fn a_leader_heeds_neither_reads_nor_announcements() {
    let network = Network::new();
    let mut a = network.leader("a");
    let own = network.stored();
    let foreign = crate::election::Record {
        holder: Some(crate::election::Holder::new(&crate::election::InstanceId::new("x"), 1)),
        term: Term(own.term.0 + 1),
        ..own.clone()
    };
    network.restores(Some(foreign));
    a.observes();
    network.restores(Some(own.clone()));
    a.hears(crate::election::Announcement::Vacancy {
        term: own.term,
        stamp: Stamp::new(3),
        heir: None,
    });
    assert!(a.leads());
    assert_eq!(a.events(), []);
    network.passes(a.rests().unwrap());
    assert_eq!(a.settles(), ["renew"]);
}

#[test]
fn a_leader_that_is_connected_again_renews_and_has_nothing_to_look_for_when_it_releases() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.election.handle_connected(network.now());
    assert_eq!(a.settles(), ["renew"]);
    a.reelects();
    a.drains();
    assert_eq!(a.settles(), ["release"]);
}

#[test]
fn a_node_knows_the_timing_that_it_was_given() {
    let timing = Timing::new(Duration::from_secs(3), None).unwrap();
    let a = Network::new().node_with("a", timing);
    assert_eq!(*a.election.timing(), timing);
}
