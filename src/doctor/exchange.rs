//! Whether what one connection publishes is heard on another.

use std::time::Duration;

use tokio::time::Instant;

use super::{Check, Subject};
use crate::medium::redis::visit::{Refusal, Visit};
use crate::random;

/// What came of an attempt, step by step; a step that was not come to is `None`.
#[derive(Default)]
pub struct Exchange {
    pub subscribed: Option<Result<(), Refusal>>,
    pub published: Option<Result<(), Refusal>>,
    pub unsubscribed: Option<Result<(), Refusal>>,
    heard_after: Option<Duration>,
    /// Why there was no second connection.
    failure: Option<String>,
}

/// Listens on a second connection, as candidates do, on a channel of the kind that is nobody's.
pub async fn attempt(subject: &Subject, visit: &mut Visit) -> Exchange {
    let channel = subject.purpose.trial_channel(&subject.target);
    let mut exchange = Exchange::default();
    let mut listener = match Visit::open(&subject.target).await {
        Ok(listener) => listener,
        Err(error) => {
            exchange.failure = Some(error.message);
            return exchange;
        }
    };
    let is_subscribed = exchange.subscribed.insert(listener.subscribe(&channel).await).is_ok();
    let word = format!("{:016x}", random::bits());
    let sent = Instant::now();
    let published = visit.ask(&["PUBLISH", &channel, &word]).await.map(drop);
    if is_subscribed && published.is_ok() {
        while let Some(heard) = listener.hear().await {
            if heard.payload == word.as_bytes() {
                exchange.heard_after = Some(heard.came - sent);
                break;
            }
        }
    }
    exchange.published = Some(published);
    if is_subscribed {
        exchange.unsubscribed = Some(listener.unsubscribe(&channel).await);
    }
    exchange
}

impl Exchange {
    pub fn check(&self) -> Check {
        const NAME: &str = "pub/sub";
        let refusal = [&self.subscribed, &self.published]
            .into_iter()
            .find_map(|step| step.as_ref()?.as_ref().err());
        match (self.heard_after, refusal, &self.failure) {
            (Some(time), ..) => {
                Check::ok(NAME, format!("a message came after {}", milliseconds(time)))
            }
            (None, Some(refusal), _) => {
                Check::failure(NAME, &refusal.message, "grant the rights that are missing")
            }
            (None, None, Some(failure)) => Check::failure(
                NAME,
                failure,
                "Incumbent needs two connections: see whether maxclients leaves room for them",
            ),
            (None, None, None) => Check::failure(
                NAME,
                "what was published was not heard on another connection",
                "see whether a proxy stands in between that does not carry subscriptions, or leads to another server",
            ),
        }
    }
}

pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    let decimals = if milliseconds < 10.0 { 2 } else { 0 };
    format!("{milliseconds:.decimals$} ms")
}
