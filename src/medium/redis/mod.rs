//! Redis as medium.
//!
//! The register and the registry live in one hash slot and are changed by Lua scripts alone (`lua/`), each of which proves first
//! that it runs on a master. Announcements and messages are PUBLISHed. Two connections serve a whole process (`hub`), to the server
//! that is the right one at the moment (`guide`); nothing is queued over a reconnect, and nothing is sent twice.
//!
//! Read `keys.rs`, `lua/prologue.lua`, `lua/register.lua`, then this file, `hub.rs`, `connection.rs`, `guide/mod.rs`.

mod attempts;
mod backoff;
mod batches;
mod commands;
mod connection;
mod credentials;
mod dangers;
mod errors;
pub mod fenced;
pub mod greeting;
mod guide;
mod hub;
pub mod info;
pub mod keys;
mod legacy;
mod place;
mod presence;
mod redirects;
pub mod reply;
pub mod rights;
mod rosters;
mod routing;
mod scripts;
pub mod slot;
mod subscriptions;
mod target;
mod tls;
mod transport;
pub mod visit;
mod words;

#[cfg(test)]
pub mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use self::batches::Patience;
use self::connection::Link;
pub use self::credentials::{Credentials, Provider, Refusal};
use self::fenced::KeyFinder;
pub use self::guide::masters;
use self::hub::Hub;
use self::keys::Names;
pub use self::place::{Endpoint, Place, SentinelPlace};
use self::reply::{Answer, Unreadable};
use self::rosters::Desk;
use self::routing::MemberId;
use self::scripts::{Call, Outcome, Script, Wait, evaluate};
pub use self::target::Target;
pub use self::tls::{Pem, Tls};
use super::fencing::{Fenced, Replies, Work};
use super::legacy::{LegacyAnswer, LegacyCall};
use super::{
    Channel, Enrolment, MailboxSender, Medium, MediumError, MediumErrorKind, Members, Notice,
    Roster,
};
use crate::election::{
    Checkpoint, Command, Holder, Identity, InstanceId, Presence, Reply, Stamp, Term, Timing,
};
use crate::lifeline::Lifeline;
use crate::random;
use crate::wire::InstanceRecord;

/// How far apart the moments are, at most, at which the candidates of a crowd wake.
const MAX_SLACK: Duration = Duration::from_millis(5);

pub struct RedisMedium {
    hub: Arc<Hub>,
    member: MemberId,
    names: Names,
    desk: Arc<Desk>,
    key_finder: Arc<KeyFinder>,
    instance: InstanceId,
    timing: Timing,
    lifeline: Arc<Lifeline>,
    mailbox: MailboxSender,
    /// The connection of which it was told that it cannot show.
    advised_of_hiding: AtomicU64,
    /// The connection of which it was told that its server hides its identity.
    advised: AtomicU64,
}

