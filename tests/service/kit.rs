//! What the tests share: candidates in memory under a kind of their own, and waiting for what must come.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use incumbent::{Candidate, Event, Events, Options};
use tokio::time::{sleep, timeout};

/// Generous, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kind that no other test has.
pub fn kind() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// In the memory of this process, with a short lease.
pub fn in_memory(kind: &str) -> Options {
    Options::new().memory().kind(kind).lease_ms(400)
}

pub fn candidate(kind: &str) -> Candidate {
    Candidate::new(in_memory(kind)).expect("the options are sound")
}

/// The first one leads.
pub async fn pair() -> (Candidate, Candidate) {
    let kind = kind();
    let (first, second) = (candidate(&kind), candidate(&kind));
    first.start().await.expect("it starts");
    second.start().await.expect("it starts");
    assert!(first.is_leader());
    (first, second)
}

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    soon(what, async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// The next event of which `pick` makes something.
pub async fn next<T>(
    what: &str,
    events: &mut Events,
    mut pick: impl FnMut(Event) -> Option<T>,
) -> T {
    soon(what, async {
        loop {
            let event = events.next().await.expect("the stream has not ended");
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    })
    .await
}

/// What `next` picks of messages.
pub fn text(event: Event) -> Option<String> {
    match event {
        Event::Message(message) => Some(message.json().expect("it is a text")),
        _ => None,
    }
}

/// A password, or a secret, with the word by which `npm test` finds those that are printed.
pub fn secret(name: &str) -> String {
    format!("{name}-{}", include_str!("../../fixtures/canary.txt").trim())
}
