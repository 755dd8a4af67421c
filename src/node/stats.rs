//! What was counted, as the JSON that lib/ hands on.

use std::time::Duration;

use serde::Serialize;

use super::items::state;
use crate::candidate::Candidate;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats<'a> {
    state: &'static str,
    term: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<&'a str>,
    valid_for_ms: f64,
    connected: bool,
    subscribed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_ms: Option<f64>,
    instances: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_instances: Option<u64>,
    /// For `explain()`, where it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    awaits_admission: Option<bool>,
    renewals: Renewals,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip: Option<RoundTrip>,
    reconnects: u64,
    takeovers: u64,
    leaderless_ms: f64,
    messages: Messages,
    malformed: u64,
    stalls: Stalls,
}

#[derive(Serialize)]
struct Renewals {
    granted: u64,
    refused: u64,
    failed: u64,
}

/// In ms.
#[derive(Serialize)]
struct RoundTrip {
    p50: f64,
    p99: f64,
}

#[derive(Serialize)]
struct Messages {
    sent: u64,
    received: u64,
    dropped: u64,
    unauthenticated: u64,
    gaps: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stalls {
    count: u64,
    longest_ms: f64,
    total_ms: f64,
}

pub fn stats(candidate: &Candidate) -> String {
    let metrics = candidate.metrics();
    let leader = metrics.leader();
    let stalls = metrics.stalls();
    let stats = Stats {
        state: state(candidate.role()),
        term: candidate.term().0,
        holder: leader.as_ref().map(|id| id.as_str()),
        valid_for_ms: milliseconds(candidate.valid_for()),
        connected: metrics.is_connected(),
        subscribed: metrics.is_subscribed(),
        silent_ms: candidate.silence().map(milliseconds),
        instances: metrics.instances(),
        legacy_instances: candidate.legacy_instances(),
        awaits_admission: metrics.awaits_admission().then_some(true),
        renewals: Renewals {
            granted: metrics.renewals.granted.get(),
            refused: metrics.renewals.refused.get(),
            failed: metrics.renewals.failed.get(),
        },
        round_trip: metrics
            .round_trips()
            .map(|took| RoundTrip { p50: milliseconds(took.p50), p99: milliseconds(took.p99) }),
        reconnects: metrics.reconnects.get(),
        takeovers: metrics.takeovers.get(),
        leaderless_ms: milliseconds(candidate.leaderless()),
        messages: Messages {
            sent: metrics.messages.sent.get(),
            received: metrics.messages.received.get(),
            dropped: metrics.messages.dropped.get(),
            unauthenticated: metrics.messages.unauthenticated.get(),
            gaps: metrics.messages.gaps.get(),
        },
        malformed: metrics.malformed.get(),
        stalls: Stalls {
            count: stalls.count,
            longest_ms: milliseconds(stalls.longest),
            total_ms: milliseconds(stalls.total),
        },
    };
    serde_json::to_string(&stats).expect("it has only keys that are text")
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