impl RedisMedium {
    /// Opens the way of `instance` to `kind`. Connecting goes on in the background; the mailbox tells.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open(
        target: Target,
        kind: &str,
        instance: &InstanceId,
        timing: Timing,
        lifeline: Arc<Lifeline>,
        mailbox: MailboxSender,
    ) -> Self {
        let names = Names::new(&target.key_prefix, kind, target.db);
        let hub = Hub::of(target, &names.register);
        let member = hub.shared.join(&mailbox, timing.lease(), lifeline.clone());
        let desk = hub.shared.desks.of(&names.register);
        if timing.watches_connections() {
            hub.shared.want_shown(&names.presence_prefix());
        }
        let instance = instance.clone();
        let (advised, advised_of_hiding) = (AtomicU64::new(0), AtomicU64::new(0));
        Self {
            hub,
            member,
            names,
            desk,
            key_finder: Arc::default(),
            instance,
            timing,
            lifeline,
            mailbox,
            advised,
            advised_of_hiding,
        }
    }

    /// How long anything but a command of the election may take, and how long a late answer is waited for.
    fn patience(&self) -> Duration {
        self.hub
            .shared
            .or_slow(self.timing.lease().clamp(Duration::from_secs(1), Duration::from_secs(10)))
    }

    async fn call<T, F>(
        &self,
        link: &Arc<Link>,
        limit: Duration,
        send: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, MediumError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, RedisError>> + Send + 'static,
    {
        let tell_late = late_to(&self.mailbox);
        // What is late there may have waited for replicas, and tells nothing of the round trip.
        let waits = self.hub.shared.target.wait_replicas > 0;
        let tell_late = move |round_trip| {
            if waits {
            } else {
                tell_late(round_trip)
            }
        };
        link.call(send, limit, self.patience().max(limit), tell_late).await
    }

    /// Runs a script, and hands its answer to `read`. Calls of one `limit` may go out together, though one of them has only so much of it `left`.
    async fn run<T>(
        &self,
        link: &Arc<Link>,
        limit: Duration,
        left: Duration,
        call: Call,
        read: impl FnOnce(Answer) -> Result<T, Unreadable>,
    ) -> Result<T, MediumError> {
        Ok(self.run_counted(link, limit, left, call, read).await?.0)
    }

    /// The same. Beside what was read, how many replicas had what was written.
    async fn run_counted<T>(
        &self,
        link: &Arc<Link>,
        limit: Duration,
        left: Duration,
        call: Call,
        read: impl FnOnce(Answer) -> Result<T, Unreadable>,
    ) -> Result<(T, u64), MediumError> {
        let shared = &self.hub.shared;
        let is_shared = shared.is_crowded() && !link.keeps_kinds_apart;
        let batch_script = if is_shared { call.batch_script() } else { None };
        let Outcome { value, replicas } = match batch_script {
            Some(script) => {
                let patience = Patience { limit, late_limit: self.patience().max(limit) };
                let outcome =
                    shared.batches.call(link, script, &call, patience, left, &self.mailbox);
                drop(call);
                // An error would mean that the runtime ends.
                outcome.await.unwrap_or_else(|_| Err(link.lost()))?
            }
            // In a box, as whatever a crowd does not need: many calls are under way there, and each has room for all that it may do.
            None => Box::pin(self.evaluate(link, left, call)).await?,
        };
        let answer = Answer::new(value).and_then(read);
        let read = answer.map_err(|Unreadable| errors::unreadable(&link.address))?;
        Ok((read, replicas))
    }

    /// Calls a script, wherever in a cluster its keys are at the moment.
    async fn evaluate(
        &self,
        link: &Arc<Link>,
        limit: Duration,
        mut call: Call,
    ) -> Result<Outcome, MediumError> {
        if !link.keeps_kinds_apart {
            let send = |connection| async move { evaluate(connection, &call).await };
            return self.call(link, limit, send).await;
        }
        call.is_sharded = link.is_sharded;
        let route = self.hub.shared.route_from(link);
        self.call(link, limit, |connection| route.evaluate(connection, call, limit)).await
    }

    async fn run_registry<T>(
        &self,
        script: &'static Script,
        arguments: &[&str],
        read: impl FnOnce(Reply, Answer) -> Result<T, Unreadable>,
    ) -> Result<T, MediumError> {
        let link = self.hub.shared.link()?;
        let stamp = Stamp::new(random::bits());
        let call = scripts::for_registry(script, &self.names, &stamp, arguments);
        let limit = self.patience();
        self.run(&link, limit, limit, call, |mut answer| {
            let reply = answer.register(link.number)?;
            self.advise_on(&reply, &link);
            read(reply, answer)
        })
        .await
    }

    async fn fetch_roster(&self) -> Result<Roster, MediumError> {
        self.run_registry(&scripts::ROSTER, &[], |register, mut answer| {
            let revision = answer.number()?;
            let mut instances = Vec::new();
            for (id, record) in answer.pairs()? {
                match InstanceRecord::decode(&record) {
                    Some(record) if record.id.as_str().as_bytes() == id => instances.push(record),
                    _ => self.mailbox.count_malformed(),
                }
            }
            Ok(Roster::new(register, revision, instances))
        })
        .await
    }

    async fn execute_showing(
        &self,
        link: &Arc<Link>,
        limit: Duration,
        command: Command,
    ) -> Result<Reply, MediumError> {
        let began = Instant::now();
        let presence = timeout(limit, self.presence(link, &command))
            .await
            .map_err(|_| errors::timed_out(&link.address, limit))?;
        let left = presence.as_ref().map_or(limit, |_| limit.saturating_sub(began.elapsed()));
        let reply = self.execute_on(link, limit, left, command, presence.as_ref()).await?;
        self.settle_lifeline(link, &reply, presence.as_ref());
        Ok(reply)
    }

    async fn execute_on(
        &self,
        link: &Arc<Link>,
        limit: Duration,
        left: Duration,
        command: Command,
        presence: Option<&Presence>,
    ) -> Result<Reply, MediumError> {
        let wanted = match command {
            Command::Take { .. } | Command::Renew { .. } => self.hub.shared.target.wait_replicas,
            Command::Peek { .. } | Command::Release { .. } => 0,
        };
        let mut call = scripts::for_command(&command, &self.names, link.number, presence);
        call.wait = Wait::within(wanted, left);
        let is_take = matches!(command, Command::Take { .. });
        let read = |mut answer: Answer| {
            let mut reply = answer.register(link.number)?;
            if is_take && reply.granted {
                reply.checkpoint = answer.checkpoint()?;
            }
            Ok(reply)
        };
        let outcome = self.run_counted(link, limit, left, call, read).await;
        let unheard = |seen| Err(errors::not_replicated(&link.address, seen, wanted, left));
        let (reply, replicas) = match outcome {
            Err(error) if wanted > 0 && error.kind == MediumErrorKind::TimedOut => {
                return unheard(None);
            }
            outcome => outcome?,
        };
        self.advise_on(&reply, link);
        if reply.granted && replicas < u64::from(wanted) {
            // As if no answer had come: it may stand, and nobody may rely on it.
            return unheard(Some(replicas));
        }
        Ok(reply)
    }

    /// The name of the connection, if a reign that is granted on it is to end with it: then it shows at the server from here on. Where the register
    /// may come to name it, the lifeline hangs on its socket before the command is sent, whether its answer comes or not.
    async fn presence(&self, link: &Link, command: &Command) -> Option<Presence> {
        let (is_grant, names_it) = match command {
            Command::Take { .. } => (true, true),
            Command::Renew { over, .. } => (true, over.is_some()),
            Command::Peek { .. } | Command::Release { .. } => (false, false),
        };
        if !self.timing.watches_connections() || !is_grant {
            return None;
        }
        match link.show(&self.names.presence_prefix()).await {
            Ok((presence, socket)) => {
                if names_it {
                    self.lifeline.arm(socket);
                }
                Some(presence)
            }
            Err(why) => {
                self.advise_of_hiding(link, &why);
                None
            }
        }
    }

    /// A reign whose register names no connection depends on none.
    fn settle_lifeline(&self, link: &Link, reply: &Reply, presence: Option<&Presence>) {
        if self.timing.watches_connections()
            && reply.granted
            && reply.shown.record.presence.is_none()
        {
            self.lifeline.disarm();
            if presence.is_some() {
                // Calls that are sent aside come on another connection, to a node that has this one's name from nobody.
                let why = if self.hub.shared.aside.is_used() {
                    "its slot is on the way to another node of the cluster, and it has effect again once that is over"
                } else {
                    "Redis does not let scripts call PUBSUB NUMSUB and INFO"
                };
                self.advise_of_hiding(link, why);
            }
        }
    }

    /// Tells once for each connection that it does not show, and what that costs.
    fn advise_of_hiding(&self, link: &Link, why: &str) {
        if self.advised_of_hiding.swap(link.number, Ordering::Relaxed) != link.number {
            self.mailbox.send(Notice::Advice(format!(
                "crashDetection \"connection\" has no effect at {}, so a crash is noticed after leaseMs: {why}",
                link.address
            )));
        }
    }

    fn publications(&self, batch: Vec<(Channel, Vec<u8>)>, is_sharded: bool) -> redis::Pipeline {
        let publish = if is_sharded { "SPUBLISH" } else { "PUBLISH" };
        let mut pipeline = redis::Pipeline::with_capacity(batch.len());
        // Most batches go to one channel.
        let (mut named, mut name) = (None, String::new());
        for (channel, payload) in batch {
            if named.as_ref() != Some(&channel) {
                name = self.names.channel(&channel);
                named = Some(channel);
            }
            let bytes = publish.len() + name.len() + payload.len();
            let mut command = redis::Cmd::with_capacity(3, bytes);
            command.arg(publish).arg(&name).arg(payload);
            pipeline.add_command(command);
        }
        pipeline
    }

    /// Tells once for each connection that the server hides its identity, and what that costs.
    fn advise_on(&self, reply: &Reply, link: &Link) {
        let is_hidden = matches!(reply.shown.identity, Identity::Connection(_));
        if is_hidden && self.advised.swap(link.number, Ordering::Relaxed) != link.number {
            self.mailbox.send(Notice::Advice(format!(
                "Redis at {} does not let scripts read INFO: a vacant leadership is taken over only after a whole lease, \
                 a new connection starts that wait anew, and a replica is not recognised; permit it with the ACL rule +info",
                link.address
            )));
        }
    }
}

