//! How long the way to the server is, and how its clock runs beside this host's.

use std::time::Duration;

use redis::Value;
use tokio::time::{Instant, sleep};

use super::Check;
use super::exchange::milliseconds;
use crate::clock;
use crate::medium::redis::visit::{Visit, text};

const ROUND_TRIPS: usize = 100;
/// For how long the clocks are compared, at least.
const COMPARED: Duration = Duration::from_secs(1);

/// The checks of the round trip and of the clock.
pub async fn measure(visit: &mut Visit, renewal_interval: Duration) -> (Check, Check) {
    let before = read_clock(visit).await;
    let started = Instant::now();
    let round_trip = round_trip(visit, renewal_interval).await;
    sleep(COMPARED.saturating_sub(started.elapsed())).await;
    let clock = match (before, read_clock(visit).await) {
        (Ok(before), Ok(after)) => compare(before, after),
        (Err(why), _) | (_, Err(why)) => Check::skipped("clock", why),
    };
    (round_trip, clock)
}

async fn round_trip(visit: &mut Visit, renewal_interval: Duration) -> Check {
    const NAME: &str = "round trip";
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let sent = Instant::now();
        if let Err(refusal) = visit.ask(&["PING"]).await {
            return Check::failure(NAME, refusal.message, "see why the server does not answer");
        }
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    let (median, longest) = (times[ROUND_TRIPS / 2], times[ROUND_TRIPS - 1]);
    let found = format!(
        "{} in the median of {ROUND_TRIPS}, {} at most; a renewal has {}",
        milliseconds(median),
        milliseconds(longest),
        milliseconds(renewal_interval)
    );
    let least =
        |time: Duration| format!("raise leaseMs to at least {}", 10 * time.as_millis().max(1));
    if median >= renewal_interval {
        Check::failure(NAME, found, least(median))
    } else if longest >= renewal_interval / 2 {
        Check::warning(NAME, found, least(longest))
    } else {
        Check::ok(NAME, found)
    }
}

/// A look at the server's clock, between two looks at this host's.
#[derive(Clone, Copy)]
struct Sight {
    asked: Instant,
    answered: Instant,
    server_us: u64,
    wall_us: u64,
}

async fn read_clock(visit: &mut Visit) -> Result<Sight, String> {
    let (asked, before) = (Instant::now(), clock::wall_us());
    let answer = visit.ask(&["TIME"]).await.map_err(|refusal| refusal.message)?;
    let (answered, after) = (Instant::now(), clock::wall_us());
    let server_us = read_time(&answer).ok_or("the server's time was not understood")?;
    Ok(Sight { asked, answered, server_us, wall_us: before / 2 + after / 2 })
}

fn read_time(answer: &Value) -> Option<u64> {
    let Value::Array(parts) = answer else { return None };
    let number = |index: usize| text(parts.get(index)?)?.parse::<u64>().ok();
    number(0)?.checked_mul(1_000_000)?.checked_add(number(1)?)
}

/// The server's clock enters in two places: it numbers terms, and it tells for how long an instance was silent. Leases are measured by the hosts.
fn compare(before: Sight, after: Sight) -> Check {
    const NAME: &str = "clock";
    /// What the registry still takes: an instance is swept after 2 s, and refreshes each second.
    const FAR_OFF: f64 = 0.25;
    let shortest = (after.asked - before.answered).as_secs_f64();
    let longest = (after.answered - before.asked).as_secs_f64();
    let server = after.server_us as f64 / 1e6 - before.server_us as f64 / 1e6;
    let (slowest, fastest) = (server / longest, server / shortest);
    let apart_ms = (after.server_us as i64 - after.wall_us as i64) / 1000;
    let found = format!(
        "it runs at {slowest:.3} to {fastest:.3} of this host's rate, and is {} ms {} this host's time of day",
        apart_ms.unsigned_abs(),
        if apart_ms < 0 { "behind" } else { "ahead of" }
    );
    if fastest < 1.0 - FAR_OFF || slowest > 1.0 + FAR_OFF {
        return Check::warning(
            NAME,
            found,
            "see to the clocks of both hosts: instances may be taken for gone, or gone ones for present; leaderships do not depend on it",
        );
    }
    Check::ok(NAME, found)
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn sights(server_ms: u64) -> (Sight, Sight) {
        let asked = Instant::now();
        let sight = |after_ms: u64, server_us| Sight {
            asked: asked + Duration::from_millis(after_ms),
            answered: asked + Duration::from_millis(after_ms + 10),
            server_us,
            wall_us: 5_000_000,
        };
        (sight(0, 1_000_000), sight(1000, 1_000_000 + server_ms * 1000))
    }

    #[test]
    fn a_clock_that_runs_far_too_fast_or_too_slow_is_warned_of() {
        let status = |server_ms| {
            let (before, after) = sights(server_ms);
            compare(before, after).status
        };
        assert_eq!(
            [500, 1000, 1200, 1500].map(status),
            [Status::Warning, Status::Ok, Status::Ok, Status::Warning]
        );
        assert_eq!(status(0), Status::Warning, "one that was stepped back, too");
    }

    #[test]
    fn a_time_is_read_from_two_numbers_and_nothing_else() {
        let parts = |words: &[&str]| {
            let word = |word: &&str| Value::BulkString(word.as_bytes().to_vec());
            Value::Array(words.iter().map(word).collect())
        };
        assert_eq!(read_time(&parts(&["7", "5"])), Some(7_000_005));
        assert_eq!(read_time(&parts(&["7"])), None);
        assert_eq!(read_time(&parts(&["18446744073709551615", "5"])), None);
        assert_eq!(read_time(&Value::Nil), None);
    }
}
