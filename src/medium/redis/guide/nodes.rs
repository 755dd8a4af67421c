//! The nodes of a cluster. Any of them knows which one serves a key; and the one that serves it says so by an answer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Direction;
use super::inquiries::Inquiries;
use crate::medium::MediumError;
use crate::medium::redis::connection::Line;
use crate::medium::redis::errors;
use crate::medium::redis::place::Endpoint;
use crate::medium::redis::redirects::Redirect;
use crate::medium::redis::target::Target;
use crate::random;

/// How long one node is waited for before another is asked as well.
const STAGGER: Duration = Duration::from_millis(50);
/// How often others are asked while an attempt gets no answer.
const RECONSIDER: Duration = Duration::from_millis(100);
/// How long a node may take to answer, and to be connected to.
const LIMIT: Duration = Duration::from_secs(1);
/// So many are asked, however many there are.
const MOST: usize = 64;

pub struct Nodes {
    /// Which node is to be found is the one that serves this.
    key: String,
    /// As it was given: kinds of the same one ask on the same connections.
    target: Target,
    state: Mutex<State>,
}

struct State {
    /// Who serves the key, as far as is known.
    owner: Option<Direction>,
    /// Those that were named at first, and those that they told of.
    known: Vec<Endpoint>,
    seeds: usize,
    /// While this kind looks for its node.
    inquiries: Option<Arc<Inquiries>>,
}

/// What a node answers to whoever asks for the key.
#[derive(Debug)]
enum Finding {
    Here,
    Elsewhere(Endpoint),
}

impl Nodes {
    pub fn new(seeds: &[Endpoint], key: &str, target: &Target) -> Self {
        let state =
            State { owner: None, known: seeds.to_vec(), seeds: seeds.len(), inquiries: None };
        Self { key: key.to_owned(), target: target.clone(), state: Mutex::new(state) }
    }

    /// The node that was the right one last, unless there is doubt: then any is asked.
    pub async fn locate(&self, target: &Target, limit: Duration) -> Result<Direction, MediumError> {
        if let Some(owner) = &self.state().owner {
            return Ok(owner.clone());
        }
        let found = timeout(limit, self.ask(target)).await;
        let found = found
            .unwrap_or_else(|_| Err(errors::no_answer_to_attempt(&target.address(), limit)))?;
        Ok(self.state().owner.insert(found).clone())
    }

    pub async fn serves(&self, line: &mut Line) -> Result<bool, MediumError> {
        match find(&mut line.connection, &line.endpoint, &line.address, &self.key).await? {
            Finding::Here => {
                self.state().inquiries = None;
                self.learn(line).await;
                Ok(true)
            }
            Finding::Elsewhere(endpoint) => {
                self.name(&line.endpoint, endpoint);
                Ok(false)
            }
        }
    }

    /// Asks again and again, until another than this one is named.
    pub async fn until_elsewhere(&self, target: &Target, tried: &Endpoint) {
        loop {
            sleep(RECONSIDER).await;
            if let Ok(found) = self.ask(target).await
                && found.endpoint != *tried
            {
                self.state().owner = Some(found);
                return;
            }
        }
    }

    pub fn doubt(&self, endpoint: &Endpoint) {
        self.state().owner.take_if(|owner| owner.endpoint == *endpoint);
    }

    pub fn heed(&self, asked: &Endpoint, error: &RedisError) {
        match Redirect::read(error, asked) {
            Some(Redirect::Moved(endpoint)) => self.name(asked, endpoint),
            Some(Redirect::Ask(_)) => {}
            None => self.doubt(asked),
        }
    }

    fn name(&self, by: &Endpoint, endpoint: Endpoint) {
        let told_by = Some(format!("the node at {by}"));
        self.state().owner = Some(Direction { endpoint, told_by });
    }

