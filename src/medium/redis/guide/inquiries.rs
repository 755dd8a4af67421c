//! The connections on which the nodes of a cluster are asked which of them serves a key.
//!
//! The kinds of a process share them: however many look for their nodes in an outage, each node is asked on one connection, and
//! connected to by one kind at a time. They stand while any kind looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use crate::medium::MediumError;
use crate::medium::redis::connection::Line;
use crate::medium::redis::place::Endpoint;
use crate::medium::redis::target::Target;

/// For so long a node is not tried again that could not be connected to.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Default)]
pub struct Inquiries(Mutex<HashMap<Endpoint, Arc<Desk>>>);

/// One node's. Whoever finds no connection makes one, and the others wait for that.
type Desk = tokio::sync::Mutex<Standing>;

#[derive(Default)]
struct Standing {
    line: Option<Line>,
    /// Counts the connections.
    number: u64,
    failed: Option<(Instant, MediumError)>,
}

/// A connection to a node, for one question.
pub struct Inquiry {
    pub connection: MultiplexedConnection,
    pub endpoint: Endpoint,
    pub address: String,
    number: u64,
}

/// By target, and by runtime, since a connection lives on the one that it was made on.
type All = HashMap<(Target, Id), Weak<Inquiries>>;

static ALL: OnceLock<Mutex<All>> = OnceLock::new();

impl Inquiries {
    /// Those of `target` on the present runtime.
    pub fn of(target: &Target) -> Arc<Self> {
        let mut all = lock(ALL.get_or_init(Mutex::default));
        all.retain(|_, inquiries| inquiries.strong_count() > 0);
        let place = (target.clone(), Handle::current().id());
        all.get(&place).and_then(Weak::upgrade).unwrap_or_else(|| {
            let inquiries = Arc::new(Self::default());
            all.insert(place, Arc::downgrade(&inquiries));
            inquiries
        })
    }

    /// # Errors
    /// When the node cannot be connected to within `limit`, or could not just now.
    pub async fn begin(
        &self,
        target: &Target,
        node: &Endpoint,
        limit: Duration,
    ) -> Result<Inquiry, MediumError> {
        let desk = self.desk(node);
        let mut standing = desk.lock().await;
        if standing.line.as_ref().is_none_or(Line::is_gone) {
            standing.line = None;
            if let Some((at, error)) = &standing.failed
                && at.elapsed() < PAUSE
            {
                return Err(error.clone());
            }
            match Line::open(target, node, limit, |_| {}).await {
                Ok(line) => standing.line = Some(line),
                Err(error) => {
                    standing.failed = Some((Instant::now(), error.clone()));
                    return Err(error);
                }
            }
            standing.number += 1;
        }
        let number = standing.number;
        let line = standing.line.as_ref().expect("it was just seen, or made");
        Ok(Inquiry {
            connection: line.connection.clone(),
            endpoint: node.clone(),
            address: line.address.clone(),
            number,
        })
    }

    /// Nothing came on this connection: the next question gets another one.
    pub async fn give_up(&self, inquiry: &Inquiry) {
        let desk = self.desk(&inquiry.endpoint);
        let mut standing = desk.lock().await;
        if standing.number == inquiry.number {
            standing.line = None;
        }
    }

    fn desk(&self, node: &Endpoint) -> Arc<Desk> {
        lock(&self.0).entry(node.clone()).or_default().clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}
