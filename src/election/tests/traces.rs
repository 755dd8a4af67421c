//! How earlier drafts of the election's rules fell: stories found by searching a model. In each, `a` leads unless it is said
//! otherwise, and somebody must not lead beside it.

use super::kit::*;
use crate::election::{Announcement, Command, Request};

/// `a` leads, `b` has read it, and `b` hears nothing from now on.
fn leader_and_deaf_follower(network: &Network) -> (Node, Node) {
    (network.leader("a"), network.follower("b"))
}

/// `b` does what is due, and the reign of `a` stands all the same.
fn acts_in_vain(b: &mut Node, a: &Node) {
    for _ in 0..3 {
        b.acts();
        assert!(!b.leads());
        assert!(a.leads());
    }
}

#[test]
fn missing_twice() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    network.wipes();
    b.observes();
    b.settles();
    for _ in 0..4 {
        network.passes(INTERVAL);
        a.settles();
    }
    assert_eq!(network.holder().as_deref(), Some("a"), "it has asserted itself");
    network.passes(LEASE - 4 * INTERVAL);
    network.wipes();
    // b has seen 'missing' for a lease. It may take the placeholder that it saw, which is no more.
    let acts = b.settles();
    assert!(acts.contains(&"take"), "{acts:?}");
    assert!(a.leads() && !b.leads());
    assert_eq!(a.settles().last(), Some(&"assert"));
}

#[test]
fn a_late_renewal_and_a_late_release_on_a_wiped_register() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    network.passes(a.rests().unwrap());
    let renewal = a.loses();
    network.passes(VALIDITY);
    let release = a.loses();
    assert_eq!(release.command.name(), "release");
    run(&mut [&mut b], 2 * LEASE);
    assert!(b.leads());

    network.wipes();
    assert!(!network.applies(&renewal).granted, "what is missing is not created again");
    assert!(!network.applies(&release).granted);
    let mut c = network.watcher("c");
    assert!(!c.leads());
    assert!(b.leads());
    b.events();
    run(&mut [&mut b, &mut c], INTERVAL + 1);
    assert!(b.leads());
    assert_eq!(c.follows(), Some("b"));
    assert_eq!(b.tells(), [""; 0]);
}

#[test]
fn a_late_renewal_on_a_wiped_register_makes_no_record_to_come_home_to() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    network.passes(a.rests().unwrap());
    let renewal = a.loses();
    network.passes(VALIDITY);
    a.loses();
    run(&mut [&mut b], 2 * LEASE);
    assert!(b.leads());
    network.wipes();
    network.applies(&renewal);
    network.passes(20);
    a.settles();
    assert!(!a.leads() && b.leads());
}

#[test]
fn a_forged_vacancy_with_the_public_stamp() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    network.passes(a.rests().unwrap());
    a.settles();
    let Announcement::Heartbeat { term, stamp, .. } = network.last_announcement() else {
        panic!("a renewal is announced");
    };
    b.hears(Announcement::Vacancy { term, stamp: stamp.clone(), heir: None });
    let (act, reply) = b.acts().unwrap();
    assert_eq!((act, reply.granted), ("take", false), "the register has a holder");
    assert!(a.leads());
    // And a true release does not keep the stamp that all have seen.
    a.stops();
    a.drains();
    a.settles();
    assert_ne!(network.stored().stamp, stamp);
}

#[test]
fn the_same_renewal_delivered_again_brings_its_stamp_back_for_nobody() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    network.passes(a.rests().unwrap());
    let ambiguous = a.sends();
    network.applies(&ambiguous);
    b.observes();
    network.passes(144);
    a.gives_up(&ambiguous);
    for _ in 0..4 {
        network.passes(INTERVAL);
        a.settles();
    }
    network.passes(LEASE - 144 - 4 * INTERVAL);
    a.settles();
    // b has seen the first stamp for a lease, and here it comes again.
    network.applies(&ambiguous);
    acts_in_vain(&mut b, &a);
}

#[test]
fn ones_own_record_comes_back_from_a_snapshot() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    let snapshot = network.snapshot();
    network.passes(VALIDITY);
    a.loses();
    run(&mut [&mut b], 2 * LEASE);
    assert!(b.leads());

    network.restarts_from(snapshot);
    network.passes(1);
    a.election.handle_connected(network.now());
    let acts = a.settles();
    assert!(!acts.contains(&"take"), "{acts:?}");
    assert!(acts.contains(&"release"), "it gives back what is not its own any more");
    let mut c = network.watcher("c");
    assert!(!c.leads() && b.leads());
    run(&mut [&mut a, &mut b, &mut c], INTERVAL + 1);
    assert_eq!((a.follows(), c.follows()), (Some("b"), Some("b")));
}

