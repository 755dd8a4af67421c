//! An ear for what a driver tells, a medium that a test can meddle with, and nodes of the two.

use std::collections::{BTreeMap, HashSet};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::*;
use crate::election::{Command, Holder, Timing};
use crate::medium::legacy::LegacyAnswer;
use crate::random;
use crate::wire::InstanceRecord;

/// Collects outputs; `probe` is answered unless `is_blocked`.
#[derive(Default)]
pub(super) struct Ear {
    pub(super) outputs: Mutex<Vec<Output>>,
    pub(super) changed: Notify,
    pub(super) is_blocked: AtomicBool,
    pub(super) is_probed: AtomicBool,
}

impl Sink for Arc<Ear> {
    fn append(&self, output: Output) {
        self.outputs.lock().unwrap().push(output);
        self.changed.notify_waiters();
    }

    fn probe(&self) {
        self.is_probed.store(true, Ordering::SeqCst);
    }

    fn is_probe_pending(&self) -> bool {
        self.is_probed.load(Ordering::SeqCst) && self.is_blocked.load(Ordering::SeqCst)
    }
}

impl Ear {
    /// Waits for an output, in order of arrival, and gives what `pick` made of it.
    pub(super) async fn until<T>(&self, what: &str, pick: impl Fn(&Output) -> Option<T>) -> T {
        let wait = async {
            loop {
                let mut changed = pin!(self.changed.notified());
                changed.as_mut().enable();
                if let Some(found) = self.outputs.lock().unwrap().iter().find_map(&pick) {
                    return found;
                }
                changed.await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), wait).await;
        found.unwrap_or_else(|_| panic!("no {what} in {:?}", self.outputs.lock().unwrap()))
    }

    pub(super) fn position(&self, pick: impl Fn(&Output) -> bool) -> Option<usize> {
        self.outputs.lock().unwrap().iter().position(pick)
    }

    pub(super) fn count(&self, pick: impl Fn(&Output) -> bool) -> usize {
        self.outputs.lock().unwrap().iter().filter(|output| pick(output)).count()
    }
}

/// The memory medium, with calls that can be made to fail or to wait.
pub(super) struct Meddled {
    pub(super) medium: MemoryMedium,
    pub(super) meddling: Arc<Meddling>,
}

#[derive(Default)]
pub(super) struct Meddling {
    /// Whether every call fails, as without a connection.
    pub(super) is_cut: AtomicBool,
    /// Whether nothing can be said to the instances of another library.
    pub(super) is_mute: AtomicBool,
    /// Channels whose subscription does not come through until released.
    pub(super) withheld: Mutex<HashSet<Channel>>,
    pub(super) released: Notify,
    /// What is subscribed.
    pub(super) standing: Mutex<HashSet<Channel>>,
    /// So many rosters fail, each once it was asked for.
    pub(super) rosters_to_fail: AtomicUsize,
    pub(super) peeks: AtomicUsize,
    /// The records of another library's instances, which the server takes a while to look for.
    pub(super) old_records: Mutex<BTreeMap<InstanceId, Vec<u8>>>,
    /// Whether it refuses them, each call in words of its own.
    pub(super) refuses_old_records: AtomicBool,
    pub(super) old_calls: AtomicUsize,
}

impl Meddling {
    async fn answer_of_old(&self, call: LegacyCall) -> Result<LegacyAnswer, MediumError> {
        self.old_calls.fetch_add(1, Ordering::SeqCst);
        if self.refuses_old_records.load(Ordering::SeqCst) {
            let kind = std::mem::discriminant(&call);
            return Err(MediumError::new(MediumErrorKind::Refused, format!("no right: {kind:?}")));
        }
        let records = || self.old_records.lock().unwrap().clone();
        Ok(match call {
            LegacyCall::Enter(_) | LegacyCall::Leave => LegacyAnswer::Done,
            LegacyCall::Scan(_) => {
                tokio::time::sleep(Duration::from_millis(150)).await;
                LegacyAnswer::Found { next: 0, ids: records().into_keys().collect() }
            }
            LegacyCall::Read(ids) => {
                let records = records();
                LegacyAnswer::Records(ids.iter().map(|id| records.get(id).cloned()).collect())
            }
        })
    }