impl Drop for RedisMedium {
    fn drop(&mut self) {
        let shared = &self.hub.shared;
        shared.leave(self.member);
        let prefix = self.names.presence_prefix();
        if self.timing.watches_connections()
            && shared.unwant_shown(&prefix)
            && let (Ok(link), Ok(runtime)) = (shared.link(), Handle::try_current())
        {
            let shared = shared.clone();
            runtime.spawn(async move {
                link.hide(&prefix, || shared.is_wanted_shown(&prefix)).await;
            });
        }
    }
}

impl Medium for RedisMedium {
    async fn execute(&self, command: Command) -> Result<Reply, MediumError> {
        if let Command::Take { holder, .. } | Command::Renew { holder, .. } = &command
            && !scripts::is_storable(holder.as_str())
        {
            return Err(errors::unfit_id(&self.instance));
        }
        let link = self.hub.shared.link()?;
        let limit = self.timing.command_timeout();
        if self.timing.watches_connections() {
            return Box::pin(self.execute_showing(&link, limit, command)).await;
        }
        self.execute_on(&link, limit, limit, command, None).await
    }

    async fn enroll(&self, record: &InstanceRecord) -> Result<Enrolment, MediumError> {
        let record = record.encode();
        let arguments = [self.instance.as_str(), &record];
        self.run_registry(&scripts::ENROLL, &arguments, read_enrolment).await
    }

