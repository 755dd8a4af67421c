//! The task that keeps the connection for subscriptions. It alone subscribes and unsubscribes, so that no two such commands
//! for one channel can overtake each other: it compares what is wanted with what stands, and asks for the difference.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use redis::{PushInfo, PushKind, RedisError, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::attempts::Attempts;
use super::backoff::Backoff;
use super::connection::{Line, within};
use super::errors;
use super::hub::Shared;
use super::routing::Plan;
use crate::medium::MediumError;
use crate::random;

/// Connects, keeps what is wanted subscribed, and connects again, for ever.
pub async fn keep_subscribed(shared: Arc<Shared>) {
    let mut backoff = Backoff::default();
    let mut attempts = Attempts::default();
    let mut number = 0;
    loop {
        number += 1;
        let started = Instant::now();
        let error = match connect(&shared, &mut attempts, number).await {
            Ok(mut subscription) => {
                let error = subscription.serve().await;
                if started.elapsed() >= shared.backoff_limit() {
                    backoff.reset();
                }
                error
            }
            Err(error) => error,
        };
        shared.routing().disconnected(&error);
        sleep(backoff.next(shared.backoff_limit(), random::bits())).await;
    }
}

/// One connection's time.
struct Subscription {
    shared: Arc<Shared>,
    line: Line,
    /// What it asks to be left out of channels of slots: the server may leave them by itself, when it gives the slot away.
    leaving: Arc<Mutex<HashSet<String>>>,
    /// The server has left some.
    left: Arc<Notify>,
    /// When something last came, in ns after `opened`; shared with the connection's own task.
    heard: Arc<AtomicU64>,
    /// Tells what came after this connection was begun.
    moved: watch::Receiver<()>,
    opened: Instant,
    /// When to try again what the server refused.
    retry: Option<Instant>,
    refusals: Backoff,
}

async fn connect(
    shared: &Arc<Shared>,
    attempts: &mut Attempts,
    number: u64,
) -> Result<Subscription, MediumError> {
    let (heard, opened) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let (leaving, left) = (Arc::<Mutex<HashSet<String>>>::default(), Arc::<Notify>::default());
    let moved = shared.moved.subscribe();
    let on_push = {
        let (shared, heard) = (Arc::downgrade(shared), heard.clone());
        let (leaving, left) = (leaving.clone(), left.clone());
        move |push: PushInfo| {
            heard.store(opened.elapsed().as_nanos() as u64, Ordering::Relaxed);
            if push.kind == PushKind::SUnsubscribe && !is_among(&leaving, &push) {
                left.notify_one();
            }
            if let (Some(shared), Some((channel, payload))) = (shared.upgrade(), message(push)) {
                shared.routing().deliver(number, &channel, payload);
            }
        }
    };
    let line = attempts.open(shared, on_push).await?;
    shared.routing().connected(number);
    let (shared, refusals) = (shared.clone(), Backoff::default());
    let retry = None;
    Ok(Subscription { shared, line, leaving, left, heard, moved, opened, retry, refusals })
}

fn message(push: PushInfo) -> Option<(String, Vec<u8>)> {
    let mut data = push.data.into_iter();
    match (push.kind, data.next(), data.next()) {
        (
            PushKind::Message | PushKind::SMessage,
            Some(Value::BulkString(channel)),
            Some(Value::BulkString(payload)),
        ) => Some((String::from_utf8(channel).ok()?, payload)),
        _ => None,
    }
}

fn is_among(leaving: &Mutex<HashSet<String>>, push: &PushInfo) -> bool {
    let Some(Value::BulkString(channel)) = push.data.first() else { return false };
    let channel = String::from_utf8_lossy(channel);
    leaving.lock().expect("no panic holds the lock").contains(&*channel)
}

impl Subscription {
    /// Keeps what is wanted subscribed for as long as the connection is good. Returns why it is not any more.
    async fn serve(&mut self) -> MediumError {
        loop {
            if let Err(error) = self.reconcile().await {
                return error;
            }
            let probe = self.heard() + self.shared.probe_interval();
            let retry = self.retry.unwrap_or(probe + Duration::from_secs(3600));
            tokio::select! {
                _ = self.line.gone.recv() => return errors::lost(&self.line.address, None),
                _ = self.moved.changed() => {
                    return errors::lost(&self.line.address, Some("it is not the master any more"));
                }
                () = self.left.notified() => {
                    self.shared.guide.doubt(&self.line.endpoint);
                    return errors::lost(&self.line.address, Some("it has given the slot away"));
                }
                why = self.shared.guide.until_moved_from(&self.line.endpoint) => {
                    return errors::lost(&self.line.address, Some(&why));
                }
                () = self.shared.routes_changed.notified() => {}
                () = sleep_until(retry) => {
                    self.retry = None;
                    self.shared.routing().retry_refused();
                }
                () = sleep_until(probe) => if let Err(error) = self.probe().await {
                    return error;
                }
            }
        }
    }

