//! Sentinels, which watch a master and its replicas, and say which one is the master.
//!
//! A connection to each stands all the time. So what one of them tells, that a replica was promoted, is heard at once; and none has to be
//! connected to in an outage. Where their words differ, that of the latest failover counts, by its number (the configuration epoch).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, PushInfo, PushKind, RedisError, Value};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Direction;
use super::board::{Board, Entry, Word};
use crate::medium::redis::backoff::Backoff;
use crate::medium::redis::connection::Line;
use crate::medium::redis::errors;
use crate::medium::redis::place::{Endpoint, SentinelPlace};
use crate::medium::{MediumError, MediumErrorKind};
use crate::random;

/// How long a sentinel may take to answer, and to be connected to.
const LIMIT: Duration = Duration::from_secs(1);
/// How long the others are waited for once one has told.
const GRACE: Duration = Duration::from_millis(50);
/// How often they are asked while nothing happens: what was told unasked may have been lost.
const REFRESH: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// So many are asked, however many are told of.
const MOST: usize = 16;
/// By which they tell of a promotion: the first by the one that has seen to it, ahead of the others.
const EVENTS: [&str; 2] = ["+promoted-slave", "+switch-master"];

pub struct Sentinels {
    place: SentinelPlace,
    client_name: String,
    board: watch::Sender<Board>,
    /// The number of the last question.
    asked: watch::Sender<u64>,
    /// One was told of that was not known before.
    found: Notify,
}

impl Sentinels {
    pub fn new(place: SentinelPlace, client_name: String) -> Arc<Self> {
        let board =
            Board(place.sentinels.iter().cloned().map(|one| (one, Entry::default())).collect());
        let (board, asked) = (watch::channel(board).0, watch::channel(0).0);
        Arc::new(Self { place, client_name, board, asked, found: Notify::new() })
    }

    /// Keeps a connection to each.
    pub async fn listen(self: Arc<Self>) {
        let mut consulted = HashSet::new();
        let mut tasks = JoinSet::new();
        loop {
            let known: Vec<Endpoint> = self.board.borrow().0.keys().cloned().collect();
            for sentinel in known {
                if consulted.insert(sentinel.clone()) {
                    tasks.spawn(self.clone().keep_consulting(sentinel));
                }
            }
            self.found.notified().await;
        }
    }

    /// What they say now.
    pub async fn locate(&self, limit: Duration) -> Result<Direction, MediumError> {
        let mut number = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        let mut board = self.board.subscribe();
        let mut until = Instant::now() + limit;
        loop {
            let (all_have, one_has) = {
                let board = board.borrow_and_update();
                (board.is_complete(number), board.has_word(number))
            };
            if all_have {
                break;
            }
            if one_has {
                until = until.min(Instant::now() + GRACE);
            }
            tokio::select! {
                changed = board.changed() => if changed.is_err() { break },
                () = sleep_until(until) => break,
            }
        }
        let board = board.borrow();
        board.direction().ok_or_else(|| board.failure(&self.place, limit))
    }

