//! Every invariant can fail: a bug planted in the world breaks it.

use crate::simulation::{Bug, run};

fn assert_breaks(bug: Bug, invariant: &str) {
    let broken = |seed| run(seed, Some(bug)).violation.map(|violation| violation.invariant);
    assert!((0..400).any(|seed| broken(seed) == Some(invariant)), "{bug} does not break it");
}

#[test]
fn two_leaders_are_seen() {
    assert_breaks(Bug::SkipStamp, "at most one leader at any moment");
}

#[test]
fn a_term_granted_twice_is_seen() {
    assert_breaks(Bug::NoServerTime, "a term has one holder");
}

#[test]
fn terms_that_fall_are_seen() {
    assert_breaks(Bug::NoFloor, "terms rise");
}

#[test]
fn a_leader_that_believes_for_too_long_is_seen() {
    assert_breaks(Bug::DatedFromAnswer, "a leader's code reads the truth");
}

#[test]
fn a_loss_that_is_not_told_is_seen() {
    assert_breaks(Bug::LossUntold, "each loss is told after a win, once");
}

#[test]
fn a_stamp_used_twice_is_seen() {
    assert_breaks(Bug::StampsRepeat, "each command is its own");
}

#[test]
fn a_stop_that_does_not_end_is_seen() {
    assert_breaks(Bug::StopUntold, "every promise settles");
}

#[test]
fn a_node_that_waits_for_nothing_is_seen() {
    assert_breaks(Bug::FailureUntold, "no node is stuck or runs hot");
}

#[test]
fn a_release_before_the_lease_has_run_out_is_seen() {
    assert_breaks(Bug::OverrunDrains, "after an overrun the lease runs out");
}

#[test]
fn one_that_takes_before_a_higher_priority_is_seen() {
    assert_breaks(Bug::RivalsUntold, "in calm weather the heir leads, or the highest priority");
}

#[test]
fn one_that_takes_although_too_few_are_there_is_seen() {
    assert_breaks(Bug::FleetOvercounted, "each command is its own");
}

#[test]
fn a_kind_without_a_leader_is_seen() {
    assert_breaks(Bug::TimersUnarmed, "after the faults one leader stands in time, and stays");
}

#[test]
fn a_follower_that_asks_although_it_could_hear_is_seen() {
    assert_breaks(Bug::Unheard, "in peace the leader renews and the others listen");
}
