//! The tokio loop around one run of a candidate: notices and answers in, commands and outputs out.
//!
//! One task owns the election's state. The loop sends what is due, tells what happened, and waits for whatever comes first.

mod fencing;
mod handover;
mod inbound;
mod migration;
mod output;
mod publisher;
mod questions;
mod requests;
mod stall;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::value::RawValue;
use tokio::time::{Sleep, sleep};

use crate::authentication::Authenticator;
use crate::clock;
use crate::election::{
    Checkpoint, Command, Election, Event, InstanceId, Instant, Reply, RequestId, Role, Tenure, Term,
};
use crate::lifeline::Lifeline;
use crate::medium::fencing::{Fenced, Replies};
use crate::medium::legacy::LegacyCall;
use crate::medium::{Channel, Enrolment, Mailbox, Medium, MediumError, Roster};
use crate::membership::Membership;
use crate::messaging::{LegacyChannel, Reception};
use crate::metrics::Metrics;

use handover::Handover;
use migration::{Mover, Settled};
pub use output::{Answer, Failure, InstanceView, Message, Output, Sink};
pub use publisher::{Draft, Refusal, SendQueue};
use questions::Inquiry;
pub use questions::{Question, Request};
pub use requests::{RequestQueue, RequestSender, requests};
use stall::{StallGuard, Step};

/// How often an instance says to the registry that it lives.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// How often at most the whole roster is fetched for changes that were missed.
const ROSTER_INTERVAL: Duration = Duration::from_millis(200);
/// A roster takes the server the longer, the more instances it lists.
const ROSTER_TIME_PER_INSTANCE: Duration = Duration::from_millis(1);

pub struct Settings {
    pub instance: InstanceId,
    pub meta: Arc<RawValue>,
    /// How long the process may leave a probe unanswered before its leadership is released. `None`: for ever.
    pub max_stall: Option<Duration>,
    /// How long the work of a leader that gives up is waited for.
    pub drain_limit: Duration,
    /// Whether there is work to wait for.
    pub holds_work: Arc<AtomicBool>,
    /// Whether the leadership is handed over to a higher priority that comes.
    pub preempt: bool,
    /// Whether a leader heeds what somebody else asks; see [`crate::messaging::Petition`].
    pub accepts_requests: bool,
    /// What the leadership may depend on. The driver tells it when the election was told of a loss.
    pub lifeline: Arc<Lifeline>,
    pub metrics: Arc<Metrics>,
    /// With it, messages are authenticated, and those that are not are dropped.
    pub authenticator: Option<Arc<Authenticator>>,
    /// Whether the fleet is moved away from node-raft-redis, whose instances are led and talked to meanwhile.
    pub migrates: bool,
    /// Whether `Output::Debug` is wanted.
    pub debug: bool,
}

/// One run of a candidate, from `start()` to the end of `stop()`.
pub struct Driver<M: Medium, S: Sink> {
    settings: Settings,
    election: Box<Election>,
    tenure: Arc<Tenure>,
    membership: Membership,
    reception: Reception,
    stall: StallGuard,
    medium: Arc<M>,
    mailbox: Mailbox,
    requests: RequestQueue,
    queue: Arc<SendQueue>,
    sink: Arc<S>,
    calls: FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send>>>,

