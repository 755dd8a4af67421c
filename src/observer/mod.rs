//! A look at kinds from outside: it writes nothing, and takes no part. What is to be published for others goes out from here as well.
//!
//! ```text
//!   Observer ──► scan      which kinds there are
//!            ──► look      what a kind's keys hold now
//!            ──► legacy    who is still there of node-raft-redis, while a kind is moved
//!            ──► station   what happens: listens and looks, and tells by
//!                            chronicle   elections, vacancies, silences, who comes and goes   (no I/O)
//!                            traffic     messages and beats, each second
//!                            tap         the messages themselves, where they are wanted
//!            ──► letter    publishes a message, or a request to the leader
//! ```

mod chronicle;
mod events;
mod legacy;
mod letter;
pub mod look;
mod routes;
mod scan;
mod server_clock;
mod station;
mod tap;
mod traffic;
mod watched;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use self::events::Event;
pub use self::letter::Letter;
use self::station::{Order, Station};
use crate::authentication::Authenticator;
use crate::medium::redis::keys::Names;
use crate::medium::redis::visit::{Refusal, Visit};
use crate::medium::redis::{Place, Target, slot};
use crate::medium::{MediumError, MediumErrorKind};

/// Names one watch of an observer.
pub type WatchId = u32;

/// What is asked once.
pub enum Question {
    Kinds,
    Status(String),
    /// Who is there of the library that a kind is moved away from.
    Legacy(String),
    /// Deletes all keys of a kind.
    Forget(String),
    /// Publishes it. The answer is how many listened.
    Publish(Letter),
}

/// Ends its connections when it is dropped.
pub struct Observer {
    target: Target,
    runtime: Handle,
    report: Report,
    authenticator: Option<Arc<Authenticator>>,
    groups: Mutex<Groups>,
    /// For questions, where one server has all kinds.
    desk: Arc<tokio::sync::Mutex<Option<Visit>>>,
    tasks: Mutex<JoinSet<()>>,
}

/// What is watched, by the slot in a cluster, and over which connection.
#[derive(Default)]
struct Groups {
    stations: HashMap<Option<u16>, (UnboundedSender<Order>, usize)>,
    slots: HashMap<WatchId, Option<u16>>,
}

/// Where items go: JSON, each an object by itself.
#[derive(Clone)]
pub struct Report {
    put: Arc<dyn Fn(String) + Send + Sync>,
    /// Whether more is taken in that may as well be left out.
    has_room: Arc<dyn Fn() -> bool + Send + Sync>,
    /// The code of an error as users know it.
    code: fn(MediumErrorKind) -> &'static str,
}

#[derive(Serialize)]
#[serde(tag = "item", rename_all = "lowercase")]
enum Item<'a> {
    Event {
        watch: WatchId,
        kind: &'a str,
        at: u64,
        #[serde(flatten)]
        event: &'a Event<'a>,
    },
    Answer {
        question: u32,
        value: &'a serde_json::value::RawValue,
    },
    Failure {
        question: u32,
        code: &'a str,
        message: &'a str,
    },
}

impl Report {
    pub fn new(
        put: impl Fn(String) + Send + Sync + 'static,
        has_room: impl Fn() -> bool + Send + Sync + 'static,
        code: fn(MediumErrorKind) -> &'static str,
    ) -> Self {
        Self { put: Arc::new(put), has_room: Arc::new(has_room), code }
    }

    fn event(&self, watch: WatchId, kind: &str, at: u64, event: &Event<'_>) {
        self.put_text(Self::event_item(watch, kind, at, event));
    }

    fn event_item(watch: WatchId, kind: &str, at: u64, event: &Event<'_>) -> String {
        text_of(&Item::Event { watch, kind, at, event })
    }

    fn code(&self, error: &MediumError) -> &'static str {
        (self.code)(error.kind)
    }

    fn put(&self, item: &Item<'_>) {
        self.put_text(text_of(item));
    }

    fn put_text(&self, item: String) {
        (self.put)(item);
    }
}

fn text_of(item: &Item<'_>) -> String {
    serde_json::to_string(item).expect("items have only keys that are text")
}

impl Observer {
    pub fn new(
        target: Target,
        authenticator: Option<Arc<Authenticator>>,
        runtime: Handle,
        report: Report,
    ) -> Self {
        let (groups, desk, tasks) = (Mutex::default(), Arc::default(), Mutex::default());
        Self { target, runtime, report, authenticator, groups, desk, tasks }
    }

