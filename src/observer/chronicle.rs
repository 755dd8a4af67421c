//! What happened to a kind, told from looks and from what was announced. No connection, no task.
//!
//! Announcements may be forged, and some may be missed: they say when to look, and when something happened; that it happened, a look says.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::events::{After, Event, Takeover, Tell};
use super::look::{Look, crash_detection, lease_ms};
use super::server_clock::ServerClock;
use crate::election::{Announcement, Holder, InstanceId, Term};
use crate::medium::MediumError;
use crate::membership::{Change, RegistryChange};

/// Announcements that wait for a look, at most. Nobody sends so many but a forger.
const MAX_HINTS: usize = 256;

pub struct Chronicle {
    kind: String,
    /// The last look; `None` before the first one, and while nothing is seen.
    last: Option<Look>,
    /// What was announced and is not accounted for yet.
    hints: Vec<(Instant, Announcement)>,
    arrivals: BTreeMap<InstanceId, Instant>,
    departures: BTreeMap<InstanceId, Instant>,
    /// In ms of the server's time.
    joined: BTreeMap<InstanceId, u64>,
    /// Who leads as far as was told.
    reign: Option<Reign>,
    /// The latest term that was told of.
    latest: Term,
    /// When the last leader released, and who it was.
    vacated: Option<(Instant, Option<InstanceId>)>,
    beats: u64,
    /// Why nothing is seen, as it was told.
    blindness: Option<String>,
}

#[derive(Clone, Debug)]
struct Reign {
    holder: Holder,
    term: Term,
    beat: u64,
    /// When the silence is counted from: the last beat, or the moment at which somebody began to listen.
    heard: Instant,
    last_beat: Option<Instant>,
    is_silent: bool,
}

impl Chronicle {
    pub fn new(kind: String) -> Self {
        Self {
            kind,
            last: None,
            hints: Vec::new(),
            arrivals: BTreeMap::new(),
            departures: BTreeMap::new(),
            joined: BTreeMap::new(),
            reign: None,
            latest: Term::ZERO,
            vacated: None,
            beats: 0,
            blindness: None,
        }
    }

    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The instances of the last look.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceId> {
        self.last.iter().flat_map(|look| look.instances.keys())
    }

    /// Whether a look is needed to know what it means.
    pub fn announced(&mut self, moment: Instant, announcement: Announcement) -> bool {
        if let Announcement::Heartbeat { holder, term, beat, .. } = &announcement
            && let Some(reign) = self.reign.as_mut()
            && reign.holder == *holder
            && reign.term == *term
        {
            reign.beat = reign.beat.max(*beat);
            reign.hear(moment);
            self.beats += 1;
            return false;
        }
        if self.hints.len() < MAX_HINTS {
            self.hints.push((moment, announcement));
        }
        true
    }

    /// A look is needed to know what it means.
    pub fn changed(&mut self, moment: Instant, change: RegistryChange) {
        let (moments, id) = match change.change {
            Change::Enrolled(record) => (&mut self.arrivals, record.id.clone()),
            Change::Left(id) => (&mut self.departures, id),
        };
        if moments.len() < MAX_HINTS {
            moments.insert(id, moment);
        }
    }

    pub fn looked(&mut self, look: Look, address: &str, clock: &ServerClock, tell: Tell<'_>) {
        let before = self.last.take();
        self.blindness = None;
        match before {
            Some(before) => {
                self.tell_instances(&before, &look, clock, tell);
                self.tell_leadership(&look, address, clock, tell);
            }
            None => {
                self.joined.retain(|id, _| look.instances.contains_key(id));
                self.begin_anew(&look, address, tell);
            }
        }
        // What was announced before the question is part of the answer.
        self.hints.retain(|(moment, _)| *moment > look.asked);
        self.arrivals.retain(|_, moment| *moment > look.asked);
        self.departures.retain(|_, moment| *moment > look.asked);
        self.last = Some(look);
    }

    /// Nothing is seen any more.
    pub fn blinded(&mut self, error: &MediumError, code: &str, at: u64, tell: Tell<'_>) {
        self.last = None;
        self.reign = None;
        self.vacated = None;
        self.hints.clear();
        self.arrivals.clear();
        self.departures.clear();
        if self.blindness.as_ref() != Some(&error.message) {
            self.blindness = Some(error.message.clone());
            tell(&self.kind, at, &Event::Blind { reason: &error.message, code });
        }
    }

