//! Where a node of a cluster sends whoever asks it for a key that it does not have.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::connection::Line;
use super::place::Endpoint;
use super::scripts::{Call, Outcome, evaluate, evaluate_asking};
use super::target::Target;
use crate::medium::MediumError;

/// How long to wait before a call is made again whose keys are on two nodes for the moment.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, PartialEq, Eq)]
pub enum Redirect {
    /// The slot belongs to another node.
    Moved(Endpoint),
    /// The slot is being given to another node, which has this key already: for this one call it is the right one.
    Ask(Endpoint),
}

impl Redirect {
    /// What the error of a node says. It may leave its host open, which is then that of whoever was asked.
    pub fn read(error: &RedisError, asked: &Endpoint) -> Option<Self> {
        let (address, _) = error.redirect_node()?;
        let (host, port) = address.rsplit_once(':')?;
        let endpoint = asked.beside(host, port.parse().ok()?)?;
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Ask) => Some(Self::Ask(endpoint)),
            _ => Some(Self::Moved(endpoint)),
        }
    }
}

/// The connection to the node that is being given the slot, while it is. Made when it is needed first.
#[derive(Default)]
pub struct Aside(Mutex<Option<Line>>);

impl Aside {
    async fn connection(
        &self,
        target: &Target,
        endpoint: &Endpoint,
        limit: Duration,
    ) -> Result<MultiplexedConnection, RedisError> {
        let mut line = self.0.lock().await;
        let standing = line
            .as_mut()
            .filter(|line| line.endpoint == *endpoint && !line.is_gone())
            .map(|line| line.connection.clone());
        if let Some(connection) = standing {
            return Ok(connection);
        }
        let failed = |error: MediumError| std::io::Error::other(error.message);
        let target = target.identified().await.map_err(failed)?;
        let opened = Line::open(&target, endpoint, limit, |_| {}).await.map_err(failed)?;
        Ok(line.insert(opened).connection.clone())
    }

    /// Whether calls were sent there on this connection's behalf.
    pub fn is_used(&self) -> bool {
        self.0.try_lock().is_ok_and(|line| line.is_some())
    }

    /// Nobody is sent there any more.
    pub async fn close(&self) {
        self.0.lock().await.take();
    }
}

/// How a call is made at the node of a cluster that has its slot: it may have to be made at another, or again. Neither was executed before.
pub struct Route {
    pub asked: Endpoint,
    pub target: Target,
    pub aside: Arc<Aside>,
}

impl Route {
    pub async fn evaluate(
        self,
        connection: MultiplexedConnection,
        call: Call,
        limit: Duration,
    ) -> Result<Outcome, RedisError> {
        let until = Instant::now() + limit;
        loop {
            let mut answer = evaluate(connection.clone(), &call).await;
            if let Err(error) = &answer
                && let Some(Redirect::Ask(endpoint)) = Redirect::read(error, &self.asked)
            {
                let left = until.saturating_duration_since(Instant::now());
                let aside = self.aside.connection(&self.target, &endpoint, left).await?;
                answer = evaluate_asking(aside, &call).await;
            }
            match answer {
                Err(error) if is_divided(&error) && Instant::now() + PAUSE < until => {
                    sleep(PAUSE).await;
                }
                answer => return answer,
            }
        }
    }
}

/// Some of the keys are on one node, some on the other; or the key has come back meanwhile.
fn is_divided(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::TryAgain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Redirect> {
        let value = redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).unwrap();
        let error = value.extract_error().unwrap_err();
        Redirect::read(&error, &Endpoint::tcp("10.0.0.1", 7000))
    }

    #[test]
    fn redirections_name_a_node_or_leave_its_host_open() {
        let moved = |host, port| Some(Redirect::Moved(Endpoint::tcp(host, port)));
        assert_eq!(read("MOVED 3999 127.0.0.1:6381"), moved("127.0.0.1", 6381));
        assert_eq!(read("MOVED 3999 redis-2.example:6381"), moved("redis-2.example", 6381));
        assert_eq!(read("MOVED 3999 ::1:6381"), moved("::1", 6381));
        assert_eq!(read("MOVED 3999 :6381"), moved("10.0.0.1", 6381));
        assert_eq!(read("MOVED 3999 ?:6381"), None);
        let ask = Redirect::Ask(Endpoint::tcp("127.0.0.1", 6382));
        assert_eq!(read("ASK 3999 127.0.0.1:6382"), Some(ask));
        assert_eq!(read("MOVED"), None);
        assert_eq!(read("CLUSTERDOWN Hash slot not served"), None);
    }
}
