//! What a leader does when its renewal is refused: it asserts itself over what cannot be newer, and gives way to what is.

use super::kit::*;
use crate::election::{Command, Event, Holder, InstanceId, Loss, Record, Shown, Term};

/// The register, as another would have written it.
fn foreign(own: &Record, term: u64) -> Record {
    let holder = Some(Holder::new(&InstanceId::new("x"), 1));
    Record {
        holder,
        term: Term(term),
        beat: 4,
        stamp: crate::election::Stamp::new(0xf0),
        ..own.clone()
    }
}

/// `a` leads, and its next renewal is due.
fn leader_about_to_renew(network: &Network) -> Node {
    let a = network.leader("a");
    network.passes(a.rests().unwrap());
    a
}

fn over_of(command: Command) -> Option<Shown> {
    match command {
        Command::Renew { over, .. } => over,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_higher_term_is_given_way_to() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    let own = network.stored();
    network.restores(Some(foreign(&own, own.term.0 + 1)));
    a.acts();
    assert!(!a.leads());
    let x = InstanceId::new("x");
    let defeated = Event::Defeated { leader: Some(x), reason: Loss::Replaced };
    let events = a.events();
    assert!(events.contains(&defeated), "{events:?}");
    assert_eq!(a.follows(), Some("x"));
    assert_eq!(a.tenure.term(), Term(own.term.0 + 1));
    assert_eq!(a.settles(), [""; 0], "there is nothing of its own to release");
}

#[test]
fn an_equal_term_of_another_is_given_way_to() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    let own = network.stored();
    network.restores(Some(foreign(&own, own.term.0)));
    a.acts();
    assert!(!a.leads());
    assert_eq!(a.tells(), ["defeated by x: replaced", "follower"]);
}

#[test]
fn its_own_term_vacant_is_given_way_to() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    let own = network.stored();
    network.restores(Some(Record { holder: None, ..own }));
    a.acts();
    assert!(!a.leads());
    assert_eq!(a.tells(), ["defeated by nobody: replaced", "follower"]);
    assert_eq!(a.follows(), None);
}

#[test]
fn a_lower_term_is_asserted_over_as_it_was_shown() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    let own = network.stored();
    let old = foreign(&own, own.term.0 - 1);
    network.restarts_from(Some(old.clone()));
    a.acts();
    assert!(a.leads());
    let assert = a.sends();
    let shown =
        Shown { identity: network.server().identity, term: old.term, stamp: old.stamp.clone() };
    assert_eq!(over_of(assert.command.clone()), Some(shown));
    let reply = network.applies(&assert);
    a.hears_back(&assert, reply);
    let stored = network.stored();
    assert_eq!((stored.holder, stored.term), (own.holder, own.term), "the same term goes on");
    assert_eq!(&*stored.server, "server-2");
    assert_eq!(a.events(), [Event::RegisterLost]);
}

#[test]
fn a_wiped_register_is_asserted_over_at_once() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    let own = network.stored();
    network.wipes();
    assert_eq!(a.settles(), ["renew", "assert"], "the placeholder is its own renewal's");
    let stored = network.stored();
    assert_eq!((stored.holder, stored.term), (own.holder, own.term));
    assert_eq!(a.events(), [Event::RegisterLost]);
    assert_eq!(a.rests(), Some(INTERVAL));
}

#[test]
fn a_register_that_is_lost_again_and_again_is_told_once_in_a_reign() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    for _ in 0..3 {
        network.wipes();
        a.settles();
        network.passes(INTERVAL);
    }
    assert_eq!(a.events(), [Event::RegisterLost]);
}

#[test]
fn an_assert_over_what_has_changed_meanwhile_is_made_anew() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    network.wipes();
    a.acts();
    network.wipes();
    let term = a.tenure.term();
    assert_eq!(a.settles(), ["assert", "assert"]);
    assert_eq!(network.stored().term, term);
    assert!(a.leads());
}

#[test]
fn a_lost_assert_is_not_repeated_blindly() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    network.wipes();
    a.acts();
    assert_eq!(a.loses().command.name(), "assert");
    network.passes(INTERVAL);
    // It looks again what stands there, by a renewal.
    assert_eq!(a.settles(), ["renew", "assert"]);
    assert!(a.leads());
}

#[test]
fn an_assert_that_was_applied_unheard_goes_on_as_a_renewal() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    network.wipes();
    a.acts();
    let assert = a.sends();
    assert!(network.applies(&assert).granted);
    network.passes(144);
    a.gives_up(&assert);
    network.passes(INTERVAL - 144);
    assert_eq!(a.settles(), ["renew"]);
    assert!(!network.applies(&assert).granted, "a second delivery");
    assert!(a.leads());
}

#[test]
fn who_has_expired_asserts_nothing() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    network.wipes();
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    network.passes(VALIDITY);
    a.hears_back(&renewal, reply);
    for _ in 0..5 {
        if let Some((act, _)) = a.acts() {
            assert_ne!(act, "assert");
        }
    }
    assert!(!a.leads());
}

#[test]
fn a_late_assert_changes_nothing_once_others_have_moved_on() {
    let network = Network::new();
    let mut a = leader_about_to_renew(&network);
    network.wipes();
    a.acts();
    let late = a.loses();
    let mut b = network.watcher("b");
    run(&mut [&mut b], 2 * LEASE);
    assert!(b.leads());
    assert!(!network.applies(&late).granted);
    assert_eq!(network.holder().as_deref(), Some("b"));
}
