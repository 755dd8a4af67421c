//! A register that nobody holds: announced, found, forged, meant for an heir, or left by another server.

use super::kit::*;
use crate::election::{Announcement, Candidacy, Command, InstanceId, Record, Stamp, Term};

fn leader_and_follower(network: &Network) -> (Node, Node) {
    let a = network.leader("a");
    let mut b = network.follower("b");
    b.misses_the_news();
    (a, b)
}

fn forged_vacancy(network: &Network) -> Announcement {
    let Record { term, .. } = network.stored();
    Announcement::Vacancy { term, stamp: Stamp::new(0xf0), heir: None }
}

/// `a` releases, naming an heir.
fn releases_to(network: &Network, a: &mut Node, heir: &str) {
    a.stops();
    a.drains();
    let mut request = a.sends();
    let Command::Release { heir: named, .. } = &mut request.command else { panic!("{request:?}") };
    *named = Some(InstanceId::new(heir));
    let reply = network.applies(&request);
    a.hears_back(&request, reply);
}

#[test]
fn an_announced_vacancy_is_taken_at_once() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    a.stops();
    a.drains();
    a.settles();
    b.listens();
    assert_eq!(b.settles(), ["take"], "one round trip");
    assert!(b.leads());
    assert_eq!(b.tells(), ["candidate", "elected", "leader"]);
}

#[test]
fn a_vacancy_whose_announcement_was_lost_is_found_when_the_heartbeats_are_missed() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    a.stops();
    a.drains();
    a.settles();
    b.misses_the_news();
    let rest = b.rests().unwrap();
    assert!(rest <= LEASE);
    network.passes(rest);
    let (_, refused) = b.acts().unwrap();
    assert!(!refused.granted);
    run(&mut [&mut b], 100);
    assert!(b.leads());
}

#[test]
fn whoever_may_not_take_forgets_an_announced_vacancy_with_its_next_look() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.node_of("b", Candidacy { min_instances: 2, ..Candidacy::default() });
    b.starts();
    b.knows(&network, 2);
    assert_eq!(b.settles(), ["peek"]);
    b.hears(forged_vacancy(&network));
    b.knows(&network, 1);
    b.election.handle_unsubscribed(network.now());
    network.passes(LEASE / 4);
    assert_eq!(b.settles(), ["peek"]);
    b.knows(&network, 2);
    assert_eq!(b.settles(), [""; 0], "it has seen who leads");
}

#[test]
fn a_forged_vacancy_costs_one_refused_take() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    b.hears(forged_vacancy(&network));
    assert_eq!(b.acts().map(|(act, reply)| (act, reply.granted)), Some(("take", false)));
    assert_eq!(b.settles(), [""; 0]);
    assert_eq!(b.follows(), Some("a"));
    assert_eq!(b.tells(), [""; 0]);
    run(&mut [&mut a, &mut b], 2 * LEASE);
    assert!(a.leads());
}

#[test]
fn forged_vacancies_in_a_row_cost_a_few_commands_in_each_interval() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    let mut commands = 0;
    for stamp in 0..LEASE {
        let Record { term, .. } = network.stored();
        b.hears(Announcement::Vacancy { term, stamp: Stamp::new(stamp), heir: None });
        commands += b.settles().len();
        a.settles();
        network.passes(1);
    }
    assert!(commands as u64 <= 8 * (LEASE / INTERVAL + 1), "{commands}");
    assert!(a.leads());
}

#[test]
fn a_vacancy_of_another_term_only_prompts_a_look() {
    let network = Network::new();
    let (_a, mut b) = leader_and_follower(&network);
    network.passes(INTERVAL);
    b.hears(Announcement::Vacancy { term: Term(3), stamp: Stamp::new(9), heir: None });
    assert_eq!(b.settles(), ["peek"]);
    assert_eq!(b.follows(), Some("a"));
}

#[test]
fn a_vacancy_left_on_another_server_is_watched_for_a_lease() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    a.stops();
    a.drains();
    a.settles();
    network.changes_identity();
    b.listens();
    assert_eq!(b.acts().map(|(act, reply)| (act, reply.granted)), Some(("take", false)));
    run(&mut [&mut b], LEASE - 1);
    assert!(!b.leads());
    run(&mut [&mut b], 2);
    assert!(b.leads());
}

#[test]
fn a_stale_vacancy_found_at_the_start_on_another_server_is_watched_for_a_lease() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    a.drains();
    a.settles();
    network.changes_identity();
    let mut b = network.node("b");
    b.starts();
    assert_eq!(b.settles(), ["peek"]);
    assert_eq!(b.rests(), Some(LEASE));
}

#[test]
fn an_announcement_that_comes_twice_is_heeded_once() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    a.stops();
    a.drains();
    a.settles();
    b.listens();
    b.settles();
    assert!(b.leads());
    let mut c = network.follower("c");
    c.listens();
    c.hears(network.last_announcement());
    assert!(c.settles().len() <= 1);
    assert_eq!(c.follows(), Some("b"));
}

#[test]
fn the_others_stand_back_for_one_interval_for_an_heir() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    let mut c = network.follower("c");
    c.misses_the_news();
    releases_to(&network, &mut a, "c");
    b.listens();
    assert!(!b.settles().contains(&"take"));
    c.listens();
    assert_eq!(c.settles(), ["take"]);
    assert!(c.leads());
    run(&mut [&mut b, &mut c], LEASE);
    assert_eq!(b.follows(), Some("c"));
}

#[test]
fn an_heir_that_does_not_come_is_waited_for_no_longer_than_an_interval() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    network.passes(INTERVAL);
    releases_to(&network, &mut a, "gone");
    b.listens();
    run(&mut [&mut b], INTERVAL);
    assert!(b.leads());
}

#[test]
fn an_heir_that_does_not_come_is_waited_for_once_however_often_one_looks() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    releases_to(&network, &mut a, "gone");
    b.misses_the_news();
    let begun = network.now();
    while !b.leads() {
        b.observes();
        b.settles();
        network.passes(50);
        assert!(network.now().since(begun).as_millis() < u128::from(LEASE), "put off for ever");
    }
}

#[test]
fn a_vacancy_seen_by_a_read_is_told_as_having_no_leader() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    releases_to(&network, &mut a, "c");
    b.observes();
    assert_eq!(b.follows(), None);
}

#[test]
fn an_announced_vacancy_that_was_read_already_prompts_nothing() {
    let network = Network::new();
    let (mut a, mut b) = leader_and_follower(&network);
    releases_to(&network, &mut a, "c");
    b.observes();
    assert_eq!(b.settles(), [""; 0], "it stands back for the heir");
    b.listens();
    assert_eq!(b.settles(), [""; 0]);
}
