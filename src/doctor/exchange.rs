//! Whether what one connection publishes is heard on another.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout};

use super::{Check, Subject};
use crate::medium::redis::visit::{Heard, LIMIT, Refusal, Visit};
use crate::random;

const NAME: &str = "pub/sub";

/// Listens on a second connection, as candidates do, on a channel of the kind that is nobody's.
pub async fn check(subject: &Subject, visit: &mut Visit) -> Check {
    let (sender, mut heard) = unbounded_channel();
    let hear = move |word| {
        // An error means that nobody waits for it any more.
        let _ = sender.send(word);
    };
    let mut listener = match Visit::open_hearing(&subject.target, &subject.key(), hear).await {
        Ok(listener) => listener,
        Err(error) => {
            let advice =
                "Incumbent needs two connections: see whether maxclients leaves room for them";
            return Check::failure(NAME, error.message, advice);
        }
    };
    match send_and_hear(subject, visit, &mut listener, &mut heard).await {
        Ok(Some(time)) => Check::ok(NAME, format!("a message came after {}", milliseconds(time))),
        Ok(None) => Check::failure(
            NAME,
            "what was published was not heard on another connection",
            "see whether a proxy stands in between that does not carry subscriptions, or leads to another server",
        ),
        Err(refusal) => Check::failure(NAME, refusal.message, "grant the rights that are missing"),
    }
}

/// After how long it was heard, if it was.
async fn send_and_hear(
    subject: &Subject,
    visit: &mut Visit,
    listener: &mut Visit,
    heard: &mut UnboundedReceiver<Heard>,
) -> Result<Option<Duration>, Refusal> {
    let channel = subject.purpose.trial_channel(&subject.target);
    listener.subscribe(&channel).await?;
    let word = format!("{:016x}", random::bits());
    let sent = Instant::now();
    visit.publish(&channel, word.as_bytes()).await?;
    while let Ok(Some(Heard { payload, came, .. })) = timeout(LIMIT, heard.recv()).await {
        if payload.as_deref() == Some(word.as_bytes()) {
            return Ok(Some(came - sent));
        }
    }
    Ok(None)
}

pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    let decimals = if milliseconds < 10.0 { 2 } else { 0 };
    format!("{milliseconds:.decimals$} ms")
}
