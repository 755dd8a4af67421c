//! The task that watches: one connection, on which it both listens and looks, and what it watches over that connection. In a cluster there is
//! one for each slot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, UnboundedReceiver, channel};
use tokio::time::{Instant, sleep_until};

use super::events::{Event, Tell};
use super::look::look;
use super::routes::{Route, Routes, Word, dispatch};
use super::server_clock::ServerClock;
use super::tap;
use super::watched::Watch;
use super::{Report, WatchId};
use crate::authentication::Authenticator;
use crate::medium::redis::Target;
use crate::medium::redis::visit::{Heard, Refusal, Visit};
use crate::medium::{Channel, MediumError, MediumErrorKind};
use crate::wire;

/// How often traffic is told, silence is looked for, and the server is asked for its time.
const TICK: Duration = Duration::from_secs(1);
/// How often it is tried to listen to what was forbidden.
const RETRY: Duration = Duration::from_secs(30);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// What was heard, and waits. Beyond, it is dropped, and looks tell.
const MAX_HEARD: usize = 4096;

pub enum Order {
    Watch { id: WatchId, kind: String, listens: bool },
    Unwatch(WatchId),
}

pub struct Station {
    target: Target,
    /// A key of what is watched: decides on the node of a cluster.
    key: String,
    orders: UnboundedReceiver<Order>,
    report: Report,
    authenticator: Option<Arc<Authenticator>>,
    watches: BTreeMap<WatchId, Watch>,
    routes: Arc<Mutex<Routes>>,
    /// What the present connection is subscribed to.
    standing: BTreeSet<String>,
    clock: ServerClock,
    ticked: Instant,
}

/// What came of a connection.
enum End {
    Lost(MediumError),
    /// Nobody watches any more.
    Closed,
}

impl Station {
    pub fn new(
        target: Target,
        key: String,
        orders: UnboundedReceiver<Order>,
        report: Report,
        authenticator: Option<Arc<Authenticator>>,
    ) -> Self {
        Self {
            target,
            key,
            orders,
            report,
            authenticator,
            watches: BTreeMap::new(),
            routes: Arc::default(),
            standing: BTreeSet::new(),
            clock: ServerClock::default(),
            ticked: Instant::now(),
        }
    }

