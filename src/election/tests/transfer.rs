//! A leader that hands over to one that was chosen, or gives up for a reason of its own.

use super::kit::*;
use crate::election::{Event, InstanceId, Loss, Role};

#[test]
fn a_leader_hands_over_to_the_chosen_one_in_one_round_trip() {
    let network = Network::new();
    let mut a = network.leader("a");
    let (mut b, mut c) = (network.follower("b"), network.follower("c"));
    let term = a.tenure.term();
    a.transfers("c");
    assert!(!a.leads());
    let told = [
        Event::Draining { term, reason: Loss::Transferred },
        Event::Defeated { leader: None, reason: Loss::Transferred },
        Event::RoleChanged(Role::Follower),
    ];
    assert_eq!(a.events(), told);
    a.drains();
    assert_eq!(a.settles(), ["release"]);
    b.listens();
    b.settles();
    c.listens();
    assert_eq!(c.settles(), ["take"]);
    run(&mut [&mut a, &mut b, &mut c], LEASE);
    assert!(c.leads());
    assert_eq!((a.follows(), b.follows()), (Some("c"), Some("c")));
}

#[test]
fn the_heir_is_named_again_where_the_release_was_lost() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.transfers("c");
    a.drains();
    a.loses();
    network.passes(INTERVAL);
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.stored().heir, Some(InstanceId::new("c")));
}

#[test]
fn it_leads_again_where_the_chosen_one_does_not_come_and_there_is_nobody_else() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(INTERVAL);
    a.transfers("gone");
    a.drains();
    run(&mut [&mut a], INTERVAL + 1);
    assert!(a.leads());
}

#[test]
fn the_work_is_waited_for_before_the_chosen_one_leads() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    a.transfers("b");
    run(&mut [&mut a, &mut b], 3 * LEASE);
    assert_eq!(network.holder().as_deref(), Some("a"));
    a.drains();
    run(&mut [&mut a, &mut b], 10);
    assert!(b.leads());
}

#[test]
fn a_transfer_is_without_effect_on_a_follower_and_on_one_that_gives_up_already() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    b.transfers("a");
    assert_eq!(b.events(), [Event::Released]);
    a.reelects();
    a.transfers("c");
    a.drains();
    a.settles();
    assert_eq!(network.stored().heir, None);
}

#[test]
fn who_asks_a_draining_leader_to_reelect_waits_for_the_release_that_comes() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.transfers("b");
    a.events();
    a.reelects();
    assert_eq!(a.events(), []);
    a.drains();
    a.settles();
    assert!(a.events().contains(&Event::Released));
}

#[test]
fn a_leader_that_resigns_tells_the_reason_at_once() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.election.handle_resign(network.now(), Loss::Expired);
    assert!(!a.leads());
    assert_eq!(a.tells(), ["defeated by nobody: expired", "follower"]);
    a.drains();
    assert_eq!(a.settles(), ["release"]);
}

#[test]
fn a_stop_during_a_transfer_ends_with_its_release() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.transfers("b");
    a.stops();
    a.drains();
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.stored().heir, Some(InstanceId::new("b")));
    assert_eq!(a.events().last(), Some(&Event::Stopped));
}