    /// Waits until they name another than this one.
    pub async fn until_moved_from(&self, present: &Endpoint) -> String {
        let mut board = self.board.subscribe();
        loop {
            let named = board.borrow_and_update().direction();
            if let Some(Direction { endpoint, told_by }) = named
                && endpoint != *present
            {
                let by = told_by.unwrap_or_default();
                return format!("{by} names {endpoint} as the master now");
            }
            if board.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn keep_consulting(self: Arc<Self>, sentinel: Endpoint) {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.consult(&sentinel, &mut backoff).await {
                Ok(error) | Err(error) => error,
            };
            self.note(&sentinel, None, Err(error));
            sleep(backoff.next(LONGEST_BACKOFF, random::bits())).await;
        }
    }

    /// One connection's time. Returns why it ended.
    async fn consult(
        &self,
        sentinel: &Endpoint,
        backoff: &mut Backoff,
    ) -> Result<MediumError, MediumError> {
        let news = Arc::new(Notify::new());
        let on_push = {
            let (news, name) = (news.clone(), self.place.name.clone());
            move |push: PushInfo| {
                if is_about(&push, &name) {
                    news.notify_one();
                }
            }
        };
        let target = self.place.target(sentinel, &self.client_name);
        let label = format!("{sentinel} (a sentinel)");
        let mut line = Line::open_labelled(&target, sentinel, &label, LIMIT, on_push).await?;
        // Best effort: where it is refused, they are asked all the same.
        let _ = timeout(LIMIT, line.connection.subscribe(&EVENTS[..])).await;
        let mut asked = self.asked.subscribe();
        loop {
            let number = *asked.borrow_and_update();
            let word = timeout(LIMIT, self.ask(&mut line)).await;
            let word = word.unwrap_or_else(|_| Err(errors::timed_out(&label, LIMIT)));
            match word {
                Err(error)
                    if error.kind == MediumErrorKind::Unreachable
                        || error.kind == MediumErrorKind::TimedOut =>
                {
                    return Ok(error);
                }
                word => {
                    if word.is_ok() {
                        backoff.reset();
                    }
                    self.note(sentinel, Some(number), word);
                }
            }
            tokio::select! {
                _ = line.gone.recv() => return Ok(errors::lost(&label, None)),
                _ = asked.changed() => {}
                () = news.notified() => {}
                () = sleep(REFRESH) => self.learn(&mut line).await,
            }
        }
    }

    /// Where it sees the master.
    async fn ask(&self, line: &mut Line) -> Result<Word, MediumError> {
        let name = &self.place.name;
        let mut pipeline = redis::pipe();
        pipeline.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        pipeline.cmd("SENTINEL").arg("MASTER").arg(name);
        let failed = |error: RedisError| errors::of_command(&line.address, &error);
        let answers =
            line.connection.send_packed_commands(&pipeline, 0, 2).await.map_err(failed)?;
        let mut answers = answers.into_iter();
        let address = answers.next().unwrap_or(Value::Nil).extract_error().map_err(failed)?;
        // May be forbidden.
        let details = answers.next().unwrap_or(Value::Nil);
        match <Option<(String, u16)>>::from_redis_value(address) {
            Ok(Some((host, port))) if !host.is_empty() => {
                Ok(Word { master: Endpoint::tcp(host, port), epoch: epoch_in(details) })
            }
            Ok(None) => Err(errors::unknown_master(&line.address, name)),
            _ => Err(errors::unreadable(&line.address)),
        }
    }

    /// Which other sentinels it knows of.
    async fn learn(&self, line: &mut Line) {
        let mut command = redis::cmd("SENTINEL");
        command.arg("SENTINELS").arg(&self.place.name);
        let asked = line.connection.send_packed_command(&command);
        let Ok(Ok(answer)) = timeout(LIMIT, asked).await else { return };
        let others = <Vec<HashMap<String, String>>>::from_redis_value(answer).unwrap_or_default();
        for other in others {
            if let (Some(ip), Some(Ok(port))) =
                (other.get("ip"), other.get("port").map(|port| port.parse()))
            {
                self.add(Endpoint::tcp(ip, port));
            }
        }
    }

    fn add(&self, sentinel: Endpoint) {
        let is_new = self.board.send_if_modified(|Board(entries)| {
            let is_new = entries.len() < MOST && !entries.contains_key(&sentinel);
            if is_new {
                entries.insert(sentinel, Entry::default());
            }
            is_new
        });
        if is_new {
            self.found.notify_one();
        }
    }

    fn note(&self, sentinel: &Endpoint, answered: Option<u64>, outcome: Result<Word, MediumError>) {
        self.board.send_modify(|Board(entries)| {
            let entry = entries.entry(sentinel.clone()).or_default();
            entry.answered = answered.unwrap_or(entry.answered);
            entry.outcome = Some(outcome);
        });
    }
}

/// Whether it tells of the master of that name. A promotion names it behind the replica; a switch, first of all.
fn is_about(push: &PushInfo, name: &str) -> bool {
    let (PushKind::Message, Some(Value::BulkString(text))) = (&push.kind, push.data.get(1)) else {
        return false;
    };
    String::from_utf8_lossy(text).split(' ').any(|word| word == name)
}

fn epoch_in(details: Value) -> u64 {
    let details = <HashMap<String, String>>::from_redis_value(details).unwrap_or_default();
    details.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0)
}
