//! The driver over the memory medium, and over one whose calls a test can hold back or fail.

mod leadership;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::*;
use crate::election::{Candidacy, Command, Holder, Loss, Timing};
use crate::medium::fencing::Work;
use crate::medium::memory::MemoryMedium;
use crate::medium::{MediumErrorKind, Notice, mailbox};
use crate::messaging::Addressee;
use crate::random;
use crate::wire::{Format, InstanceRecord, VERSION};

// ---- The kit --------------------------------------------------------------------------------------------------------

/// Collects outputs; `probe` is answered unless `is_blocked`.
#[derive(Default)]
struct Ear {
    outputs: Mutex<Vec<Output>>,
    changed: Notify,
    is_blocked: AtomicBool,
    is_probed: AtomicBool,
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
    async fn until<T>(&self, what: &str, pick: impl Fn(&Output) -> Option<T>) -> T {
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

    fn position(&self, pick: impl Fn(&Output) -> bool) -> Option<usize> {
        self.outputs.lock().unwrap().iter().position(pick)
    }

    fn count(&self, pick: impl Fn(&Output) -> bool) -> usize {
        self.outputs.lock().unwrap().iter().filter(|output| pick(output)).count()
    }
}

/// The memory medium, with calls that can be made to fail or to wait.
struct Meddled {
    medium: MemoryMedium,
    meddling: Arc<Meddling>,
}

#[derive(Default)]
struct Meddling {
    /// Whether every call fails, as without a connection.
    is_cut: AtomicBool,
    /// Channels whose subscription does not come through until released.
    withheld: Mutex<HashSet<Channel>>,
    released: Notify,
    /// What is subscribed.
    standing: Mutex<HashSet<Channel>>,
    /// So many rosters fail, each once it was asked for.
    rosters_to_fail: AtomicUsize,
    peeks: AtomicUsize,
}

impl Meddling {
    fn release_subscriptions(&self) {
        self.withheld.lock().unwrap().clear();
        self.released.notify_waiters();
    }
}

impl Meddled {
    fn check(&self) -> Result<(), MediumError> {
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
    async fn publish(&self, batch: Vec<(Channel, Vec<u8>)>) -> Result<(), MediumError> {
        self.check()?;
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

struct Node {
    ear: Arc<Ear>,
    meddling: Arc<Meddling>,
    tenure: Arc<Tenure>,
    requests: RequestSender,
    queue: Arc<SendQueue>,
    instance: InstanceId,
    outbox: crate::medium::MailboxSender,
    metrics: Arc<Metrics>,
}

const LEASE: Duration = Duration::from_millis(200);

fn start(kind: &str) -> Node {
    start_with(kind, Arc::new(Meddling::default()), None)
}

fn start_with(kind: &str, meddling: Arc<Meddling>, max_stall: Option<Duration>) -> Node {
    start_as(kind, Setup { meddling, max_stall, ..Setup::default() })
}

struct Setup {
    meddling: Arc<Meddling>,
    max_stall: Option<Duration>,
    candidacy: Candidacy,
    preempt: bool,
    drain_limit: Duration,
    /// Whether there is work to wait for when a leadership is given up.
    holds_work: bool,
    authenticator: Option<Arc<Authenticator>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            meddling: Arc::default(),
            max_stall: None,
            candidacy: Candidacy::default(),
            preempt: false,
            drain_limit: Duration::from_secs(20),
            holds_work: false,
            authenticator: None,
        }
    }
}

fn start_as(kind: &str, setup: Setup) -> Node {
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
        lifeline: Arc::default(),
        metrics: metrics.clone(),
        authenticator: setup.authenticator.clone(),
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
    async fn started(self) -> Self {
        self.ear.until("Started", |o| matches!(o, Output::Started).then_some(())).await;
        self
    }

    async fn stop(&self) {
        self.tenure.resign();
        self.requests.send(Request::Stop).unwrap();
        self.ear.until("Stopped", |o| matches!(o, Output::Stopped).then_some(())).await;
    }

    fn leads(&self) -> bool {
        self.tenure.is_valid(clock::now)
    }

    fn ask(&self, question: u64, what: Question) {
        self.requests.send(Request::Ask { question, what }).unwrap();
    }

    async fn answer(&self, wanted: u64) -> Result<(), Failure> {
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

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..4000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 20 s: {what}");
}

fn is_elected(output: &Output) -> bool {
    matches!(output, Output::Elected { .. })
}

// ---- Situations -----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_first_of_a_kind_leads_and_the_next_follows() {
    let first = start("driver-first").started().await;
    let second = start("driver-first").started().await;
    assert!(first.leads() && !second.leads());
    assert_eq!(
        second.ear.count(|o| matches!(o, Output::RoleChanged(_) | Output::Defeated { .. })),
        0
    );
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn elected_is_not_told_before_the_leaders_channel_is_subscribed() {
    let meddling = Arc::new(Meddling::default());
    meddling.withheld.lock().unwrap().insert(Channel::Leader);
    let node = start_with("driver-held", meddling, None);
    eventually("it leads", || node.leads()).await;
    assert_eq!(node.ear.position(is_elected), None);
    node.meddling.release_subscriptions();
    node.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    node.stop().await;
}

#[tokio::test]
async fn a_leader_whose_channel_cannot_be_subscribed_is_told_all_the_same() {
    let meddling = Arc::new(Meddling::default());
    meddling.withheld.lock().unwrap().insert(Channel::Leader);
    let node = start_with("driver-unheld", meddling, None);
    node.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    node.stop().await;
}

#[tokio::test]
async fn a_leader_leaves_the_channel_of_announcements_and_hears_again_when_it_leads_no_more() {
    let first = start("driver-hearing").started().await;
    let hears = || first.meddling.standing.lock().unwrap().contains(&Channel::Election);
    first.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    assert!(first.leads() && !hears());
    let second = start("driver-hearing").started().await;
    first.ask(1, Question::Reelect);
    second.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    eventually("it hears again", hears).await;
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_leader_that_leads_no_more_looks_until_it_hears() {
    let first = start("driver-looking").started().await;
    let second = start("driver-looking").started().await;
    first.meddling.withheld.lock().unwrap().insert(Channel::Election);
    first.ask(1, Question::Reelect);
    second.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    let peeks = || first.meddling.peeks.load(Ordering::SeqCst);
    let before = peeks();
    // More than what a lost announcement or a new connection would make it look.
    eventually("it looks, again and again", || peeks() >= before + 20).await;
    first.meddling.release_subscriptions();
    second.stop().await;
    eventually("it leads again", || first.leads()).await;
    first.stop().await;
}

#[tokio::test]
async fn a_leader_that_stops_hands_over_and_its_successor_is_told() {
    let first = start("driver-handover").started().await;
    let second = start("driver-handover").started().await;
    first.stop().await;
    second.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    let reason = first.ear.until("Defeated", |o| match o {
        Output::Defeated { leader: None, reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, Loss::Stopped);
    second.ear.until("Left", |o| matches!(o, Output::Left(_)).then_some(())).await;
    second.stop().await;
}

#[tokio::test]
async fn a_leader_that_is_cut_off_expires_and_comes_back_as_a_follower() {
    let first = start("driver-cut").started().await;
    let second = start("driver-cut").started().await;
    first.meddling.is_cut.store(true, Ordering::SeqCst);
    let reason = first.ear.until("Defeated", |o| match o {
        Output::Defeated { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, Loss::Expired);
    eventually("the other leads", || second.leads()).await;
    first.meddling.is_cut.store(false, Ordering::SeqCst);
    let other = second.instance.clone();
    first
        .ear
        .until("LeaderChanged", move |o| match o {
            Output::LeaderChanged { leader: Some(id), .. } if *id == other => Some(()),
            _ => None,
        })
        .await;
    assert!(second.leads());
    assert_eq!(first.ear.count(|o| matches!(o, Output::Defeated { .. })), 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_wiped_medium_changes_no_leader_and_the_registry_fills_again() {
    let first = start("driver-wipe").started().await;
    let second = start("driver-wipe").started().await;
    let (outbox, _inbox) = mailbox();
    let observer = MemoryMedium::open("driver-wipe", &InstanceId::new("observer"), outbox);
    observer.wipe();
    let is_full = || async { observer.roster().await.unwrap().instances.len() == 2 };
    let mut rounds = 0;
    while !is_full().await {
        rounds += 1;
        assert!(rounds < 4000, "the registry did not fill again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(first.leads());
    assert_eq!(first.ear.count(is_elected), 1);
    assert_eq!(second.ear.count(|o| matches!(o, Output::Left(_))), 0);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_roster_that_could_not_be_read_is_asked_for_again() {
    let first = start("driver-roster").started().await;
    let meddling = Arc::new(Meddling::default());
    meddling.rosters_to_fail.store(3, Ordering::SeqCst);
    let second = start_with("driver-roster", meddling.clone(), None);
    let is_first = |output: &Output| match output {
        Output::Joined(view) if view.record.id == first.instance => Some(()),
        _ => None,
    };
    second.ear.until("Joined", is_first).await;
    assert_eq!(meddling.rosters_to_fail.load(Ordering::SeqCst), 0);
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn whoever_has_started_was_told_of_all_who_were_there() {
    let first = start("driver-acquainted").started().await;
    let meddling = Arc::new(Meddling::default());
    meddling.rosters_to_fail.store(3, Ordering::SeqCst);
    let second = start_with("driver-acquainted", meddling, None).started().await;
    let is_first = |output: &Output| matches!(output, Output::Joined(view) if view.record.id == first.instance);
    assert_eq!(second.ear.count(is_first), 1);
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_process_that_does_not_answer_gives_up_and_does_not_contend_until_it_does() {
    let limit = Some(Duration::from_millis(400));
    let first = start_with("driver-stall", Arc::default(), limit).started().await;
    first.ear.is_blocked.store(true, Ordering::SeqCst);
    let reason = first.ear.until("Defeated", |o| match o {
        Output::Defeated { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, Loss::Stalled);
    assert!(!first.leads());
    let second = start("driver-stall").started().await;
    assert!(second.leads());
    second.stop().await;
    assert_eq!(first.ear.count(is_elected), 1, "it must not lead while it does not answer");
    first.ear.is_blocked.store(false, Ordering::SeqCst);
    eventually("it leads again", || first.leads()).await;
    first.stop().await;
}

#[tokio::test]
async fn reelect_is_answered_on_a_leader_a_follower_and_a_leader_that_is_cut_off() {
    let first = start("driver-reelect").started().await;
    let second = start("driver-reelect").started().await;
    second.ask(1, Question::Reelect);
    assert_eq!(second.answer(1).await, Ok(()));
    assert!(first.leads());
    first.ask(1, Question::Reelect);
    assert_eq!(first.answer(1).await, Ok(()));
    eventually("the other leads", || second.leads()).await;
    second.meddling.is_cut.store(true, Ordering::SeqCst);
    second.ask(2, Question::Reelect);
    assert_eq!(second.answer(2).await, Ok(()));
    assert!(!second.leads());
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn messages_are_told_in_order_and_a_hole_as_a_gap() {
    let sender = start("driver-messages").started().await;
    let receiver = start("driver-messages").started().await;
    let send = |body: &str| {
        let draft =
            Draft { to: Addressee::All, format: Format::Json, body: body.as_bytes().to_vec() };
        sender.queue.append(draft).unwrap();
        sender.queue.flush();
    };
    (1..=3).for_each(|n| send(&n.to_string()));
    sender.ear.until("Sent", |o| matches!(o, Output::Sent { up_to: 3 }).then_some(())).await;
    // The same sender under a token of its own: the first message begins its count, the second leaves a hole.
    for seq in [3, 9] {
        let payload = wire_message(&sender.instance, seq);
        receiver.outbox.send(Notice::Message { channel: Channel::All, payload });
    }
    receiver.ear.until("Gap", |o| matches!(o, Output::Gap { missed: 5, .. }).then_some(())).await;
    let bodies: Vec<String> = receiver
        .ear
        .outputs
        .lock()
        .unwrap()
        .iter()
        .filter_map(|o| match o {
            Output::Message(m) => Some(String::from_utf8(m.body().to_vec()).unwrap()),
            _ => None,
        })
        // Those that went out together share an envelope.
        .flat_map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>())
        .take(3)
        .collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    sender.stop().await;
    receiver.stop().await;
}

fn wire_message(sender: &InstanceId, seq: u64) -> Vec<u8> {
    let from = format!("{sender}:0000000000000001").into();
    let format = Format::Json;
    let envelope =
        crate::wire::Envelope { v: VERSION, from, term: 1, leads: false, seq, format, at: None };
    envelope.encode(b"0")
}

#[tokio::test]
async fn what_was_queued_before_a_stop_still_goes_out_and_nothing_after() {
    let sender = start("driver-last-words").started().await;
    let receiver = start("driver-last-words").started().await;
    let draft = || Draft { to: Addressee::All, format: Format::Json, body: b"\"bye\"".to_vec() };
    sender.queue.append(draft()).unwrap();
    sender.stop().await;
    assert_eq!(sender.queue.append(draft()), Err(Refusal::Closed));
    receiver.ear.until("Message", |o| matches!(o, Output::Message(_)).then_some(())).await;
    receiver.stop().await;
}

#[tokio::test]
async fn a_stop_before_anything_could_be_subscribed_ends() {
    let meddling = Arc::new(Meddling::default());
    meddling.withheld.lock().unwrap().insert(Channel::All);
    let node = start_with("driver-early-stop", meddling, None);
    node.stop().await;
    assert_eq!(node.ear.count(|o| matches!(o, Output::Started)), 0);
}

#[tokio::test]
async fn garbage_in_a_message_channel_is_ignored() {
    let node = start("driver-garbage").started().await;
    for payload in [&b""[..], b"\n", b"{}\n{}", b"not json\nnot json", &[0xff; 64]] {
        node.outbox.send(Notice::Message { channel: Channel::All, payload: payload.to_vec() });
    }
    node.ask(1, Question::Instances);
    assert_eq!(node.answer(1).await, Ok(()));
    assert_eq!(node.ear.count(|o| matches!(o, Output::Message(_))), 0);
    node.stop().await;
}

#[tokio::test]
async fn what_is_not_genuine_is_dropped_counted_and_told_once_and_what_is_comes_through() {
    let kind = "genuine";
    let with = |secret: &'static [u8]| Setup {
        authenticator: Authenticator::new([secret]).map(Arc::new),
        ..Setup::default()
    };
    let receiver = start_as(kind, with(b"canary-4e1d of the members")).started().await;
    let member = start_as(kind, with(b"canary-4e1d of the members")).started().await;
    let stranger = start_as(kind, with(b"canary-4e1d of another")).started().await;
    let plain = start(kind).started().await;
    let say = |node: &Node, body: &str| {
        let body = body.as_bytes().to_vec();
        let draft = Draft { to: Addressee::All, format: Format::Json, body };
        node.queue.append(draft).unwrap();
        node.queue.flush();
    };
    let dropped = || receiver.metrics.messages.unauthenticated.get();
    for (before, node) in [&stranger, &plain, &stranger].into_iter().enumerate() {
        say(node, "false");
        eventually("it is dropped", || dropped() > before as u64).await;
    }
    say(&member, "true");
    let bodies = |o: &Output| match o {
        Output::Message(m) => Some(String::from_utf8(m.body().to_vec()).unwrap()),
        _ => None,
    };
    assert_eq!(receiver.ear.until("Message", bodies).await, "true");
    let is_told = |o: &Output| matches!(o, Output::Warning(Failure::Unauthenticated(_)));
    assert_eq!((receiver.ear.count(is_told), dropped()), (1, 3));
}