    /// Connects, watches, and connects again, until nobody gives orders any more.
    pub async fn run(mut self) {
        let mut backoff = Duration::ZERO;
        loop {
            let opened = Instant::now();
            let error = match self.open().await {
                Ok((mut visit, mut heard)) => match self.serve(&mut visit, &mut heard).await {
                    End::Closed => return,
                    End::Lost(error) => error,
                },
                Err(error) => error,
            };
            let lasted = opened.elapsed() > LONGEST_BACKOFF;
            backoff = if lasted { Duration::ZERO } else { (backoff * 2).min(LONGEST_BACKOFF) };
            self.tell_blindness(&error);
            backoff = backoff.max(Duration::from_millis(50));
            let wake = Instant::now() + backoff;
            loop {
                tokio::select! {
                    () = sleep_until(wake) => break,
                    order = self.orders.recv() => match order {
                        Some(order) => {
                            self.obey(order);
                            self.tell_blindness(&error);
                        }
                        None => return,
                    }
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(Visit, Receiver<Word>), MediumError> {
        let (sender, heard) = channel(MAX_HEARD);
        let routes = self.routes.clone();
        let hear = move |heard: Heard| dispatch(&lock(&routes), &sender, heard);
        let visit = Visit::open_hearing(&self.target, &self.key, hear).await?;
        self.standing.clear();
        let now = Instant::now();
        for watch in self.watches.values_mut() {
            watch.due = now;
            watch.refused.clear();
        }
        Ok((visit, heard))
    }

    async fn serve(&mut self, visit: &mut Visit, heard: &mut Receiver<Word>) -> End {
        self.ticked = Instant::now();
        loop {
            if let Err(refusal) = self.look_at_due(visit).await {
                return End::Lost(MediumError::new(refusal.kind, refusal.message));
            }
            let looks = self.watches.values().map(|watch| watch.due);
            let silences = self.watches.values().filter_map(Watch::silence_due);
            let due = looks.chain(silences).min();
            let tick = self.ticked + TICK;
            tokio::select! {
                biased;
                () = visit.until_gone() => {
                    let message = format!("lost the connection to Redis at {}", visit.address());
                    return End::Lost(MediumError::new(MediumErrorKind::Unreachable, message));
                }
                // Ahead of what is heard, which may not end.
                () = sleep_until(tick) => self.tick(),
                order = self.orders.recv() => match order {
                    Some(order) => {
                        self.obey(order);
                        if let Err(refusal) = self.reconcile(visit).await {
                            return End::Lost(MediumError::new(refusal.kind, refusal.message));
                        }
                    }
                    None => return End::Closed,
                },
                heard = heard.recv() => {
                    // The sender lives in the connection.
                    let Some(word) = heard else { continue };
                    if let Some(lost) = self.heed(word, visit) {
                        return End::Lost(lost);
                    }
                }
                // Behind it: what is heard may end a silence.
                () = sleep_until(due.unwrap_or(tick)) => self.watch_silence(),
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Watch { id, kind, listens } => {
                self.watches.insert(id, Watch::new(kind, &self.target, listens));
            }
            Order::Unwatch(id) => drop(self.watches.remove(&id)),
        }
        self.reroute();
    }

    /// What is wanted now, by the instances that are known. Whether that is other than it was.
    fn reroute(&self) -> bool {
        let mut routes = Routes::new();
        for (id, watch) in &self.watches {
            for channel in watch.channels() {
                let name = watch.names.channel(&channel);
                let (watch, traffic, listens) = (*id, watch.traffic.clone(), watch.listens);
                routes.entry(name).or_default().push(Route { watch, traffic, channel, listens });
            }
        }
        let mut present = lock(&self.routes);
        let is_new =
            routes.len() != present.len() || routes.keys().any(|name| !present.contains_key(name));
        *present = routes;
        is_new
    }

    fn heed(&mut self, word: Word, visit: &Visit) -> Option<MediumError> {
        let Word { watch: id, channel, heard } = word;
        let Some(payload) = heard.payload else {
            // It was not asked to: the slot has gone to another node.
            return self.standing.contains(&heard.channel).then(|| {
                let message = format!("Redis at {} has given the slot away", visit.address());
                MediumError::new(MediumErrorKind::Unreachable, message)
            });
        };
        let watch = self.watches.get_mut(&id)?;
        let needs_look = match &channel {
            Channel::Election => wire::decode_announcement(&payload)
                .is_some_and(|told| watch.chronicle.announced(heard.came, told)),
            Channel::Registry => wire::decode_registry_change(&payload)
                .map(|change| watch.chronicle.changed(heard.came, change))
                .is_some(),
            _ if !(self.report.has_room)() => {
                watch.traffic.note_unheard();
                false
            }
            channel => {
                let (kind, at) = (watch.chronicle.kind(), self.clock.at(heard.came));
                let authenticator = self.authenticator.as_deref();
                tap::read(authenticator, channel, &heard.channel, &payload, |message| {
                    self.report.event(id, kind, at, &Event::Message { message });
                });
                false
            }
        };
        if needs_look {
            watch.want_look();
        }
        None
    }

    async fn look_at_due(&mut self, visit: &mut Visit) -> Result<(), Refusal> {
        loop {
            let now = Instant::now();
            let due = self.watches.iter().find(|(_, watch)| watch.due <= now).map(|(id, _)| *id);
            let Some(id) = due else { return Ok(()) };
            // Ahead of the first look, so that nothing falls in between.
            self.reconcile(visit).await?;
            let Some(watch) = self.watches.get_mut(&id) else { continue };
            let look = look(visit, &watch.names).await?;
            self.clock.sample(look.asked, look.answered, look.server_us);
            watch.looked = Some(look.answered);
            watch.due = look.answered + watch.longest_pause();
            watch.tell_limits(self.clock.at(look.answered), &self.report, id);
            let mut told = Vec::new();
            watch.chronicle.looked(look, visit.address(), &self.clock, &mut |kind, at, event| {
                told.push((at, Report::event_item(id, kind, at, event)));
            });
            told.sort_by_key(|(at, _)| *at);
            told.into_iter().for_each(|(_, item)| self.report.put_text(item));
            if self.reroute() {
                self.reconcile(visit).await?;
            }
        }
    }

    /// Subscribes to what is wanted and does not stand, and the reverse.
    async fn reconcile(&mut self, visit: &mut Visit) -> Result<(), Refusal> {
        let wanted: BTreeSet<String> = lock(&self.routes).keys().cloned().collect();
        let now = Instant::now();
        let is_refused = |name: &String| {
            let tried = self.watches.values().filter_map(|watch| watch.refused.get(name)).max();
            tried.is_some_and(|tried| now < *tried + RETRY)
        };
        let fresh: Vec<String> =
            wanted.difference(&self.standing).filter(|name| !is_refused(name)).cloned().collect();
        let stale: Vec<String> = self.standing.difference(&wanted).cloned().collect();
        for name in &stale {
            self.standing.remove(name);
        }
        for part in stale.chunks(500) {
            visit.unsubscribe_all(part).await;
        }
        for part in fresh.chunks(500) {
            let answers = visit.subscribe_all(part).await;
            for (name, answer) in part.iter().zip(answers) {
                match answer {
                    Ok(_) => {
                        self.standing.insert(name.clone());
                        for watch in self.watches.values_mut() {
                            watch.refused.remove(name);
                        }
                    }
                    Err(refusal) if refusal.ends_visit => return Err(refusal),
                    Err(refusal) => self.note_refusal(name, &refusal.message, now),
                }
            }
        }
        Ok(())
    }

    fn note_refusal(&mut self, name: &str, message: &str, now: Instant) {
        let whose = lock(&self.routes).get(name).cloned().unwrap_or_default();
        for route in whose {
            if let Some(watch) = self.watches.get_mut(&route.watch) {
                watch.refused.insert(name.to_owned(), now);
                watch.limits.get_or_insert_with(|| message.to_owned());
            }
        }
    }

    fn watch_silence(&mut self) {
        let now = Instant::now();
        // A process that was stopped has not heard what has come meanwhile: it is read first.
        if now.saturating_duration_since(self.ticked) > 2 * TICK {
            return;
        }
        for (id, watch) in self.watches.iter_mut().filter(|(_, watch)| !watch.is_deaf()) {
            let report = &self.report;
            watch.chronicle.watch_silence(now, &self.clock, &mut |kind, at, event| {
                report.event(*id, kind, at, event);
            });
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.ticked);
        self.ticked = now;
        for (id, watch) in &mut self.watches {
            let report = &self.report;
            let tell: Tell<'_> = &mut |kind, at, event| report.event(*id, kind, at, event);
            let (beats, last_beat) = watch.chronicle.take_beats();
            let last_beat_at = last_beat.map(|moment| self.clock.at(moment));
            if let Some(traffic) = watch.traffic.take(beats, last_beat_at, passed) {
                tell(watch.chronicle.kind(), self.clock.at(now), &traffic);
            }
        }
    }

    fn tell_blindness(&mut self, error: &MediumError) {
        let now = self.clock.at(Instant::now());
        for (id, watch) in &mut self.watches {
            let report = &self.report;
            let code = report.code(error);
            watch.chronicle.blinded(error, code, now, &mut |kind, at, event| {
                report.event(*id, kind, at, event);
            });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}
