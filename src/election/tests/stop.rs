//! The end of a run, and the next one.

use super::kit::*;
use crate::election::{Event, Loss, Role};

#[test]
fn a_leader_that_stops_is_defeated_by_nobody_and_releases() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    assert!(!a.leads());
    let events = a.events();
    let defeated = Event::Defeated { leader: None, reason: Loss::Stopped };
    let draining = Event::Draining { term: a.tenure.term(), reason: Loss::Stopped };
    assert_eq!(events, [draining, defeated, Event::RoleChanged(Role::Follower)]);
    a.drains();
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(a.events().last(), Some(&Event::Stopped));
    assert_eq!(network.holder(), None);
    assert_eq!(a.rests(), None);
}

#[test]
fn a_stopping_leader_renews_until_its_work_has_settled_and_never_after() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    for _ in 0..8 {
        network.passes(a.rests().unwrap());
        assert_eq!(a.settles(), ["renew"]);
    }
    a.drains();
    a.settles();
    network.passes(5 * LEASE);
    assert_eq!(a.settles(), [""; 0]);
}

#[test]
fn a_follower_stops_at_once_and_in_silence() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    b.stops();
    assert_eq!(b.settles(), [""; 0]);
    assert_eq!(b.events(), [Event::Stopped]);
    assert_eq!(b.follows(), None);
}

#[test]
fn a_candidate_that_stops_is_told_so() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    a.drains();
    a.settles();
    a.events();
    a.stops();
    a.settles();
    assert_eq!(a.tells(), ["defeated by nobody: stopped", "follower"]);
}

#[test]
fn a_stop_during_a_reelection_releases_once_and_tells_one_defeat() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.reelects();
    a.stops();
    a.drains();
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(a.tells(), ["candidate", "defeated by nobody: stopped", "follower"]);
    assert_eq!(network.holder(), None);
}

#[test]
fn nothing_follows_the_end() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    a.drains();
    a.settles();
    a.events();
    let mut b = network.leader("b");
    a.listens();
    a.observes();
    a.stops();
    a.election.handle_connected(network.now());
    a.election.handle_subscribed(network.now());
    a.election.handle_unsubscribed(network.now());
    network.passes(INTERVAL);
    b.settles();
    assert_eq!(a.settles(), [""; 0]);
    assert_eq!(a.events(), []);
    assert_eq!(a.rests(), None);
}

#[test]
fn a_stop_with_the_server_away_ends_in_bounded_time() {
    let network = Network::new();
    let mut a = network.leader("a");
    a.stops();
    a.drains();
    let begun = network.now();
    loop {
        if let Some(request) = a.polls() {
            network.passes(144);
            a.gives_up(&request);
        }
        if a.events().contains(&Event::Stopped) {
            break;
        }
        network.passes(a.rests().expect("it goes on"));
    }
    let taken = network.now().since(begun).as_millis() as u64;
    // As long as its own record could stand, and two answers; others may take the rest of L to see that.
    assert!((VALIDITY..=VALIDITY + 2 * INTERVAL).contains(&taken), "{taken}");
}

#[test]
fn a_stop_ends_even_if_an_answer_never_comes() {
    let network = Network::new();
    let mut a = network.leader("a");
    network.passes(a.rests().unwrap());
    a.sends();
    a.stops();
    a.drains();
    for _ in 0..3 {
        if let Some(rest) = a.rests() {
            network.passes(rest);
            a.polls();
        }
    }
    assert!(a.events().contains(&Event::Stopped));
}

/// A node whose take is on its way.
fn taking(network: &Network) -> (Node, crate::election::Request) {
    let mut a = network.node("a");
    a.starts();
    a.settles();
    network.passes(LEASE);
    let take = a.sends();
    assert_eq!(take.command.name(), "take");
    (a, take)
}

#[test]
fn a_take_under_way_at_the_stop_is_waited_for_and_given_back() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    a.stops();
    assert_eq!(a.events(), []);
    let reply = network.applies(&take);
    a.hears_back(&take, reply);
    assert!(!a.leads());
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(network.holder(), None);
    assert_eq!(a.events().last(), Some(&Event::Stopped));
}

/// Found by the simulation: the service's thread calls `stop()`, and the answer is taken up before the call is.
#[test]
fn a_grant_that_is_taken_up_after_the_call_of_stop_and_before_the_stop_itself_gives_no_leader() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    a.events();
    a.tenure.close();
    let reply = network.applies(&take);
    a.hears_back(&take, reply);
    assert!(!a.leads());
    a.stops();
    assert_eq!(a.settles(), ["release"]);
    assert_eq!(a.events(), [Event::Released, Event::Stopped]);
    a.starts();
    run(&mut [&mut a], 2 * LEASE);
    assert!(a.leads(), "the next run may lead");
}

#[test]
fn a_take_unanswered_at_the_stop_is_looked_for_and_given_back() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    a.stops();
    network.applies(&take);
    network.passes(144);
    a.gives_up(&take);
    network.passes(INTERVAL - 144);
    assert_eq!(a.settles(), ["peek", "release"]);
    assert_eq!(network.holder(), None);
    assert_eq!(a.events().last(), Some(&Event::Stopped));
}

#[test]
fn a_take_given_up_before_the_stop_is_looked_for_as_well() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    network.applies(&take);
    network.passes(144);
    a.gives_up(&take);
    a.stops();
    network.passes(INTERVAL - 144);
    assert_eq!(a.settles(), ["peek", "release"]);
    assert_eq!(network.holder(), None);
}

#[test]
fn a_take_that_never_arrived_is_looked_for_once_and_left() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    a.stops();
    a.gives_up(&take);
    network.passes(INTERVAL);
    assert_eq!(a.loses().command.name(), "peek");
    assert_eq!(a.settles(), [""; 0]);
    assert_eq!(a.events().last(), Some(&Event::Stopped));
}

#[test]
fn each_run_has_a_token_of_its_own() {
    let network = Network::new();
    let mut a = network.leader("a");
    let first = a.election.holder().clone();
    a.stops();
    a.drains();
    a.settles();
    a.starts();
    a.settles();
    assert!(a.leads());
    assert_ne!(*a.election.holder(), first);
    assert_eq!(a.election.holder().instance(), first.instance());
    assert_eq!(network.stored().holder.as_ref(), Some(a.election.holder()));
}

#[test]
fn what_an_earlier_run_left_in_the_register_is_released_first() {
    let network = Network::new();
    let (mut a, take) = taking(&network);
    a.stops();
    a.gives_up(&take);
    network.passes(INTERVAL);
    a.loses();
    a.settles();
    // The take arrives after all, when its run is over.
    assert!(network.applies(&take).granted);
    a.starts();
    assert_eq!(a.settles(), ["peek", "release"]);
    assert!(!a.leads(), "it stands back");
    run(&mut [&mut a], INTERVAL);
    assert!(a.leads());
}

#[test]
fn a_second_start_of_a_running_node_changes_nothing() {
    let network = Network::new();
    let mut a = network.leader("a");
    let holder = a.election.holder().clone();
    a.election.handle_start(network.now());
    assert!(a.leads());
    assert_eq!(*a.election.holder(), holder);
    assert_eq!(a.settles(), [""; 0]);
}
