//! A candidate over its runs: what stays the same from one `start()` to the next.

mod options;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::runtime::Handle;

use crate::authentication::Authenticator;
use crate::clock;
use crate::driver::{
    Driver, Failure, Output, RequestQueue, RequestSender, SendQueue, Settings, Sink, requests,
};
use crate::election::{Candidacy, Election, InstanceId, Role, Tenure, Term, Timing};
use crate::lifeline::Lifeline;
use crate::medium::memory::MemoryMedium;
use crate::medium::redis::{RedisMedium, Target};
use crate::medium::{Mailbox, MailboxSender, Medium, mailbox};
use crate::metrics::Metrics;
use crate::random;

pub use self::options::Options;

/// Where a candidate's kind lives.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this process.
    Memory,
    Redis(Box<Target>),
}

pub struct Config {
    pub place: Place,
    pub kind: String,
    pub timing: Timing,
    /// See [`Settings::max_stall`].
    pub max_stall: Option<Duration>,
    pub candidacy: Candidacy,
    /// See [`Settings::drain_limit`].
    pub drain_limit: Duration,
    /// See [`Settings::preempt`].
    pub preempt: bool,
    /// See [`Settings::accepts_requests`].
    pub accepts_requests: bool,
    /// See [`Settings::authenticator`].
    pub authenticator: Option<Arc<Authenticator>>,
    /// See [`Settings::migrates`].
    pub migrates: bool,
    pub debug: bool,
}

impl Config {
    /// With all that can be left to its default.
    pub fn new(place: Place, kind: String, timing: Timing) -> Self {
        let (candidacy, drain_limit) = (Candidacy::default(), Self::DEFAULT_DRAIN_LIMIT);
        let (max_stall, preempt, accepts_requests) = (None, false, true);
        let (migrates, debug) = (false, false);
        let authenticator = None;
        Self {
            place,
            kind,
            timing,
            max_stall,
            candidacy,
            drain_limit,
            preempt,
            accepts_requests,
            authenticator,
            migrates,
            debug,
        }
    }

    pub const DEFAULT_DRAIN_LIMIT: Duration = Duration::from_secs(5);
}

pub struct Candidate {
    config: Config,
    instance: InstanceId,
    tenure: Arc<Tenure>,
    lifeline: Arc<Lifeline>,
    metrics: Arc<Metrics>,
    holds_work: Arc<AtomicBool>,
    /// Between two runs the election rests here; its floor of terms outlives them.
    resting: Arc<Mutex<Option<Box<Election>>>>,
}

/// What a running candidate is told and asked through. Dropping it ends the run.
pub struct Run {
    pub requests: RequestSender,
    pub queue: Arc<SendQueue>,
}

/// The candidate runs already, or its last run has not ended yet.
#[derive(Debug)]
pub struct AlreadyRunning;

impl Candidate {
    pub fn new(config: Config) -> Self {
        let instance = InstanceId::new(random::instance_id());
        let lifeline = Arc::<Lifeline>::default();
        let tenure = Arc::new(if config.timing.watches_connections() {
            let lifeline = lifeline.clone();
            Tenure::bound_to(move || lifeline.holds())
        } else {
            Tenure::default()
        });
        let election = new_election(&instance, config.timing, config.candidacy, &tenure);
        let resting = Arc::new(Mutex::new(Some(election)));
        let (metrics, holds_work) = (Arc::default(), Arc::default());
        Self { config, instance, tenure, lifeline, metrics, holds_work, resting }
    }

    pub fn id(&self) -> &str {
        self.instance.as_str()
    }

    /// Whether this instance leads at this very moment, by its own clock.
    pub fn is_leader(&self) -> bool {
        self.tenure.is_valid(clock::now)
    }

    pub fn role(&self) -> Role {
        self.tenure.role(clock::now)
    }

    /// The term of the leader last known; 0 when none was.
    pub fn term(&self) -> Term {
        self.tenure.term()
    }

    /// For how long the present leadership is still valid, by the clock, if nothing renews it; zero when this instance does not lead.
    pub fn valid_for(&self) -> Duration {
        let deadline = self.tenure.deadline().filter(|_| self.is_leader());
        deadline.map_or(Duration::ZERO, |deadline| deadline.since(clock::now()))
    }

