use std::time::Duration;

use crate::{counterexamples, report, slow_link, table};

#[test]
fn small_worlds_are_safe_and_every_goal_is_reached() {
    for configuration in table::SMALL {
        assert!(report::one_configuration(*configuration, Duration::from_secs(300)));
    }
}

#[test]
fn each_rule_that_is_switched_off_is_missed() {
    for row in counterexamples::ALL {
        assert!(report::counterexamples(&[*row], true), "nothing is found without {}", row.rule);
    }
}

#[test]
fn a_slow_link_does_not_keep_a_healthy_node_from_leading() {
    assert!(slow_link::explore(crate::rules::Off::NONE).stuck.is_none());
}
