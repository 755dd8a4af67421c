//! The tenure: asked from any thread, at any moment, also between any two steps of the election.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::kit::*;
use crate::election::{Instant, Role, Tenure, Term};

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn leads(tenure: &Tenure, millis: u64) -> bool {
    tenure.is_valid(|| at(millis))
}

/// In term 5, until 100 ms.
fn begun() -> Tenure {
    let tenure = Tenure::default();
    tenure.begin(Term(5), at(100));
    tenure
}

#[test]
fn nobody_leads_before_a_term_begins() {
    let tenure = Tenure::default();
    assert!(!leads(&tenure, 0));
    assert_eq!(tenure.term(), Term::ZERO);
}

#[test]
fn it_is_valid_up_to_its_deadline_and_not_at_it() {
    assert!(leads(&begun(), 99));
    assert!(!leads(&begun(), 100));
    assert_eq!(begun().term(), Term(5));
}

#[test]
fn an_extension_moves_the_deadline() {
    let tenure = begun();
    assert!(tenure.extend(at(100), at(200)));
    assert!(leads(&tenure, 199));
    assert!(!leads(&tenure, 200));
}

#[test]
fn once_somebody_was_told_no_an_extension_fails_and_the_answer_stays_no() {
    let tenure = begun();
    assert!(!leads(&tenure, 100));
    assert!(tenure.was_latched());
    assert!(!tenure.extend(at(100), at(200)));
    assert!(!leads(&tenure, 150));
    assert!(!leads(&tenure, 50), "not even on a clock that was read before");
}

#[test]
fn a_closed_tenure_is_not_led_by_a_term_that_begins_later_until_it_is_opened() {
    let tenure = Tenure::default();
    tenure.close();
    tenure.begin(Term(5), at(100));
    assert!(!leads(&tenure, 0));
    assert_eq!(tenure.deadline(), None);
    tenure.open();
    assert!(leads(&tenure, 0));
    assert_eq!(tenure.deadline(), Some(at(100)));
}

#[test]
fn to_look_at_the_deadline_latches_nothing() {
    let tenure = begun();
    assert_eq!(tenure.deadline(), Some(at(100)));
    assert!(tenure.extend(at(100), at(200)));
    tenure.resign();
    assert_eq!(tenure.deadline(), None);
}

#[test]
fn an_extension_after_the_end_fails() {
    let tenure = begun();
    tenure.end();
    assert!(!tenure.extend(at(100), at(200)));
    assert!(!leads(&tenure, 50));
}

#[test]
fn a_pause_between_the_two_reads_makes_the_answer_no() {
    // The clock is read after the deadline, so whatever passes in between is counted.
    let tenure = begun();
    assert!(!tenure.is_valid(|| at(100)));
}

#[test]
fn an_extension_between_the_two_reads_is_seen() {
    let tenure = begun();
    let answer = tenure.is_valid(|| {
        tenure.extend(at(100), at(200));
        at(150)
    });
    assert!(answer);
    assert!(leads(&tenure, 199));
}

#[test]
fn of_an_expiry_seen_and_an_extension_only_one_wins() {
    // Two askers see the expiry, one of them first; the extension comes between.
    let tenure = begun();
    let answer = tenure.is_valid(|| {
        assert!(!leads(&tenure, 100));
        assert!(!tenure.extend(at(100), at(200)));
        at(100)
    });
    assert!(!answer);
}

#[test]
fn an_end_between_the_two_reads_is_seen_at_the_next_question() {
    let tenure = begun();
    tenure.is_valid(|| {
        tenure.end();
        at(100)
    });
    assert!(!leads(&tenure, 50));
}

#[test]
fn whoever_resigns_leads_no_longer_whatever_is_extended() {
    let tenure = begun();
    tenure.resign();
    assert!(!leads(&tenure, 50));
    assert!(tenure.extend(at(100), at(200)), "towards the register the reign goes on");
    assert!(!leads(&tenure, 50));
}

#[test]
fn a_new_term_is_a_new_leadership() {
    let tenure = begun();
    tenure.resign();
    tenure.end();
    tenure.begin(Term(6), at(300));
    assert!(leads(&tenure, 299));
    assert_eq!(tenure.term(), Term(6));
}

#[test]
fn knowing_anothers_term_makes_no_leader() {
    let tenure = Tenure::default();
    tenure.know(Term(9));
    assert_eq!(tenure.term(), Term(9));
    assert!(!leads(&tenure, 0));
}

#[test]
fn no_thread_ever_sees_no_turn_into_yes_within_a_term() {
    for round in 0..50 {
        let tenure = Arc::new(Tenure::default());
        let clock = Arc::new(AtomicU64::new(1));
        let told_no = Arc::new(AtomicBool::new(false));
        tenure.begin(Term(1), Instant::from_nanos(100));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let now = || Instant::from_nanos(clock.load(Ordering::SeqCst));
                    loop {
                        // Read before the question: what anybody was told before it must hold in it.
                        let was_told_no = told_no.load(Ordering::SeqCst);
                        let answer = tenure.is_valid(now);
                        assert!(!(was_told_no && answer), "revived");
                        if !answer {
                            told_no.store(true, Ordering::SeqCst);
                        }
                        if clock.load(Ordering::SeqCst) > 20_000 {
                            break;
                        }
                    }
                });
            }
            // The election extends shortly before, at, or shortly after the deadline.
            let mut deadline = 100;
            let mut goes_on = true;
            for step in 0..20_001u64 {
                let now = clock.fetch_add(1, Ordering::SeqCst) + 1;
                if goes_on && now + 3 >= deadline && (step + round) % 5 == 0 {
                    let (from, to) = (Instant::from_nanos(deadline), Instant::from_nanos(now + 50));
                    goes_on = tenure.extend(from, to);
                    deadline = now + 50;
                }
            }
        });
        assert!(!leads(&tenure, 1));
    }
}

#[test]
fn a_leadership_is_over_as_soon_as_what_it_is_bound_to_does_not_hold_and_stays_over() {
    let bond = Arc::new(AtomicBool::new(true));
    let asked = bond.clone();
    let tenure = Tenure::bound_to(move || asked.load(Ordering::SeqCst));
    tenure.begin(Term(1), at(100));
    assert!(leads(&tenure, 1));
    bond.store(false, Ordering::SeqCst);
    assert!(!leads(&tenure, 2));
    bond.store(true, Ordering::SeqCst);
    assert!(!leads(&tenure, 3));
}

#[test]
fn a_bond_that_holds_for_the_next_leadership_says_nothing_of_the_one_that_was_asked_about() {
    let tenure = Arc::new_cyclic(|tenure: &std::sync::Weak<Tenure>| {
        let tenure = tenure.clone();
        // While it is asked, the first leadership ends.
        Tenure::bound_to(move || {
            tenure.upgrade().unwrap().end();
            true
        })
    });
    tenure.begin(Term(1), at(100));
    assert!(!leads(&tenure, 1));
}

#[test]
fn whoever_lets_others_come_first_is_a_candidate_until_one_has() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    let role = |node: &Node| node.tenure.role(|| network.now());
    assert_eq!((role(&a), role(&b)), (Role::Leader, Role::Follower));
    a.reelects();
    a.drains();
    a.settles();
    assert_eq!(role(&a), Role::Candidate);
    b.listens();
    b.settles();
    a.listens();
    a.settles();
    assert_eq!((role(&a), role(&b)), (Role::Follower, Role::Leader));
}
