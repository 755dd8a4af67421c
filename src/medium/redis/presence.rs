//! How a connection shows at the server, so that others see when it is gone.
//!
//! It subscribes a channel that bears its own name. The server counts the subscribers of a channel, and forgets a subscriber at the moment at
//! which its connection is closed: a millisecond after its process died.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex};

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::sync::{Mutex, OnceCell};

use super::transport::Seat;
use crate::election::Presence;

/// What one connection for commands shows of itself.
pub struct Showing {
    pub presence: Presence,
    seat: Seat,
    /// Whether the server sees this side there.
    directness: OnceCell<Verdict>,
    /// The prefixes under which it was tried, and what came of it.
    tried: StdMutex<HashMap<String, Arc<Mutex<Option<Verdict>>>>>,
}

/// Whether it shows. If not, a sentence says why it never will.
type Verdict = Result<(), String>;

impl Showing {
    pub fn new(number: u64, seat: Seat) -> Self {
        Self {
            presence: Presence::of_connection(number),
            seat,
            directness: OnceCell::new(),
            tried: StdMutex::default(),
        }
    }

    /// Sees to it that the connection shows under this prefix. What cannot change while it stands is tried once.
    ///
    /// # Errors
    /// A sentence that says why it does not.
    pub async fn show(&self, connection: &mut MultiplexedConnection, prefix: &str) -> Verdict {
        let slot = self.slot(prefix);
        let mut shown = slot.lock().await;
        if let Some(verdict) = &*shown {
            return verdict.clone();
        }
        let verdict = settled(self.try_to_show(connection, prefix).await)?;
        shown.insert(verdict).clone()
    }

    /// Ends it under this prefix, unless somebody wants it again by now.
    pub async fn hide(
        &self,
        connection: &mut MultiplexedConnection,
        prefix: &str,
        is_wanted: impl Fn() -> bool,
    ) {
        let slot = self.slot(prefix);
        // Held to the end: whoever comes to want it waits, and then shows anew.
        let mut shown = slot.lock().await;
        if is_wanted() {
            return;
        }
        if let Some(Ok(())) = shown.take() {
            // Where it fails, the connection is gone, and the subscription with it.
            let _ = connection.unsubscribe(self.channel(prefix)).await;
        }
        let mut tried = self.tried.lock().expect("no panic holds the lock");
        if !is_wanted() {
            tried.remove(prefix);
        }
    }

    async fn try_to_show(
        &self,
        connection: &mut MultiplexedConnection,
        prefix: &str,
    ) -> Result<Verdict, RedisError> {
        let directness = self
            .directness
            .get_or_try_init(|| is_seen_at(connection.clone(), &self.seat))
            .await?
            .clone();
        if directness.is_ok() {
            connection.subscribe(self.channel(prefix)).await?;
        }
        Ok(directness)
    }

    fn slot(&self, prefix: &str) -> Arc<Mutex<Option<Verdict>>> {
        let mut tried = self.tried.lock().expect("no panic holds the lock");
        tried.entry(prefix.to_owned()).or_default().clone()
    }

    fn channel(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.presence.as_str())
    }
}

/// A right that is missing does not come back while the connection stands; any other failure may pass.
fn settled(outcome: Result<Verdict, RedisError>) -> Result<Verdict, String> {
    outcome.or_else(|error| {
        let why = format!("Redis refused: {error}");
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) => Ok(Err(why)),
            _ => Err(why),
        }
    })
}

/// Whether the server sees this side where it is. A proxy, or a translation of addresses, puts its own there; and what stands in between
/// may stay connected when one side is gone.
async fn is_seen_at(
    mut connection: MultiplexedConnection,
    seat: &Seat,
) -> Result<Verdict, RedisError> {
    let mut info = redis::cmd("CLIENT");
    info.arg("INFO");
    let text = match connection.send_packed_command(&info).await?.extract_error()? {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::VerbatimString { text, .. } => text,
        _ => String::new(),
    };
    let seen = text.split(' ').find_map(|field| field.strip_prefix("addr=")).unwrap_or_default();
    Ok(if seat.is_named_by(seen) {
        Ok(())
    } else {
        Err("a proxy, or a translation of addresses, stands before Redis".to_owned())
    })
}
