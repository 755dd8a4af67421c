//! Attempts to connect, in a row.

use redis::PushInfo;
use tokio::time::Instant;

use super::connection::Line;
use super::hub::Shared;
use crate::medium::MediumError;

#[derive(Default)]
pub struct Attempts {
    /// How many of the last ones in a row took too long.
    too_slow: u32,
}

impl Attempts {
    pub async fn open(
        &mut self,
        shared: &Shared,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Line, MediumError> {
        // Not part of the attempt's time: others give them, in a time of their own.
        let target = shared.target.identified().await?;
        let (started, limit) = (Instant::now(), shared.attempt_limit(self.too_slow));
        let outcome = match shared.target.place.locate().await {
            Ok(endpoint) => Line::open(&target, &endpoint, limit, on_push).await,
            Err(error) => Err(error),
        };
        let time = started.elapsed();
        self.too_slow = if outcome.is_err() && time >= limit { self.too_slow + 1 } else { 0 };
        if outcome.is_ok() {
            shared.connected_in(time);
        }
        outcome
    }
}
