//! A leader on its way out: to its own process it leads no longer, towards the register it does until its work has settled.

use super::kit::*;
use crate::election::{Event, Loss, Role};

fn released(events: &[Event]) -> usize {
    events.iter().filter(|event| **event == Event::Released).count()
}

#[test]
fn a_draining_leader_leads_no_longer_and_goes_on_renewing() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    assert!(!a.leads());
    assert_eq!(a.election.role(), Role::Draining);
    let draining = Event::Draining { term: a.tenure.term(), reason: Loss::Reelected };
    assert_eq!(a.events(), [draining, Event::RoleChanged(Role::Candidate)]);
    for _ in 0..20 {
        network.passes(a.rests().unwrap());
        assert_eq!(a.settles(), ["renew"]);
        assert!(!a.leads());
    }
    assert_eq!(network.holder().as_deref(), Some("a"), "nobody else may begin yet");
}

#[test]
fn nobody_takes_over_while_it_drains() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    a.reelects();
    run(&mut [&mut a, &mut b], 3 * LEASE);
    assert_eq!(b.follows(), Some("a"));
    a.drains();
    run(&mut [&mut a, &mut b], 10);
    assert!(b.leads());
}

#[test]
fn once_its_work_has_settled_it_releases_at_once() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    a.drains();
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.holder(), None);
    assert_eq!(released(&a.events()), 1);
}

#[test]
fn the_answer_to_a_renewal_extends_nothing_after_the_release() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    a.reelects();
    a.drains();
    network.passes(144);
    a.gives_up(&renewal);
    assert_eq!(a.settles(), ["release"]);
    b.listens();
    b.settles();
    assert!(b.leads());
    a.hears_back(&renewal, reply);
    assert!(!a.leads());
}

#[test]
fn a_leader_that_reelects_alone_stands_back_and_is_elected_again() {
    let network = Network::new();
    let mut a = network.leader("a");
    let term = a.tenure.term();
    a.reelects();
    a.drains();
    a.settles();
    assert_eq!(a.rests(), Some(INTERVAL));
    run(&mut [&mut a], INTERVAL);
    assert!(a.leads() && a.tenure.term() > term);
    assert_eq!(a.tells(), ["candidate", "elected", "leader"]);
}

#[test]
fn others_come_first_after_a_reelection() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    b.misses_the_news();
    a.reelects();
    a.drains();
    run(&mut [&mut a, &mut b], 2 * LEASE);
    assert!(b.leads());
    assert_eq!(a.tells(), ["candidate", "defeated by b: lost", "follower"]);
}

#[test]
fn reelect_is_without_effect_on_a_follower() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    b.reelects();
    assert_eq!(b.events(), [Event::Released]);
    assert_eq!(b.settles(), [""; 0]);
    assert!(a.settles().is_empty() && a.leads());
}

#[test]
fn a_release_that_gets_lost_is_repeated_and_nobody_waits_for_it_in_vain() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    a.drains();
    assert_eq!(a.loses().command.name(), "release");
    assert_eq!(released(&a.events()), 1);
    network.passes(INTERVAL);
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.holder(), None);
}

#[test]
fn a_draining_that_cannot_renew_expires() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    a.events();
    while a.election.role() == Role::Draining {
        network.passes(a.rests().unwrap());
        if let Some(request) = a.polls() {
            a.gives_up(&request);
        }
    }
    assert!(released(&a.events()) >= 1, "whoever waits for the release need wait no longer");
}

#[test]
fn a_process_that_does_not_answer_gives_up_and_seeks_nothing() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.election.handle_stalled(network.now());
    assert!(!a.leads());
    assert_eq!(a.tells(), ["defeated by nobody: stalled", "follower"]);
    a.drains();
    assert_eq!(a.settles(), ["release"]);
    run(&mut [&mut a], 5 * LEASE);
    assert_eq!(network.holder(), None);
    a.election.handle_resumed(network.now());
    run(&mut [&mut a], INTERVAL);
    assert!(a.leads());
}

#[test]
fn a_grant_to_a_process_that_does_not_answer_is_given_back() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    a.settles();
    network.passes(LEASE);
    let take = a.sends();
    a.election.handle_stalled(network.now());
    let reply = network.applies(&take);
    a.hears_back(&take, reply);
    assert!(!a.leads());
    assert_eq!(a.settles(), ["release"]);
}

#[test]
fn what_is_drained_without_need_changes_nothing() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.drains();
    assert_eq!(a.settles(), [""; 0]);
    assert!(a.leads());
}

#[test]
fn a_draining_leader_asserts_itself_over_a_wiped_register() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    network.wipes();
    network.passes(a.rests().unwrap());
    assert_eq!(a.settles(), ["renew", "assert"]);
    assert_eq!(network.holder().as_deref(), Some("a"));
    assert!(!a.leads());
}
