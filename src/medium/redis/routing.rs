//! Who wants which channel, and what the subscription connection is to be asked for. Pure: no connection, no task.

use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;

use crate::medium::{Channel, MailboxSender, MediumError, Notice};
use crate::messaging::LegacyChannel;
use crate::migration::wire as legacy;
use crate::wire;

/// Names one medium within its hub.
pub type MemberId = u64;

#[derive(Default)]
pub struct Routing {
    members: HashMap<MemberId, Member>,
    /// What is wanted: the server's name of a channel, and by whom.
    routes: HashMap<String, Vec<Route>>,
    /// What the present connection is subscribed to.
    standing: HashSet<String>,
    /// What the server refused, until the next attempt.
    refused: HashMap<String, MediumError>,
    waiting: Vec<Waiter>,
    state: State,
}

struct Member {
    mailbox: MailboxSender,
    /// It was told that its channels do not stand, and is to hear when they do.
    is_owed: bool,
}

struct Route {
    member: MemberId,
    channel: Channel,
}

struct Waiter {
    member: MemberId,
    names: Vec<String>,
    done: oneshot::Sender<Result<(), MediumError>>,
}

#[derive(Default)]
enum State {
    /// The very first attempt is under way.
    #[default]
    Fresh,
    /// The connection of that number stands.
    Up(u64),
    Down(MediumError),
}

/// What is to be asked of the server.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub subscribe: Vec<String>,
    pub unsubscribe: Vec<String>,
}

impl Routing {
    pub fn join(&mut self, member: MemberId, mailbox: MailboxSender) {
        self.members.insert(member, Member { mailbox, is_owed: false });
    }

    pub fn leave(&mut self, member: MemberId) {
        self.members.remove(&member);
        self.waiting.retain(|waiter| waiter.member != member);
        self.routes.retain(|_, routes| {
            routes.retain(|route| route.member != member);
            !routes.is_empty()
        });
    }

    /// Wants channels. The answer comes through `done`.
    pub fn want(
        &mut self,
        member: MemberId,
        channels: Vec<(String, Channel)>,
        done: oneshot::Sender<Result<(), MediumError>>,
    ) {
        let names = channels.iter().map(|(name, _)| name.clone()).collect();
        for (name, channel) in channels {
            let routes = self.routes.entry(name).or_default();
            if !routes.iter().any(|route| route.member == member) {
                routes.push(Route { member, channel });
            }
        }
        let waiter = Waiter { member, names, done };
        match &self.state {
            State::Down(error) => {
                let error = error.clone();
                self.answer(waiter, Err(error));
            }
            State::Fresh | State::Up(_) => self.waiting.push(waiter),
        }
    }

    pub fn unwant(&mut self, member: MemberId, name: &str) {
        if let Some(routes) = self.routes.get_mut(name) {
            routes.retain(|route| route.member != member);
            if routes.is_empty() {
                self.routes.remove(name);
            }
        }
        for waiter in self.waiting.iter_mut().filter(|waiter| waiter.member == member) {
            waiter.names.retain(|wanted| wanted != name);
        }
    }

    pub fn connected(&mut self, connection: u64) {
        self.state = State::Up(connection);
    }

    /// The connection is lost, or an attempt failed.
    pub fn disconnected(&mut self, error: &MediumError) {
        self.state = State::Down(error.clone());
        self.standing.clear();
        self.refused.clear();
        for waiter in std::mem::take(&mut self.waiting) {
            self.answer(waiter, Err(error.clone()));
        }
        for member in self.members.values_mut() {
            member.is_owed = true;
            member.mailbox.send(Notice::Unsubscribed(error.clone()));
        }
    }

    pub fn plan(&self) -> Plan {
        let is_new =
            |name: &&String| !self.standing.contains(*name) && !self.refused.contains_key(*name);
        Plan {
            subscribe: self.routes.keys().filter(is_new).cloned().collect(),
            unsubscribe: self
                .standing
                .iter()
                .filter(|name| !self.routes.contains_key(*name))
                .cloned()
                .collect(),
        }
    }

    pub fn subscribed(&mut self, names: &[String]) {
        self.standing.extend(names.iter().cloned());
    }

    pub fn unsubscribed(&mut self, names: &[String]) {
        for name in names {
            self.standing.remove(name);
        }
    }

    /// The server refused a channel. Those who want it are told.
    pub fn refused(&mut self, name: &str, error: MediumError) {
        for route in self.routes.get(name).into_iter().flatten() {
            if let Some(member) = self.members.get_mut(&route.member) {
                member.is_owed = true;
                member.mailbox.send(Notice::Unsubscribed(error.clone()));
            }
        }
        self.refused.insert(name.to_owned(), error);
    }

