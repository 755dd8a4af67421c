//! Who a message is for, who it is from, and whether one is missing: pure bookkeeping of sequence numbers.

mod repeats;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::election::{Holder, InstanceId};

pub use repeats::{Dating, Repeats, WINDOW, stray};

/// Channels counted by a sender, or senders by a receiver, at most; beyond, all are forgotten and start afresh. A gap that falls
/// just then goes untold.
const MAX_COUNTED: usize = 65_536;

/// The channels of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Announcements of the register.
    Election,
    /// Changes of the registry.
    Registry,
    /// Messages to all instances, to the leader, to the followers, to one instance.
    All,
    Leader,
    Followers,
    Instance(InstanceId),
    /// What somebody else asks of the leader; see [`Petition`].
    Requests,
    /// One of another library; see [`crate::migration`].
    Legacy(LegacyChannel),
}

/// The channels of node-raft-redis for one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LegacyChannel {
    /// Its election.
    Ballots,
    /// Its messages.
    All,
    Leader,
    Followers,
    Instance(InstanceId),
}

/// What whoever is outside may ask of a leader that takes requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "request", rename_all = "lowercase")]
pub enum Petition {
    /// To give the leadership up.
    Reelect,
    /// To hand it over to this one.
    Transfer {
        #[serde(deserialize_with = "read_id")]
        to: InstanceId,
    },
}

fn read_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<InstanceId, D::Error> {
    String::deserialize(deserializer).map(InstanceId::new)
}

/// What a message's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Bytes,
    /// JavaScript's `undefined`; the body is empty.
    Undefined,
    /// On the wire alone: several messages in JSON, a line each, numbered from the envelope's number on.
    Lines,
}

/// Who sent a message, and which of the messages to its addressee it is. On the wire: this as one line of JSON, a line
/// feed, the body as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<'a> {
    pub v: u32,
    /// The sender's token; its id is the part before the last colon.
    #[serde(borrow)]
    pub from: Cow<'a, str>,
    /// The leader's term as the sender knew it; the sender's own while it leads.
    pub term: u64,
    /// Whether the sender led when it sent.
    pub leads: bool,
    /// Counts the sender's messages on this channel, from 1, without a hole.
    pub seq: u64,
    pub format: Format,
    /// When it was sent, in µs since 1970 by the sender's wall clock; see [`Dating`]. In authenticated messages alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// Whom a message is sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Addressee {
    All,
    Leader,
    Followers,
    Instance(InstanceId),
}

impl Addressee {
    pub fn legacy_channel(&self) -> LegacyChannel {
        match self {
            Self::All => LegacyChannel::All,
            Self::Leader => LegacyChannel::Leader,
            Self::Followers => LegacyChannel::Followers,
            Self::Instance(id) => LegacyChannel::Instance(id.clone()),
        }
    }

    pub fn channel(&self) -> Channel {
        match self {
            Self::All => Channel::All,
            Self::Leader => Channel::Leader,
            Self::Followers => Channel::Followers,
            Self::Instance(id) => Channel::Instance(id.clone()),
        }
    }
}

/// The sender's half: numbers the messages to each channel, from 1, without a hole.
#[derive(Debug, Default)]
pub struct Numbering {
    last: HashMap<Channel, u64>,
}

impl Numbering {
    /// Numbers the next `count` messages; the first one's number.
    pub fn next(&mut self, channel: &Channel, count: u64) -> u64 {
        if let Some(last) = self.last.get_mut(channel) {
            let first = *last + 1;
            *last += count;
            return first;
        }
        if self.last.len() >= MAX_COUNTED {
            self.last.clear();
        }
        self.last.insert(channel.clone(), count);
        1
    }
}

/// The receiver's half.
pub struct Reception {
    own: InstanceId,
    /// By token.
    senders: HashMap<Arc<str>, Sender>,
}

struct Sender {
    holder: Holder,
    instance: InstanceId,
    /// The number last heard on each channel: a handful, since an instance listens to no more.
    last: Vec<(Channel, u64)>,
}

/// What is to be done with a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivery {
    pub from: InstanceId,
    /// How many of this sender's messages on this channel were lost just before this one.
    pub missed: u64,
    pub role: Option<SenderRole>,
    /// Whether the message is delivered. One that reached a role which this instance has no more is not.
    pub is_for_us: bool,
}

/// The role of a sender who may lead, to a receiver who may, of what was sent to the leader or to this one instance, or not.
pub fn role_of(sender_leads: bool, leads: bool, is_addressed: bool) -> Option<SenderRole> {
    match sender_leads {
        true => Some(SenderRole::Leader),
        false if leads && is_addressed => Some(SenderRole::Follower),
        false => None,
    }
}

/// Under which of the role events a message is told, besides `message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderRole {
    Leader,
    /// Told on the leader alone, of what was sent to the leader or to this instance.
    Follower,
}

impl Reception {
    pub fn new(own: InstanceId) -> Self {
        Self { own, senders: HashMap::new() }
    }

    /// Whether the bearer of a token is this instance, which does not listen to itself.
    pub fn is_own(&self, from: &str) -> bool {
        from.rsplit_once(':').map_or(from, |(id, _)| id) == self.own.as_str()
    }

    /// Takes note of the `count` messages of one envelope. `None` for this instance's own, and for those of a sender without a
    /// readable name.
    pub fn handle_messages(
        &mut self,
        channel: &Channel,
        envelope: &Envelope,
        count: u64,
        leads: bool,
    ) -> Option<Delivery> {
        if self.is_own(&envelope.from) {
            return None;
        }
        let sender = self.sender(&envelope.from)?;
        let missed = sender.count(channel, envelope.seq, count);
        let is_for_us = match channel {
            Channel::Leader => leads,
            Channel::Followers => !leads,
            _ => true,
        };
        let is_addressed = matches!(channel, Channel::Leader | Channel::Instance(_));
        let role = role_of(envelope.leads, leads, is_addressed);
        Some(Delivery { from: sender.instance.clone(), missed, role, is_for_us })
    }