    pub(super) fn release_subscriptions(&self) {
        self.withheld.lock().unwrap().clear();
        self.released.notify_waiters();
    }
}

impl Meddled {
    pub(super) fn check(&self) -> Result<(), MediumError> {
        match self.meddling.is_cut.load(Ordering::SeqCst) {
            true => Err(MediumError::new(MediumErrorKind::Unreachable, "cut off")),
            false => Ok(()),
        }
    }
}

impl Medium for Meddled {
    async fn execute(&self, command: Command) -> Result<Reply, MediumError> {
        self.check()?;
        if matches!(command, Command::Peek { .. }) {
            self.meddling.peeks.fetch_add(1, Ordering::SeqCst);
        }
        self.medium.execute(command).await
    }
    async fn enroll(&self, record: &InstanceRecord) -> Result<Enrolment, MediumError> {
        self.check()?;
        self.medium.enroll(record).await
    }
    async fn refresh(&self) -> Result<Enrolment, MediumError> {
        self.check()?;
        self.medium.refresh().await
    }
    async fn withdraw(&self) -> Result<(), MediumError> {
        self.check()?;
        self.medium.withdraw().await
    }
    async fn roster(&self) -> Result<Arc<Roster>, MediumError> {
        self.check()?;
        let left = &self.meddling.rosters_to_fail;
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            tokio::task::yield_now().await;
            return Err(MediumError::new(MediumErrorKind::TimedOut, "no answer"));
        }
        self.medium.roster().await
    }
    async fn run_fenced(
        &self,
        holder: &Holder,
        term: Term,
        work: Work,
    ) -> Result<Fenced<Replies>, MediumError> {
        self.check()?;
        self.medium.run_fenced(holder, term, work).await
    }
    async fn set_checkpoint(
        &self,
        holder: &Holder,
        checkpoint: Checkpoint,
    ) -> Result<Fenced<()>, MediumError> {
        self.check()?;
        self.medium.set_checkpoint(holder, checkpoint).await
    }
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, MediumError> {
        self.check()?;
        self.medium.checkpoint().await
    }
    async fn legacy(&self, call: LegacyCall) -> Result<LegacyAnswer, MediumError> {
        self.check()?;
        self.meddling.answer_of_old(call).await
    }
    async fn publish(&self, batch: Vec<(Channel, Vec<u8>)>) -> Result<(), MediumError> {
        self.check()?;
        let is_legacy = |(channel, _): &(Channel, Vec<u8>)| matches!(channel, Channel::Legacy(_));
        if self.meddling.is_mute.load(Ordering::SeqCst) && batch.iter().any(is_legacy) {
            return Err(MediumError::new(MediumErrorKind::Refused, "no right to that channel"));
        }
        self.medium.publish(batch).await
    }
    async fn subscribe(&self, channels: Vec<Channel>) -> Result<(), MediumError> {
        self.check()?;
        loop {
            let mut released = pin!(self.meddling.released.notified());
            released.as_mut().enable();
            let is_withheld = {
                let withheld = self.meddling.withheld.lock().unwrap();
                channels.iter().any(|channel| withheld.contains(channel))
            };
            if !is_withheld {
                self.meddling.standing.lock().unwrap().extend(channels.iter().cloned());
                return self.medium.subscribe(channels).await;
            }
            released.await;
        }
    }
    fn channel_name(&self, channel: &Channel) -> String {
        self.medium.channel_name(channel)
    }
    fn unsubscribe(&self, channel: Channel) {
        self.meddling.standing.lock().unwrap().remove(&channel);
        self.medium.unsubscribe(channel);
    }
}

pub(super) struct Node {
    pub(super) ear: Arc<Ear>,
    pub(super) meddling: Arc<Meddling>,
    pub(super) tenure: Arc<Tenure>,
    pub(super) requests: RequestSender,
    pub(super) queue: Arc<SendQueue>,
    pub(super) instance: InstanceId,
    pub(super) outbox: crate::medium::MailboxSender,
    pub(super) metrics: Arc<Metrics>,
}

