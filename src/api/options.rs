//! The options of a candidate. Names, bounds and defaults are those of index.d.ts; a test compares the two.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Handle;

use super::redis::Redis;
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

/// What [`Candidate::new`](crate::Candidate::new) takes. Whatever is wrong is told by that.
///
/// The names, bounds and defaults are those of the npm package: `lease_ms` is its `leaseMs`, and so are the two called in errors. All instances of a kind
/// should have the same `lease_ms`, whichever language they are written in. What that package calls `maxStallMs` has no counterpart: where the runtime is
/// blocked, nothing renews the leadership, and it ends by itself.
///
/// ```
/// use incumbent::{Candidate, Options};
///
/// let options = Options::new().redis("redis://localhost:6379").kind("job-pusher").lease_ms(2000);
/// let candidate = Candidate::new(options)?;
/// assert!(!candidate.is_leader());
///
/// let error = Candidate::new(Options::new().lease_ms(50)).unwrap_err();
/// assert_eq!(error.code().as_str(), "ERR_INVALID_OPTION");
/// assert_eq!(
///     error.message(),
///     r#"option "leaseMs" must be an integer from 100 to 600000 (milliseconds); got 50"#
/// );
/// # Ok::<(), incumbent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a candidate is made of them"]
pub struct Options {
    /// `None`: in the memory of this process.
    redis: Option<Redis>,
    kind: String,
    meta: Result<Arc<RawValue>, String>,
    lease_ms: u64,
    renew_ms: Option<u64>,
    crash_detection: CrashDetection,
    priority: i32,
    preempt: bool,
    eligible: bool,
    min_instances: usize,
    message_secrets: Option<Secrets>,
    drain_ms: u64,
    wait_replicas: u32,
    runtime: Option<Handle>,
}

/// How the others learn that a leader has crashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CrashDetection {
    /// By its silence, after `lease_ms`.
    #[default]
    Lease,
    /// By its connection as well, 20 milliseconds (or `lease_ms / 40`, where that is longer) after one of them saw that Redis had closed it.
    ///
    /// A leader whose connection to Redis breaks leads no more. Two instances may then lead at once, until 0.8 `lease_ms` after the last renewal, where
    /// Redis closes a connection and the news of it does not reach the leader's host within that wait; see "Faster after a crash" in the README.
    Connection,
}

/// They show in no output.
#[derive(Clone)]
struct Secrets(Vec<Vec<u8>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            redis: Some(Redis::default()),
            kind: String::new(),
            meta: Ok(nothing()),
            lease_ms: Timing::DEFAULT_LEASE.as_millis() as u64,
            renew_ms: None,
            crash_detection: CrashDetection::Lease,
            priority: 0,
            preempt: false,
            eligible: true,
            min_instances: 1,
            message_secrets: None,
            drain_ms: Config::DEFAULT_DRAIN_LIMIT.as_millis() as u64,
            wait_replicas: 0,
            runtime: None,
        }
    }
}

impl Options {
    /// With every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The Redis server: a URL such as `redis://user:password@host:6379/0` (`rediss://` for TLS, `unix:///path` for a Unix socket), or a [`Redis`] with its
    /// parts.
    ///
    /// Default: `redis://localhost:6379`.
    pub fn redis(mut self, redis: impl Into<Redis>) -> Self {
        self.redis = Some(redis.into());
        self
    }

    /// In place of a server, the memory of this process carries the election and the messages. It joins the candidates of one process alone, and is meant for
    /// tests and for trying things out. This is `medium: 'memory'` of the npm package.
    pub fn memory(mut self) -> Self {
        self.redis = None;
        self
    }

    /// The group that elects one leader among itself; candidates of different kinds have nothing to do with each other. Any text.
    ///
    /// Maximum: 128 bytes in UTF-8. Default: `''`.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Any value that has a form in JSON, shown to the others as [`Instance::meta`](crate::Instance::meta).
    ///
    /// Maximum: 16384 bytes as JSON. Default: `''`.
    pub fn meta(mut self, meta: &(impl Serialize + ?Sized)) -> Self {
        self.meta = serde_json::value::to_raw_value(meta)
            .map(Arc::from)
            .map_err(|error| format!("must be serializable as JSON: {error}"));
        self
    }

    /// How long the others wait, in milliseconds, before they take over from a leader that has fallen silent. All instances of a kind should have the same.
    ///
    /// Minimum: 100. Maximum: 600000. Default: 800.
    pub fn lease_ms(mut self, lease_ms: u64) -> Self {
        self.lease_ms = lease_ms;
        self
    }