#[test]
fn another_server_behind_the_same_connection() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    let behind = network.snapshot();
    for _ in 0..4 {
        network.passes(INTERVAL);
        a.settles();
    }
    network.passes(LEASE - 4 * INTERVAL - 10);
    a.settles();
    // A replica that is behind by all these renewals is promoted, and nobody's connection breaks.
    network.restarts_from(behind);
    network.passes(10);
    acts_in_vain(&mut b, &a);
}

#[test]
fn an_answer_after_the_release() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_deaf_follower(&network);
    network.passes(a.rests().unwrap());
    let renewal = a.sends();
    let reply = network.applies(&renewal);
    a.stops();
    a.drains();
    network.passes(144);
    a.gives_up(&renewal);
    assert_eq!(a.settles(), ["release"]);
    a.hears_back(&renewal, reply.clone());
    b.observes();
    b.settles();
    assert!(b.leads());
    a.hears_back(&renewal, reply);
    assert!(!a.leads());
}

#[test]
fn a_server_whose_clock_lies_about_its_age() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    a.drains();
    a.settles();
    let vacancy = network.snapshot();
    let mut b = network.watcher("b");
    assert!(b.leads(), "the vacancy was true");

    // It comes back from a snapshot in which nobody leads, with a clock that is an hour ahead.
    network.restarts_from(vacancy);
    network.sets_server_time(network.server().time_us + 3_600_000_000);
    let mut c = network.watcher("c");
    assert!(!c.leads() && b.leads());
    run(&mut [&mut b, &mut c], INTERVAL + 1);
    assert_eq!(c.follows(), Some("b"));
    assert!(b.leads());
}

/// Lets `slow` act over a link on which each way takes `one_way`, `healthy` over one that takes no time.
fn act_apart(network: &Network, slow: &mut Node, healthy: &mut Node, one_way: u64, millis: u64) {
    let mut under_way: Option<(Request, Option<crate::election::Reply>, u64)> = None;
    for _ in 0..millis {
        under_way = match under_way.take() {
            None => slow.polls().map(|request| (request, None, one_way)),
            Some((request, None, 0)) => {
                let reply = network.applies(&request);
                Some((request, Some(reply), one_way))
            }
            Some((request, Some(reply), 0)) => {
                slow.hears_back(&request, reply);
                None
            }
            Some((request, reply, left)) => Some((request, reply, left - 1)),
        };
        slow.listens();
        healthy.listens();
        healthy.settles();
        network.passes(1);
    }
}

#[test]
fn a_node_over_a_slow_link_keeps_no_healthy_one_from_leading() {
    let network = Network::new();
    let mut slow = network.watcher("slow");
    network.passes(200);
    let mut healthy = network.watcher("healthy");
    // The answers to its takes come after their validity, and before a lease: all its grants are void.
    act_apart(&network, &mut slow, &mut healthy, 350, 4 * LEASE);
    assert!(healthy.leads());
    let term = healthy.tenure.term();
    act_apart(&network, &mut slow, &mut healthy, 350, 10 * LEASE);
    assert!(healthy.leads());
    assert_eq!(healthy.tenure.term(), term, "it is left in peace");
}

#[test]
fn a_take_that_was_answered_too_late_is_not_adopted_by_a_read() {
    // The trap in the first repair: adopt by reading, step down, and then receive the answer.
    let network = Network::new();
    let mut a = network.watcher("a");
    network.passes(LEASE);
    let take = a.sends();
    let reply = network.applies(&take);
    network.passes(144);
    a.gives_up(&take);
    a.observes();
    assert!(!a.leads());
    assert_eq!(a.settles().first(), None, "it waits for its turn");
    network.passes(INTERVAL - 144);
    a.settles();
    let b = network.watcher("b");
    assert!(b.leads());
    a.hears_back(&take, reply);
    assert!(!a.leads() && b.leads());
}

#[test]
fn a_read_that_found_nothing_is_no_sight() {
    let network = Network::new();
    let mut b = network.node("b");
    b.starts();
    let (_, reply) = b.acts().unwrap();
    assert!(reply.missing);
    network.passes(LEASE);
    let request = b.sends();
    assert!(matches!(request.command, Command::Peek { .. }), "{request:?}");
}