    /// When the leader has been silent for a lease, unless it is heard before.
    pub fn silence_due(&self) -> Option<Instant> {
        let reign = self.reign.as_ref().filter(|reign| !reign.is_silent)?;
        Some(reign.heard + self.last.as_ref()?.record.as_ref()?.lease)
    }

    /// Tells that the leader is silent, once it has been for a lease.
    pub fn watch_silence(&mut self, now: Instant, clock: &ServerClock, tell: Tell<'_>) {
        let is_due = self.silence_due().is_some_and(|due| now >= due);
        let Some(reign) = self.reign.as_mut().filter(|_| is_due) else { return };
        reign.is_silent = true;
        let silent = Event::Silent {
            id: reign.holder.instance().as_str().to_owned(),
            term: reign.term.0,
            last_beat_at: reign.last_beat.map(|moment| clock.at(moment)),
        };
        tell(&self.kind, clock.at(now), &silent);
    }

    /// The beats since the last call, and when the last of all was.
    pub fn take_beats(&mut self) -> (u64, Option<Instant>) {
        let last = self.reign.as_ref().and_then(|reign| reign.last_beat);
        (std::mem::take(&mut self.beats), last)
    }

    /// Shows all as it is, without saying how it came to be so.
    fn begin_anew(&mut self, look: &Look, address: &str, tell: Tell<'_>) {
        let heard = look.answered;
        self.reign = look.holder().zip(look.record.as_ref()).map(|(holder, record)| Reign {
            holder: holder.clone(),
            term: record.term,
            beat: record.beat,
            heard,
            last_beat: None,
            is_silent: false,
        });
        self.vacated = None;
        // A wiped register tells nothing of it.
        if let Some(record) = look.record.as_ref().filter(|record| !record.is_placeholder()) {
            self.latest = record.term;
        }
        let status = look.status(&self.kind, address, |id| self.joined.get(id).copied());
        tell(&self.kind, status.at, &Event::Status { status });
    }

    fn tell_instances(&mut self, before: &Look, look: &Look, clock: &ServerClock, tell: Tell<'_>) {
        let read = clock.at(look.answered);
        let moment_of = |moments: &BTreeMap<InstanceId, Instant>, id: &InstanceId| {
            moments.get(id).map_or(read, |moment| clock.at(*moment))
        };
        for (id, record) in &before.instances {
            let is_same_run = look.instances.get(id).is_some_and(|now| now.holder == record.holder);
            if !is_same_run {
                let instance = before.view(record, self.joined.remove(id));
                // One that came back under its id did so at once.
                let at = moment_of(&self.departures, id);
                tell(&self.kind, at, &Event::Left { instance });
            }
        }
        for (id, record) in &look.instances {
            let known = before.instances.get(id).filter(|known| known.holder == record.holder);
            let at = moment_of(&self.arrivals, id);
            match known {
                None => {
                    self.joined.insert(id.clone(), at);
                    let instance = look.view(record, Some(at));
                    tell(&self.kind, at, &Event::Joined { instance });
                }
                Some(known) if known != record => {
                    let instance = look.view(record, self.joined.get(id).copied());
                    tell(&self.kind, at, &Event::Changed { instance });
                }
                Some(_) => {}
            }
        }
    }

    fn tell_leadership(&mut self, look: &Look, address: &str, clock: &ServerClock, tell: Tell<'_>) {
        let (holder, term) = match &look.record {
            Some(record) if !record.is_placeholder() => (record.holder.clone(), record.term),
            // Wiped: a leader that lives asserts itself. Nobody was elected, and nobody has released.
            _ if self.reign.is_none() => return,
            _ => return self.begin_anew(look, address, tell),
        };
        if self.has_told(&holder, term) {
            self.hear_beat_of(look);
            return;
        }
        // The same term again, or a lower one: it was asserted after a loss, or data were put back.
        let is_again = holder.is_some() && term <= self.latest;
        let hints: Vec<_> =
            self.hints.iter().filter(|hint| hint.0 <= look.asked).cloned().collect();
        for (moment, hint) in hints.into_iter().filter(|_| !is_again) {
            self.heed(moment, &hint, (&holder, term), look, clock, tell);
        }
        if self.has_told(&holder, term) {
            return;
        }
        match holder {
            Some(holder) if !is_again => self.elect(look.answered, holder, term, look, clock, tell),
            None if self.reign.is_some() => self.vacate(look.answered, None, look, clock, tell),
            _ => self.begin_anew(look, address, tell),
        }
    }

