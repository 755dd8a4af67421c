//! The task that keeps the connection for commands.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::{sleep, timeout};

use super::attempts::Attempts;
use super::backoff::Backoff;
use super::connection::{Line, Link};
use super::hub::{Load, Shared};
use super::{dangers, errors, scripts};
use crate::medium::{MediumError, MediumErrorKind};
use crate::random;

/// Connects, waits for the end, and connects again, for ever. Every loss and every failed attempt is told to all members.
pub async fn keep_connected(shared: Arc<Shared>, load: Load) {
    let mut backoff = Backoff::default();
    let mut attempts = Attempts::default();
    loop {
        let started = Instant::now();
        let error = match connect(&shared, &mut attempts).await {
            Ok((link, line)) => {
                let error = serve(&shared, load, link, line).await;
                if started.elapsed() >= shared.backoff_limit() {
                    backoff.reset();
                }
                error
            }
            Err(error) => error,
        };
        shared.disconnected(load, &error);
        shared.aside.close().await;
        sleep(backoff.next(shared.backoff_limit(), random::bits())).await;
    }
}

async fn connect(
    shared: &Shared,
    attempts: &mut Attempts,
) -> Result<(Arc<Link>, Line), MediumError> {
    let mut line = attempts.open(shared, |_| {}).await.inspect_err(|error| {
        dangers::look_at_error(shared, error);
    })?;
    // Best effort: a call that finds its script unknown carries its text.
    let mut first = scripts::load_all(line.is_sharded());
    first.cmd("INFO").arg("memory");
    let limit = shared.or_slow(shared.attempt_limit(0));
    let answers = line.connection.send_packed_commands(&first, 0, first.len());
    if let Ok(Ok(answers)) = timeout(limit, answers).await {
        dangers::look_at_memory(shared, &line.address, answers.last());
    }
    Ok((Arc::new(Link::new(&line, shared.guide.clone())), line))
}

/// Holds the connection for as long as it is good. Returns why it is not any more.
async fn serve(shared: &Shared, load: Load, link: Arc<Link>, mut line: Line) -> MediumError {
    shared.connected(load, link.clone());
    tokio::select! {
        _ = line.gone.recv() => errors::lost(&link.address, None),
        error = link.until_condemned() => {
            // The server said that it is not the one to talk to; then what is listened to is on the wrong one as well.
            if error.kind == MediumErrorKind::Failed {
                shared.moved.send_replace(());
            }
            error
        }
        why = shared.guide.until_moved_from(&link.endpoint) => errors::lost(&link.address, Some(&why)),
    }
}
