//! What happened to one candidate, counted from its making on. Events feed it; it steers nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::election::{InstanceId, Instant};

/// The round trips last measured. Those of the past hour say little of what a renewal can count on now, so a window stands for what a
/// histogram of all would be needed for; at five renewals a lease it spans a hundred leases, and its room is 2 KiB.
const ROUND_TRIPS: usize = 512;

#[derive(Debug, Default)]
pub struct Metrics {
    pub renewals: Outcomes,
    pub takeovers: Counter,
    pub reconnects: Counter,
    pub messages: MessageCounts,
    pub malformed: Counter,
    connected: AtomicBool,
    subscribed: AtomicBool,
    /// How many instances are known, this one included; 0 while it is not started.
    instances: AtomicU64,
    /// How many of the library that is moved away from.
    legacy_instances: AtomicU64,
    /// Whether it holds the register, and does not lead before those follow.
    awaits_admission: AtomicBool,
    /// When Redis last answered, in ns on this host's clock; 0 for never.
    heard_at: AtomicU64,
    rest: Mutex<Rest>,
}

#[derive(Debug, Default)]
pub struct Outcomes {
    pub granted: Counter,
    pub refused: Counter,
    /// Not answered in time, or with an error.
    pub failed: Counter,
}

#[derive(Debug, Default)]
pub struct MessageCounts {
    pub sent: Counter,
    pub received: Counter,
    /// Came in faster than they were taken, so that there was no room for them.
    pub dropped: Counter,
    /// Were not authenticated as `messageSecret` wants it.
    pub unauthenticated: Counter,
    /// Were sent and did not come in, as the numbers of those that did show.
    pub gaps: Counter,
}

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

#[derive(Debug, Default)]
struct Rest {
    leader: Option<InstanceId>,
    leaderless: Duration,
    /// Since when no leader is known, while this instance runs.
    leaderless_since: Option<Instant>,
    stalls: Stalls,
    round_trips: Vec<u32>,
    /// Where the next one goes.
    next: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    pub count: u64,
    pub longest: Duration,
    pub total: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrips {
    pub p50: Duration,
    pub p99: Duration,
}

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    pub fn begin_run(&self, now: Instant) {
        self.note_leader(now, None);
    }

    pub fn end_run(&self, now: Instant) {
        self.note_leader(now, None);
        let mut rest = self.rest();
        if let Some(since) = rest.leaderless_since.take() {
            rest.leaderless += now.since(since);
        }
        drop(rest);
        self.connected.store(false, Ordering::Relaxed);
        self.subscribed.store(false, Ordering::Relaxed);
        self.instances.store(0, Ordering::Relaxed);
        self.legacy_instances.store(0, Ordering::Relaxed);
        self.awaits_admission.store(false, Ordering::Relaxed);
    }

    pub fn note_leader(&self, now: Instant, leader: Option<InstanceId>) {
        let mut rest = self.rest();
        match (leader.is_some(), rest.leaderless_since) {
            (true, Some(since)) => {
                rest.leaderless += now.since(since);
                rest.leaderless_since = None;
            }
            (false, None) => rest.leaderless_since = Some(now),
            _ => {}
        }
        rest.leader = leader;
    }

    pub fn note_round_trip(&self, now: Instant, took: Duration) {
        self.note_heard(now);
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let mut rest = self.rest();
        let next = rest.next;
        if rest.round_trips.len() < ROUND_TRIPS {
            rest.round_trips.push(micros);
        } else {
            rest.round_trips[next] = micros;
        }
        rest.next = (next + 1) % ROUND_TRIPS;
    }

    /// Redis answered.
    pub fn note_heard(&self, now: Instant) {
        self.heard_at.store(now.as_nanos(), Ordering::Relaxed);
    }

    pub fn note_stall(&self, length: Duration) {
        let Stalls { count, longest, total } = &mut self.rest().stalls;
        *count += 1;
        *longest = (*longest).max(length);
        *total += length;
    }

    pub fn set_connected(&self, is_connected: bool) {
        self.connected.store(is_connected, Ordering::Relaxed);
    }

    pub fn set_subscribed(&self, is_subscribed: bool) {
        self.subscribed.store(is_subscribed, Ordering::Relaxed);
    }

    pub fn set_instances(&self, instances: usize) {
        self.instances.store(instances as u64, Ordering::Relaxed);
    }

    pub fn set_legacy_instances(&self, instances: usize) {
        self.legacy_instances.store(instances as u64, Ordering::Relaxed);
    }