    /// The channel was joined anew: what went before is not missed.
    pub fn forget_channel(&mut self, channel: &Channel) {
        for sender in self.senders.values_mut() {
            sender.last.retain(|(known, _)| known != channel);
        }
    }

    pub fn forget_sender(&mut self, id: &InstanceId) {
        self.senders.retain(|_, sender| !sender.holder.belongs_to(id));
    }

    fn sender(&mut self, token: &str) -> Option<&mut Sender> {
        if !self.senders.contains_key(token) {
            let holder = Holder::parse(token)?;
            if self.senders.len() >= MAX_COUNTED {
                self.senders.clear();
            }
            let instance = holder.instance();
            self.senders.insert(token.into(), Sender { holder, instance, last: Vec::new() });
        }
        self.senders.get_mut(token)
    }
}

impl Sender {
    /// Notes `count` messages from number `first` on; how many are missing before them.
    fn count(&mut self, channel: &Channel, first: u64, count: u64) -> u64 {
        let last = first.saturating_add(count.saturating_sub(1));
        // The first message heard of a sender is where its count begins; one that is not ahead starts it afresh.
        match self.last.iter_mut().find(|(known, _)| known == channel) {
            Some((_, known)) => std::mem::replace(known, last)
                .checked_add(1)
                .map_or(0, |next| first.saturating_sub(next)),
            None => {
                self.last.push((channel.clone(), last));
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::VERSION;

    fn message(from: &str, seq: u64, leads: bool) -> Envelope<'static> {
        let from = format!("{from}:0000000000000001").into();
        Envelope { v: VERSION, from, term: 7, leads, seq, format: Format::Json, at: None }
    }

    fn reception() -> Reception {
        Reception::new(InstanceId::new("me"))
    }

    #[test]
    fn each_channel_is_counted_by_itself_from_one() {
        let mut numbering = Numbering::default();
        let to_b = Addressee::Instance(InstanceId::new("b")).channel();
        assert_eq!(numbering.next(&Channel::All, 1), 1);
        assert_eq!(numbering.next(&Channel::All, 3), 2);
        assert_eq!(numbering.next(&Channel::All, 1), 5);
        assert_eq!(numbering.next(&to_b, 2), 1);
        assert_eq!(numbering.next(&to_b, 1), 3);
    }

    #[test]
    fn a_hole_in_the_numbers_is_told_with_its_size() {
        let mut reception = reception();
        let missed = |reception: &mut Reception, seq| {
            reception
                .handle_messages(&Channel::All, &message("a", seq, false), 1, false)
                .unwrap()
                .missed
        };
        assert_eq!(missed(&mut reception, 4), 0, "the first one heard begins the count");
        assert_eq!(missed(&mut reception, 5), 0);
        assert_eq!(missed(&mut reception, 9), 3);
        assert_eq!(missed(&mut reception, 1), 0, "a count that starts afresh misses nothing");
    }

    #[test]
    fn several_messages_of_one_envelope_count_as_many() {
        let mut reception = reception();
        let mut missed = |seq, count| {
            let envelope = message("a", seq, false);
            reception.handle_messages(&Channel::All, &envelope, count, false).unwrap().missed
        };
        assert_eq!(missed(1, 3), 0);
        assert_eq!(missed(4, 2), 0);
        assert_eq!(missed(8, 1), 2);
        assert_eq!(missed(u64::MAX - 1, 5), u64::MAX - 10);
        assert_eq!(missed(u64::MAX, 1), 0);
    }

    #[test]
    fn a_role_joined_anew_misses_nothing_of_what_went_before() {
        let mut reception = reception();
        reception.handle_messages(&Channel::Leader, &message("a", 1, false), 1, true);
        reception.forget_channel(&Channel::Leader);
        let later = reception.handle_messages(&Channel::Leader, &message("a", 50, false), 1, true);
        assert_eq!(later.unwrap().missed, 0);
    }

    #[test]
    fn ones_own_message_is_not_delivered() {
        assert_eq!(
            reception().handle_messages(&Channel::All, &message("me", 1, true), 1, true),
            None
        );
    }

    #[test]
    fn a_message_for_a_role_that_one_has_no_more_is_not_delivered() {
        let mut reception = reception();
        let mut is_for_us = |channel, leads| {
            reception
                .handle_messages(&channel, &message("a", 1, false), 1, leads)
                .unwrap()
                .is_for_us
        };
        assert!(is_for_us(Channel::Leader, true));
        assert!(!is_for_us(Channel::Leader, false));
        assert!(is_for_us(Channel::Followers, false));
        assert!(!is_for_us(Channel::Followers, true));
        assert!(is_for_us(Channel::All, true) && is_for_us(Channel::All, false));
    }

    #[test]
    fn the_role_events_are_those_of_the_sender() {
        let mut reception = reception();
        let own = Channel::Instance(InstanceId::new("me"));
        let mut role = |channel: &Channel, sender_leads, leads| {
            reception
                .handle_messages(channel, &message("a", 1, sender_leads), 1, leads)
                .unwrap()
                .role
        };
        assert_eq!(role(&Channel::All, true, false), Some(SenderRole::Leader));
        assert_eq!(role(&own, false, true), Some(SenderRole::Follower));
        assert_eq!(role(&Channel::Leader, false, true), Some(SenderRole::Follower));
        assert_eq!(role(&Channel::All, false, true), None);
        assert_eq!(role(&own, false, false), None);
    }
}
