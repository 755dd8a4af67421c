//! Who comes first where the register is free: a higher priority, unless it does not come.

use super::kit::*;
use crate::election::{Announcement, Candidacy, Holder, InstanceId, Priority, Record, Stamp, Term};

fn with_priority(network: &Network, name: &str, priority: Priority) -> Node {
    let mut node = network.node_of(name, Candidacy { priority, ..Candidacy::default() });
    node.starts();
    node.settles();
    node.events();
    node.misses_the_news();
    node
}

fn rivals(node: &mut Node, rivals: &[(&str, Priority)]) {
    let rivals = rivals.iter().map(|(id, priority)| (InstanceId::new(*id), *priority));
    node.election.handle_rivals(rivals.collect());
}

fn releases(node: &mut Node) {
    node.stops();
    node.drains();
    node.settles();
}

/// `a` leads; `b` is first among the others, then `c`.
fn three(network: &Network) -> (Node, Node, Node) {
    let a = network.leader("a");
    let b = with_priority(network, "b", 2);
    let mut c = with_priority(network, "c", 1);
    rivals(&mut c, &[("b", 2)]);
    (a, b, c)
}

#[test]
fn a_vacancy_goes_to_the_highest_priority() {
    let network = Network::new();
    let (mut a, mut b, mut c) = three(&network);
    releases(&mut a);
    c.listens();
    assert_eq!(c.settles(), ["peek"], "it looks, and leaves the vacancy to the other");
    assert_eq!(c.follows(), None);
    b.listens();
    assert_eq!(b.settles(), ["take"]);
    run(&mut [&mut b, &mut c], LEASE);
    assert_eq!(c.follows(), Some("b"));
}

#[test]
fn the_register_of_a_silent_leader_goes_to_the_highest_priority() {
    let network = Network::new();
    let (mut a, mut b, mut c) = three(&network);
    run(&mut [&mut a, &mut b, &mut c], LEASE);
    run(&mut [&mut c, &mut b], LEASE);
    assert!(b.leads());
}

#[test]
fn one_that_does_not_come_is_waited_for_no_longer_than_an_interval() {
    let network = Network::new();
    let (mut a, _b, mut c) = three(&network);
    network.passes(INTERVAL);
    releases(&mut a);
    run(&mut [&mut c], INTERVAL - 1);
    assert!(!c.leads());
    run(&mut [&mut c], 1);
    assert!(c.leads());
}

#[test]
fn somebody_who_joins_does_not_begin_the_wait_anew() {
    let network = Network::new();
    let (mut a, _b, mut c) = three(&network);
    network.passes(INTERVAL);
    releases(&mut a);
    run(&mut [&mut c], INTERVAL / 2);
    c.election.handle_fleet_size(network.now(), 4);
    run(&mut [&mut c], INTERVAL / 2);
    assert!(c.leads());
}

#[test]
fn each_higher_priority_is_waited_for_and_no_more_than_five() {
    for (above, waited_for) in [(2, 2), (5, 5), (9, 5)] {
        let network = Network::new();
        let mut a = network.leader("a");
        let mut c = with_priority(&network, "c", 0);
        let many: Vec<_> =
            (1..=above).flat_map(|n| [(format!("x{n}"), n), (format!("y{n}"), n)]).collect();
        let many: Vec<_> = many.iter().map(|(id, priority)| (id.as_str(), *priority)).collect();
        rivals(&mut c, &many);
        releases(&mut a);
        run(&mut [&mut c], waited_for * INTERVAL - 1);
        assert!(!c.leads(), "{above}");
        run(&mut [&mut c], 1);
        assert!(c.leads(), "{above}");
    }
}

#[test]
fn a_leader_that_fell_is_not_waited_for_though_its_priority_is_the_highest() {
    let network = Network::new();
    let (mut a, _b, mut c) = three(&network);
    rivals(&mut c, &[("a", 9)]);
    releases(&mut a);
    c.listens();
    assert_eq!(c.settles(), ["take"]);
}

