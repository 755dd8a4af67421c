//! What all candidates of one process that name the same server share: one connection for commands, one for subscriptions; and one for messages
//! of its own, where the first one waits for replicas. In a cluster, what those share whose kinds are in the same slot.
//!
//! ```text
//!   RedisMedium --+                    +-- commands.rs       makes and remakes the connection for commands
//!   RedisMedium --+--> Hub --> Shared--+
//!   RedisMedium --+                    +-- subscriptions.rs  the same for what is listened to
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::batches::Batches;
use super::connection::Link;
use super::errors;
use super::guide::Guide;
use super::place::Place;
use super::redirects::{Aside, Route};
use super::rosters::Desks;
use super::routing::{MemberId, Routing};
use super::target::Target;
use super::{commands, slot, subscriptions};
use crate::lifeline::Lifeline;
use crate::medium::{MailboxSender, MediumError, Notice};

/// Hubs by server, and by slot in a cluster; and by runtime, since a connection lives on the one that it was made on.
type Hubs = HashMap<(Target, Option<u16>, Id), Weak<Hub>>;

/// From so many media on.
pub const CROWD: usize = 16;

static HUBS: OnceLock<Mutex<Hubs>> = OnceLock::new();

/// Ends its connections when the last medium lets go of it.
pub struct Hub {
    pub shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a connection for commands carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The register and the registry; and the messages, where they have no connection of their own.
    Records,
    Messages,
}

/// What the tasks and the media of a hub both see.
pub struct Shared {
    pub target: Target,
    pub address: String,
    pub guide: Arc<Guide>,
    /// Where calls are made in a cluster while the slot is on its way to another node.
    pub aside: Arc<Aside>,
    state: Mutex<State>,
    routing: Mutex<Routing>,
    pub desks: Desks,
    pub batches: Batches,
    /// How many media there are.
    size: AtomicUsize,
    /// How many media want the connection for commands to show, by the prefix under which it does.
    shown: Mutex<HashMap<String, usize>>,
    /// How long the last successful attempt to connect took, in µs.
    greeting_us: AtomicU64,
    /// The wanted channels have changed.
    pub routes_changed: Notify,
    /// The address leads to another server by now, so that both connections are to be made anew.
    pub moved: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    members: HashMap<MemberId, Member>,
    last_member: MemberId,
    link: Option<Arc<Link>>,
    /// Why there is no link.
    outage: Option<MediumError>,
    /// The connection for messages, or why there is none.
    messages: Option<Result<Arc<Link>, MediumError>>,
}

struct Member {
    mailbox: MailboxSender,
    lease: Duration,
    lifeline: Arc<Lifeline>,
}

impl Hub {
    /// The hub of `target` on the present runtime, for the kind of this key.
    pub fn of(target: Target, key: &str) -> Arc<Self> {
        let slot = matches!(target.place, Place::Cluster(_)).then(|| slot::of_key(key));
        let mut hubs = lock(HUBS.get_or_init(Mutex::default));
        hubs.retain(|_, hub| hub.strong_count() > 0);
        let place = (target, slot, Handle::current().id());
        // A runtime may have ended, with its tasks, before the media on it, and a new one may bear its id.
        let standing = hubs.get(&place).and_then(Weak::upgrade).filter(|hub| hub.is_alive());
        standing.unwrap_or_else(|| {
            let hub = Arc::new(Self::new(place.0.clone(), key));
            hubs.insert(place, Arc::downgrade(&hub));
            hub
        })
    }

    fn new(target: Target, key: &str) -> Self {
        let waits = target.wait_replicas > 0;
        let shared = Arc::new(Shared {
            address: target.address(),
            guide: Arc::new(Guide::new(&target, key)),
            aside: Arc::default(),
            target,
            state: Mutex::default(),
            routing: Mutex::default(),
            desks: Desks::default(),
            batches: Batches::default(),
            size: AtomicUsize::new(0),
            shown: Mutex::default(),
            greeting_us: AtomicU64::new(0),
            routes_changed: Notify::new(),
            moved: watch::channel(()).0,
        });
        let guide = shared.guide.clone();
        let mut tasks = vec![
            tokio::spawn(commands::keep_connected(shared.clone(), Load::Records)),
            tokio::spawn(subscriptions::keep_subscribed(shared.clone())),
            tokio::spawn(async move { match guide.listen().await {} }),
        ];
        if waits {
            tasks.push(tokio::spawn(commands::keep_connected(shared.clone(), Load::Messages)));
        }
        Self { shared, tasks }
    }

    fn is_alive(&self) -> bool {
        self.tasks.iter().all(|task| !task.is_finished())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        let mut state = self.shared.state();
        let messages = state.messages.take().and_then(Result::ok);
        state.link.take().into_iter().chain(messages).for_each(|link| link.end());
    }
}

impl Shared {
    pub fn join(
        &self,
        mailbox: &MailboxSender,
        lease: Duration,
        lifeline: Arc<Lifeline>,
    ) -> MemberId {
        let mut state = self.state();
        state.last_member += 1;
        let id = state.last_member;
        if state.link.is_some() {
            mailbox.send(Notice::Connected);
        }
        self.size.fetch_add(1, Ordering::Relaxed);
        state.members.insert(id, Member { mailbox: mailbox.clone(), lease, lifeline });
        self.routing().join(id, mailbox.clone());
        id
    }

