//! The durations: a value that exists is one whose inequalities hold.

use std::time::Duration;

use crate::election::{Instant, Timing, TimingError};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_defaults_are_those_of_the_options() {
    let timing = Timing::default();
    assert_eq!(Timing::new(millis(800), None), Ok(timing));
    assert_eq!((timing.lease(), timing.validity()), (millis(800), millis(640)));
    assert_eq!((timing.renewal_interval(), timing.poll_interval()), (millis(160), millis(200)));
}

#[test]
fn what_can_be_built_bears_clocks_whose_rates_differ_by_a_quarter() {
    for lease in [100, 101, 333, 800, 10_000, 600_000] {
        for interval in [None, Some(10), Some(lease / 7), Some(lease / 4)] {
            let Ok(timing) = Timing::new(millis(lease), interval.map(millis)) else {
                assert!(interval.is_some_and(|interval| interval < 10));
                continue;
            };
            assert!(timing.validity() * 5 <= timing.lease() * 4);
            assert!(timing.command_timeout() < timing.renewal_interval());
            assert!(timing.renewal_interval() * 4 <= timing.lease());
            assert!(
                timing.renewal_interval() + timing.command_timeout() < timing.validity(),
                "one renewal may fail"
            );
            assert!(timing.poll_interval() < timing.lease());
        }
    }
}

#[test]
fn a_lease_out_of_bounds_is_refused_and_the_bound_named() {
    for lease in [0, 99, 600_001] {
        let error = Timing::new(millis(lease), None).unwrap_err();
        assert_eq!(error, TimingError::Lease(millis(lease)));
        assert_eq!(
            error.to_string(),
            format!("the lease ({lease} ms) must be from 100 to 600000 ms")
        );
    }
}

#[test]
fn a_renewal_interval_out_of_bounds_is_refused_and_the_values_related() {
    let short = Timing::new(millis(800), Some(millis(9))).unwrap_err();
    assert_eq!(short.to_string(), "the renewal interval (9 ms) must be at least 10 ms");
    let long = Timing::new(millis(800), Some(millis(201))).unwrap_err();
    assert_eq!(
        long.to_string(),
        "the renewal interval (201 ms) must be at most a quarter of the lease (800 ms), which is 200 ms"
    );
    assert!(Timing::new(millis(800), Some(millis(200))).is_ok());
}

#[test]
fn instants_neither_overflow_nor_turn_negative() {
    let early = Instant::from_millis(5);
    assert_eq!(early - millis(10), Instant::default());
    assert_eq!(early.since(Instant::from_millis(9)), Duration::ZERO);
    assert_eq!(Instant::from_millis(9).since(early), millis(4));
    assert!(early + Duration::MAX > early);
    assert_eq!(Instant::from_nanos(3).as_nanos(), 3);
}

#[test]
fn moments_are_added_to_and_subtracted_from_and_end_at_zero() {
    let moment = Instant::from_millis(5);
    assert_eq!(moment + Duration::from_millis(3), Instant::from_millis(8));
    assert_eq!(moment - Duration::from_millis(3), Instant::from_millis(2));
    assert_eq!(moment - Duration::from_millis(9), Instant::default());
    assert_eq!(Instant::default().since(moment), Duration::ZERO);
}

#[test]
fn a_moment_in_step_is_the_first_multiple_that_is_not_before_it() {
    let step = Duration::from_millis(5);
    for (millis, stepped) in [(0, 0), (1, 5), (4, 5), (5, 5), (6, 10)] {
        assert_eq!(Instant::from_millis(millis).in_step(step), Instant::from_millis(stepped));
        assert_eq!(
            Instant::from_millis(millis).in_step(Duration::ZERO),
            Instant::from_millis(millis)
        );
    }
    assert_eq!(Instant::from_nanos(1).in_step(step), Instant::from_millis(5));
}