    fn has_told(&self, holder: &Option<Holder>, term: Term) -> bool {
        match (&self.reign, holder) {
            (Some(reign), Some(holder)) => reign.holder == *holder && reign.term == term,
            (None, None) => term == self.latest,
            _ => false,
        }
    }

    /// Tells what was announced, if the look bears it out.
    fn heed(
        &mut self,
        moment: Instant,
        hint: &Announcement,
        shown: (&Option<Holder>, Term),
        look: &Look,
        clock: &ServerClock,
        tell: Tell<'_>,
    ) {
        let known = self.reign.as_ref().map(|reign| reign.term);
        match hint {
            Announcement::Vacancy { term, heir, .. } if known == Some(*term) => {
                self.vacate(moment, heir.clone(), look, clock, tell);
            }
            Announcement::Heartbeat { holder, term, .. } => {
                let is_shown = *term == shown.1 && shown.0.as_ref().is_none_or(|one| one == holder);
                let is_between = *term < shown.1;
                let is_new = *term > self.latest;
                if is_new && (is_shown || is_between) {
                    self.elect(moment, holder.clone(), *term, look, clock, tell);
                }
            }
            Announcement::Vacancy { .. } => {}
        }
    }

    fn elect(
        &mut self,
        moment: Instant,
        holder: Holder,
        term: Term,
        look: &Look,
        clock: &ServerClock,
        tell: Tell<'_>,
    ) {
        let before = self.reign.take();
        let since =
            |instant: Instant| moment.saturating_duration_since(instant).as_secs_f64() * 1e3;
        let takeover = match (self.vacated.take(), &before) {
            (Some((released, from)), _) => Some(Takeover {
                after: After::Handover,
                ms: since(released),
                from: from.map(|id| id.as_str().to_owned()),
            }),
            (None, Some(Reign { holder, last_beat: Some(last), .. })) => Some(Takeover {
                after: After::Silence,
                ms: since(*last),
                from: Some(holder.instance().as_str().to_owned()),
            }),
            _ => None,
        };
        let id = holder.instance();
        let meta = look.instances.get(&id).map(|record| &*record.meta);
        let record = look.record.as_ref().filter(|record| record.term == term);
        let elected = Event::Elected {
            id: id.as_str().to_owned(),
            meta,
            term: term.0,
            lease_ms: record.map(lease_ms),
            crash_detection: record.map(crash_detection),
            takeover,
        };
        tell(&self.kind, clock.at(moment), &elected);
        self.beats += 1;
        self.latest = term;
        let (heard, last_beat) = (moment, Some(moment));
        self.reign = Some(Reign { holder, term, beat: 0, heard, last_beat, is_silent: false });
    }

    fn vacate(
        &mut self,
        moment: Instant,
        heir: Option<InstanceId>,
        look: &Look,
        clock: &ServerClock,
        tell: Tell<'_>,
    ) {
        let reign = self.reign.take();
        let from = reign.as_ref().map(|reign| reign.holder.instance());
        let shown = look.record.as_ref();
        let vacant = Event::Vacant {
            id: from.as_ref().map(|id| id.as_str().to_owned()),
            term: reign.map(|reign| reign.term).or(shown.map(|one| one.term)).map_or(0, |t| t.0),
            heir: heir
                .or_else(|| shown.and_then(|record| record.heir.clone()))
                .map(|id| id.as_str().to_owned()),
        };
        tell(&self.kind, clock.at(moment), &vacant);
        self.vacated = Some((moment, from));
    }

    /// Where the election's channel is not heard, the register's beat tells that the leader lives.
    fn hear_beat_of(&mut self, look: &Look) {
        let beat = look.record.as_ref().map_or(0, |record| record.beat);
        if let Some(reign) = &mut self.reign
            && beat > reign.beat
        {
            reign.beat = beat;
            reign.hear(look.answered);
            self.beats += 1;
        }
    }
}

impl Reign {
    fn hear(&mut self, moment: Instant) {
        self.heard = moment;
        self.last_beat = Some(moment);
        self.is_silent = false;
    }
}
