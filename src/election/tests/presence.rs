//! Crash detection by connection: the server sees a leader's connection end, and others take over a moment later.

use std::time::Duration;

use super::kit::*;
use crate::election::register::Server;
use crate::election::{
    Command, CrashDetection, Event, Holder, Identity, InstanceId, Loss, Presence, Record, Register,
    Seen, Stamp, Term, Timing,
};

const GRACE: u64 = 20;
/// What two or three instances leave between two looks at most.
const LONGEST_PAUSE: u64 = 60;

fn watchful() -> Timing {
    Timing::default().with_crash_detection(CrashDetection::Connection)
}

/// A node that watches connections, and whose own shows.
fn node(network: &Network, name: &str, connection: u64) -> Node {
    let mut node = network.node_with(name, watchful());
    node.connects(connection);
    node.starts();
    node
}

/// `a` leads over connection 1, `b` follows over connection 2.
fn pair(network: &Network) -> (Node, Node) {
    let mut a = node(network, "a", 1);
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.leads());
    let mut b = node(network, "b", 2);
    run(&mut [&mut a, &mut b], INTERVAL);
    a.events();
    b.events();
    (a, b)
}

/// Lets `node` alone act until it leads, and says after how long it did.
fn leads_after(network: &Network, node: &mut Node) -> u64 {
    let began = network.now();
    while !node.leads() {
        let at = node.election.poll_timeout().expect("it waits for something");
        network.passes_until(at);
        node.settles();
    }
    network.now().since(began).as_millis() as u64
}

#[test]
fn the_register_names_the_connection_on_which_a_term_was_granted() {
    let network = Network::new();
    let (a, _b) = pair(&network);
    assert_eq!(network.stored().presence, a.connection);
}

#[test]
fn a_leader_that_dies_is_replaced_as_soon_as_its_connection_was_gone_for_a_moment() {
    let network = Network::new();
    let (mut a, mut b) = pair(&network);
    a.connection_ends();
    // Its process is gone: nobody asks it any more.
    a.tenure.close();
    let took = leads_after(&network, &mut b);
    assert!((GRACE..=LONGEST_PAUSE + GRACE).contains(&took), "{took} ms");
}

#[test]
fn before_the_moment_is_over_nobody_takes() {
    let network = Network::new();
    let (mut a, mut b) = pair(&network);
    a.connection_ends();
    loop {
        network.passes_until(b.election.poll_timeout().unwrap());
        if b.acts().is_some_and(|(_, reply)| reply.is_present == Some(false)) {
            break;
        }
    }
    assert_eq!(b.rests(), Some(GRACE));
    network.passes(GRACE - 1);
    assert_eq!(b.settles(), [] as [&str; 0]);
}

#[test]
fn a_leader_that_hears_of_the_end_of_its_connection_leads_no_more_and_contends_anew() {
    let network = Network::new();
    let (mut a, mut b) = pair(&network);
    let term = a.tenure.term();
    a.is_cut_off();
    assert!(!a.leads());
    let told = a.tells();
    assert_eq!(told, ["defeated by nobody: disconnected", "follower"]);
    a.connects(3);
    assert_eq!(a.acts().map(|(name, _)| name), Some("release"));
    run(&mut [&mut a, &mut b], INTERVAL);
    assert!(network.stored().term > term);
}

#[test]
fn a_grant_whose_connection_has_ended_before_its_answer_is_handled_is_void() {
    let network = Network::new();
    let mut a = node(&network, "a", 1);
    run(&mut [&mut a], LEASE - 1);
    network.passes(1);
    let take = a.sends();
    assert_eq!(take.command.name(), "take");
    let granted = network.applies_from(a.connection.clone(), &take);
    a.is_cut_off();
    a.hears_back(&take, granted);
    assert!(!a.leads(), "others may take by now");
    a.connects(2);
    assert_eq!(a.acts().map(|(name, _)| name), Some("release"));
}