    /// How often the leader renews its leadership, in milliseconds. At most a quarter of `lease_ms`. A round trip to Redis has to be shorter.
    ///
    /// Minimum: 10. Default: `leaseMs / 5`.
    pub fn renew_ms(mut self, renew_ms: u64) -> Self {
        self.renew_ms = Some(renew_ms);
        self
    }

    /// How the others learn that a leader has crashed.
    ///
    /// Default: `'lease'`.
    pub fn crash_detection(mut self, crash_detection: CrashDetection) -> Self {
        self.crash_detection = crash_detection;
        self
    }

    /// Whose turn it is at a vacancy: of the instances that live, the one with the highest comes first. It only delays the others; a leader yields to it only
    /// with [`preempt`](Self::preempt).
    ///
    /// Minimum: -1000. Maximum: 1000. Default: 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Whether this instance, while it leads, hands over to a living one of a higher `priority`.
    ///
    /// Default: false.
    pub fn preempt(mut self, preempt: bool) -> Self {
        self.preempt = preempt;
        self
    }

    /// Whether this instance may lead. One that may not takes part in all else.
    ///
    /// Default: true.
    pub fn eligible(mut self, eligible: bool) -> Self {
        self.eligible = eligible;
        self
    }

    /// How many instances this one must know, itself included, before it stands for election. A leader that is there already stays.
    ///
    /// Minimum: 1. Maximum: 10000. Default: 1.
    pub fn min_instances(mut self, min_instances: usize) -> Self {
        self.min_instances = min_instances;
        self
    }

    /// A secret that all instances of the kind share; best 32 random bytes. With it, each message bears an HMAC-SHA256, and one that does not, that was changed,
    /// or that comes a second time is dropped and counted. The hosts' times of day must agree to a minute.
    ///
    /// Minimum: 16 bytes in UTF-8. Maximum: 1024 bytes. Default: none: no message is authenticated.
    pub fn message_secret(self, secret: impl AsRef<[u8]>) -> Self {
        self.message_secrets([secret])
    }

    /// Several secrets, 4 at most: the first one signs; what any of them has signed is taken, so that secrets can be replaced one instance after the other.
    pub fn message_secrets(
        mut self,
        secrets: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Self {
        let secrets = secrets.into_iter().map(|secret| secret.as_ref().to_vec()).collect();
        self.message_secrets = Some(Secrets(secrets));
        self
    }

    /// How long a leadership that is given up is held for what was given to [`lead`](crate::Candidate::lead), in milliseconds. Where that takes longer, nothing is
    /// released: the others take over once the lease has run out.
    ///
    /// Minimum: 0. Maximum: 600000. Default: 5000.
    pub fn drain_ms(mut self, drain_ms: u64) -> Self {
        self.drain_ms = drain_ms;
        self
    }

    /// How many replicas of the Redis server must have a grant or a renewal, by its word (`WAIT`), for it to count. A failover to a replica that must have had it
    /// then costs no grant, and never makes two lead; for what that takes, see "Failover without loss" in the README.
    ///
    /// Minimum: 0. Maximum: 100. Default: 0.
    pub fn wait_replicas(mut self, wait_replicas: u32) -> Self {
        self.wait_replicas = wait_replicas;
        self
    }

    /// The runtime that the candidate runs on, in place of the one that [`start`](crate::Candidate::start) is called on: for a service that blocks its own runtime
    /// at times, and yet wants to keep its leadership meanwhile. What is given to [`lead`](crate::Candidate::lead) runs there, too.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Checks everything.
    pub(super) fn resolve(self) -> Result<Resolved, Error> {
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
pub(super) struct Resolved {
    pub config: Config,
    pub meta: Arc<RawValue>,
    pub runtime: Option<Handle>,
}

const MILLISECONDS: &str = " (milliseconds)";

fn integer<T: PartialOrd + std::fmt::Display>(
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
pub(super) fn check_meta(subject: &str, meta: &RawValue) -> Result<(), Error> {
    let size = meta.get().len();
    if size > MAX_META_BYTES {
        let text =
            format!("{subject} must be at most {MAX_META_BYTES} bytes as JSON; got {size} bytes");
        return Err(Error::new(ErrorCode::LimitExceeded, text));
    }
    check_depth(subject, meta.get().as_bytes())
}

pub(super) fn invalid(rule: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::InvalidOption, rule)
}

pub(super) fn too_large(name: &str, maximum: usize, form: &str, size: usize) -> Error {
    let text = format!("option \"{name}\" must be at most {maximum} bytes {form}; got {size} bytes");
    Error::new(ErrorCode::LimitExceeded, text)
}

fn nothing() -> Arc<RawValue> {
    Arc::from(RawValue::from_string("\"\"".to_owned()).expect("it is JSON"))
}
