//! What is told of a kind.

use serde::Serialize;

use super::look::{InstanceView, Status};
use super::tap::Message;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Event<'a> {
    Status {
        status: Status<'a>,
    },
    Elected {
        id: String,
        meta: Option<&'a serde_json::value::RawValue>,
        term: u64,
        /// `None` where it leads no more when it is told.
        lease_ms: Option<u64>,
        crash_detection: Option<&'static str>,
        takeover: Option<Takeover>,
    },
    Vacant {
        id: Option<String>,
        term: u64,
        heir: Option<String>,
    },
    Silent {
        id: String,
        term: u64,
        last_beat_at: Option<u64>,
    },
    Joined {
        instance: InstanceView<'a>,
    },
    Left {
        instance: InstanceView<'a>,
    },
    Changed {
        instance: InstanceView<'a>,
    },
    Blind {
        reason: &'a str,
        code: &'a str,
    },
    Limited {
        reason: &'a str,
        code: &'a str,
    },
    Message {
        #[serde(flatten)]
        message: Message<'a>,
    },
    Traffic {
        beats: u64,
        last_beat_at: Option<u64>,
        messages: Messages,
        bytes: u64,
        /// What was to be told and came too fast.
        unheard: u64,
        seconds: f64,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Messages {
    pub all: u64,
    pub leader: u64,
    pub followers: u64,
    pub instances: u64,
}

/// How long nobody led.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Takeover {
    pub after: After,
    pub ms: f64,
    pub from: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// The last leader released.
    Handover,
    /// It fell silent.
    Silence,
}

/// Takes an event, the kind, and when it was in ms of the server's time.
pub type Tell<'a> = &'a mut dyn FnMut(&str, u64, &Event<'_>);
