//! How many messages pass, counted where they come in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::events::{Event, Messages};
use crate::medium::Channel;
use crate::messaging::Format;
use crate::wire;

#[derive(Default)]
pub struct Traffic {
    all: AtomicU64,
    leader: AtomicU64,
    followers: AtomicU64,
    instances: AtomicU64,
    bytes: AtomicU64,
    unheard: AtomicU64,
    /// Something was told the last time.
    is_flowing: AtomicBool,
}

impl Traffic {
    /// Counts what came on a channel of messages: several may share an envelope.
    pub fn count(&self, channel: &Channel, payload: &[u8]) {
        let Some((envelope, body)) = wire::decode_envelope(payload) else { return };
        let count = match envelope.format {
            Format::Lines => 1 + body.iter().filter(|byte| **byte == b'\n').count() as u64,
            Format::Json | Format::Bytes | Format::Undefined => 1,
        };
        let counter = match channel {
            Channel::All => &self.all,
            Channel::Leader => &self.leader,
            Channel::Followers => &self.followers,
            Channel::Instance(_) => &self.instances,
            Channel::Requests | Channel::Election | Channel::Registry | Channel::Legacy(_) => {
                return;
            }
        };
        counter.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
    }

    /// A message that was to be told was not.
    pub fn note_unheard(&self) {
        self.unheard.fetch_add(1, Ordering::Relaxed);
    }

    /// What passed since the last call; `None` while nothing does, but for the first time.
    pub fn take(
        &self,
        beats: u64,
        last_beat_at: Option<u64>,
        passed: Duration,
    ) -> Option<Event<'static>> {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        let messages = Messages {
            all: take(&self.all),
            leader: take(&self.leader),
            followers: take(&self.followers),
            instances: take(&self.instances),
        };
        let (bytes, unheard) = (take(&self.bytes), take(&self.unheard));
        let flows = beats > 0 || messages != Messages::default();
        let was_flowing = self.is_flowing.swap(flows, Ordering::Relaxed);
        let seconds = passed.as_secs_f64();
        (flows || was_flowing).then_some(Event::Traffic {
            beats,
            last_beat_at,
            messages,
            bytes,
            unheard,
            seconds,
        })
    }
}