    stage: Stage,
    /// Whether the channels that every instance listens to are subscribed.
    is_subscribed: bool,
    is_enrolled: bool,
    /// Whether `Started` was told.
    has_started: bool,
    role: Role,
    /// Election events that are not told yet, in order.
    events: VecDeque<Event>,
    /// Until then events wait for the subscription of the new leader's channel, so that `Elected` is never told before.
    hold_until: Option<Instant>,
    refresh_at: Option<Instant>,
    roster_at: Option<Instant>,
    /// A roster is under way for changes that were missed. In a crowd that starts, each takes its time, and more of them would only pile up.
    is_fetching: bool,
    resubscribe_at: Option<Instant>,
    handover: Handover,
    mover: Option<Box<Mover>>,
    /// Of the last reign, until its loss was told.
    last_term: Option<Term>,
    /// The command of the election that is under way: when it was sent, and whether it is a renewal.
    under_way: Option<(RequestId, Instant, bool)>,
    /// The list of instances that the election was told of.
    told_generation: Option<u64>,
    /// Whether there are instances of a higher priority.
    has_rivals: bool,
    /// When the run began, by the wall clock.
    since: u64,
    has_connected: bool,
    /// Whether it was told in this run that messages without a good MAC come in.
    told_of_forgery: bool,
    /// Of the mailbox, as far as they were counted: what it dropped, and what could not be read.
    counted_losses: (u64, u64),
    /// Whether a round trip that was too long was told since the last one that was not.
    told_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Until the subscription stands for the first time; no part is taken in the election before.
    Opening,
    Running,
    /// The election winds down.
    Stopping,
    /// The record leaves the registry, and the last messages go out.
    Closing {
        is_withdrawn: bool,
        is_published: bool,
    },
    Stopped,
}

/// A call of the medium that has settled.
enum Done {
    Executed(RequestId, Result<Reply, MediumError>),
    Enrolled(Option<u64>, Result<Enrolment, MediumError>),
    Refreshed(Result<Enrolment, MediumError>),
    Fetched(Inquiry, Result<Arc<Roster>, MediumError>),
    Ran { question: u64, as_bytes: bool, result: Result<Fenced<Replies>, MediumError> },
    Left(u64, Result<Fenced<()>, MediumError>),
    Recalled(u64, Result<Option<Checkpoint>, MediumError>),
    Subscribed(Result<(), MediumError>),
    Heard(Result<(), MediumError>),
    JoinedRole,
    Legacy(Settled),
    Withdrawn,
    Published,
}