    pub fn leave(&self, member: MemberId) {
        self.state().members.remove(&member);
        self.size.fetch_sub(1, Ordering::Relaxed);
        self.routing().leave(member);
        self.routes_changed.notify_one();
    }

    /// Whether so many share the connections that what falls due together had better go out together.
    pub fn is_crowded(&self) -> bool {
        self.size.load(Ordering::Relaxed) >= CROWD
    }

    /// The connection for commands.
    pub fn link(&self) -> Result<Arc<Link>, MediumError> {
        let state = self.state();
        let outage = || state.outage.clone();
        state
            .link
            .clone()
            .ok_or_else(|| outage().unwrap_or_else(|| errors::not_connected_yet(&self.address)))
    }

    /// The connection for messages.
    pub fn messages_link(&self) -> Result<Arc<Link>, MediumError> {
        if self.target.wait_replicas == 0 {
            return self.link();
        }
        let not_yet = || Err(errors::not_connected_yet(&self.address));
        self.state().messages.clone().unwrap_or_else(not_yet)
    }

    pub fn connected(&self, load: Load, link: Arc<Link>) {
        let mut state = self.state();
        if load == Load::Messages {
            state.messages = Some(Ok(link));
            return;
        }
        state.link = Some(link);
        state.outage = None;
        for member in state.members.values() {
            member.mailbox.send(Notice::Connected);
        }
    }

    /// Tells one of the members something that its user should know.
    pub fn advise(&self, text: String) {
        let state = self.state();
        if let Some((_, member)) = state.members.iter().min_by_key(|(id, _)| **id) {
            member.mailbox.send(Notice::Advice(text));
        }
    }

    pub fn disconnected(&self, load: Load, error: &MediumError) {
        let mut state = self.state();
        if load == Load::Messages {
            // Whoever sends hears of it, and nobody else.
            if let Some(Ok(link)) = state.messages.replace(Err(error.clone())) {
                link.end();
            }
            return;
        }
        // Ahead of the news, which each member hears in its own time.
        for member in state.members.values() {
            member.lifeline.lose();
        }
        if let Some(link) = state.link.take() {
            link.end();
        }
        state.outage = Some(error.clone());
        for member in state.members.values() {
            member.mailbox.send(Notice::Disconnected(error.clone()));
        }
    }

    pub fn route_from(&self, link: &Link) -> Route {
        Route {
            asked: link.endpoint.clone(),
            target: self.target.clone(),
            aside: self.aside.clone(),
        }
    }

    /// Counts one more who wants the connection to show under `prefix`.
    pub fn want_shown(&self, prefix: &str) {
        *lock(&self.shown).entry(prefix.to_owned()).or_default() += 1;
    }

    /// Counts one less. True for the last one.
    pub fn unwant_shown(&self, prefix: &str) -> bool {
        let mut shown = lock(&self.shown);
        let Some(wanted) = shown.get_mut(prefix) else { return false };
        *wanted -= 1;
        let is_last = *wanted == 0;
        if is_last {
            shown.remove(prefix);
        }
        is_last
    }

    pub fn is_wanted_shown(&self, prefix: &str) -> bool {
        lock(&self.shown).contains_key(prefix)
    }

    pub fn routing(&self) -> MutexGuard<'_, Routing> {
        lock(&self.routing)
    }

    fn shortest_lease(&self) -> Duration {
        let state = self.state();
        // Without a member the hub is about to end.
        state.members.values().map(|member| member.lease).min().unwrap_or(Duration::from_secs(1))
    }

    /// How long an attempt to connect may take, after so many in a row that took too long. Every second one takes longer than
    /// the last, so that a slow link comes to stand as well; those between are short, so that a link that was dead is
    /// noticed soon when it is mended.
    pub fn attempt_limit(&self, too_slow: u32) -> Duration {
        const LONGEST: Duration = Duration::from_secs(5);
        let short = self.shortest_lease().clamp(Duration::from_millis(500), LONGEST);
        match too_slow % 2 {
            0 => short,
            _ => short.saturating_mul(1 << too_slow.div_ceil(2).min(8)).min(LONGEST),
        }
    }

    /// Notes how long it took to connect: two round trips and more.
    pub fn connected_in(&self, time: Duration) {
        self.greeting_us.store(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// `limit`, or what a link as slow as this one needs for an answer.
    pub fn or_slow(&self, limit: Duration) -> Duration {
        let greeting = Duration::from_micros(self.greeting_us.load(Ordering::Relaxed));
        limit.max(2 * greeting)
    }

    /// How long to wait between two attempts, at most; well below a quarter of the shortest lease.
    pub fn backoff_limit(&self) -> Duration {
        self.shortest_lease() / 8
    }

    /// How long the subscription may be silent before it is probed, and how long a probe may take.
    pub fn probe_interval(&self) -> Duration {
        self.shortest_lease().min(Duration::from_secs(5))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}
