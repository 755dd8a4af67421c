//! The options of a candidate. Names, bounds and defaults are those of index.d.ts; a test compares the two.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Handle;

use super::redis::Redis;
use crate::candidate::Config;
use crate::election::Timing;

/// What [`Candidate::new`](crate::Candidate::new) takes. Whatever is wrong is told by that.
///
/// The names, bounds and defaults are those of the npm package: `lease_ms` is its `leaseMs`, and so are the two called in errors. All instances of a kind
/// should have the same `lease_ms`, whichever language they are written in. What that package calls `maxStallMs` has no counterpart: where the runtime is
/// blocked, nothing renews the leadership, and it ends by itself. Nor has `migrate`, for fleets of node-raft-redis: services in Rust join them after the move.
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
    pub(super) redis: Option<Redis>,
    pub(super) kind: String,
    pub(super) meta: Result<Arc<RawValue>, String>,
    pub(super) lease_ms: u64,
    pub(super) renew_ms: Option<u64>,
    pub(super) crash_detection: CrashDetection,
    pub(super) priority: i32,
    pub(super) preempt: bool,
    pub(super) eligible: bool,
    pub(super) min_instances: usize,
    pub(super) message_secrets: Option<Secrets>,
    pub(super) accept_requests: bool,
    pub(super) drain_ms: u64,
    pub(super) wait_replicas: u32,
    pub(super) runtime: Option<Handle>,
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
pub(super) struct Secrets(pub(super) Vec<Vec<u8>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            accept_requests: true,
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
    pub fn message_secrets(mut self, secrets: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let secrets = secrets.into_iter().map(|secret| secret.as_ref().to_vec()).collect();
        self.message_secrets = Some(Secrets(secrets));
        self
    }

    /// Whether this instance, while it leads, heeds the requests `incumbent reelect` and `incumbent transfer` of the command line: one in five `lease_ms` at most.
    /// With [`message_secret`](Self::message_secret), only those of who knows it; without, whoever may publish on the kind's channels can make them.
    ///
    /// Default: true.
    pub fn accept_requests(mut self, accept_requests: bool) -> Self {
        self.accept_requests = accept_requests;
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
}

fn nothing() -> Arc<RawValue> {
    Arc::from(RawValue::from_string("\"\"".to_owned()).expect("it is JSON"))
}