/// The leader was replaced before it was silent for a lease, by a take whose answer was lost.
#[test]
fn whoever_reads_its_own_name_for_a_lease_forgets_the_leader_before_also_while_its_releases_are_lost()
 {
    let network = Network::new();
    let (mut a, mut b) = pair(&network);
    a.connection_ends();
    a.tenure.close();
    loop {
        network.passes_until(b.election.poll_timeout().unwrap());
        let request = b.sends();
        let reply = network.applies_from(b.connection.clone(), &request);
        if reply.granted {
            b.gives_up(&request);
            break;
        }
        b.hears_back(&request, reply);
    }
    b.observes();
    assert_eq!(b.follows(), Some("a"));
    let lease_is_over = network.now() + Duration::from_millis(LEASE);
    while b.election.poll_timeout().is_some_and(|at| at < lease_is_over) {
        network.passes_until(b.election.poll_timeout().unwrap());
        assert_eq!(b.loses().command.name(), "release");
    }
    network.passes_until(lease_is_over);
    b.observes();
    assert_eq!(b.follows(), None);
}

#[test]
fn a_renewal_on_another_connection_is_refused_and_ends_the_reign() {
    let network = Network::new();
    let (mut a, _b) = pair(&network);
    network.passes_until(a.election.poll_timeout().unwrap());
    let renewal = a.sends();
    let another = Presence::of_connection(9);
    network.sees(&another);
    let reply = network.applies_from(Some(another), &renewal);
    assert!(!reply.granted);
    a.hears_back(&renewal, reply);
    assert!(!a.leads());
    assert!(a.events().iter().any(|event| matches!(
        event,
        Event::Defeated { reason: Loss::Disconnected, leader: None }
    )));
}

#[test]
fn a_leader_that_asserts_itself_names_its_connection_again() {
    let network = Network::new();
    let (mut a, _b) = pair(&network);
    network.wipes();
    network.passes_until(a.election.poll_timeout().unwrap());
    a.settles();
    assert_eq!(network.stored().presence, a.connection);
}

#[test]
fn a_reign_ends_with_a_connection_that_an_unanswered_assert_may_have_named() {
    let network = Network::new();
    let mut a = network.node_with("a", watchful());
    a.starts();
    run(&mut [&mut a], 2 * LEASE);
    assert_eq!(network.stored().presence, None, "its first connection did not show");
    network.wipes();
    a.connects(2);
    network.passes_until(a.election.poll_timeout().unwrap());
    let refused = a.sends();
    a.hears_back(&refused, network.applies_from(a.connection.clone(), &refused));
    let assert = a.sends();
    assert!(network.applies_from(a.connection.clone(), &assert).granted);
    assert!(network.stored().presence.is_some());
    a.is_cut_off();
    assert!(!a.leads(), "others may take by now");
}

#[test]
fn by_the_lease_alone_a_reign_outlives_its_connection_also_while_an_assert_is_unanswered() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.wipes();
    network.passes_until(a.election.poll_timeout().unwrap());
    a.acts();
    let assert = a.sends();
    assert!(network.applies(&assert).granted);
    a.is_cut_off();
    assert!(a.leads());
}

#[test]
fn a_leadership_that_a_question_found_unbound_is_told_as_disconnected() {
    let network = Network::new();
    let (mut a, _b) = pair(&network);
    a.is_found_unbound();
    network.passes_until(a.election.poll_timeout().unwrap());
    a.settles();
    assert_eq!(a.tells()[0], "defeated by nobody: disconnected");
}

#[test]
fn over_a_renewal_that_finds_its_connection_unseen_the_reign_outlives_that_connection() {
    let network = Network::new();
    let (mut a, _b) = pair(&network);
    network.loses_sight_of(&a.connection.clone().unwrap());
    network.passes_until(a.election.poll_timeout().unwrap());
    a.acts();
    assert_eq!(network.stored().presence, None);
    a.is_cut_off();
    assert!(a.leads());
}

