//! What falls due together goes out together: as one call of a script that makes all the calls.
//!
//! Only where many candidates share the connection. They wake in step there ([`Medium::slack`](crate::medium::Medium::slack)), so that a call
//! waits for nothing but its turn on the thread. Each has its own stamp, its own outcome, and was dated before it came here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::Value;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::connection::Link;
use super::scripts::{Call, Joined, Outcome, Script, Wait, evaluate};
use super::{errors, late_to};
use crate::medium::{MailboxSender, MediumError};

/// So that no script grows long: others wait for it.
const MAX_CALLS: usize = 64;

/// The batches that are being collected.
#[derive(Clone, Default)]
pub struct Batches(Arc<Mutex<HashMap<Class, Batch>>>);

/// Calls that may go out together: on the same connection, by the same script with as many arguments, and with the same patience.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Class {
    link: u64,
    script: &'static str,
    arguments: usize,
    patience: Patience,
    /// How many replicas are waited for.
    replicas: u32,
}

/// How long an answer is waited for, by calls of one kind and candidates of one timing; a call of them may have less time left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Patience {
    pub limit: Duration,
    pub late_limit: Duration,
}

struct Batch {
    /// When the first of its calls must have settled.
    until: Instant,
    calls: Joined,
    waiting: Vec<Waiting>,
}

/// Whoever made one of the calls.
struct Waiting {
    mailbox: MailboxSender,
    done: oneshot::Sender<Result<Outcome, MediumError>>,
}

impl Batches {
    /// Makes a call beside those of others. Its own outcome comes within `left`.
    pub fn call(
        &self,
        link: &Arc<Link>,
        script: &'static Script,
        call: &Call,
        patience: Patience,
        left: Duration,
        mailbox: &MailboxSender,
    ) -> oneshot::Receiver<Result<Outcome, MediumError>> {
        let (done, outcome) = oneshot::channel();
        let (script_hash, arguments) = (script.hash(), call.arguments());
        let replicas = call.wait.map_or(0, |wait| wait.replicas);
        let class = Class { link: link.number, script: script_hash, arguments, patience, replicas };
        let waiting = Waiting { mailbox: mailbox.clone(), done };
        self.add(link, script, class, Instant::now() + left, call, waiting);
        outcome
    }

    fn add(
        &self,
        link: &Arc<Link>,
        script: &'static Script,
        class: Class,
        until: Instant,
        call: &Call,
        waiting: Waiting,
    ) {
        let mut open = self.0.lock().expect("no panic holds the lock");
        let batch = open.entry(class).or_insert_with(|| Batch::new(until));
        batch.until = batch.until.min(until);
        batch.calls.push(call);
        batch.waiting.push(waiting);
        let count = batch.calls.count();
        if count >= MAX_CALLS {
            let batch = open.remove(&class).expect("it was just added to");
            tokio::spawn(batch.send(link.clone(), script, class));
        } else if count == 1 {
            let (batches, link) = (self.clone(), link.clone());
            tokio::spawn(async move {
                // All who wake at this moment come first.
                yield_now().await;
                if let Some(batch) = batches.take(&class) {
                    batch.send(link, script, class).await;
                }
            });
        }
    }

    /// `None`: it was full, and has gone already.
    fn take(&self, class: &Class) -> Option<Batch> {
        self.0.lock().expect("no panic holds the lock").remove(class)
    }
}

impl Batch {
    fn new(until: Instant) -> Self {
        Self { until, calls: Joined::default(), waiting: Vec::new() }
    }

    async fn send(self, link: Arc<Link>, script: &'static Script, class: Class) {
        let left = self.until.saturating_duration_since(Instant::now());
        let (mailboxes, waiting): (Vec<_>, Vec<_>) =
            self.waiting.into_iter().map(|one| (late_to(&one.mailbox), one.done)).unzip();
        let waits = class.replicas > 0;
        let tell_late = move |time| {
            if !waits {
                mailboxes.into_iter().for_each(|tell| tell(time));
            }
        };
        let mut call = self.calls.call(script);
        call.wait = Wait::within(class.replicas, left);
        let send = |connection| async move { evaluate(connection, &call).await };
        match link.call(send, left, class.patience.late_limit, tell_late).await {
            Ok(Outcome { value: Value::Array(values), replicas })
                if values.len() == waiting.len() =>
            {
                for (done, value) in waiting.into_iter().zip(values) {
                    let outcome = value.extract_error().map(|value| Outcome { value, replicas });
                    // Whoever does not wait any more has ended.
                    let _ = done.send(link.settle(outcome));
                }
            }
            Ok(_) => fail(waiting, &errors::unreadable(&link.address)),
            Err(error) => fail(waiting, &error),
        }
    }
}

fn fail(waiting: Vec<oneshot::Sender<Result<Outcome, MediumError>>>, error: &MediumError) {
    for done in waiting {
        let _ = done.send(Err(error.clone()));
    }
}
