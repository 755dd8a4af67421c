//! One kind that is watched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::chronicle::Chronicle;
use super::events::Event;
use super::traffic::Traffic;
use super::{Report, WatchId};
use crate::medium::redis::Target;
use crate::medium::redis::keys::Names;
use crate::medium::{Channel, MediumError, MediumErrorKind};

/// How long a look waits for others that are wanted of the same kind.
const GATHERING: Duration = Duration::from_millis(10);
/// How often a kind is looked at, at most, and at least: what was announced may have been missed.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The same, where the channels that would tell are forbidden.
const LONGEST_PAUSE_DEAF: Duration = Duration::from_secs(1);

pub struct Watch {
    pub names: Names,
    pub chronicle: Chronicle,
    pub traffic: Arc<Traffic>,
    pub listens: bool,
    pub looked: Option<Instant>,
    /// When to look next.
    pub due: Instant,
    /// What was refused, and when it was tried.
    pub refused: BTreeMap<String, Instant>,
    /// Why it was refused, until it is told.
    pub limits: Option<String>,
}

impl Watch {
    pub fn new(kind: String, target: &Target, listens: bool) -> Self {
        Self {
            names: Names::new(&target.key_prefix, &kind, target.db),
            chronicle: Chronicle::new(kind),
            traffic: Arc::default(),
            listens,
            looked: None,
            due: Instant::now(),
            refused: BTreeMap::new(),
            limits: None,
        }
    }

    pub fn channels(&self) -> impl Iterator<Item = Channel> {
        let own = self.chronicle.instances().cloned().map(Channel::Instance);
        [Channel::Election, Channel::Registry, Channel::All, Channel::Leader, Channel::Followers]
            .into_iter()
            .chain(own)
    }

    pub fn want_look(&mut self) {
        let earliest = self.looked.map_or_else(Instant::now, |looked| looked + PAUSE);
        self.due = self.due.min(earliest.max(Instant::now() + GATHERING));
    }

    /// Whether what would tell of changes is not heard.
    pub fn is_deaf(&self) -> bool {
        let is_refused = |channel| self.refused.contains_key(&self.names.channel(&channel));
        is_refused(Channel::Election) || is_refused(Channel::Registry)
    }

    pub fn silence_due(&self) -> Option<Instant> {
        self.chronicle.silence_due().filter(|_| !self.is_deaf())
    }

    pub fn longest_pause(&self) -> Duration {
        if self.is_deaf() { LONGEST_PAUSE_DEAF } else { LONGEST_PAUSE }
    }

    pub fn tell_limits(&mut self, at: u64, report: &Report, id: WatchId) {
        if let Some(reason) = self.limits.take() {
            let code = report.code(&MediumError::new(MediumErrorKind::Refused, ""));
            let event = Event::Limited { reason: &reason, code };
            report.event(id, self.chronicle.kind(), at, &event);
        }
    }
}