    async fn refresh(&self) -> Result<Enrolment, MediumError> {
        self.run_registry(&scripts::REFRESH, &[self.instance.as_str()], read_enrolment).await
    }

    async fn withdraw(&self) -> Result<(), MediumError> {
        self.run_registry(&scripts::WITHDRAW, &[self.instance.as_str()], |_, _| Ok(())).await
    }

    async fn roster(&self) -> Result<Arc<Roster>, MediumError> {
        self.desk.read(self.fetch_roster()).await
    }

    async fn run_fenced(
        &self,
        holder: &Holder,
        term: Term,
        Work { commands, checkpoint }: Work,
    ) -> Result<Fenced<Replies>, MediumError> {
        let link = self.hub.shared.link()?;
        let limit = self.patience();
        let (finder, commands, number) = (self.key_finder.clone(), Arc::new(commands), link.number);
        let named = commands.clone();
        let find = |connection| finder.find(number, connection, named);
        let keys = self.call(&link, limit, find).await?;
        let stamp = Stamp::new(random::bits());
        let leader = (holder, term);
        let left = checkpoint.as_deref();
        let call = scripts::for_commands(&self.names, &stamp, leader, keys, &commands, left);
        let answer = self.evaluate(&link, limit, call).await.map(|outcome| outcome.value);
        let address = &link.address;
        let replies = fenced::read_replies(answer.map_err(errors::of_fenced)?)
            .ok_or_else(|| errors::unreadable(address))?;
        match &replies {
            Fenced::Done(Err(failed)) => {
                errors::of_replica(address, failed).map_or(Ok(replies), Err)
            }
            _ => Ok(replies),
        }
    }