#[test]
fn an_heir_comes_before_a_higher_priority() {
    let network = Network::new();
    let (mut a, mut b, mut c) = three(&network);
    a.election.handle_transfer(network.now(), InstanceId::new("c"));
    a.drains();
    a.settles();
    b.listens();
    assert_eq!(b.settles(), ["peek"]);
    c.listens();
    assert_eq!(c.settles(), ["take"]);
    run(&mut [&mut b, &mut c], LEASE);
    assert_eq!(b.follows(), Some("c"));
}

#[test]
fn after_an_heir_that_does_not_come_the_higher_priority_comes_first() {
    let network = Network::new();
    let (mut a, mut b, mut c) = three(&network);
    network.passes(INTERVAL);
    a.election.handle_transfer(network.now(), InstanceId::new("gone"));
    a.drains();
    a.settles();
    run(&mut [&mut c, &mut b], INTERVAL);
    assert!(b.leads());
}

/// Their way to the server is too long: each of their takes is granted, each answer comes too late, and each releases what it was granted.
fn is_not_put_off_by_those_that_never_stay(hears_of_their_takes: bool) {
    let network = Network::new();
    let (mut a, _b, mut c) = three(&network);
    rivals(&mut c, &[("b", 2), ("d", 3)]);
    releases(&mut a);
    c.observes();
    let begun = network.now();
    for (round, name) in ["b", "d"].into_iter().cycle().enumerate() {
        let (left, stamp) = (network.stored(), |number| Stamp::new(2 * round as u64 + number));
        let holder = Holder::new(&InstanceId::new(name), 1);
        let (term, beat) = (Term(left.term.0 + 1), 0);
        let taken = Record { holder: Some(holder.clone()), term, beat, stamp: stamp(0), ..left };
        network.restores(Some(taken.clone()));
        c.observes();
        if hears_of_their_takes {
            c.hears(Announcement::Heartbeat { holder, term, beat, stamp: stamp(0) });
        }
        network.passes(10);
        network.restores(Some(Record { holder: None, stamp: stamp(1), ..taken }));
        c.observes();
        // The other one comes before c's turn.
        run(&mut [&mut c], INTERVAL - 20);
        if c.leads() {
            break;
        }
        assert!(network.now().since(begun).as_millis() < 3 * u128::from(LEASE), "put off for ever");
    }
}

#[test]
fn those_that_come_first_and_never_stay_do_not_keep_the_others_out() {
    is_not_put_off_by_those_that_never_stay(false);
}

#[test]
fn a_take_that_is_heard_of_is_no_sign_that_its_holder_stays() {
    is_not_put_off_by_those_that_never_stay(true);
}

#[test]
fn a_leader_whose_renewals_were_only_read_has_stayed_so_the_first_is_waited_for_after_it() {
    let network = Network::new();
    let (mut a, _b, mut c) = three(&network);
    let begun = network.now();
    while network.now().since(begun).as_millis() < u128::from(3 * LEASE) {
        network.passes(INTERVAL);
        assert_eq!(a.settles(), ["renew"]);
        c.observes();
    }
    releases(&mut a);
    c.misses_the_news();
    c.observes();
    run(&mut [&mut c], INTERVAL - 1);
    assert!(!c.leads());
    run(&mut [&mut c], 1);
    assert!(c.leads());
}

#[test]
fn all_wait_from_the_moment_at_which_enough_are_there() {
    let network = Network::new();
    let candidacy = Candidacy { min_instances: 2, ..Candidacy::default() };
    let mut b = network.node_of("b", Candidacy { priority: 1, ..candidacy });
    let mut c = network.node_of("c", candidacy);
    b.starts();
    c.starts();
    rivals(&mut c, &[("b", 1)]);
    run(&mut [&mut b, &mut c], 5 * LEASE);
    c.knows(&network, 2);
    assert_eq!(c.settles(), [""; 0]);
    b.knows(&network, 2);
    run(&mut [&mut b, &mut c], 10);
    assert!(b.leads());
}

#[test]
fn a_forged_heir_puts_nothing_off() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = with_priority(&network, "b", 0);
    let term = network.stored().term;
    for stamp in 0..8 {
        let heir = Some(InstanceId::new("nobody"));
        let stamp = Stamp::new(stamp);
        b.hears(Announcement::Vacancy { term, stamp, heir });
        b.settles();
    }
    releases(&mut a);
    b.listens();
    run(&mut [&mut b], INTERVAL);
    assert!(b.leads());
}
