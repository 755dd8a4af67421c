//! What a process is told, and in which order.

use std::time::Duration;

use super::kit::*;
use crate::election::{Event, InstanceId, Loss, Role, Term};

fn leader_changes(events: &[Event]) -> Vec<(Option<String>, Term)> {
    let name = |id: &InstanceId| id.as_str().to_owned();
    let of = |event: &Event| match event {
        Event::LeaderChanged { leader, term } => Some((leader.as_ref().map(name), *term)),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[test]
fn a_winner_is_candidate_then_elected_then_leader() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    run(&mut [&mut a], 2 * LEASE);
    let term = network.stored().term;
    let expected = [
        Event::RoleChanged(Role::Candidate),
        Event::Elected { term, checkpoint: None },
        Event::RoleChanged(Role::Leader),
        Event::LeaderChanged { leader: Some(InstanceId::new("a")), term },
    ];
    assert_eq!(a.events(), expected);
}

#[test]
fn elected_is_told_only_when_the_node_leads() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    a.settles();
    network.passes(LEASE);
    let take = a.sends();
    assert_eq!(a.events(), [], "a take that is not answered is no election");
    let reply = network.applies(&take);
    a.hears_back(&take, reply);
    assert!(a.leads());
    assert!(a.tells().contains(&"elected".to_owned()));
}

#[test]
fn a_loser_is_defeated_by_the_winner_and_then_follows() {
    let network = Network::new();
    let (mut a, mut b) = (network.node("a"), network.node("b"));
    a.starts();
    b.starts();
    run(&mut [&mut a, &mut b], 2 * LEASE);
    assert!(a.leads());
    let term = network.stored().term;
    assert_eq!(b.follows(), Some("a"));
    assert_eq!(b.tenure.term(), term);
    assert_eq!(b.tells(), ["candidate", "defeated by a: lost", "follower"]);
}

#[test]
fn who_joins_under_a_standing_leader_is_told_of_the_leader_alone() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.node("b");
    b.starts();
    b.settles();
    let term = network.stored().term;
    let expected = Event::LeaderChanged { leader: Some(InstanceId::new("a")), term };
    assert_eq!(b.events(), [expected]);
}

#[test]
fn a_reelected_leader_is_elected_again_without_a_defeat() {
    let network = Network::new();
    let mut a = network.leader("a");
    let first = a.tenure.term();
    a.reelects();
    a.drains();
    run(&mut [&mut a], LEASE);
    let events = a.events();
    let second = a.tenure.term();
    assert!(second > first);
    let told: Vec<_> = events
        .into_iter()
        .filter(|event| !matches!(event, Event::LeaderChanged { .. } | Event::Released))
        .collect();
    let expected = [
        Event::Draining { term: first, reason: Loss::Reelected },
        Event::RoleChanged(Role::Candidate),
        Event::Elected { term: second, checkpoint: None },
        Event::RoleChanged(Role::Leader),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_change_of_the_leader_is_told_once_with_its_term() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.node("b");
    b.starts();
    run(&mut [&mut a, &mut b], 3 * LEASE);
    let first = a.tenure.term();
    a.stops();
    a.drains();
    run(&mut [&mut a, &mut b], LEASE);
    let second = b.tenure.term();
    assert!(second > first);
    let expected = [(Some("a".to_owned()), first), (Some("b".to_owned()), second)];
    assert_eq!(leader_changes(&b.events()), expected);
}

#[test]
fn the_same_instance_in_a_new_term_is_a_new_leader() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    b.stops();
    b.settles();
    let first = a.tenure.term();
    b.starts();
    b.settles();
    b.events();
    b.election.handle_stalled(network.now());
    a.reelects();
    a.drains();
    run(&mut [&mut a, &mut b], LEASE);
    let changes = leader_changes(&b.events());
    assert!(a.tenure.term() > first);
    assert_eq!(changes.last(), Some(&(Some("a".to_owned()), a.tenure.term())));
    assert_eq!(b.tenure.term(), a.tenure.term());
}

#[test]
fn a_failed_take_makes_a_candidate_of_a_node_without_a_leader() {
    let network = Network::new();
    let mut a = network.watcher("a");
    network.passes(LEASE);
    a.loses();
    assert_eq!(a.tells(), ["candidate"]);
    run(&mut [&mut a], LEASE);
    assert_eq!(a.tells(), ["elected", "leader"]);
}

#[test]
fn a_leader_that_fell_silent_is_forgotten_after_its_lease_if_nothing_can_be_read() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    let begun = network.now();
    while b.follows().is_some() {
        network.passes(b.rests().unwrap());
        if let Some(request) = b.polls() {
            b.gives_up(&request);
        }
    }
    assert_eq!(network.now().since(begun), Duration::from_millis(LEASE));
    assert_eq!(leader_changes(&b.events()).len(), 1);
}

#[test]
fn a_lost_register_changes_no_followers_leader() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    for _ in 0..4 {
        network.wipes();
        b.observes();
        run(&mut [&mut a, &mut b], 500);
    }
    assert_eq!(b.follows(), Some("a"));
    assert_eq!(b.events(), []);
    assert_eq!(a.events(), [Event::RegisterLost]);
}
