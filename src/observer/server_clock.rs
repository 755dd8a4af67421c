//! The server's time of day at a moment of this host's clock.

use std::time::Duration;

use tokio::time::Instant;

/// For how long a sample is better than a later one that took longer.
const MEMORY: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct ServerClock {
    best: Option<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    /// Half-way between question and answer.
    moment: Instant,
    round_trip: Duration,
    server_us: u64,
}

impl ServerClock {
    /// The server's time as it was answered to a question.
    pub fn sample(&mut self, asked: Instant, answered: Instant, server_us: u64) {
        let round_trip = answered.saturating_duration_since(asked);
        let moment = asked + round_trip / 2;
        let sample = Sample { moment, round_trip, server_us };
        let is_better = |best: Sample| {
            round_trip <= best.round_trip || moment.saturating_duration_since(best.moment) > MEMORY
        };
        if self.best.is_none_or(is_better) {
            self.best = Some(sample);
        }
    }

    /// In ms; 0 before the first sample.
    pub fn at(&self, moment: Instant) -> u64 {
        let Some(best) = self.best else { return 0 };
        let us = |span: Duration| span.as_micros() as u64;
        let ahead = us(moment.saturating_duration_since(best.moment));
        let behind = us(best.moment.saturating_duration_since(moment));
        (best.server_us + ahead).saturating_sub(behind) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_answer_tells_the_time_better_than_a_slow_one() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut clock = ServerClock::default();
        assert_eq!(clock.at(start), 0);
        clock.sample(start, start + ms(2), 5_000_000);
        assert_eq!([clock.at(start), clock.at(start + ms(101))], [4_999, 5_100]);
        clock.sample(start + ms(100), start + ms(300), 6_000_000);
        assert_eq!(clock.at(start + ms(101)), 5_100, "the slow one is not heeded");
        clock.sample(start + ms(11_000), start + ms(11_200), 16_000_000);
        assert_eq!(clock.at(start + ms(11_100)), 16_000, "but after a while, it is");
    }
}