    /// Whether there is work that a leadership has to wait for when it is given up.
    pub fn hold_work(&self, is_held: bool) {
        self.holds_work.store(is_held, Ordering::SeqCst);
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// For how long no leader was known while this instance ran.
    pub fn leaderless(&self) -> Duration {
        self.metrics.leaderless(clock::now())
    }

    /// How many instances of the library that is moved away from live; `None` where there is no such move.
    pub fn legacy_instances(&self) -> Option<u64> {
        self.config.migrates.then(|| self.metrics.legacy_instances())
    }

    /// See [`Metrics::silence`].
    pub fn silence(&self) -> Option<Duration> {
        self.metrics.silence(clock::now())
    }

    /// Gives a leadership up at once, ahead of what the run is told.
    pub fn resign(&self) {
        self.tenure.resign();
    }

    /// Ends every leadership of this run at once, also one that is granted before the run is told to stop.
    pub fn close(&self) {
        self.tenure.close();
    }

    /// Begins a run on `runtime`. Everything is told to `sink`, [`Output::Stopped`] last.
    ///
    /// # Errors
    /// [`AlreadyRunning`], until `Stopped` was told.
    pub fn start<S: Sink>(
        &self,
        runtime: &Handle,
        meta: Arc<RawValue>,
        sink: S,
    ) -> Result<Run, AlreadyRunning> {
        let election = lock(&self.resting).take().ok_or(AlreadyRunning)?;
        self.tenure.open();
        self.lifeline.reset();
        let (requests, request_queue) = requests();
        let queue = Arc::new(SendQueue::default());
        let settings = Settings {
            instance: self.instance.clone(),
            meta,
            max_stall: self.config.max_stall,
            drain_limit: self.config.drain_limit,
            holds_work: self.holds_work.clone(),
            preempt: self.config.preempt,
            accepts_requests: self.config.accepts_requests,
            lifeline: self.lifeline.clone(),
            metrics: self.metrics.clone(),
            authenticator: self.config.authenticator.clone(),
            migrates: self.config.migrates,
            debug: self.config.debug,
        };
        let parts = RunParts {
            settings,
            election,
            tenure: self.tenure.clone(),
            timing: self.config.timing,
            candidacy: self.config.candidacy,
            resting: self.resting.clone(),
            requests: request_queue,
            queue: queue.clone(),
            sink: Arc::new(sink),
        };
        let (outbox, mailbox) = mailbox();
        let _entered = runtime.enter();
        match &self.config.place {
            Place::Memory => self.open_memory(outbox, mailbox, parts),
            Place::Redis(target) => {
                let (kind, timing) = (&self.config.kind, self.config.timing);
                let (target, lifeline) = ((**target).clone(), self.lifeline.clone());
                let medium =
                    RedisMedium::open(target, kind, &self.instance, timing, lifeline, outbox);
                parts.spawn(medium, mailbox);
            }
        }
        Ok(Run { requests, queue })
    }

    fn open_memory<S: Sink>(&self, outbox: MailboxSender, mailbox: Mailbox, parts: RunParts<S>) {
        parts.spawn(MemoryMedium::open(&self.config.kind, &self.instance, outbox), mailbox);
    }
}

struct RunParts<S: Sink> {
    settings: Settings,
    election: Box<Election>,
    tenure: Arc<Tenure>,
    timing: Timing,
    candidacy: Candidacy,
    resting: Arc<Mutex<Option<Box<Election>>>>,
    requests: RequestQueue,
    queue: Arc<SendQueue>,
    sink: Arc<S>,
}

impl<S: Sink> RunParts<S> {
    /// Runs the driver in a task, and watches over it from another: a panic in it ends the run, and no more than that.
    fn spawn<M: Medium>(self, medium: M, mailbox: Mailbox) {
        let Self { settings, election, tenure, timing, candidacy, resting, requests, queue, sink } =
            self;
        let (instance, metrics) = (settings.instance.clone(), settings.metrics.clone());
        // In a box: a task that is given the driver itself has room for it twice.
        let driver = Box::new(Driver::new(
            settings,
            election,
            tenure.clone(),
            medium,
            mailbox,
            requests,
            queue.clone(),
            sink.clone(),
        ));
        let run = tokio::spawn(driver.run());
        let is_put = false;
        let mut rest = Rest { instance, timing, candidacy, tenure, metrics, resting, is_put, sink };
        tokio::spawn(async move {
            let election = match run.await {
                Ok(election) => election,
                Err(panic) if panic.is_panic() => {
                    queue.close();
                    rest.sink.put(Output::Error(Failure::Panicked));
                    rest.begin_anew()
                }
                // The runtime ends.
                Err(_) => return,
            };
            rest.put(election);
            rest.sink.put(Output::Stopped);
        });
    }
}

/// Where the election rests when the run is over. A runtime that ends drops the run where it stands, and with it whoever could tell of that; then a new election is
/// put there, so that the candidate can be started again on another runtime.
struct Rest<S: Sink> {
    instance: InstanceId,
    timing: Timing,
    candidacy: Candidacy,
    tenure: Arc<Tenure>,
    metrics: Arc<Metrics>,
    resting: Arc<Mutex<Option<Box<Election>>>>,
    is_put: bool,
    /// Let go of last: whoever notices by that finds a candidate that can be started.
    sink: Arc<S>,
}

impl<S: Sink> Rest<S> {
    fn put(&mut self, election: Box<Election>) {
        self.is_put = true;
        *lock(&self.resting) = Some(election);
    }

    /// After a run that left no election behind.
    fn begin_anew(&self) -> Box<Election> {
        self.tenure.resign();
        self.metrics.end_run(clock::now());
        new_election(&self.instance, self.timing, self.candidacy, &self.tenure)
    }
}

impl<S: Sink> Drop for Rest<S> {
    fn drop(&mut self) {
        if !self.is_put {
            self.put(self.begin_anew());
        }
    }
}

fn new_election(
    instance: &InstanceId,
    timing: Timing,
    candidacy: Candidacy,
    tenure: &Arc<Tenure>,
) -> Box<Election> {
    Election::new(instance.clone(), timing, tenure.clone(), Box::new(random::bits))
        .with_candidacy(candidacy)
        .into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}
