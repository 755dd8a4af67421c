//! A draining leader whose work does not settle in time: its lease lapses, so that no successor begins beside that work before it must.

use super::kit::*;
use crate::election::{Event, Role};

/// A leader that reelects, whose work goes on, and whose last renewal was a while ago.
fn overrun_leader(network: &Network) -> Node {
    let mut a = network.leader("a");
    a.reelects();
    network.passes(a.rests().unwrap());
    assert_eq!(a.settles(), ["renew"]);
    network.passes(100);
    a.events();
    a.overruns();
    a
}

/// Since the last renewal was sent.
const ALREADY: u64 = 100;
/// How long after it the release comes, if nobody has taken over by then.
const LAPSE: u64 = LEASE + INTERVAL;

#[test]
fn an_overrun_is_told_and_nothing_is_renewed_or_released_before_the_lease_has_run_out() {
    let network = Network::new();
    let mut a = network.leader("a");
    let term = a.tenure.term();
    a.reelects();
    a.events();
    a.overruns();
    assert_eq!(a.events().first(), Some(&Event::Overrun { term }));
    let mut a = overrun_leader(&Network::new());
    assert_eq!(a.rests(), Some(LAPSE - ALREADY));
    assert_eq!(a.settles(), [""; 0]);
    assert!(!a.leads());
}

#[test]
fn once_the_lease_has_run_out_it_is_released() {
    let network = Network::new();
    let mut a = overrun_leader(&network);
    run(&mut [&mut a], LAPSE - ALREADY - 1);
    assert_eq!(network.holder().as_deref(), Some("a"));
    run(&mut [&mut a], 1);
    assert_eq!(network.holder(), None);
}

#[test]
fn the_others_take_over_when_they_would_from_one_that_was_killed() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    a.reelects();
    run(&mut [&mut a, &mut b], LEASE);
    a.overruns();
    // It has just renewed.
    run(&mut [&mut a, &mut b], LEASE - 1);
    assert!(!b.leads());
    run(&mut [&mut a, &mut b], 1);
    assert!(b.leads());
}

#[test]
fn a_renewal_that_is_under_way_counts() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    network.passes(50);
    a.overruns();
    let reply = network.applies(&renewal);
    a.hears_back(&renewal, reply);
    assert_eq!(a.rests(), Some(LAPSE - 50));
}

#[test]
fn work_that_settles_after_all_hastens_nothing() {
    let network = Network::new();
    let mut a = overrun_leader(&network);
    a.drains();
    assert_eq!(a.settles(), [""; 0]);
    assert_eq!(a.rests(), Some(LAPSE - ALREADY));
}

#[test]
fn a_stop_ends_at_once_and_leaves_the_register_to_lapse() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    a.events();
    a.overruns();
    assert_eq!(a.events().last(), Some(&Event::Stopped));
    assert_eq!(network.holder().as_deref(), Some("a"));
}

#[test]
fn a_stop_does_not_wait_for_an_overrun_of_before() {
    let network = Network::new();
    let mut a = overrun_leader(&network);
    a.stops();
    assert_eq!(a.settles(), [""; 0]);
    assert_eq!(a.events().last(), Some(&Event::Stopped));
}

#[test]
fn a_stop_that_still_waits_for_an_answer_does_not_release_either() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    a.stops();
    a.overruns();
    let reply = network.applies(&renewal);
    a.hears_back(&renewal, reply);
    assert_eq!(a.settles(), [""; 0]);
    assert_eq!(a.events().last(), Some(&Event::Stopped));
    assert_eq!(network.holder().as_deref(), Some("a"));
}

#[test]
fn a_stop_whose_last_answer_comes_when_the_lease_has_run_out_releases() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    network.passes(100);
    a.stops();
    a.overruns();
    let reply = network.applies(&renewal);
    network.passes(LAPSE - 100);
    a.hears_back(&renewal, reply);
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(a.events().last(), Some(&Event::Stopped));
}

#[test]
fn a_later_run_does_not_release_it_sooner() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    a.overruns();
    a.starts();
    assert_eq!(a.settles(), ["peek"]);
    let begun = network.now();
    while network.holder().is_some() {
        network.passes(a.rests().unwrap());
        a.settles();
    }
    assert!(network.now().since(begun).as_millis() > u128::from(LEASE - INTERVAL));
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.leads());
}

#[test]
fn a_draining_that_expires_is_released_no_sooner() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    let mut renewed = network.now();
    while network.now().since(renewed).as_millis() < u128::from(VALIDITY)
        && a.election.role() == Role::Draining
    {
        network.passes(a.rests().unwrap());
        if let Some(request) = a.polls() {
            assert_eq!(request.command.name(), "renew");
            renewed = network.now();
            a.gives_up(&request);
        }
    }
    let ended = network.now();
    while network.holder().is_some() {
        network.passes(a.rests().unwrap());
        a.settles();
    }
    assert!(network.now() > ended);
    assert!(network.now().since(renewed).as_millis() >= u128::from(LEASE));
}

#[test]
fn an_overrun_of_one_that_does_not_drain_is_nothing() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.overruns();
    assert!(a.leads());
    a.reelects();
    a.drains();
    a.events();
    a.overruns();
    assert_eq!(a.settles(), ["release"]);
    assert!(!a.events().iter().any(|event| matches!(event, Event::Overrun { .. })));
}
