//! How long the others wait when a leader falls silent: L from the first receipt of its last stamp, and no less.

use super::kit::*;

/// `a` leads and `b` follows; `b` has heard the last renewal, which `a` sent just now.
fn leader_and_follower(network: &Network) -> (Node, Node) {
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    run(&mut [&mut a, &mut b], INTERVAL);
    network.passes(a.rests().unwrap());
    assert_eq!(a.settles(), ["renew"]);
    b.listens();
    assert_eq!(b.settles(), [""; 0], "a follower that hears heartbeats asks nothing");
    b.events();
    (a, b)
}

#[test]
fn a_crashed_leader_is_replaced_a_lease_after_its_last_heartbeat() {
    let network = Network::new();
    let (_a, mut b) = leader_and_follower(&network);
    assert_eq!(b.rests(), Some(LEASE));
    network.passes(LEASE - 1);
    assert_eq!(b.settles(), [""; 0]);
    network.passes(1);
    assert_eq!(b.settles(), ["take"]);
    assert!(b.leads());
    assert_eq!(b.tells(), ["candidate", "elected", "leader"]);
}

#[test]
fn the_wait_counts_from_the_receipt_of_the_heartbeat() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    network.passes(INTERVAL);
    a.settles();
    network.passes(300);
    b.listens();
    assert_eq!(b.rests(), Some(LEASE));
}

#[test]
fn the_wait_counts_from_the_receipt_of_the_read() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.node("b");
    b.starts();
    let peek = b.sends();
    let reply = network.applies(&peek);
    network.passes(100);
    b.hears_back(&peek, reply);
    assert_eq!(b.rests(), Some(LEASE));
}

#[test]
fn reads_that_show_the_same_stamp_do_not_restart_the_wait() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    for _ in 0..3 {
        network.passes(200);
        b.observes();
    }
    assert_eq!(b.rests(), Some(LEASE - 600));
}

#[test]
fn a_read_of_the_stamp_last_heard_does_not_restart_the_wait() {
    let network = Network::new();
    let (_a, mut b) = leader_and_follower(&network);
    network.passes(700);
    b.observes();
    assert_eq!(b.rests(), Some(LEASE - 700));
    network.passes(LEASE - 700);
    assert_eq!(b.settles(), ["take"]);
    assert!(b.leads());
}

#[test]
fn a_heartbeat_of_the_stamp_last_read_does_not_restart_the_wait() {
    let network = Network::new();
    let (_a, mut b) = leader_and_follower(&network);
    let heartbeat = network.last_announcement();
    network.passes(300);
    b.hears(heartbeat);
    assert_eq!(b.rests(), Some(LEASE - 300));
}

#[test]
fn a_renewal_just_before_the_take_defeats_it() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    // a's renewals arrive, but b hears none of them.
    for _ in 0..4 {
        network.passes(INTERVAL);
        a.settles();
        b.misses_the_news();
    }
    network.passes(LEASE - 4 * INTERVAL);
    a.settles();
    b.misses_the_news();
    assert_eq!(b.acts().map(|(act, reply)| (act, reply.granted)), Some(("take", false)));
    assert!(a.leads());
    assert_eq!(b.tells(), [""; 0], "the leader goes on, and nobody lost anything");
    assert_eq!(b.follows(), Some("a"));
}

#[test]
fn a_node_that_missed_heartbeats_looks_until_one_comes() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    let mut looks = 0;
    for _ in 0..100 {
        network.passes(20);
        a.settles();
        b.misses_the_news();
        looks += b.settles().iter().filter(|act| **act == "peek").count();
        assert!(a.leads());
    }
    assert!((4..=8).contains(&looks), "every quarter of a lease, once it knows: {looks}");
    network.passes(a.rests().unwrap());
    a.settles();
    b.listens();
    assert_eq!(b.rests(), Some(LEASE), "now it hears again");
}

#[test]
fn a_node_that_hears_nothing_takes_after_two_reads_a_lease_apart() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.node("b");
    b.starts();
    b.election.handle_unsubscribed(network.now());
    b.settles();
    let begun = network.now();
    while !b.leads() {
        network.passes(b.rests().unwrap());
        b.settles();
    }
    let waited = network.now().since(begun).as_millis() as u64;
    assert!((LEASE..=LEASE + 200).contains(&waited), "{waited}");
}

#[test]
fn of_two_followers_one_takes_over_and_the_other_follows_it() {
    let network = Network::new();
    let (_a, mut b) = leader_and_follower(&network);
    let mut c = network.follower("c");
    run(&mut [&mut b, &mut c], 2 * LEASE);
    assert!(b.leads());
    assert_eq!(c.follows(), Some("b"));
    assert_eq!(c.tells(), ["candidate", "defeated by b: lost", "follower"], "it tried, and lost");
}

#[test]
fn a_take_over_a_silent_leader_names_what_was_last_heard() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    for _ in 0..5 {
        network.passes(INTERVAL);
        a.settles();
        b.listens();
    }
    let last = network.stored();
    network.passes(LEASE);
    match b.sends().command {
        crate::election::Command::Take { seen, .. } => {
            assert_eq!(seen.stamp, last.stamp);
            assert_eq!(seen.holder, last.holder);
            assert!(seen.watched);
        }
        other => panic!("{other:?}"),
    }
}
