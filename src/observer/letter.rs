//! What somebody who is no instance publishes: a message, or a request to the leader.

use redis::Value;

use crate::authentication::Authenticator;
use crate::clock;
use crate::election::{Holder, InstanceId, Term};
use crate::medium::redis::Target;
use crate::medium::redis::keys::Names;
use crate::medium::redis::visit::Visit;
use crate::medium::{Channel, MediumError};
use crate::random;
use crate::wire::{Format, Letterhead};

use super::told;

pub struct Letter {
    pub kind: String,
    pub channel: Channel,
    /// JSON.
    pub body: String,
}

impl Letter {
    /// How many listened, by the server's word: in a cluster of an older version, on one node alone.
    pub async fn publish(
        &self,
        target: &Target,
        authenticator: Option<&Authenticator>,
    ) -> Result<u64, MediumError> {
        let names = Names::new(&target.key_prefix, &self.kind, target.db);
        let mut visit = Visit::open(target, &names.register).await?;
        let channel = names.channel(&self.channel);
        let answer = visit.publish(&channel, &self.envelope(&channel, authenticator)).await;
        Ok(match answer.map_err(told)? {
            Value::Int(count) => count.max(0) as u64,
            _ => 0,
        })
    }

    /// Each is from a sender of its own, who is never heard of again, and so never leaves a hole.
    fn envelope(&self, channel: &str, authenticator: Option<&Authenticator>) -> Vec<u8> {
        let id = format!("{:016x}{:08x}", random::bits(), random::bits() as u32);
        let sender = Holder::new(&InstanceId::new(id), random::bits());
        let at = authenticator.map(|_| clock::wall_us());
        let letterhead = Letterhead::new(sender.as_str(), Term::ZERO.0, false);
        let mut payload = letterhead.encode(1, Format::Json, at, self.body.as_bytes());
        if let Some(authenticator) = authenticator {
            authenticator.sign(channel, &mut payload);
        }
        payload
    }
}