    pub fn legacy_instances(&self) -> u64 {
        self.legacy_instances.load(Ordering::Relaxed)
    }

    pub fn set_awaits_admission(&self, awaits: bool) {
        self.awaits_admission.store(awaits, Ordering::Relaxed);
    }

    pub fn awaits_admission(&self) -> bool {
        self.awaits_admission.load(Ordering::Relaxed)
    }

    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    pub fn is_subscribed(&self) -> bool {
        self.subscribed.load(Ordering::Relaxed)
    }

    pub fn instances(&self) -> u64 {
        self.instances.load(Ordering::Relaxed)
    }

    /// For how long Redis has not answered; `None` when it never did.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        let heard_at = self.heard_at.load(Ordering::Relaxed);
        (heard_at != 0).then(|| now.since(Instant::from_nanos(heard_at)))
    }

    pub fn leader(&self) -> Option<InstanceId> {
        self.rest().leader.clone()
    }

    pub fn leaderless(&self, now: Instant) -> Duration {
        let rest = self.rest();
        rest.leaderless + rest.leaderless_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    pub fn stalls(&self) -> Stalls {
        self.rest().stalls
    }

    /// Of the last round trips; `None` before the first.
    pub fn round_trips(&self) -> Option<RoundTrips> {
        let mut sorted = self.rest().round_trips.clone();
        sorted.sort_unstable();
        // The smallest that so many of a hundred do not exceed.
        let percentile = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.checked_sub(1)?).map(|micros| Duration::from_micros(u64::from(*micros)))
        };
        Some(RoundTrips { p50: percentile(50)?, p99: percentile(99)? })
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().expect("no panic holds the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(1000 + millis)
    }

    fn leader() -> Option<InstanceId> {
        Some(InstanceId::new("a"))
    }

    #[test]
    fn time_without_a_leader_is_counted_while_the_instance_runs() {
        let metrics = Metrics::default();
        assert_eq!(metrics.leaderless(at(0)), Duration::ZERO);
        metrics.begin_run(at(0));
        assert_eq!(metrics.leaderless(at(30)), Duration::from_millis(30), "it goes on counting");
        metrics.note_leader(at(100), leader());
        metrics.note_leader(at(150), leader());
        assert_eq!(metrics.leaderless(at(200)), Duration::from_millis(100));
        metrics.note_leader(at(200), None);
        metrics.end_run(at(250));
        assert_eq!(metrics.leaderless(at(900)), Duration::from_millis(150));
        metrics.begin_run(at(1000));
        assert_eq!(metrics.leaderless(at(1001)), Duration::from_millis(151));
        assert_eq!(metrics.leader(), None);
    }

    #[test]
    fn round_trips_are_told_by_their_middle_and_by_the_slowest_of_a_hundred() {
        let metrics = Metrics::default();
        assert_eq!(metrics.round_trips(), None);
        let told = |metrics: &Metrics| {
            let RoundTrips { p50, p99 } = metrics.round_trips().unwrap();
            (p50.as_millis(), p99.as_millis())
        };
        metrics.note_round_trip(at(0), Duration::from_millis(7));
        assert_eq!(told(&metrics), (7, 7));
        let metrics = Metrics::default();
        (1..=100).rev().for_each(|ms| metrics.note_round_trip(at(0), Duration::from_millis(ms)));
        assert_eq!(told(&metrics), (50, 99));
    }

    #[test]
    fn old_round_trips_are_forgotten() {
        let metrics = Metrics::default();
        metrics.note_round_trip(at(0), Duration::from_secs(3600 * 1000));
        for _ in 0..ROUND_TRIPS {
            metrics.note_round_trip(at(0), Duration::from_millis(2));
        }
        assert_eq!(metrics.round_trips().unwrap().p99, Duration::from_millis(2));
        assert_eq!(metrics.rest().round_trips.len(), ROUND_TRIPS);
    }

    #[test]
    fn stalls_are_told_by_their_number_their_longest_and_their_sum() {
        let metrics = Metrics::default();
        [30, 50, 20].into_iter().for_each(|ms| metrics.note_stall(Duration::from_millis(ms)));
        let (longest, total) = (Duration::from_millis(50), Duration::from_millis(100));
        assert_eq!(metrics.stalls(), Stalls { count: 3, longest, total });
    }

    #[test]
    fn silence_counts_from_the_last_answer() {
        let metrics = Metrics::default();
        assert_eq!(metrics.silence(at(0)), None);
        metrics.note_heard(at(10));
        assert_eq!(metrics.silence(at(25)), Some(Duration::from_millis(15)));
    }
}
