//! Whatever fails, something is due again: the core works by level, so no error can lose a wake-up.

use std::time::Duration;

use super::kit::*;
use crate::election::{Event, Request};

/// Lets `node` act for `millis` while `fate` decides what becomes of each command, and counts its commands.
fn acts_under(
    network: &Network,
    node: &mut Node,
    millis: u64,
    mut fate: impl FnMut(&mut Node, Request),
) -> u64 {
    let end = network.now() + Duration::from_millis(millis);
    let mut commands = 0;
    while network.now() < end {
        if let Some(request) = node.polls() {
            commands += 1;
            fate(node, request);
        } else {
            let rest = node.rests().expect("a running node wakes up again");
            network.passes(rest);
        }
    }
    commands
}

#[test]
fn commands_that_fail_at_once_are_paced() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    let commands = acts_under(&network, &mut a, 20 * LEASE, |a, request| a.gives_up(&request));
    let turns = 20 * LEASE / INTERVAL;
    assert!((turns - 2..=turns + 2).contains(&commands), "{commands}");
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.leads(), "once the server answers, the election goes on");
}

#[test]
fn commands_that_time_out_are_repeated_for_ever() {
    for role in ["leader", "follower", "watcher"] {
        let network = Network::new();
        let mut other = (role == "follower").then(|| network.leader("x"));
        let mut a = match role {
            "leader" => network.leader("a"),
            "follower" => network.follower("a"),
            _ => network.watcher("a"),
        };
        acts_under(&network, &mut a, 10 * LEASE, |a, request| {
            network.passes(144);
            a.gives_up(&request);
        });
        other.take();
        run(&mut [&mut a], 3 * LEASE);
        assert!(a.leads(), "{role}");
    }
}

#[test]
fn commands_whose_answers_alone_are_lost_lead_nowhere_and_end_nothing() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    acts_under(&network, &mut a, 10 * LEASE, |a, request| {
        network.applies(&request);
        network.passes(144);
        a.gives_up(&request);
        assert!(!a.leads());
    });
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.leads());
}

#[test]
fn each_single_failure_on_the_way_to_leadership_and_through_a_reign_is_survived() {
    for failing in 0..25 {
        for is_applied in [false, true] {
            let network = Network::new();
            let mut a = network.node("a");
            a.starts();
            let mut number = 0;
            acts_under(&network, &mut a, 5 * LEASE, |a, request| {
                let fails = number == failing;
                number += 1;
                if fails && !is_applied {
                    return a.gives_up(&request);
                }
                let reply = network.applies(&request);
                if fails { a.gives_up(&request) } else { a.hears_back(&request, reply) }
            });
            assert!(a.leads(), "after the failure of command {failing}");
        }
    }
}

#[test]
fn a_register_lost_at_every_second_command_stops_no_election_for_good() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    let mut number = 0;
    let commands = acts_under(&network, &mut a, 10 * LEASE, |a, request| {
        number += 1;
        if number % 2 == 0 {
            network.wipes();
        }
        let reply = network.applies(&request);
        network.passes(1);
        a.hears_back(&request, reply);
    });
    assert!(commands < 200, "{commands}");
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.leads());
}

#[test]
fn a_register_that_is_lost_again_before_every_command_is_asked_at_a_bounded_pace() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    let commands = acts_under(&network, &mut a, 10 * LEASE, |a, request| {
        network.wipes();
        let reply = network.applies(&request);
        a.hears_back(&request, reply);
    });
    assert!(commands <= 10 * LEASE / INTERVAL + 2, "{commands}");
}

#[test]
fn a_server_that_refuses_every_take_is_asked_at_a_bounded_pace() {
    let network = Network::new();
    let mut a = network.watcher("a");
    network.passes(LEASE);
    let commands = acts_under(&network, &mut a, LEASE, |a, request| {
        let stored = network.stored();
        let mut reply = network.applies(&request);
        network.restores(Some(stored.clone()));
        reply.granted = false;
        reply.shown.record = stored;
        a.hears_back(&request, reply);
    });
    assert!(commands <= 4 * LEASE / INTERVAL + 2, "{commands}");
    run(&mut [&mut a], LEASE);
    assert!(a.leads());
}

#[test]
fn a_reconnect_wakes_a_waiting_node() {
    let network = Network::new();
    let mut a = network.node("a");
    a.starts();
    a.loses();
    assert!(a.rests().is_some_and(|rest| rest > 0));
    a.election.handle_connected(network.now());
    assert_eq!(a.acts().map(|(act, _)| act), Some("peek"));
}

#[test]
fn after_each_subscription_the_register_is_read() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    b.election.handle_unsubscribed(network.now());
    assert_eq!(b.settles(), ["peek"]);
    b.election.handle_subscribed(network.now());
    assert_eq!(b.settles(), ["peek"]);
}

#[test]
fn a_follower_whose_subscription_is_dead_sees_a_vacancy_all_the_same() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    b.election.handle_unsubscribed(network.now());
    b.settles();
    a.stops();
    a.drains();
    a.settles();
    b.misses_the_news();
    run(&mut [&mut b], LEASE / 4);
    assert!(b.leads());
}

#[test]
fn a_stalled_node_wakes_up_when_its_process_answers_again() {
    let network = Network::new();
    let mut a = network.watcher("a");
    a.election.handle_stalled(network.now());
    network.passes(3 * LEASE);
    assert!(!a.settles().contains(&"take"));
    a.election.handle_resumed(network.now());
    assert!(a.settles().contains(&"take"));
    assert!(a.events().iter().any(|event| matches!(event, Event::Elected { .. })));
}

#[test]
fn a_stopped_node_needs_no_waking() {
    let network = Network::new();
    let mut a = network.node("a");
    assert_eq!(a.rests(), None);
    a.starts();
    assert_eq!(a.rests(), Some(0));
    a.stops();
    a.settles();
    assert_eq!(a.rests(), None);
}
