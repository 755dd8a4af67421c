//! What a heartbeat counts for: a sight of its own if it confirms what was read, and otherwise a reason to look.

use super::kit::*;
use crate::election::{Announcement, Holder, InstanceId, Record, Stamp, Term};

fn heartbeat(network: &Network, beat: u64, stamp: u64) -> Announcement {
    let stored = network.stored();
    let holder = stored.holder.expect("somebody leads");
    Announcement::Heartbeat { holder, term: stored.term, beat, stamp: Stamp::new(stamp) }
}

fn foreign(term: u64) -> Announcement {
    let holder = Holder::new(&InstanceId::new("x"), 1);
    Announcement::Heartbeat { holder, term: Term(term), beat: 1, stamp: Stamp::new(5) }
}

#[test]
fn followers_that_hear_heartbeats_send_nothing() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    for _ in 0..50 {
        network.passes(a.rests().unwrap());
        a.settles();
        b.listens();
        assert_eq!(b.settles(), [""; 0]);
    }
}

#[test]
fn the_heartbeat_of_another_holder_prompts_a_look_and_no_event() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(INTERVAL);
    a.settles();
    b.hears(foreign(u64::MAX));
    assert_eq!(b.settles(), ["peek"]);
    assert_eq!(b.follows(), Some("a"));
    assert_eq!(b.events(), []);
}

#[test]
fn the_heartbeat_of_another_holder_displaces_no_sight() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(400);
    b.hears(foreign(7));
    b.settles();
    assert_eq!(b.rests(), Some(LEASE - 400));
}

#[test]
fn looks_that_foreign_heartbeats_prompt_are_few_in_each_interval() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    let mut looks = 0;
    for stamp in 0..2 * LEASE {
        b.hears(foreign(stamp));
        looks += b.settles().len();
        network.passes(1);
        a.settles();
    }
    assert!(looks as u64 <= 8 * (2 * LEASE / INTERVAL + 1), "{looks}");
}

#[test]
fn a_term_in_a_heartbeat_never_enters_the_floor() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    let term = a.tenure.term();
    for forged in [term.0 + 1, 1 << 40, (1 << 52) - 1, 1 << 53, u64::MAX] {
        b.hears(foreign(forged));
        let own = Announcement::Heartbeat {
            holder: network.stored().holder.unwrap(),
            term: Term(forged),
            beat: 1,
            stamp: Stamp::new(forged),
        };
        b.hears(own);
        network.passes(INTERVAL);
        a.settles();
        b.settles();
    }
    a.stops();
    a.drains();
    run(&mut [&mut a, &mut b], 2 * LEASE);
    assert!(b.leads());
    assert!(b.tenure.term().0 < 1 << 40);
    assert!(b.tenure.term() > term);
}

#[test]
fn the_first_heartbeat_of_a_new_leader_is_confirmed_by_one_read() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    let mut c = network.follower("c");
    network.passes(INTERVAL);
    a.stops();
    a.drains();
    a.settles();
    b.listens();
    b.settles();
    assert!(b.leads());
    // c missed the vacancy, and hears b only.
    c.hears(network.last_announcement());
    assert_eq!(c.settles(), ["peek"]);
    assert_eq!(c.follows(), Some("b"));
}

#[test]
fn a_heartbeat_that_overtakes_the_answer_to_a_read_is_kept() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(a.rests().unwrap());
    b.election.handle_subscribed(network.now());
    let peek = b.sends();
    let reply = network.applies(&peek);
    a.settles();
    b.listens();
    network.passes(100);
    b.hears_back(&peek, reply);
    assert_eq!(b.rests(), Some(LEASE - 100));
    network.passes(LEASE - 100);
    assert_eq!(b.settles(), ["take"], "over the stamp that was heard");
    assert!(b.leads());
}

#[test]
fn a_replayed_heartbeat_defers_nothing() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(a.rests().unwrap());
    a.settles();
    let last = network.last_announcement();
    b.hears(last.clone());
    for _ in 0..7 {
        network.passes(100);
        b.hears(last.clone());
    }
    assert_eq!(b.rests(), Some(LEASE - 700));
}

#[test]
fn a_forged_heartbeat_of_the_true_holder_defers_a_take_once() {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(700);
    b.hears(heartbeat(&network, u64::MAX, 0xf0));
    // The refused take is the second read that shows the crashed leader's stamp.
    run(&mut [&mut b], LEASE + INTERVAL);
    assert!(b.leads());
}

#[test]
fn a_forged_heartbeat_under_a_living_leader_deposes_nobody() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    let term = a.tenure.term();
    for stamp in 0..20 {
        b.hears(heartbeat(&network, u64::MAX, stamp));
        run(&mut [&mut a, &mut b], 170);
    }
    assert_eq!(a.tenure.term(), term);
    assert!(a.leads());
    assert_eq!(b.events(), []);
}

/// A heartbeat counts beside the read that it confirms. Another record is watched from its own receipt, and taken over its own stamp.
#[test]
fn what_was_heard_of_one_record_counts_for_no_other() {
    let others: [fn(Record) -> Record; 3] = [
        |record| Record { holder: Holder::parse("c:1"), beat: 0, ..record },
        |record| Record { term: Term(record.term.0 + 1), beat: 0, ..record },
        |record| record,
    ];
    for other in others {
        let network = Network::new();
        let mut a = network.leader("a");
        let mut b = network.follower("b");
        network.passes(INTERVAL);
        a.settles();
        b.listens();
        network.passes(10);
        let another = other(Record { stamp: Stamp::new(0xf0), ..network.stored() });
        network.restores(Some(another));
        b.observes();
        assert_eq!(b.rests(), Some(LEASE));
        network.passes(LEASE);
        b.settles();
        assert!(b.leads());
    }
}

/// The answer to a read may come after the heartbeat of a later renewal. What is taken over is what the register shows last.
#[test]
fn a_heartbeat_that_overtakes_the_answer_to_a_read_counts() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(INTERVAL);
    a.settles();
    let early = network.reads();
    network.passes(INTERVAL);
    a.settles();
    b.listens();
    b.observes_late(early);
    a.tenure.close();
    while !b.leads() {
        network.passes_until(b.election.poll_timeout().unwrap());
        if let Some(("take", reply)) = b.acts() {
            assert!(reply.granted, "it knew the last stamp");
        }
    }
}