    /// Asks the nodes in any order, each a moment after the last; the first that tells is heard.
    async fn ask(&self, target: &Target) -> Result<Direction, MediumError> {
        let inquiries = self.inquiries();
        let mut waiting = self.in_any_order();
        let mut asked = JoinSet::new();
        let mut failure = None;
        while let Some(node) = waiting.pop() {
            asked.spawn(consult(inquiries.clone(), target.clone(), node, self.key.clone()));
            let is_last = waiting.is_empty();
            // One that hangs is not waited for where the others do not know.
            let waits_for_last = is_last && failure.is_none();
            let mut until = Instant::now() + if waits_for_last { LIMIT } else { STAGGER };
            while let Ok(Some(answer)) = timeout_at(until, asked.join_next()).await {
                match answer {
                    Ok(Ok(direction)) => return Ok(direction),
                    Ok(Err(error)) => failure = Some(error),
                    // The runtime comes to its end.
                    Err(_) => {}
                }
                if !is_last {
                    break;
                }
                until = until.min(Instant::now() + STAGGER);
            }
        }
        Err(failure.unwrap_or_else(|| errors::no_answer_to_attempt(&target.address(), LIMIT)))
    }

    fn inquiries(&self) -> Arc<Inquiries> {
        self.state().inquiries.get_or_insert_with(|| Inquiries::of(&self.target)).clone()
    }

    fn in_any_order(&self) -> Vec<Endpoint> {
        let mut nodes = self.state().known.clone();
        for position in (1..nodes.len()).rev() {
            nodes.swap(position, (random::bits() % (position as u64 + 1)) as usize);
        }
        nodes
    }

