//! The nodes of a cluster. Any of them knows which one serves a key; and the one that serves it says so by an answer.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use redis::{RedisError, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Direction;
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
    state: Mutex<State>,
}

struct State {
    /// Who serves the key, as far as is known.
    owner: Option<Direction>,
    /// Those that were named at first, and those that they told of.
    known: Vec<Endpoint>,
    seeds: usize,
}

/// What a node answers to whoever asks for the key.
#[derive(Debug)]
enum Finding {
    Here,
    Elsewhere(Endpoint),
}

impl Nodes {
    pub fn new(seeds: &[Endpoint], key: &str) -> Self {
        let state = State { owner: None, known: seeds.to_vec(), seeds: seeds.len() };
        Self { key: key.to_owned(), state: Mutex::new(state) }
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
        match find(line, &self.key).await? {
            Finding::Here => {
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
        let mut waiting = self.in_any_order();
        let mut asked = JoinSet::new();
        let mut failure = None;
        while let Some(node) = waiting.pop() {
            asked.spawn(consult(target.clone(), node, self.key.clone()));
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

async fn consult(target: Target, node: Endpoint, key: String) -> Result<Direction, MediumError> {
    let mut line = Line::open(&target, &node, LIMIT, |_| {}).await?;
    let found = timeout(LIMIT, find(&mut line, &key)).await;
    match found.unwrap_or_else(|_| Err(errors::timed_out(&line.address, LIMIT)))? {
        Finding::Here => Ok(Direction { endpoint: node, told_by: None }),
        Finding::Elsewhere(endpoint) => {
            Ok(Direction { endpoint, told_by: Some(format!("the node at {node}")) })
        }
    }
}

/// Asks for the key, by a command that is needed anyway, so that no other right is.
async fn find(line: &mut Line, key: &str) -> Result<Finding, MediumError> {
    let mut command = redis::cmd("HLEN");
    command.arg(key);
    let answer = line.connection.send_packed_command(&command).await;
    let Err(error) = answer.and_then(Value::extract_error) else { return Ok(Finding::Here) };
    match Redirect::read(&error, &line.endpoint) {
        Some(Redirect::Moved(endpoint)) => Ok(Finding::Elsewhere(endpoint)),
        // It gives the slot away, and has it still.
        Some(Redirect::Ask(_)) => Ok(Finding::Here),
        // What stands there is for others to judge.
        None if error.code() == Some("WRONGTYPE") => Ok(Finding::Here),
        None => Err(errors::of_command(&line.address, &error)),
    }
}

/// The addresses in an answer to CLUSTER SLOTS: for each range its bounds, and then its nodes.
fn nodes_in(answer: &Value, asked: &Endpoint) -> Vec<Endpoint> {
    let Value::Array(ranges) = answer else { return Vec::new() };
    let nodes = ranges.iter().filter_map(|range| match range {
        Value::Array(parts) => parts.get(2..),
        _ => None,
    });
    nodes.flatten().filter_map(|node| node_in(node, asked)).collect()
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
    use super::*;

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
    }
}
