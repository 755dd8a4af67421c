//! Nodes whose leases differ, as in a rolling change of `leaseMs`: the longest one that was read is waited for.

use std::time::Duration;

use super::kit::*;
use crate::election::{Event, Record, Timing};

fn timing(millis: u64) -> Timing {
    Timing::new(Duration::from_millis(millis), None).unwrap()
}

fn leader_with(network: &Network, name: &str, lease: u64) -> Node {
    let mut node = network.node_with(name, timing(lease));
    node.starts();
    run(&mut [&mut node], 2 * lease);
    assert!(node.leads());
    node
}

#[test]
fn a_watcher_waits_for_the_longer_lease_of_the_leader() {
    let network = Network::new();
    let a = leader_with(&network, "a", 10_000);
    let mut b = network.follower("b");
    network.passes(5_000);
    assert!(a.leads());
    assert_eq!(b.settles(), [""; 0]);
    assert_eq!(b.rests(), Some(5_000));
    run(&mut [&mut b], 6_000);
    assert!(b.leads() && !a.leads());
}

#[test]
fn a_watcher_waits_for_its_own_lease_where_that_is_longer() {
    let network = Network::new();
    let _a = leader_with(&network, "a", 100);
    let mut b = network.node_with("b", timing(2_000));
    b.starts();
    b.settles();
    assert_eq!(b.rests(), Some(2_000));
}

#[test]
fn the_longest_lease_ever_read_is_remembered_over_a_wipe() {
    let network = Network::new();
    let mut a = leader_with(&network, "a", 10_000);
    let mut b = network.follower("b");
    network.passes(a.rests().unwrap());
    a.settles();
    network.wipes();
    b.observes();
    run(&mut [&mut b], 7_000);
    assert!(a.leads(), "its last renewal was granted before the wipe");
    assert!(!b.leads());
}

#[test]
fn the_longest_lease_is_remembered_over_stop_and_start() {
    let network = Network::new();
    let _a = leader_with(&network, "a", 10_000);
    let mut b = network.follower("b");
    b.stops();
    b.settles();
    network.wipes();
    b.starts();
    b.settles();
    assert_eq!(b.rests(), Some(10_000));
}

#[test]
fn another_lease_is_warned_of_once() {
    let network = Network::new();
    let mut a = leader_with(&network, "a", 1_000);
    let mut b = network.node("b");
    b.starts();
    run(&mut [&mut a, &mut b], 5_000);
    b.observes();
    let theirs = Duration::from_secs(1);
    let warnings =
        b.events().into_iter().filter(|event| matches!(event, Event::UnequalLease { .. }));
    assert_eq!(warnings.collect::<Vec<_>>(), [Event::UnequalLease { theirs }]);
}

#[test]
fn equal_leases_are_not_warned_of() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    run(&mut [&mut a, &mut b], 5 * LEASE);
    a.stops();
    a.drains();
    run(&mut [&mut a, &mut b], 5 * LEASE);
    let is_warning = |event: &Event| matches!(event, Event::UnequalLease { .. });
    assert!(!a.events().iter().any(is_warning));
    assert!(!b.events().iter().any(is_warning));
}

#[test]
fn a_lease_beyond_all_bounds_holds_nobody_up() {
    let network = Network::new();
    let a = network.leader("a");
    drop(a);
    let endless = Duration::from_secs(1 << 40);
    network.restores(Some(Record { lease: endless, ..network.stored() }));
    let mut b = network.watcher("b");
    run(&mut [&mut b], LEASE);
    assert!(b.leads());
}