    /// Which other nodes there are. Best effort: where it is forbidden, those that are known have to do.
    async fn learn(&self, line: &mut Line) {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let Ok(answer) = line.connection.send_packed_command(&command).await else { return };
        let told = nodes_in(&answer, &line.endpoint);
        let mut state = self.state();
        if told.is_empty() {
            return;
        }
        let seeds = state.seeds;
        state.known.truncate(seeds);
        let mut is_known: HashSet<Endpoint> = state.known.iter().cloned().collect();
        for node in told {
            if state.known.len() < MOST.max(seeds) && is_known.insert(node.clone()) {
                state.known.push(node);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds the lock")
    }
}

async fn consult(
    inquiries: Arc<Inquiries>,
    target: Target,
    node: Endpoint,
    key: String,
) -> Result<Direction, MediumError> {
    let mut inquiry = inquiries.begin(&target, &node, LIMIT).await?;
    let found = find(&mut inquiry.connection, &node, &inquiry.address, &key);
    let Ok(found) = timeout(LIMIT, found).await else {
        inquiries.give_up(&inquiry).await;
        return Err(errors::timed_out(&inquiry.address, LIMIT));
    };
    match found? {
        Finding::Here => Ok(Direction { endpoint: node, told_by: None }),
        Finding::Elsewhere(endpoint) => {
            Ok(Direction { endpoint, told_by: Some(format!("the node at {node}")) })
        }
    }
}

/// Asks for the key, by a command that is needed anyway, so that no other right is.
async fn find(
    connection: &mut MultiplexedConnection,
    asked: &Endpoint,
    address: &str,
    key: &str,
) -> Result<Finding, MediumError> {
    let mut command = redis::cmd("HLEN");
    command.arg(key);
    let answer = connection.send_packed_command(&command).await;
    let Err(error) = answer.and_then(Value::extract_error) else { return Ok(Finding::Here) };
    match Redirect::read(&error, asked) {
        Some(Redirect::Moved(endpoint)) => Ok(Finding::Elsewhere(endpoint)),
        // It gives the slot away, and has it still.
        Some(Redirect::Ask(_)) => Ok(Finding::Here),
        // What stands there is for others to judge.
        None if error.code() == Some("WRONGTYPE") => Ok(Finding::Here),
        None => Err(errors::of_command(address, &error)),
    }
}

/// The addresses in an answer to CLUSTER SLOTS: for each range its bounds, and then its nodes.
fn nodes_in(answer: &Value, asked: &Endpoint) -> Vec<Endpoint> {
    let nodes = ranges_in(answer).filter_map(|parts| parts.get(2..));
    nodes.flatten().filter_map(|node| node_in(node, asked)).collect()
}

/// Those of the masters in it, each once: the first node of a range is its master.
pub fn masters(answer: &Value, asked: &Endpoint) -> Vec<Endpoint> {
    let mut is_known = HashSet::new();
    let masters = ranges_in(answer).filter_map(|parts| node_in(parts.get(2)?, asked));
    masters.filter(|master| is_known.insert(master.clone())).collect()
}

fn ranges_in(answer: &Value) -> impl Iterator<Item = &Vec<Value>> {
    let ranges = if let Value::Array(ranges) = answer { ranges.as_slice() } else { &[] };
    ranges.iter().filter_map(|range| match range {
        Value::Array(parts) => Some(parts),
        _ => None,
    })
}

fn node_in(node: &Value, asked: &Endpoint) -> Option<Endpoint> {
    let Value::Array(parts) = node else { return None };
    let host = match parts.first()? {
        Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
        Value::SimpleString(host) => host.clone(),
        // It does not know by which name it is reached: by the one that was used.
        Value::Nil => String::new(),
        _ => return None,
    };
    let Some(Value::Int(port)) = parts.get(1) else { return None };
    asked.beside(&host, u16::try_from(*port).ok()?)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::net::TcpListener;

    use super::*;
    use crate::medium::redis::place::Place;

    /// As many kinds as this look for their nodes at once.
    const KINDS: usize = 50;

    async fn ask_for_all(nodes: &[Nodes], target: &Target) -> usize {
        let asked = nodes.iter().map(|one| one.ask(target));
        join_all(asked).await.iter().filter(|found| found.is_ok()).count()
    }

    fn kinds_at(endpoint: &Endpoint) -> (Vec<Nodes>, Target) {
        let seeds = vec![endpoint.clone()];
        let target = Target::new(Place::Cluster(seeds.clone()));
        let one = |number| Nodes::new(&seeds, &format!("incumbent:{{{number}}}:register"), &target);
        ((0..KINDS).map(one).collect(), target)
    }

    #[tokio::test]
    async fn many_kinds_ask_a_node_on_one_connection_which_ends_once_all_have_found_theirs() {
        let server = crate::medium::redis::tests::server::RedisServer::start();
        let clients = || {
            let list: String = server.query(&["CLIENT", "LIST"]);
            list.lines().filter(|line| line.contains("name=incumbent")).count()
        };
        let (nodes, target) = kinds_at(&Endpoint::tcp("127.0.0.1", server.port()));
        assert_eq!(ask_for_all(&nodes, &target).await, KINDS);
        assert_eq!(clients(), 1);
        assert_eq!(ask_for_all(&nodes, &target).await, KINDS);
        assert_eq!(clients(), 1, "they go on looking");
        let endpoint = nodes[0].locate(&target, LIMIT).await.unwrap().endpoint;
        let mut line = Line::open(&target, &endpoint, LIMIT, |_| {}).await.unwrap();
        for one in &nodes {
            assert!(one.serves(&mut line).await.unwrap());
        }
        drop(line);
        let begun = Instant::now();
        while clients() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "nobody looks any more");
            sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_node_that_cannot_be_connected_to_is_tried_by_one_kind_for_all() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (nodes, target) = kinds_at(&Endpoint::tcp("127.0.0.1", port));
        let mut connections = 0;
        let count = async {
            loop {
                // It hangs up at once.
                let _ = listener.accept().await.unwrap();
                connections += 1;
            }
        };
        let found = tokio::select! {
            found = ask_for_all(&nodes, &target) => found,
            () = count => unreachable!("it counts without end"),
        };
        assert_eq!(found, 0);
        assert!(connections < KINDS / 5, "{connections} connections");
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())])
    }

    #[test]
    fn nodes_are_read_by_whatever_name_they_give() {
        let named = Value::BulkString(b"redis-1.example".to_vec());
        let range = |nodes: Vec<Value>| {
            Value::Array([vec![Value::Int(0), Value::Int(100)], nodes].concat())
        };
        let unknown = Value::BulkString(b"?".to_vec());
        let empty = Value::BulkString(Vec::new());
        let answer = Value::Array(vec![
            range(vec![node(named, 7000), node(Value::Nil, 7001)]),
            range(vec![node(unknown, 7002), node(empty, 7003)]),
        ]);
        let nodes = nodes_in(&answer, &Endpoint::tcp("10.0.0.1", 6379));
        let expected = [("redis-1.example", 7000), ("10.0.0.1", 7001), ("10.0.0.1", 7003)];
        assert_eq!(nodes, expected.map(|(host, port)| Endpoint::tcp(host, port)));
        let masters = masters(&answer, &Endpoint::tcp("10.0.0.1", 6379));
        assert_eq!(
            masters,
            [Endpoint::tcp("redis-1.example", 7000)],
            "one that has no name is left out"
        );
    }
}
