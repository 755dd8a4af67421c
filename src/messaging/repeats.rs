//! Whether an authenticated message was heard before. Whoever can publish can record what a member sends, and send it again.
//!
//! A message is admitted once, and only within [`WINDOW`] of the moment at which it says it was sent. So a receiver need not remember
//! for longer than that.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Channel;
use crate::election::Instant;

/// How far apart the sender's and the receiver's wall clocks may be, the way of the message included.
pub const WINDOW: Duration = Duration::from_secs(60);
const WINDOW_US: u64 = WINDOW.as_micros() as u64;

/// What says that it was sent at the end of the window ahead stays admissible for two windows.
const MEMORY: Duration = Duration::from_secs(2 * WINDOW.as_secs());

/// Senders that are remembered, at most. Only members come so far; beyond, new ones are not heard.
const MAX_SENDERS: usize = 65_536;

/// The sender's half: dates that rise, so that each is a number as well.
#[derive(Debug, Default)]
pub struct Dating {
    last: u64,
}

impl Dating {
    /// The date of the next message, by the wall clock, or just above the last one. A clock that was set back by more than the window
    /// begins anew: nobody whose clock is right has admitted what bore its wrong dates.
    pub fn next(&mut self, wall_us: u64) -> u64 {
        let is_stray = self.last > wall_us.saturating_add(WINDOW_US);
        self.last = if is_stray { wall_us } else { wall_us.max(self.last + 1) };
        self.last
    }
}

/// Whether a message of that date is too old, or too far ahead, for whoever's wall clock says `wall_us`; if so, by how much the two are apart.
pub fn stray(at: u64, wall_us: u64) -> Option<Duration> {
    let distance = at.abs_diff(wall_us);
    (distance > WINDOW_US).then(|| Duration::from_micros(distance))
}

/// The receiver's half: what was heard of whom. It outlives a run, lest what was sent to the last one be heard again in the next.
#[derive(Debug, Default)]
pub struct Repeats {
    /// By token; for each channel the latest date. An instance listens to a handful of channels.
    senders: HashMap<Arc<str>, Heard>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Heard {
    last: Vec<(Channel, u64)>,
    moment: Instant,
}

impl Repeats {
    /// Whether a message is new: later than all that this sender was heard with on this channel. It then counts as heard.
    pub fn admit(&mut self, now: Instant, from: &str, channel: &Channel, at: u64) -> bool {
        self.sweep(now);
        let Some(heard) = self.senders.get_mut(from) else {
            let has_room = self.senders.len() < MAX_SENDERS;
            if has_room {
                let heard = Heard { last: vec![(channel.clone(), at)], moment: now };
                self.senders.insert(from.into(), heard);
            }
            return has_room;
        };
        match heard.last.iter_mut().find(|(known, _)| known == channel) {
            Some((_, last)) if at <= *last => return false,
            Some((_, last)) => *last = at,
            None => heard.last.push((channel.clone(), at)),
        }
        heard.moment = now;
        true
    }

    /// Forgets those of whom nothing that was heard could be admitted again.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.since(swept) < WINDOW) {
            return;
        }
        self.swept = Some(now);
        self.senders.retain(|_, heard| now.since(heard.moment) <= MEMORY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_790_000_000_000_000;

    fn at_second(seconds: u64) -> Instant {
        Instant::from_nanos((1000 + seconds) * 1_000_000_000)
    }

    #[test]
    fn a_message_is_admitted_once_and_none_that_is_older() {
        let mut repeats = Repeats::default();
        let mut admit = |from, channel, at| repeats.admit(at_second(0), from, &channel, at);
        assert!(admit("a:1", Channel::All, NOON));
        assert!(!admit("a:1", Channel::All, NOON));
        assert!(admit("a:1", Channel::All, NOON + 2));
        assert!(!admit("a:1", Channel::All, NOON + 1));
        assert!(admit("a:1", Channel::Leader, NOON + 1), "each channel counts by itself");
        assert!(admit("a:2", Channel::All, NOON), "and each run of a sender");
    }

    #[test]
    fn what_is_forgotten_is_too_old_to_be_admitted() {
        let mut repeats = Repeats::default();
        // Heard when its date was still a window ahead.
        let wall_at = |seconds: u64| NOON - WINDOW_US + seconds * 1_000_000;
        assert_eq!(stray(NOON, wall_at(0)), None);
        assert!(repeats.admit(at_second(0), "a:1", &Channel::All, NOON));
        for second in 0..600 {
            let is_stray = stray(NOON, wall_at(second)).is_some();
            let is_new = repeats.admit(at_second(second), "a:1", &Channel::All, NOON);
            assert!(is_stray || !is_new, "second {second}");
            repeats.admit(at_second(second), "b:1", &Channel::All, NOON + second);
        }
        assert_eq!(repeats.senders.len(), 2, "b, and a which was heard anew");
    }

    #[test]
    fn a_crowd_of_senders_is_bounded_and_makes_room_again() {
        let mut repeats = Repeats::default();
        for sender in 0..MAX_SENDERS {
            assert!(repeats.admit(at_second(0), &sender.to_string(), &Channel::All, NOON));
        }
        assert!(!repeats.admit(at_second(1), "new", &Channel::All, NOON));
        assert!(repeats.admit(at_second(1), "7", &Channel::All, NOON + 1), "the known are heard");
        assert!(repeats.admit(at_second(200), "new", &Channel::All, NOON));
    }

    #[test]
    fn dates_rise_though_the_clock_stands_or_is_set_back_a_little() {
        let mut dating = Dating::default();
        assert_eq!(dating.next(NOON), NOON);
        assert_eq!(dating.next(NOON), NOON + 1);
        assert_eq!(dating.next(NOON - WINDOW_US / 2), NOON + 2);
        assert_eq!(dating.next(NOON + 10), NOON + 10);
    }

    #[test]
    fn a_clock_that_was_far_ahead_is_followed_once_it_is_right() {
        let mut dating = Dating::default();
        dating.next(NOON + 10 * WINDOW_US);
        assert_eq!(dating.next(NOON), NOON);
    }
}