    async fn set_checkpoint(
        &self,
        holder: &Holder,
        checkpoint: Checkpoint,
    ) -> Result<Fenced<()>, MediumError> {
        let link = self.hub.shared.link()?;
        let stamp = Stamp::new(random::bits());
        let call = scripts::for_leaving(&self.names, &stamp, holder, &checkpoint);
        let limit = self.patience();
        let answer = self.evaluate(&link, limit, call).await.map(|outcome| outcome.value);
        match fenced::read_fence(answer.map_err(errors::of_fenced)?) {
            Some(Fenced::Done(_)) => Ok(Fenced::Done(())),
            Some(Fenced::NotLeader) => Ok(Fenced::NotLeader),
            Some(Fenced::Unconfirmed) => Ok(Fenced::Unconfirmed),
            None => Err(errors::unreadable(&link.address)),
        }
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, MediumError> {
        let link = self.hub.shared.link()?;
        let call = scripts::for_recalling(&self.names, &Stamp::new(random::bits()));
        let limit = self.patience();
        self.run(&link, limit, limit, call, |mut answer| {
            answer.register(link.number)?;
            answer.checkpoint()
        })
        .await
        .map_err(errors::of_recall)
    }

    async fn legacy(&self, call: LegacyCall) -> Result<LegacyAnswer, MediumError> {
        let link = self.hub.shared.link()?;
        let (kind, own) = (self.names.kind().to_owned(), self.instance.clone());
        self.call(&link, self.patience(), |connection| legacy::execute(connection, kind, own, call))
            .await
    }

    async fn publish(&self, batch: Vec<(Channel, Vec<u8>)>) -> Result<(), MediumError> {
        if batch.is_empty() {
            return Ok(());
        }
        let link = self.hub.shared.messages_link()?;
        let pipeline = self.publications(batch, link.is_sharded);
        self.call(&link, self.patience(), |mut connection| async move {
            let answers = connection.send_packed_commands(&pipeline, 0, pipeline.len()).await?;
            answers.into_iter().try_for_each(|answer| answer.extract_error().map(drop))
        })
        .await
    }

    async fn subscribe(&self, channels: Vec<Channel>) -> Result<(), MediumError> {
        let shared = &self.hub.shared;
        let channels: Vec<(String, Channel)> =
            channels.into_iter().map(|channel| (self.names.channel(&channel), channel)).collect();
        let names: Vec<String> = channels.iter().map(|(name, _)| name.clone()).collect();
        let (done, answer) = oneshot::channel();
        shared.routing().want(self.member, channels, done);
        shared.routes_changed.notify_one();
        match timeout(self.patience(), answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(errors::lost(&shared.address, None)),
            Err(_) if shared.routing().give_up(self.member, &names) => Ok(()),
            Err(_) => Err(errors::timed_out(&shared.address, self.patience())),
        }
    }

    fn channel_name(&self, channel: &Channel) -> String {
        self.names.channel(channel)
    }

    fn common(&self, members: Members) -> Members {
        self.desk.common(members)
    }

    fn slack(&self) -> Duration {
        match self.hub.shared.is_crowded() {
            true => MAX_SLACK.min(self.timing.renewal_interval() / 32),
            false => Duration::ZERO,
        }
    }

    fn unsubscribe(&self, channel: Channel) {
        self.hub.shared.routing().unwant(self.member, &self.names.channel(&channel));
        self.hub.shared.routes_changed.notify_one();
    }
}

fn read_enrolment(register: Reply, mut answer: Answer) -> Result<Enrolment, Unreadable> {
    Ok(Enrolment { register, revision: answer.number()?, is_enrolled: answer.flag()? })
}

/// Tells a candidate of an answer that came after its time.
fn late_to(mailbox: &MailboxSender) -> impl FnOnce(Duration) + Send + use<> {
    let mailbox = mailbox.clone();
    move |round_trip| mailbox.send(Notice::Late(round_trip))
}
