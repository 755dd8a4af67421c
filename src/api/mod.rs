//! What Rust services use: the crate's root re-exports it all.
//!
//! ```text
//!   Candidate ──► Shared ──► lifecycle   start() and stop(), in whatever order, into runs that follow one another
//!      │            ▲   ├──► questions   what was asked and is not answered yet
//!   (handle)        │   ├──► outbox      messages whose fate is not known yet
//!                   │   ├──► leadership  the reign, and what lead() runs in it
//!                Listener └─► broadcast  a bounded queue for each stream of events
//!                   ▲
//!                 driver
//! ```

mod answers;
mod candidate;
mod event;
mod events;
mod instance;
mod lead;
mod leadership;
mod lifecycle;
mod listener;
mod message;
mod options;
mod outbox;
mod redis;
mod reign;
mod resolved;
mod sending;
mod servers;
mod shared;
mod stats;
mod tls;
mod writes;

pub use candidate::Candidate;
pub use event::{Event, Gap};
pub use events::Events;
pub use instance::{Instance, State};
pub use lead::{BoxError, Lead, LeadOptions};
pub use message::{Bytes, Channel, IntoMessage, Message, SenderRole};
pub use options::{CrashDetection, Options};
pub use outbox::Sent;
pub use redis::{Credentials, Redis};
pub use reign::{LossReason, Reign};
pub use servers::{Node, Sentinels};
pub use stats::{Health, Messages, Renewals, RoundTrips, Stats, Status};
pub use tls::{Pem, Tls};
pub use writes::{Reply, Writes};