    pub fn address(&self) -> String {
        self.target.address()
    }

    /// The report is told the answer, under the question's number.
    pub fn ask(&self, number: u32, question: Question) {
        let (target, report, desk) = (self.target.clone(), self.report.clone(), self.desk.clone());
        let authenticator = self.authenticator.clone();
        self.spawn(async move {
            let answer = match question {
                Question::Kinds => scan::kinds(&target).await.map(|kinds| raw(&kinds)),
                Question::Status(kind) => status(&target, &desk, &kind).await,
                Question::Legacy(kind) => {
                    legacy::legacy(&target, &kind).await.map(|found| raw(&found))
                }
                Question::Forget(kind) => forget(&target, &kind).await.map(|()| raw(&())),
                Question::Publish(letter) => {
                    letter.publish(&target, authenticator.as_deref()).await.map(|count| raw(&count))
                }
            };
            match answer {
                Ok(value) => report.put(&Item::Answer { question: number, value: &value }),
                Err(error) => {
                    let (code, message) = (report.code(&error), &error.message);
                    report.put(&Item::Failure { question: number, code, message });
                }
            }
        });
    }

    /// The report is told what happens to a kind, beginning with what is there; and the messages, where it `listens`.
    pub fn watch(&self, id: WatchId, kind: String, listens: bool) {
        let key = Names::new(&self.target.key_prefix, &kind, self.target.db).register;
        let slot = matches!(self.target.place, Place::Cluster(_)).then(|| slot::of_key(&key));
        let mut groups = lock(&self.groups);
        groups.slots.insert(id, slot);
        let (orders, count) = groups.stations.entry(slot).or_insert_with(|| {
            let (orders, received) = unbounded_channel();
            let (target, report) = (self.target.clone(), self.report.clone());
            let station = Station::new(target, key, received, report, self.authenticator.clone());
            self.spawn(station.run());
            (orders, 0)
        });
        *count += 1;
        // An error would mean that the runtime ends.
        let _ = orders.send(Order::Watch { id, kind, listens });
    }

    pub fn unwatch(&self, id: WatchId) {
        let mut groups = lock(&self.groups);
        let Some(slot) = groups.slots.remove(&id) else { return };
        let Some((orders, count)) = groups.stations.get_mut(&slot) else { return };
        *count -= 1;
        let _ = orders.send(Order::Unwatch(id));
        if *count == 0 {
            groups.stations.remove(&slot);
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.runtime);
    }
}

async fn status(
    target: &Target,
    desk: &tokio::sync::Mutex<Option<Visit>>,
    kind: &str,
) -> Result<Box<serde_json::value::RawValue>, MediumError> {
    let names = Names::new(&target.key_prefix, kind, target.db);
    let is_cluster = matches!(target.place, Place::Cluster(_));
    let mut desk = desk.lock().await;
    // A connection that stood idle may be dead: then a new one is tried.
    let standing = if is_cluster { None } else { desk.take() };
    if let Some(mut visit) = standing {
        match look::look(&mut visit, &names).await {
            Ok(look) => {
                let json = raw(&look.status(kind, visit.address(), |_| None));
                *desk = Some(visit);
                return Ok(json);
            }
            Err(refusal) if refusal.ends_visit => {}
            Err(refusal) => {
                *desk = Some(visit);
                return Err(told(refusal));
            }
        }
    }
    let mut visit = Visit::open(target, &names.register).await?;
    let look = look::look(&mut visit, &names).await.map_err(told)?;
    let json = raw(&look.status(kind, visit.address(), |_| None));
    if !is_cluster {
        *desk = Some(visit);
    }
    Ok(json)
}

async fn forget(target: &Target, kind: &str) -> Result<(), MediumError> {
    let names = Names::new(&target.key_prefix, kind, target.db);
    let Names { register, instances, seen, revision, .. } = &names;
    let mut visit = Visit::open(target, register).await?;
    let words = ["DEL", register, instances, seen, revision];
    visit.ask(&words).await.map(drop).map_err(told)
}

fn raw(value: &impl Serialize) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(value).expect("it has only keys that are text")
}

fn told(refusal: Refusal) -> MediumError {
    MediumError::new(refusal.kind, refusal.message)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}
