//! Options, checked. Whoever breaks a rule reads the same sentence as in JavaScript.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::runtime::Handle;

use super::options::{CrashDetection, Options, Secrets};
use crate::authentication::Authenticator;
use crate::candidate::{Config, Place};
use crate::election::{self, Candidacy, Timing};
use crate::error::{Error, ErrorCode};
use crate::limits::check_depth;
use crate::wire::{MAX_META_BYTES, MAX_NAME_BYTES, MAX_PRIORITY};

const MAX_MIN_INSTANCES: usize = 10_000;
const MAX_DRAIN_MS: u64 = 600_000;
const MAX_WAIT_REPLICAS: u32 = 100;
const MIN_SECRET_BYTES: usize = 16;
const MAX_SECRET_BYTES: usize = 1024;
const MAX_SECRETS: usize = 4;

impl Options {
    /// Checks everything.
    pub fn resolve(self) -> Result<Resolved, Error> {
        let kind_bytes = self.kind.len();
        if kind_bytes > MAX_NAME_BYTES {
            return Err(too_large("kind", MAX_NAME_BYTES, "in UTF-8", kind_bytes));
        }
        let timing = self.timing()?;
        integer("priority", self.priority, -(MAX_PRIORITY as i32), MAX_PRIORITY as i32, "")?;
        integer("minInstances", self.min_instances, 1, MAX_MIN_INSTANCES, "")?;
        integer("drainMs", self.drain_ms, 0, MAX_DRAIN_MS, MILLISECONDS)?;
        integer("waitReplicas", self.wait_replicas, 0, MAX_WAIT_REPLICAS, "")?;
        let candidacy = Candidacy {
            is_eligible: self.eligible,
            priority: self.priority,
            min_instances: self.min_instances,
        };
        let authenticator = self.authenticator()?;
        let meta = self.meta.map_err(|rule| invalid(format!("option \"meta\" {rule}")))?;
        check_meta("option \"meta\"", &meta)?;
        let place = match self.redis {
            None => Place::Memory,
            Some(redis) => Place::Redis(Box::new(redis.target(self.wait_replicas)?)),
        };
        let config = Config {
            candidacy,
            preempt: self.preempt,
            accepts_requests: self.accept_requests,
            drain_limit: Duration::from_millis(self.drain_ms),
            authenticator,
            ..Config::new(place, self.kind, timing)
        };
        Ok(Resolved { config, meta, runtime: self.runtime })
    }

    fn timing(&self) -> Result<Timing, Error> {
        let (min, max) = (Timing::MIN_LEASE.as_millis(), Timing::MAX_LEASE.as_millis());
        integer("leaseMs", u128::from(self.lease_ms), min, max, MILLISECONDS)?;
        if let Some(renew_ms) = self.renew_ms {
            let min = Timing::MIN_RENEWAL_INTERVAL.as_millis();
            if u128::from(renew_ms) < min {
                return Err(invalid(format!(
                    "option \"renewMs\" must be an integer of at least {min} (milliseconds); got {renew_ms}"
                )));
            }
            // As a fraction: a quarter of the lease need not be an integer.
            if renew_ms > self.lease_ms / 4 {
                return Err(invalid(format!(
                    "renewMs ({renew_ms}) must be at most a quarter of leaseMs ({}), which is {}",
                    self.lease_ms,
                    self.lease_ms as f64 / 4.0
                )));
            }
        }
        let crash_detection = match self.crash_detection {
            CrashDetection::Lease => election::CrashDetection::Lease,
            CrashDetection::Connection => election::CrashDetection::Connection,
        };
        let lease = Duration::from_millis(self.lease_ms);
        Timing::new(lease, self.renew_ms.map(Duration::from_millis))
            .map(|timing| timing.with_crash_detection(crash_detection))
            .map_err(invalid)
    }

    fn authenticator(&self) -> Result<Option<Arc<Authenticator>>, Error> {
        let Some(Secrets(secrets)) = &self.message_secrets else { return Ok(None) };
        if secrets.is_empty() || secrets.len() > MAX_SECRETS {
            return Err(invalid(format!(
                "option \"messageSecret\" must be one secret, or a list of 1 to {MAX_SECRETS}; got a list of {}",
                secrets.len()
            )));
        }
        for secret in secrets {
            if secret.len() < MIN_SECRET_BYTES {
                return Err(invalid(format!(
                    "option \"messageSecret\" must have at least {MIN_SECRET_BYTES} bytes; got {} bytes",
                    secret.len()
                )));
            }
            if secret.len() > MAX_SECRET_BYTES {
                return Err(too_large("messageSecret", MAX_SECRET_BYTES, "in UTF-8", secret.len()));
            }
        }
        Ok(Authenticator::new(secrets.iter().map(Vec::as_slice)).map(Arc::new))
    }
}

/// Options without a fault.
pub struct Resolved {
    pub config: Config,
    pub meta: Arc<RawValue>,
    pub runtime: Option<Handle>,
}

const MILLISECONDS: &str = " (milliseconds)";

fn integer<T: PartialOrd + fmt::Display>(
    name: &str,
    value: T,
    minimum: T,
    maximum: T,
    unit: &str,
) -> Result<(), Error> {
    if (&minimum..=&maximum).contains(&&value) {
        return Ok(());
    }
    let rule = format!("must be an integer from {minimum} to {maximum}{unit}");
    Err(invalid(format!("option \"{name}\" {rule}; got {value}")))
}

/// # Errors
/// `ERR_LIMIT_EXCEEDED`, when it is too long, or nested too deep.
pub fn check_meta(subject: &str, meta: &RawValue) -> Result<(), Error> {
    let size = meta.get().len();
    if size > MAX_META_BYTES {
        let text =
            format!("{subject} must be at most {MAX_META_BYTES} bytes as JSON; got {size} bytes");
        return Err(Error::new(ErrorCode::LimitExceeded, text));
    }
    check_depth(subject, meta.get().as_bytes())
}

pub fn invalid(rule: impl fmt::Display) -> Error {
    Error::new(ErrorCode::InvalidOption, rule)
}

pub fn too_large(name: &str, maximum: usize, form: &str, size: usize) -> Error {
    let text =
        format!("option \"{name}\" must be at most {maximum} bytes {form}; got {size} bytes");
    Error::new(ErrorCode::LimitExceeded, text)
}
