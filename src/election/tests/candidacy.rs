//! Who may lead at all: eligible instances, and where so many are wanted, only with enough of them.

use super::kit::*;
use crate::election::{Announcement, Candidacy, Record, Stamp};

fn ineligible(network: &Network, name: &str) -> Node {
    network.node_of(name, Candidacy { is_eligible: false, ..Candidacy::default() })
}

fn one_of_three(network: &Network, name: &str) -> Node {
    network.node_of(name, Candidacy { min_instances: 3, ..Candidacy::default() })
}

#[test]
fn who_is_not_eligible_takes_nothing_and_follows() {
    let network = Network::new();
    let mut b = ineligible(&network, "b");
    b.starts();
    run(&mut [&mut b], 10 * LEASE);
    assert_eq!(network.holder(), None);
    assert_eq!(b.tells(), [""; 0], "it is no candidate");
    let mut a = network.node("a");
    a.starts();
    run(&mut [&mut a, &mut b], 3 * LEASE);
    assert!(a.leads());
    assert_eq!(b.follows(), Some("a"));
}

#[test]
fn who_is_not_eligible_takes_no_vacancy() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = ineligible(&network, "b");
    b.starts();
    run(&mut [&mut a, &mut b], LEASE);
    a.stops();
    a.drains();
    run(&mut [&mut a, &mut b], 5 * LEASE);
    assert_eq!(network.holder(), None);
    assert_eq!(b.follows(), None);
}

#[test]
fn who_is_not_eligible_forgets_a_leader_that_fell_silent() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = ineligible(&network, "b");
    b.starts();
    run(&mut [&mut a, &mut b], LEASE);
    assert_eq!(b.follows(), Some("a"));
    run(&mut [&mut b], LEASE);
    assert_eq!(b.follows(), None);
    assert_eq!(b.rests(), None, "there is nothing to look for");
    b.observes();
    assert_eq!(b.follows(), None, "what was read is as old as before");
    a.election.handle_connected(network.now());
    run(&mut [&mut a, &mut b], 3 * LEASE);
    assert_eq!(b.follows(), Some("a"), "it has come back");
}

#[test]
fn who_is_not_eligible_and_hears_nothing_forgets_a_silent_leader_all_the_same() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = ineligible(&network, "b");
    b.starts();
    run(&mut [&mut a, &mut b], LEASE);
    b.election.handle_unsubscribed(network.now());
    run(&mut [&mut b], 2 * LEASE);
    assert_eq!(b.follows(), None);
}

#[test]
fn a_forged_vacancy_does_not_keep_who_is_not_eligible_busy() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = ineligible(&network, "b");
    b.starts();
    run(&mut [&mut a, &mut b], LEASE);
    let term = network.stored().term;
    b.hears(Announcement::Vacancy { term, stamp: Stamp::new(0xf0), heir: None });
    assert!(b.settles().len() <= 1);
    assert_eq!(b.follows(), Some("a"));
}

#[test]
fn a_forged_heartbeat_does_not_keep_who_is_not_eligible_busy() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = ineligible(&network, "b");
    b.starts();
    run(&mut [&mut a, &mut b], LEASE);
    let Record { holder, term, beat, .. } = network.stored();
    let holder = holder.expect("a leads");
    b.hears(Announcement::Heartbeat { holder, term, beat: beat + 9, stamp: Stamp::new(0xf0) });
    network.passes(LEASE / 2);
    a.settles();
    b.observes();
    network.passes(LEASE / 2);
    assert!(b.settles().len() <= 1);
    assert_eq!(b.follows(), Some("a"));
}

#[test]
fn nothing_is_taken_while_too_few_are_there() {
    let network = Network::new();
    let mut a = one_of_three(&network, "a");
    a.starts();
    a.knows(&network, 2);
    run(&mut [&mut a], 5 * LEASE);
    assert_eq!(network.holder(), None);
    a.knows(&network, 3);
    run(&mut [&mut a], 10);
    assert!(a.leads(), "it has watched for long enough");
}

#[test]
fn a_leader_stays_when_instances_go() {
    let network = Network::new();
    let mut a = one_of_three(&network, "a");
    a.starts();
    a.knows(&network, 3);
    run(&mut [&mut a], 2 * LEASE);
    a.knows(&network, 1);
    run(&mut [&mut a], 5 * LEASE);
    assert!(a.leads());
    a.reelects();
    a.drains();
    run(&mut [&mut a], 5 * LEASE);
    assert!(!a.leads(), "to lead again takes as many as before");
}

#[test]
fn a_node_tells_how_it_takes_part_whether_it_has_looked_and_in_which_term_it_reigns() {
    let network = Network::new();
    let candidacy = Candidacy { min_instances: 3, ..Candidacy::default() };
    let mut b = network.node_of("b", candidacy);
    assert_eq!(b.election.candidacy(), &candidacy);
    assert!(!b.election.has_looked());
    let a = network.leader("a");
    b.starts();
    b.settles();
    assert!(b.election.has_looked());
    assert_eq!(a.election.reign(), Some(network.stored().term));
    assert_eq!(b.election.reign(), None);
}

#[test]
fn each_request_has_a_number_of_its_own() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    let first = a.loses().id;
    network.passes(INTERVAL);
    assert_ne!(a.sends().id, first);
}
