//! The embedded medium: several candidates in one process, without a server. For trying out, and for users' own tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::SystemTime;

use super::fencing::{Fenced, Replies, Work};
use super::{
    Change, Channel, Enrolment, MailboxSender, Medium, MediumError, MediumErrorKind, Notice,
    RegistryChange, Roster, SILENCE_LIMIT,
};
use crate::clock;
use crate::election::register::{Fence, Server};
use crate::election::{
    Checkpoint, Command, Holder, Identity, InstanceId, Instant, Register, Reply, Stamp, Term,
};
use crate::random;
use crate::wire::{self, InstanceRecord, encode_name};

/// All kinds of this process.
static KINDS: OnceLock<Mutex<HashMap<String, Arc<Mutex<Kind>>>>> = OnceLock::new();

pub struct MemoryMedium {
    kind: Arc<Mutex<Kind>>,
    name: String,
    instance: InstanceId,
    mailbox: MailboxSender,
}

struct Kind {
    register: Register,
    server: Identity,
    members: HashMap<InstanceId, Member>,
    revision: u64,
    subscribers: Vec<Subscriber>,
}

struct Member {
    record: InstanceRecord,
    refreshed: Instant,
}

struct Subscriber {
    instance: InstanceId,
    channel: Channel,
    mailbox: MailboxSender,
}

impl MemoryMedium {
    pub fn open(kind: &str, instance: &InstanceId, mailbox: MailboxSender) -> Self {
        let kinds = KINDS.get_or_init(Mutex::default);
        let mut kinds = kinds.lock().expect("no panic holds the lock");
        let state =
            kinds.entry(kind.to_owned()).or_insert_with(|| Arc::new(Mutex::new(Kind::new())));
        mailbox.send(Notice::Connected);
        Self { kind: state.clone(), name: kind.to_owned(), instance: instance.clone(), mailbox }
    }

    /// Forgets the data of the kind, as FLUSHALL would, but not who listens.
    #[cfg(test)]
    pub fn wipe(&self) {
        let mut kind = self.kind();
        kind.register.wipe();
        kind.members.clear();
        kind.revision = 0;
    }

    /// Gives the kind another identity, as a restart would.
    #[cfg(test)]
    pub fn restart(&self) {
        self.kind().server = Kind::new().server;
    }

    fn kind(&self) -> MutexGuard<'_, Kind> {
        self.kind.lock().expect("no panic holds the lock")
    }
}

impl Drop for MemoryMedium {
    /// The last to leave takes the kind along, unless it leaves terms behind, which must go on rising.
    fn drop(&mut self) {
        self.kind().subscribers.retain(|subscriber| subscriber.instance != self.instance);
        let kinds = KINDS.get_or_init(Mutex::default);
        let mut kinds = kinds.lock().expect("no panic holds the lock");
        let is_last = Arc::strong_count(&self.kind) == 2;
        if is_last && self.kind().register.stored().is_none() {
            kinds.remove(&self.name);
        }
    }
}

impl Medium for MemoryMedium {
    async fn execute(&self, command: Command) -> Result<Reply, MediumError> {
        Ok(self.kind().execute(&command))
    }

    async fn enroll(&self, record: &InstanceRecord) -> Result<Enrolment, MediumError> {
        let mut kind = self.kind();
        let member = Member { record: record.clone(), refreshed: clock::now() };
        kind.members.insert(self.instance.clone(), member);
        kind.change(Change::Enrolled(record.clone()));
        Ok(kind.enrolment(&self.instance))
    }

    async fn refresh(&self) -> Result<Enrolment, MediumError> {
        let mut kind = self.kind();
        if let Some(member) = kind.members.get_mut(&self.instance) {
            member.refreshed = clock::now();
        }
        kind.sweep();
        Ok(kind.enrolment(&self.instance))
    }

    async fn withdraw(&self) -> Result<(), MediumError> {
        let mut kind = self.kind();
        if kind.members.remove(&self.instance).is_some() {
            kind.change(Change::Left(self.instance.clone()));
        }
        Ok(())
    }

    async fn roster(&self) -> Result<Arc<Roster>, MediumError> {
        let mut kind = self.kind();
        kind.sweep();
        let instances = kind.members.values().map(|member| member.record.clone()).collect();
        Ok(Arc::new(Roster::new(kind.peek(), kind.revision, instances)))
    }