    /// Asks for what is wanted and does not stand, and the reverse, until there is no difference.
    async fn reconcile(&mut self) -> Result<(), MediumError> {
        loop {
            let Plan { subscribe, unsubscribe } = self.shared.routing().plan();
            if !unsubscribe.is_empty() {
                // Where the server refuses, what is still heard finds nobody who wants it.
                let _ = self.bounded(Ask::Unsubscribe, &unsubscribe).await?;
                self.shared.routing().unsubscribed(&unsubscribe);
            }
            if !subscribe.is_empty() {
                self.subscribe(&subscribe).await?;
            }
            let mut routing = self.shared.routing();
            if routing.plan() == Plan::default() {
                routing.settle();
                if routing.has_refused() && self.retry.is_none() {
                    let wait = self.refusals.next(self.shared.backoff_limit(), random::bits());
                    self.retry = Some(Instant::now() + wait);
                } else if !routing.has_refused() {
                    self.refusals.reset();
                }
                return Ok(());
            }
        }
    }

    /// Subscribes to all at once; where the server refuses, one by one, so that a missing right to one channel costs no other.
    async fn subscribe(&mut self, names: &[String]) -> Result<(), MediumError> {
        if self.bounded(Ask::Subscribe, names).await?.is_ok() {
            self.shared.routing().subscribed(names);
            return Ok(());
        }
        for name in names {
            let name = std::slice::from_ref(name);
            match self.bounded(Ask::Subscribe, name).await? {
                Ok(()) => self.shared.routing().subscribed(name),
                Err(refusal) => self.shared.routing().refused(&name[0], refusal),
            }
        }
        Ok(())
    }

    /// The outer error is the connection's, the inner one the server's.
    async fn bounded(
        &mut self,
        ask: Ask,
        names: &[String],
    ) -> Result<Result<(), MediumError>, MediumError> {
        let limit = self.shared.or_slow(self.shared.attempt_limit(0));
        let outcome = timeout(limit, self.ask(ask, names)).await;
        let address = &self.line.address;
        match outcome {
            Ok(Ok(())) => Ok(Ok(())),
            Ok(Err(error)) if is_of_connection(&error) => Err(errors::of_command(address, &error)),
            Ok(Err(error)) if errors::asks_for_another_server(&error) => {
                self.shared.guide.heed(&self.line.endpoint, &error);
                Err(errors::of_command(address, &error))
            }
            Ok(Err(error)) => Ok(Err(errors::of_command(address, &error))),
            Err(_) => Err(errors::timed_out(address, limit)),
        }
    }

    async fn ask(&mut self, ask: Ask, names: &[String]) -> Result<(), RedisError> {
        if self.line.is_sharded() {
            return self.ask_of_slot(ask, names).await;
        }
        match ask {
            Ask::Subscribe => self.line.connection.subscribe(names).await,
            Ask::Unsubscribe => self.line.connection.unsubscribe(names).await,
        }
    }

    /// One command for each channel, so that each has an answer of its own.
    async fn ask_of_slot(&mut self, ask: Ask, names: &[String]) -> Result<(), RedisError> {
        let command = match ask {
            Ask::Subscribe => "SSUBSCRIBE",
            Ask::Unsubscribe => "SUNSUBSCRIBE",
        };
        let is_leaving = matches!(ask, Ask::Unsubscribe);
        if is_leaving {
            self.leaving().extend(names.iter().cloned());
        }
        let mut pipeline = redis::Pipeline::with_capacity(names.len());
        for name in names {
            pipeline.cmd(command).arg(name);
        }
        let answers = self.line.connection.send_packed_commands(&pipeline, 0, names.len()).await;
        if is_leaving {
            self.leaving().clear();
        }
        answers?.into_iter().try_for_each(|answer| answer.extract_error().map(drop))
    }

    fn leaving(&self) -> MutexGuard<'_, HashSet<String>> {
        self.leaving.lock().expect("no panic holds the lock")
    }

    /// Shows that the connection is alive when nothing was heard on it for a while: one that is half-open is silent, too.
    async fn probe(&mut self) -> Result<(), MediumError> {
        let interval = self.shared.probe_interval();
        if self.heard() + interval > Instant::now() {
            // Something came in meanwhile.
            return Ok(());
        }
        let limit = self.shared.or_slow(interval);
        let address = &self.line.address;
        let ping = redis::cmd("PING");
        match within(limit, self.line.connection.send_packed_command(&ping)).await {
            Some(Err(error)) if is_of_connection(&error) => {
                return Err(errors::of_command(address, &error));
            }
            // An error of the server, such as BUSY, is a sign of life as well.
            Some(_) => {}
            None => return Err(errors::timed_out(address, limit)),
        }
        self.heard.store(self.opened.elapsed().as_nanos() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn heard(&self) -> Instant {
        self.opened + Duration::from_nanos(self.heard.load(Ordering::Relaxed))
    }
}

#[derive(Clone, Copy)]
enum Ask {
    Subscribe,
    Unsubscribe,
}

fn is_of_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}
