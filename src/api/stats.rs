//! What was counted, and how a candidate is.

use std::time::{Duration, SystemTime};

use super::instance::State;
use super::shared::Shared;

/// What was counted since the candidate was made; runs are not told apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// As [`Candidate::state`](crate::Candidate::state).
    pub state: State,
    /// As [`Candidate::current_term`](crate::Candidate::current_term).
    pub term: u64,
    /// The id of the leader, where one is known.
    pub leader: Option<String>,
    /// For how long this instance leads without another renewal; zero if it does not.
    pub valid_for: Duration,
    /// Renewals of the leadership.
    pub renewals: Renewals,
    /// Round trips of the election's commands; `None` before the first.
    pub round_trips: Option<RoundTrips>,
    /// How often a broken connection stood again.
    pub reconnects: u64,
    /// How often this instance was elected.
    pub takeovers: u64,
    /// For how long no leader was known here, while it was started.
    pub leaderless: Duration,
    /// Messages.
    pub messages: Messages,
    /// What was found malformed in Redis or on a channel.
    pub malformed: u64,
    /// How many instances are known, this one included; 0 when it is not started.
    pub instances: u64,
    /// Whether the connection for commands stands.
    pub connected: bool,
    /// Whether the subscriptions stand.
    pub subscribed: bool,
    /// How long ago Redis last answered; `None` before its first answer in this run.
    pub silent: Option<Duration>,
}

/// What became of renewals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewals {
    /// They extended the leadership.
    pub granted: u64,
    /// Redis refused them.
    pub refused: u64,
    /// No answer came.
    pub failed: u64,
}

/// How long the latest round trips took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrips {
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}

/// What became of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Messages {
    /// Taken by Redis.
    pub sent: u64,
    /// Come in.
    pub received: u64,
    /// Come in, but malformed, of an unknown version, or faster than they were taken.
    pub dropped: u64,
    /// Dropped since they are not as `message_secret` wants them.
    pub unauthenticated: u64,
    /// Sent, and not come in.
    pub gaps: u64,
}

/// How an instance is, for a readiness endpoint. A follower is as healthy as the leader.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// All in one word.
    pub status: Status,
    /// As [`Candidate::state`](crate::Candidate::state).
    pub role: State,
    /// The id of the leader, where one is known.
    pub leader: Option<String>,
    /// The highest term known here.
    pub term: u64,
    /// Whether the connection for commands stands.
    pub connected: bool,
    /// Whether the subscriptions stand.
    pub subscribed: bool,
    /// Since when the role is what it is.
    pub since: SystemTime,
}

/// How an instance is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Connected and subscribed, and a leader is known.
    Up,
    /// Something of that is missing.
    Degraded,
    /// Not started, or Redis was silent for longer than `lease_ms`.
    Down,
}

impl Status {
    /// Its name, the same as in JavaScript: `"up"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Shared {
    pub fn stats(&self) -> Stats {
        let (candidate, metrics) = (&self.candidate, self.candidate.metrics());
        Stats {
            state: candidate.role().into(),
            term: candidate.term().0,
            leader: metrics.leader().map(|id| id.as_str().to_owned()),
            valid_for: candidate.valid_for(),
            renewals: Renewals {
                granted: metrics.renewals.granted.get(),
                refused: metrics.renewals.refused.get(),
                failed: metrics.renewals.failed.get(),
            },
            round_trips: metrics
                .round_trips()
                .map(|took| RoundTrips { p50: took.p50, p99: took.p99 }),
            reconnects: metrics.reconnects.get(),
            takeovers: metrics.takeovers.get(),
            leaderless: candidate.leaderless(),
            messages: Messages {
                sent: metrics.messages.sent.get(),
                received: metrics.messages.received.get(),
                dropped: metrics.messages.dropped.get(),
                unauthenticated: metrics.messages.unauthenticated.get(),
                gaps: metrics.messages.gaps.get(),
            },
            malformed: metrics.malformed.get(),
            instances: metrics.instances(),
            connected: metrics.is_connected(),
            subscribed: metrics.is_subscribed(),
            silent: candidate.silence(),
        }
    }

    pub fn health(&self) -> Health {
        let Stats { state, term, connected, subscribed, silent, .. } = self.stats();
        let leader = self.known_leader();
        let is_silent = match silent {
            // Before the first answer there is nothing that this instance could know.
            None => true,
            Some(silent) => !connected && silent > self.lease,
        };
        let status = if !self.is_up() || is_silent {
            Status::Down
        } else if connected && subscribed && leader.is_some() {
            Status::Up
        } else {
            Status::Degraded
        };
        let since = *self.since.lock().expect("no panic holds the lock");
        Health { status, role: state, leader, term, connected, subscribed, since }
    }

    /// Its own leadership may have run out before the event that says so.
    pub fn known_leader(&self) -> Option<String> {
        let leader = self.leader.borrow().leader.clone();
        leader.filter(|id| id != self.candidate.id() || self.candidate.is_leader())
    }
}
