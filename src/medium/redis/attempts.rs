//! Attempts to connect, in a row.

use std::time::Duration;

use redis::PushInfo;
use tokio::time::{Instant, timeout};

use super::connection::Line;
use super::errors;
use super::hub::Shared;
use super::target::Target;
use crate::medium::MediumError;

/// How many servers in a row may each name another one.
pub const MOST_HOPS: usize = 5;

#[derive(Default)]
pub struct Attempts {
    /// How many of the last ones in a row took too long.
    too_slow: u32,
}

impl Attempts {
    pub async fn open(
        &mut self,
        shared: &Shared,
        on_push: impl Fn(PushInfo) + Clone + Send + Sync + 'static,
    ) -> Result<Line, MediumError> {
        // Not part of the attempt's time: others give them, in a time of their own.
        let target = shared.target.identified().await?;
        let (started, limit) = (Instant::now(), shared.attempt_limit(self.too_slow));
        let outcome = follow(shared, &target, limit, on_push).await;
        let time = started.elapsed();
        self.too_slow = if outcome.is_err() && time >= limit { self.too_slow + 1 } else { 0 };
        if outcome.is_ok() {
            shared.connected_in(time);
        }
        outcome
    }
}

/// Goes where it is sent, until a server is there that is the right one.
async fn follow(
    shared: &Shared,
    target: &Target,
    limit: Duration,
    on_push: impl Fn(PushInfo) + Clone + Send + Sync + 'static,
) -> Result<Line, MediumError> {
    let guide = &shared.guide;
    for _ in 0..MOST_HOPS {
        let direction = guide.locate(target, limit).await?;
        let (endpoint, label) = (&direction.endpoint, direction.label());
        let opened = tokio::select! {
            line = Line::open_labelled(target, endpoint, &label, limit, on_push.clone()) => line,
            () = guide.until_elsewhere_than(target, endpoint) => continue,
        };
        let admitted = match opened {
            Ok(mut line) => match timeout(limit, guide.admit(&mut line)).await {
                Ok(Ok(true)) => return Ok(line),
                Ok(admitted) => admitted,
                Err(_) => Err(errors::no_answer_to_attempt(&label, limit)),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = admitted {
            guide.doubt(endpoint);
            return Err(error);
        }
    }
    Err(errors::sent_round(&shared.address))
}