pub(super) const LEASE: Duration = Duration::from_millis(200);

pub(super) fn start(kind: &str) -> Node {
    start_with(kind, Arc::new(Meddling::default()), None)
}

pub(super) fn start_with(kind: &str, meddling: Arc<Meddling>, max_stall: Option<Duration>) -> Node {
    start_as(kind, Setup { meddling, max_stall, ..Setup::default() })
}

pub(super) struct Setup {
    pub(super) meddling: Arc<Meddling>,
    pub(super) max_stall: Option<Duration>,
    pub(super) candidacy: Candidacy,
    pub(super) preempt: bool,
    pub(super) accepts_requests: bool,
    pub(super) drain_limit: Duration,
    /// Whether there is work to wait for when a leadership is given up.
    pub(super) holds_work: bool,
    pub(super) authenticator: Option<Arc<Authenticator>>,
    pub(super) migrates: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            meddling: Arc::default(),
            max_stall: None,
            candidacy: Candidacy::default(),
            preempt: false,
            accepts_requests: false,
            drain_limit: Duration::from_secs(20),
            holds_work: false,
            authenticator: None,
            migrates: false,
        }
    }
}

pub(super) fn start_as(kind: &str, setup: Setup) -> Node {
    let (meddling, max_stall) = (setup.meddling.clone(), setup.max_stall);
    let (metrics, holds_work) =
        (Arc::<Metrics>::default(), Arc::new(AtomicBool::new(setup.holds_work)));
    let instance = InstanceId::new(random::instance_id());
    let tenure = Arc::new(Tenure::default());
    let timing = Timing::new(LEASE, None).unwrap();
    let election = Election::new(instance.clone(), timing, tenure.clone(), Box::new(random::bits))
        .with_candidacy(setup.candidacy)
        .into();
    let (outbox, inbox) = mailbox();
    let medium = MemoryMedium::open(kind, &instance, outbox.clone());
    let (requests, request_queue) = requests();
    let queue = Arc::new(SendQueue::default());
    let ear = Arc::new(Ear::default());
    let meta = RawValue::from_string("null".into()).unwrap();
    let settings = Settings {
        instance: instance.clone(),
        meta: meta.into(),
        max_stall,
        drain_limit: setup.drain_limit,
        holds_work: holds_work.clone(),
        preempt: setup.preempt,
        accepts_requests: setup.accepts_requests,
        lifeline: Arc::default(),
        metrics: metrics.clone(),
        authenticator: setup.authenticator.clone(),
        migrates: setup.migrates,
        debug: false,
    };
    let driver = Box::new(Driver::new(
        settings,
        election,
        tenure.clone(),
        Meddled { medium, meddling: meddling.clone() },
        inbox,
        request_queue,
        queue.clone(),
        Arc::new(ear.clone()),
    ));
    let told = ear.clone();
    tokio::spawn(async move {
        driver.run().await;
        told.put(Output::Stopped);
    });
    Node { ear, meddling, tenure, requests, queue, instance, outbox, metrics }
}

impl Node {
    pub(super) async fn started(self) -> Self {
        self.ear.until("Started", |o| matches!(o, Output::Started).then_some(())).await;
        self
    }

    pub(super) async fn stop(&self) {
        self.tenure.resign();
        self.requests.send(Request::Stop).unwrap();
        self.ear.until("Stopped", |o| matches!(o, Output::Stopped).then_some(())).await;
    }

    pub(super) fn leads(&self) -> bool {
        self.tenure.is_valid(clock::now)
    }

    pub(super) fn ask(&self, question: u64, what: Question) {
        self.requests.send(Request::Ask { question, what }).unwrap();
    }

    pub(super) async fn answer(&self, wanted: u64) -> Result<(), Failure> {
        self.ear
            .until("answer", |o| match o {
                Output::Answer { question, answer } if *question == wanted => {
                    Some(answer.as_ref().map(|_| ()).map_err(Clone::clone))
                }
                _ => None,
            })
            .await
    }
}

pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..4000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 20 s: {what}");
}

pub(super) fn is_elected(output: &Output) -> bool {
    matches!(output, Output::Elected { .. })
}
