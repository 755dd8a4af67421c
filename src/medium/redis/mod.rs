//! Redis as medium.
//!
//! The register and the registry live in one hash slot and are changed by Lua scripts alone (`lua/`), each of which proves first
//! that it runs on a master. Announcements and messages are PUBLISHed. Two connections serve a whole process (`hub`); nothing
//! is queued over a reconnect, and nothing is sent twice.
//!
//! Read `keys.rs`, `lua/prologue.lua`, then this file, `hub.rs`, `connection.rs`.

mod attempts;
mod backoff;
mod commands;
mod connection;
mod errors;
pub mod greeting;
mod hub;
mod keys;
pub mod reply;
mod rosters;
mod routing;
mod scripts;
mod subscriptions;
mod target;

#[cfg(test)]
pub mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::connection::Link;
use self::hub::Hub;
use self::keys::Names;
use self::reply::{Answer, Unreadable};
use self::rosters::Desk;
use self::routing::MemberId;
use self::scripts::{Call, Script};
pub use self::target::Target;
use super::{Channel, Enrolment, MailboxSender, Medium, MediumError, Notice, Roster};
use crate::election::{Command, Identity, InstanceId, Reply, Stamp, Timing};
use crate::random;
use crate::wire::InstanceRecord;

pub struct RedisMedium {
    hub: Arc<Hub>,
    member: MemberId,
    names: Names,
    desk: Arc<Desk>,
    instance: InstanceId,
    timing: Timing,
    mailbox: MailboxSender,
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
        mailbox: MailboxSender,
    ) -> Self {
        let names = Names::new(kind, target.db);
        let hub = Hub::of(target);
        let member = hub.shared.join(&mailbox, timing.lease());
        let desk = hub.shared.desks.of(&names.register);
        let (instance, advised) = (instance.clone(), AtomicU64::new(0));
        Self { hub, member, names, desk, instance, timing, mailbox, advised }
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
        link.call(send, limit, self.patience().max(limit), &self.mailbox).await
    }

    /// Runs a script, and hands its answer to `read`.
    async fn run<T>(
        &self,
        link: &Arc<Link>,
        limit: Duration,
        call: Call,
        read: impl FnOnce(Answer) -> Result<T, Unreadable>,
    ) -> Result<T, MediumError> {
        let value = self.call(link, limit, |connection| evaluate(connection, call)).await?;
        let answer = Answer::new(value).and_then(read);
        answer.map_err(|Unreadable| errors::unreadable(&self.hub.shared.address))
    }

    async fn run_registry<T>(
        &self,
        script: &'static Script,
        arguments: Vec<String>,
        read: impl FnOnce(Reply, Answer) -> Result<T, Unreadable>,
    ) -> Result<T, MediumError> {
        let link = self.hub.shared.link()?;
        let stamp = Stamp::new(random::bits());
        let call = scripts::for_registry(script, &self.names, &stamp, arguments);
        self.run(&link, self.patience(), call, |mut answer| {
            let reply = answer.register(link.number)?;
            self.advise_on(&reply, &link);
            read(reply, answer)
        })
        .await
    }

    async fn fetch_roster(&self) -> Result<Roster, MediumError> {
        self.run_registry(&scripts::ROSTER, vec![], |register, mut answer| {
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

    /// Tells once for each connection that the server hides its identity, and what that costs.
    fn advise_on(&self, reply: &Reply, link: &Link) {
        let is_hidden = matches!(reply.shown.identity, Identity::Connection(_));
        if is_hidden && self.advised.swap(link.number, Ordering::Relaxed) != link.number {
            self.mailbox.send(Notice::Advice(format!(
                "Redis at {} does not let scripts read INFO: a vacant leadership is taken over only after a whole lease, \
                 a new connection starts that wait anew, and a replica is not recognised; permit it with the ACL rule +info",
                self.hub.shared.address
            )));
        }
    }
}

impl Drop for RedisMedium {
    fn drop(&mut self) {
        self.hub.shared.leave(self.member);
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
        let call = scripts::for_command(&command, &self.names, link.number);
        let limit = self.timing.command_timeout();
        let reply = self.run(&link, limit, call, |mut answer| answer.register(link.number)).await?;
        self.advise_on(&reply, &link);
        Ok(reply)
    }

    async fn enroll(&self, record: &InstanceRecord) -> Result<Enrolment, MediumError> {
        let arguments = vec![self.instance.to_string(), record.encode()];
        self.run_registry(&scripts::ENROLL, arguments, read_enrolment).await
    }

    async fn refresh(&self) -> Result<Enrolment, MediumError> {
        let arguments = vec![self.instance.to_string()];
        self.run_registry(&scripts::REFRESH, arguments, read_enrolment).await
    }

    async fn withdraw(&self) -> Result<(), MediumError> {
        let arguments = vec![self.instance.to_string()];
        self.run_registry(&scripts::WITHDRAW, arguments, |_, _| Ok(())).await
    }

    async fn roster(&self) -> Result<Arc<Roster>, MediumError> {
        self.desk.read(self.fetch_roster()).await
    }

    async fn publish(&self, batch: Vec<(Channel, Vec<u8>)>) -> Result<(), MediumError> {
        if batch.is_empty() {
            return Ok(());
        }
        let link = self.hub.shared.link()?;
        let mut pipeline = redis::pipe();
        for (channel, payload) in &batch {
            pipeline.cmd("PUBLISH").arg(self.names.channel(channel)).arg(payload);
        }
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

    fn unsubscribe(&self, channel: Channel) {
        self.hub.shared.routing().unwant(self.member, &self.names.channel(&channel));
        self.hub.shared.routes_changed.notify_one();
    }
}

fn read_enrolment(register: Reply, mut answer: Answer) -> Result<Enrolment, Unreadable> {
    Ok(Enrolment { register, revision: answer.number()?, is_enrolled: answer.flag()? })
}

/// Calls a script by its hash. A server that does not know it has executed nothing, and gets the whole text on the same connection.
async fn evaluate(mut connection: MultiplexedConnection, call: Call) -> Result<Value, RedisError> {
    let answer = send(&mut connection, &call.by_hash()).await;
    match answer {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            send(&mut connection, &call.by_text()).await
        }
        answer => answer,
    }
}

async fn send(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
) -> Result<Value, RedisError> {
    connection.send_packed_command(command).await?.extract_error()
}