    pub fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// What was refused is to be tried again.
    pub fn retry_refused(&mut self) {
        self.refused.clear();
    }

    /// Answers all whose channels stand, or cannot. To be called when the plan is carried out.
    pub fn settle(&mut self) {
        for waiter in std::mem::take(&mut self.waiting) {
            let refusal = waiter.names.iter().find_map(|name| self.refused.get(name)).cloned();
            if let Some(error) = refusal {
                self.answer(waiter, Err(error));
            } else if waiter.names.iter().all(|name| self.standing.contains(name)) {
                self.answer(waiter, Ok(()));
            } else {
                self.waiting.push(waiter);
            }
        }
        let is_complete = |member: &MemberId| {
            self.routes.iter().all(|(name, routes)| {
                self.standing.contains(name) || !routes.iter().any(|route| route.member == *member)
            })
        };
        let owed = self.members.iter().filter(|(_, member)| member.is_owed);
        let told: Vec<MemberId> = owed.map(|(id, _)| *id).filter(is_complete).collect();
        for id in told {
            let member = self.members.get_mut(&id).expect("it was just found");
            member.is_owed = false;
            member.mailbox.send(Notice::Subscribed);
        }
    }

    /// Whether a call whose time is up succeeded after all. If not, its member is to hear when the channels stand.
    pub fn give_up(&mut self, member: MemberId, names: &[String]) -> bool {
        let is_standing = names.iter().all(|name| self.standing.contains(name));
        if let (false, Some(member)) = (is_standing, self.members.get_mut(&member)) {
            member.is_owed = true;
        }
        is_standing
    }

    fn answer(&mut self, waiter: Waiter, answer: Result<(), MediumError>) {
        let is_error = answer.is_err();
        let is_heard = waiter.done.send(answer).is_ok();
        if let (true, Some(member)) = (is_error || !is_heard, self.members.get_mut(&waiter.member))
        {
            member.is_owed = true;
        }
    }

    /// Hands what came on a channel to those who want it. What came on an older connection is late, and dropped.
    pub fn deliver(&self, connection: u64, name: &str, payload: Vec<u8>) {
        if !matches!(self.state, State::Up(present) if present == connection) {
            return;
        }
        let Some(routes) = self.routes.get(name) else { return };
        let Some((last, others)) = routes.split_last() else { return };
        if is_heard_twice(&last.channel, &payload) {
            return;
        }
        // It is read once, however many candidates this process has.
        let Some(notice) = read(&last.channel, payload) else {
            return routes.iter().for_each(|route| self.count_malformed(route));
        };
        for route in others {
            self.hand_over(route, of_channel(&route.channel, notice.clone()));
        }
        self.hand_over(last, notice);
    }

    fn hand_over(&self, route: &Route, notice: Notice) {
        if let Some(member) = self.members.get(&route.member) {
            member.mailbox.send(notice);
        }
    }

    fn count_malformed(&self, route: &Route) {
        if let Some(member) = self.members.get(&route.member) {
            member.mailbox.count_malformed();
        }
    }
}

/// All routes of a name lead to the same channel, but for those of another library, which names a channel of one kind like one of another.
fn of_channel(channel: &Channel, notice: Notice) -> Notice {
    match (channel, notice) {
        (Channel::Legacy(_), Notice::Message { payload, .. }) => {
            Notice::Message { channel: channel.clone(), payload }
        }
        (_, notice) => notice,
    }
}

/// What a new instance sends comes on our own channels as well: the copy may be longer than any message, and needs no room in a mailbox.
fn is_heard_twice(channel: &Channel, payload: &[u8]) -> bool {
    let is_message = |channel: &LegacyChannel| *channel != LegacyChannel::Ballots;
    matches!(channel, Channel::Legacy(channel) if is_message(channel)) && legacy::is_copy(payload)
}

fn read(channel: &Channel, payload: Vec<u8>) -> Option<Notice> {
    match channel {
        Channel::Legacy(LegacyChannel::Ballots) => {
            (payload.len() <= legacy::MAX_BALLOT_BYTES).then_some(Notice::Ballot(payload))
        }
        Channel::Election => wire::decode_announcement(&payload).map(Notice::Announced),
        Channel::Registry => wire::decode_registry_change(&payload).map(Notice::Registry),
        channel => (payload.len() <= wire::MAX_ENVELOPE_BYTES)
            .then(|| Notice::Message { channel: channel.clone(), payload }),
    }
}
