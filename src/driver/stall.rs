//! Notices a process that does not answer: a blocked event loop, a debugger's breakpoint, a wedged thread.

use std::time::Duration;

use crate::election::Instant;

pub struct StallGuard {
    /// `None`: never stalled.
    limit: Option<Duration>,
    probed_at: Option<Instant>,
    next: Instant,
    is_stalled: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A probe is to be sent.
    Probe,
    /// The last probe was not answered within the limit.
    Stalled,
    /// The process answers again, after so long.
    Resumed(Duration),
}

impl StallGuard {
    pub fn new(limit: Option<Duration>, now: Instant) -> Self {
        Self { limit, probed_at: None, next: now, is_stalled: false }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.limit.map(|_| self.next)
    }

    /// What is due at `now`, given whether the last probe is still unanswered.
    pub fn handle_timeout(&mut self, now: Instant, is_pending: bool) -> Option<Step> {
        let limit = self.limit?;
        if now < self.next {
            return None;
        }
        match self.probed_at.filter(|_| is_pending) {
            Some(probed_at) if !self.is_stalled && now.since(probed_at) >= limit => {
                self.is_stalled = true;
                self.next = now + limit / 100;
                Some(Step::Stalled)
            }
            Some(probed_at) => {
                let verdict = probed_at + limit;
                self.next = if self.is_stalled { now + limit / 100 } else { verdict };
                None
            }
            None if self.is_stalled => {
                self.is_stalled = false;
                self.next = now;
                let length =
                    self.probed_at.map_or(Duration::ZERO, |probed_at| now.since(probed_at));
                Some(Step::Resumed(length))
            }
            None => {
                self.probed_at = Some(now);
                self.next = now + limit / 4;
                Some(Step::Probe)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_process_that_answers_is_probed_four_times_in_each_limit() {
        let mut guard = StallGuard::new(Some(Duration::from_millis(1000)), at(0));
        for millis in [0, 250, 500, 750, 1000] {
            assert_eq!(guard.poll_timeout(), Some(at(millis)));
            assert_eq!(guard.handle_timeout(at(millis), false), Some(Step::Probe));
        }
    }

    #[test]
    fn one_unanswered_for_the_limit_is_stalled_until_it_answers() {
        let mut guard = StallGuard::new(Some(Duration::from_millis(1000)), at(0));
        assert_eq!(guard.handle_timeout(at(0), false), Some(Step::Probe));
        assert_eq!(guard.handle_timeout(at(250), true), None);
        assert_eq!(guard.handle_timeout(at(999), true), None);
        assert_eq!(guard.poll_timeout(), Some(at(1000)));
        assert_eq!(guard.handle_timeout(at(1000), true), Some(Step::Stalled));
        assert_eq!(guard.handle_timeout(at(1010), true), None);
        assert_eq!(
            guard.handle_timeout(at(1020), false),
            Some(Step::Resumed(Duration::from_millis(1020)))
        );
        assert_eq!(guard.handle_timeout(at(1020), false), Some(Step::Probe));
    }

    #[test]
    fn without_a_limit_nothing_is_probed() {
        let mut guard = StallGuard::new(None, at(0));
        assert_eq!(guard.handle_timeout(at(1_000_000), true), None);
        assert_eq!(guard.poll_timeout(), None);
    }
}