#[test]
fn nobody_tries_to_replace_a_leader_whose_server_was_restarted_before_the_lease_is_over() {
    let network = Network::new();
    let (mut a, mut b) = pair(&network);
    a.connection_ends();
    a.tenure.close();
    network.changes_identity();
    let began = network.now();
    while !b.leads() {
        network.passes_until(b.election.poll_timeout().unwrap());
        let took = network.now().since(began).as_millis() as u64;
        let acted = b.acts();
        assert!(acted.is_none_or(|(name, _)| name != "take") || took >= LEASE - INTERVAL);
    }
}

#[test]
fn where_the_server_hides_its_identity_no_connection_is_named() {
    let network = Network::new();
    network.sets_identity(Identity::Connection(1));
    let mut a = node(&network, "a", 1);
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.leads());
    assert_eq!(network.stored().presence, None);
}

#[test]
fn a_leader_whose_connection_does_not_show_outlives_it_and_is_replaced_after_a_lease() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = node(&network, "b", 2);
    b.settles();
    assert_eq!(network.stored().presence, None);
    a.is_cut_off();
    assert!(a.leads());
    a.tenure.close();
    assert!(leads_after(&network, &mut b) >= LEASE - INTERVAL);
}

#[test]
fn a_follower_whose_own_connection_does_not_show_takes_after_a_lease_and_does_not_run_hot() {
    let network = Network::new();
    let (mut a, mut b) = pair(&network);
    b.connection = None;
    a.connection_ends();
    a.tenure.close();
    let began = network.now();
    let mut takes = 0;
    while !b.leads() {
        network.passes_until(b.election.poll_timeout().unwrap());
        if b.acts().is_some_and(|(name, _)| name == "take") {
            takes += 1;
        }
    }
    let took = network.now().since(began).as_millis() as u64;
    assert!(took >= LEASE - INTERVAL, "{took} ms");
    assert!(takes <= 2 * LEASE / INTERVAL, "{takes} takes");
}

#[test]
fn whoever_does_not_watch_connections_neither_looks_nor_takes_before_the_lease() {
    let network = Network::new();
    let (mut a, _b) = pair(&network);
    let mut c = network.follower("c");
    c.connects(3);
    a.connection_ends();
    a.tenure.close();
    c.settles();
    assert_eq!(c.rests(), Some(LEASE));
}

#[test]
fn a_follower_looks_as_often_as_its_share_of_the_looks_is() {
    let network = Network::new();
    let (mut a, mut b) = pair(&network);
    let end = network.now() + Duration::from_secs(2);
    let mut looks = 0;
    while network.now() < end {
        network.passes_until(a.election.poll_timeout().min(b.election.poll_timeout()).unwrap());
        a.settles();
        b.listens();
        looks += b.settles().len();
    }
    let interval = watchful().presence_interval(2).as_secs_f64();
    assert!((looks as f64 * interval / 2.0 - 1.0).abs() < 0.2, "{looks} in 2 s");
}

#[test]
fn nobody_looks_for_a_connection_that_the_register_does_not_name() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = node(&network, "b", 2);
    b.settles();
    assert_eq!(b.rests(), Some(LEASE));
}

#[test]
fn a_large_fleet_looks_no_more_often_than_a_small_one() {
    let looks_a_second = |instances: usize| {
        let each = watchful().presence_interval(instances).as_secs_f64();
        (instances - 1) as f64 / each
    };
    for instances in [3, 10, 100, 1000] {
        assert!((looks_a_second(instances) - 100.0).abs() < 0.1, "{instances}");
    }
    assert_eq!(watchful().presence_interval(2), watchful().presence_interval(3));
}

#[test]
fn a_long_lease_leaves_the_news_more_time() {
    let with_lease = |ms| Timing::new(Duration::from_millis(ms), None).unwrap().presence_grace();
    assert_eq!(with_lease(100), Duration::from_millis(20));
    assert_eq!(with_lease(800), Duration::from_millis(20));
    assert_eq!(with_lease(8000), Duration::from_millis(200));
}