impl<M: Medium, S: Sink> Driver<M, S> {
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        settings: Settings,
        mut election: Box<Election>,
        tenure: Arc<Tenure>,
        medium: M,
        mailbox: Mailbox,
        requests: RequestQueue,
        queue: Arc<SendQueue>,
        sink: Arc<S>,
    ) -> Self {
        let mover = settings.migrates.then(|| {
            election.withhold_grants();
            Box::new(Mover::new(&settings.instance, election.timing().lease()))
        });
        Self {
            mover,
            membership: Membership::new(settings.instance.clone()),
            reception: Reception::new(settings.instance.clone()),
            stall: StallGuard::new(settings.max_stall, clock::now()),
            settings,
            election,
            tenure,
            medium: Arc::new(medium),
            mailbox,
            requests,
            queue,
            sink,
            calls: FuturesUnordered::new(),
            stage: Stage::Opening,
            is_subscribed: false,
            is_enrolled: false,
            has_started: false,
            role: Role::Follower,
            events: VecDeque::new(),
            hold_until: None,
            refresh_at: None,
            roster_at: None,
            is_fetching: false,
            resubscribe_at: None,
            handover: Handover::default(),
            last_term: None,
            under_way: None,
            told_generation: None,
            has_rivals: false,
            since: clock::wall_ms(),
            has_connected: false,
            told_of_forgery: false,
            counted_losses: (0, 0),
            told_late: false,
        }
    }

    /// Runs until a stop is done, and gives the election back for the next run: its floor of terms outlives this one.
    /// [`Output::Stopped`] is left to the caller, who must first be able to start again.
    pub async fn run(mut self: Box<Self>) -> Box<Election> {
        self.election.handle_start(clock::now());
        self.settings.metrics.begin_run(clock::now());
        self.membership.handle_own(self.record());
        let letters = publisher::Letters::new(
            self.election.holder().clone(),
            self.tenure.clone(),
            self.settings.authenticator.clone(),
            self.settings.migrates,
        );
        self.call(
            publisher::publish_all(
                self.medium.clone(),
                self.queue.clone(),
                letters,
                self.sink.clone(),
                self.settings.metrics.clone(),
            ),
            |()| Done::Published,
        );

        let mut alarm = pin!(sleep(Duration::ZERO));
        loop {
            self.send_due();
            self.move_on();
            self.tell_events();
            self.advance();
            if self.stage == Stage::Stopped {
                self.count_losses();
                self.settings.metrics.end_run(clock::now());
                return self.election;
            }
            let takes_messages = self.sink.has_room();
            let slack = self.medium.slack();
            let wake_up = self.next_timeout().map(|moment| moment.in_step(slack));
            set(alarm.as_mut(), wake_up);
            tokio::select! {
                Some(done) = self.calls.next() => self.handle_done(done),
                notice = self.mailbox.next(takes_messages) => self.handle_notice(notice),
                request = self.requests.next() => self.handle_request(request),
                () = self.sink.room() => {}
                () = &mut alarm, if wake_up.is_some() => self.handle_timeout(),
            }
        }
    }

    /// Hands over what is due. The clock is read before each command, and a grant is dated from that.
    fn send_due(&mut self) {
        self.tell_fleet();
        while self.stage != Stage::Opening
            && let now = clock::now()
            && let Some(request) = self.election.poll_command(now)
        {
            let is_renewal = matches!(request.command, Command::Renew { .. });
            self.under_way = Some((request.id, now, is_renewal));
            self.debug(|| format!("{} {:?}", request.command.name(), request.command));
            let medium = self.medium.clone();
            let id = request.id;
            self.call(async move { medium.execute(request.command).await }, move |result| {
                Done::Executed(id, result)
            });
        }
        let now = clock::now();
        if self.refresh_at.is_some_and(|at| now >= at) && self.is_listed() {
            self.refresh_at = None;
            self.enroll_or_refresh();
        }
        if self.wants_roster() && self.roster_at.is_none_or(|at| now >= at) {
            self.is_fetching = true;
            let by_size = ROSTER_TIME_PER_INSTANCE * self.membership.size() as u32;
            self.roster_at = Some(now + ROSTER_INTERVAL.max(by_size));
            self.fetch_roster(Inquiry::Changes);
        }
        self.look_for_higher_priority(now);
        if self.resubscribe_at.is_some_and(|at| now >= at) && self.is_taking_part() {
            self.subscribe();
        }
    }

    /// Cheap where nothing has changed, which is nearly always.
    fn tell_fleet(&mut self) {
        let generation = self.membership.generation();
        if self.told_generation.replace(generation) != Some(generation) {
            let size = self.membership.size();
            let rivals = self.membership.above(self.election.candidacy().priority);
            self.has_rivals = !rivals.is_empty();
            self.settings.metrics.set_instances(size);
            self.election.handle_fleet_size(clock::now(), size);
            self.election.handle_rivals(rivals);
        }
    }

    /// Stage by stage, and `Started` once all that it promises is true.
    fn advance(&mut self) {
        if self.sink.is_closed() {
            self.handle_stop();
            self.abandon_draining();
        }
        match self.stage {
            Stage::Opening if self.is_subscribed => self.stage = Stage::Running,
            Stage::Closing { is_withdrawn: true, is_published: true } => {
                self.stage = Stage::Stopped
            }
            _ => {}
        }
        let is_settled = !self.has_started
            && self.stage == Stage::Running
            && self.is_enrolled
            // So that of everybody who was there before it is told when he leaves.
            && self.membership.has_known_all()
            && self.events.is_empty()
            && (self.election.leader().is_some()
                || (self.waits_for_others() && self.has_looked_for_an_old_leader()));
        if is_settled {
            self.has_started = true;
            self.sink.put(Output::Started);
        }
    }

    /// Nobody leads, and this instance does nothing about it. It has started all the same.
    fn waits_for_others(&self) -> bool {
        !self.membership.needs_roster() && !self.election.seeks() && self.election.has_looked()
    }

    fn handle_timeout(&mut self) {
        let now = clock::now();
        match self.stall.handle_timeout(now, self.sink.is_probe_pending()) {
            Some(Step::Probe) => self.sink.probe(),
            Some(Step::Stalled) => self.election.handle_stalled(now),
            Some(Step::Resumed(length)) => {
                self.election.handle_resumed(now);
                self.settings.metrics.note_stall(length);
                self.sink.put(Output::Stall(length));
            }
            None => {}
        }
        self.handle_drain_timeout(now);
        self.membership.handle_timeout(now);
        if self.hold_until.is_some_and(|until| now >= until) {
            self.hold_until = None;
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        let election =
            (self.stage != Stage::Opening).then(|| self.election.poll_timeout()).flatten();
        let roster = self.roster_at.filter(|_| self.wants_roster());
        [
            election,
            self.stall.poll_timeout(),
            self.membership.poll_timeout(),
            self.hold_until,
            self.handover_timeout(),
            self.refresh_at.filter(|_| self.is_listed()),
            self.resubscribe_at.filter(|_| self.is_taking_part()),
            roster,
            self.migration_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn wants_roster(&self) -> bool {
        self.membership.needs_roster()
            && self.is_subscribed
            && self.stage == Stage::Running
            && !self.is_fetching
    }

    /// Whether others are to know of it: also while its work settles.
    fn is_listed(&self) -> bool {
        self.is_taking_part() || self.stage == Stage::Stopping
    }

    fn is_taking_part(&self) -> bool {
        matches!(self.stage, Stage::Opening | Stage::Running)
    }

    // ---- Election events --------------------------------------------------------------------------------------------

    fn tell_events(&mut self) {
        while let Some(event) = self.election.poll_event() {
            self.follow(&event);
            self.events.push_back(event);
        }
        while self.hold_until.is_none() {
            let Some(event) = self.events.pop_front() else { break };
            self.tell(event);
        }
        while let Some(event) = self.membership.poll_event() {
            self.tell_membership(event);
        }
    }

    /// What must not wait until the event is told.
    fn follow(&mut self, event: &Event) {
        match event {
            Event::Elected { term, .. } => {
                self.settings.metrics.takeovers.add(1);
                self.last_term = Some(*term);
                self.begin_preemption();
                self.hold_until = Some(clock::now() + self.election.timing().command_timeout());
                self.reception.forget_channel(&Channel::Leader);
                self.join_role(Channel::Leader, Channel::Followers);
                // Whoever leads heeds no announcement: it is told of another by the answers to its renewals.
                self.medium.unsubscribe(Channel::Election);
            }
            Event::RoleChanged(role) => {
                if let Some(mover) = &mut self.mover {
                    mover.migration.handle_own_change(clock::now());
                }
                if self.role == Role::Leader && self.is_taking_part() {
                    self.reception.forget_channel(&Channel::Followers);
                    self.join_role(Channel::Followers, Channel::Leader);
                    self.hear_again();
                }
                self.role = *role;
            }
            Event::LeaderChanged { leader, .. } => {
                self.settings.metrics.note_leader(clock::now(), leader.clone());
            }
            Event::Draining { term, reason } => self.begin_draining(*term, *reason),
            Event::Released => self.end_draining(),
            Event::Stopped => self.close(),
            _ => {}
        }
    }

    fn join_role(&mut self, joined: Channel, left: Channel) {
        let (joined, left) = (self.on_all_wires(joined), self.on_all_wires(left));
        left.into_iter().for_each(|channel| self.medium.unsubscribe(channel));
        let medium = self.medium.clone();
        self.call(async move { medium.subscribe(joined).await }, |_| Done::JoinedRole);
    }

    /// The channel of a role, and the one that it has on the wire of another library.
    fn on_all_wires(&self, channel: Channel) -> Vec<Channel> {
        let legacy = match channel {
            Channel::Leader => LegacyChannel::Leader,
            _ => LegacyChannel::Followers,
        };
        let legacy = self.mover.as_ref().map(|_| Channel::Legacy(legacy));
        std::iter::once(channel).chain(legacy).collect()
    }

    /// Until the channel stands, the election looks in place of hearing; and once it does, it looks again, for what was announced meanwhile.
    fn hear_again(&mut self) {
        self.election.handle_unsubscribed(clock::now());
        let medium = self.medium.clone();
        self.call(async move { medium.subscribe(vec![Channel::Election]).await }, Done::Heard);
    }

    fn tell(&mut self, event: Event) {
        let output = match event {
            Event::RoleChanged(role) => Output::RoleChanged(role),
            Event::Elected { term, checkpoint } => Output::Elected { term, checkpoint },
            Event::Defeated { leader, reason } => {
                Output::Defeated { leader, reason, term: self.last_term.take() }
            }
            Event::LeaderChanged { leader, term } => {
                self.sink.put(Output::LeaderChanged { leader: leader.clone(), term });
                if let Some(leader) = leader {
                    self.answer_transfers(&leader, term);
                }
                return;
            }
            Event::Draining { term, reason } => Output::Draining { term, reason },
            Event::Overrun { term } => return self.tell_overrun(term),
            Event::Released => {
                self.answer_reelections();
                Output::Released
            }
            Event::UnequalLease { theirs } => Output::Warning(Failure::UnequalLease(format!(
                "the leader's leaseMs is {}, this instance's is {}; takeovers wait for the longest, so set the same everywhere",
                theirs.as_millis(),
                self.election.timing().lease().as_millis()
            ))),
            Event::RegisterLost => Output::Warning(Failure::Advice(
                "the leader's record in Redis was missing or older than it must be, and was written anew: the data was deleted, \
                 evicted (see maxmemory-policy) or restored from a snapshot; give Incumbent a server that keeps its data"
                    .into(),
            )),
            Event::Stopped => return self.end_waiting(),
        };
        self.sink.put(output);
    }

    /// The election is over: the record leaves the registry, and what waits to be sent goes out.
    fn close(&mut self) {
        let medium = self.medium.clone();
        self.stage = Stage::Closing { is_withdrawn: false, is_published: false };
        self.hold_until = None;
        self.queue.close();
        let is_listed_twice = self.mover.is_some();
        let withdraw = async move {
            if is_listed_twice {
                // Where it fails, the record goes by its expiry.
                let _ = medium.legacy(LegacyCall::Leave).await;
            }
            medium.withdraw().await
        };
        self.call(withdraw, |_| Done::Withdrawn);
    }

    // ---- Calls ------------------------------------------------------------------------------------------------------

    fn call<T: 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
        done: impl FnOnce(T) -> Done + Send + 'static,
    ) {
        self.calls.push(Box::pin(async move { done(call.await) }));
    }

    fn enroll_or_refresh(&mut self) {
        if !self.is_enrolled {
            return self.enroll(None);
        }
        let medium = self.medium.clone();
        self.call(async move { medium.refresh().await }, Done::Refreshed);
    }

    fn fetch_roster(&self, inquiry: Inquiry) {
        let medium = self.medium.clone();
        self.call(async move { medium.roster().await }, |result| Done::Fetched(inquiry, result));
    }

    /// Subscribes what every instance listens to, and the channel of its role.
    fn subscribe(&mut self) {
        self.resubscribe_at = None;
        let own = Channel::Instance(self.settings.instance.clone());
        let mut channels = vec![Channel::Registry, Channel::All, own];
        channels.extend(match self.role {
            Role::Leader => self.on_all_wires(Channel::Leader),
            _ => self.on_all_wires(Channel::Followers),
        });
        if self.settings.accepts_requests {
            channels.push(Channel::Requests);
        }
        if self.role != Role::Leader {
            channels.push(Channel::Election);
        }
        channels.extend(self.legacy_channels());
        let medium = self.medium.clone();
        self.call(async move { medium.subscribe(channels).await }, Done::Subscribed);
    }

    fn debug(&self, text: impl FnOnce() -> String) {
        if self.settings.debug {
            self.sink.put(Output::Debug(text()));
        }
    }
}

/// Sets the alarm to `moment`, unless it stands there already. It counts by a clock of its own, which may stand still while the machine sleeps.
fn set(alarm: Pin<&mut Sleep>, moment: Option<Instant>) {
    const EXACT: Duration = Duration::from_micros(100);
    let Some(moment) = moment else { return };
    let deadline = tokio::time::Instant::now() + moment.since(clock::now());
    let present = alarm.deadline();
    let is_off = deadline.saturating_duration_since(present) > EXACT
        || present.saturating_duration_since(deadline) > EXACT;
    if is_off || alarm.is_elapsed() {
        alarm.reset(deadline);
    }
}