    async fn run_fenced(
        &self,
        _holder: &Holder,
        _term: Term,
        _work: Work,
    ) -> Result<Fenced<Replies>, MediumError> {
        let message = "fenced() runs commands in Redis, and this candidate's medium is \"memory\"";
        Err(MediumError::new(MediumErrorKind::Unfit, message))
    }

    async fn set_checkpoint(
        &self,
        holder: &Holder,
        checkpoint: Checkpoint,
    ) -> Result<Fenced<()>, MediumError> {
        let mut kind = self.kind();
        let server = kind.server();
        let stamp = Stamp::new(random::bits());
        Ok(match kind.register.fence(holder, checkpoint.term, stamp, &server) {
            Fence::Open => {
                kind.register.set_checkpoint(checkpoint);
                Fenced::Done(())
            }
            Fence::Shut => Fenced::NotLeader,
            Fence::Unconfirmed => Fenced::Unconfirmed,
        })
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, MediumError> {
        Ok(self.kind().register.checkpoint().cloned())
    }

    async fn publish(&self, batch: Vec<(Channel, Vec<u8>)>) -> Result<(), MediumError> {
        let kind = self.kind();
        for (channel, payload) in batch {
            kind.publish(&channel, || Notice::Message {
                channel: channel.clone(),
                payload: payload.clone(),
            });
        }
        Ok(())
    }

    async fn subscribe(&self, channels: Vec<Channel>) -> Result<(), MediumError> {
        let mut kind = self.kind();
        for channel in channels {
            let is_known = kind
                .subscribers
                .iter()
                .any(|s| s.instance == self.instance && s.channel == channel);
            if !is_known {
                let (instance, mailbox) = (self.instance.clone(), self.mailbox.clone());
                kind.subscribers.push(Subscriber { instance, channel, mailbox });
            }
        }
        Ok(())
    }

    fn channel_name(&self, channel: &Channel) -> String {
        format!("{}:{}", encode_name(&self.name), wire::channel_name(channel))
    }

    fn unsubscribe(&self, channel: Channel) {
        self.kind().subscribers.retain(|s| !(s.instance == self.instance && s.channel == channel));
    }
}

impl Kind {
    fn new() -> Self {
        Self {
            register: Register::default(),
            server: Identity::server(&format!("memory-{:016x}", random::bits())),
            members: HashMap::new(),
            revision: 0,
            subscribers: Vec::new(),
        }
    }

    fn server(&self) -> Server {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let time_us = since_epoch.map_or(0, |time| time.as_micros() as u64);
        Server::new(self.server.clone(), time_us)
    }

    fn execute(&mut self, command: &Command) -> Reply {
        let server = self.server();
        let (reply, announcement) = self.register.execute(command, &server);
        if let Some(announcement) = announcement {
            self.publish(&Channel::Election, || Notice::Announced(announcement.clone()));
        }
        reply
    }

    fn peek(&mut self) -> Reply {
        self.execute(&Command::Peek { stamp: Stamp::new(random::bits()) })
    }

    fn enrolment(&mut self, instance: &InstanceId) -> Enrolment {
        Enrolment {
            register: self.peek(),
            revision: self.revision,
            is_enrolled: self.members.contains_key(instance),
        }
    }

    fn sweep(&mut self) {
        let now = clock::now();
        let is_silent = |member: &Member| now.since(member.refreshed) > SILENCE_LIMIT;
        let silent: Vec<InstanceId> = self
            .members
            .iter()
            .filter(|(_, member)| is_silent(member))
            .map(|(id, _)| id.clone())
            .collect();
        for id in silent {
            self.members.remove(&id);
            self.change(Change::Left(id));
        }
    }

    fn change(&mut self, change: Change) {
        self.revision += 1;
        let revision = self.revision;
        self.publish(&Channel::Registry, || {
            Notice::Registry(RegistryChange { revision, change: change.clone() })
        });
    }

    fn publish(&self, channel: &Channel, notice: impl Fn() -> Notice) {
        for subscriber in self.subscribers.iter().filter(|s| s.channel == *channel) {
            subscriber.mailbox.send(notice());
        }
    }
}