// ---- The register -------------------------------------------------------------------------------------------------------

fn presence(number: u64) -> Presence {
    Presence::of_connection(number)
}

/// A register on server `s` that `a` holds over connection 1, which is gone.
fn deserted() -> Register {
    let mut register = Register::default();
    register.restore(Some(Record {
        holder: Some(holder("a")),
        term: Term(1000),
        beat: 3,
        stamp: Stamp::new(7),
        server: "s".into(),
        lease: Duration::from_millis(LEASE),
        heir: None,
        presence: Some(presence(1)),
    }));
    register
}

fn holder(name: &str) -> Holder {
    Holder::new(&InstanceId::new(name), 1)
}

/// The server as `b` finds it over connection 2.
fn server() -> Server {
    let known = Server::new(Identity::server("s"), 500);
    Server { caller: Some(presence(2)), present: vec![presence(2)], ..known }
}

fn is_granted(register: &mut Register, seen: Seen, server: &Server) -> bool {
    let (holder, stamp) = (holder("b"), Stamp::new(99));
    let lease = Duration::from_millis(LEASE);
    let take = Command::Take { seen, holder, floor: Term::ZERO, stamp, lease };
    register.execute(&take, server).0.granted
}

fn seen() -> Seen {
    Seen {
        identity: Identity::server("s"),
        holder: Some(holder("a")),
        term: Term(1000),
        stamp: Stamp::new(7),
        watched: false,
        gone: true,
    }
}

#[test]
fn a_deserted_register_is_taken_by_whoever_shows_and_bears_his_connection() {
    let mut register = deserted();
    assert!(is_granted(&mut register, seen(), &server()));
    assert_eq!(register.stored().unwrap().presence, Some(presence(2)));
}

#[test]
fn a_register_is_not_deserted_while_its_connection_stands_or_where_it_names_none() {
    let standing = Server { present: vec![presence(1), presence(2)], ..server() };
    assert!(!is_granted(&mut deserted(), seen(), &standing));
    let mut nameless = deserted();
    nameless.restore(Some(Record { presence: None, ..deserted().stored().unwrap().clone() }));
    assert!(!is_granted(&mut nameless, seen(), &server()));
}

#[test]
fn a_deserted_register_is_taken_only_as_it_was_seen_and_by_one_who_shows_himself() {
    assert!(!is_granted(&mut deserted(), Seen { gone: false, ..seen() }, &server()));
    assert!(!is_granted(&mut deserted(), Seen { stamp: Stamp::new(8), ..seen() }, &server()));
    let hidden = Server { caller: None, ..server() };
    assert!(!is_granted(&mut deserted(), seen(), &hidden));
    let forgotten = Server { present: vec![], ..server() };
    assert!(!is_granted(&mut deserted(), seen(), &forgotten), "the server knows nobody");
}

#[test]
fn another_server_knows_nothing_of_who_was_connected_to_the_first() {
    let other = Server { identity: Identity::server("t"), ..server() };
    let seen = Seen { identity: Identity::server("t"), ..seen() };
    assert!(!is_granted(&mut deserted(), seen, &other));
}

#[test]
fn whoever_claims_a_connection_that_does_not_stand_is_granted_a_term_without_one() {
    let gone = Server { present: vec![], ..server() };
    let mut register = deserted();
    assert!(is_granted(&mut register, Seen { watched: true, ..seen() }, &gone));
    assert_eq!(register.stored().unwrap().presence, None);
}

#[test]
fn a_release_leaves_no_connection_behind() {
    let mut register = deserted();
    let (holder, stamp) = (holder("a"), Stamp::new(99));
    let release = Command::Release { holder, term: Term(1000), stamp, heir: None };
    let (reply, _) = register.execute(&release, &server());
    assert!(reply.granted);
    assert_eq!(reply.shown.record.presence, None);
    assert_eq!(reply.is_present, None);
}
