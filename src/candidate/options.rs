//! The options as lib/options.js hands them over: one JSON text, complete, checked for their types, with every default filled in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Config, Place};
use crate::authentication::Authenticator;
use crate::doctor::Subject;
use crate::election::{Candidacy, CrashDetection, Timing};
use crate::medium::redis::rights::Purpose;
use crate::medium::redis::{self, Endpoint, Pem, Provider, SentinelPlace, Target, Tls};
use crate::wire::MAX_PRIORITY;

const MAX_MIN_INSTANCES: usize = 10_000;
const MIN_SECRET_BYTES: usize = 16;
/// The present one, and those that are on their way out or in. A forged message costs an attempt with each.
const MAX_SECRETS: usize = 4;
const MAX_DRAIN: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    redis: Option<RedisOptions>,
    medium: MediumName,
    pub kind: String,
    pub meta: Arc<RawValue>,
    lease_ms: u64,
    renew_ms: Option<u64>,
    max_stall_ms: Option<f64>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    pub preempt: bool,
    #[serde(default)]
    pub accept_requests: bool,
    #[serde(default = "yes")]
    eligible: bool,
    #[serde(default = "one")]
    min_instances: usize,
    #[serde(default = "default_drain_ms")]
    drain_ms: u64,
    crash_detection: CrashDetectionName,
    /// The bytes of each.
    #[serde(default)]
    message_secret: Option<Vec<Vec<u8>>>,
    #[serde(default)]
    wait_replicas: u32,
    #[serde(default)]
    migrate: Option<Library>,
    pub debug: bool,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum MediumName {
    Redis,
    Memory,
}

/// What a fleet is moved away from.
#[derive(Deserialize)]
enum Library {
    #[serde(rename = "node-raft-redis")]
    NodeRaftRedis,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum CrashDetectionName {
    Lease,
    Connection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedisOptions {
    /// Instead of all that follows.
    url: Option<String>,
    #[serde(default)]
    host: String,
    #[serde(default)]
    port: u16,
    /// Of a Unix socket, instead of host and port.
    path: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    db: i64,
    tls: Option<TlsOptions>,
    key_prefix: String,
    client_name: String,
    sentinel: Option<SentinelOptions>,
    cluster: Option<Vec<Node>>,
}

#[derive(Deserialize)]
struct SentinelOptions {
    sentinels: Vec<Node>,
    name: String,
    username: Option<String>,
    password: Option<String>,
    tls: Option<TlsOptions>,
}

#[derive(Deserialize)]
struct Node {
    host: String,
    port: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TlsOptions {
    ca: Vec<PemOption>,
    cert: Option<PemOption>,
    key: Option<PemOption>,
    servername: Option<String>,
    reject_unauthorized: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum PemOption {
    Text(String),
    Path(PathBuf),
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn default_drain_ms() -> u64 {
    Config::DEFAULT_DRAIN_LIMIT.as_millis() as u64
}

/// Every error is a sentence for the user.
impl Options {
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    pub fn timing(&self) -> Result<Timing, String> {
        let renewal_interval = self.renew_ms.map(Duration::from_millis);
        let crash_detection = match self.crash_detection {
            CrashDetectionName::Lease => CrashDetection::Lease,
            CrashDetectionName::Connection => CrashDetection::Connection,
        };
        Timing::new(Duration::from_millis(self.lease_ms), renewal_interval)
            .map(|timing| timing.with_crash_detection(crash_detection))
            .map_err(|error| error.to_string())
    }

    pub fn max_stall(&self) -> Option<Duration> {
        self.max_stall_ms.map(|ms| Duration::from_secs_f64(ms.clamp(1.0, 1e12) / 1000.0))
    }

    /// # Errors
    /// A sentence, when a secret is too short to be one, or there are too many.
    pub fn authenticator(&self) -> Result<Option<Arc<Authenticator>>, String> {
        let secrets = self.message_secret.iter().flatten().map(Vec::as_slice);
        if secrets.clone().any(|secret| secret.len() < MIN_SECRET_BYTES) {
            return Err(format!(
                "option \"messageSecret\" must have at least {MIN_SECRET_BYTES} bytes"
            ));
        }
        if secrets.clone().count() > MAX_SECRETS {
            return Err(format!("option \"messageSecret\" must name at most {MAX_SECRETS}"));
        }
        Ok(Authenticator::new(secrets).map(Arc::new))
    }

    /// Whether this instance moves a fleet of the other library.
    ///
    /// # Errors
    /// A sentence, when it could not speak with them.
    pub fn migrates(&self) -> Result<bool, String> {
        let Some(Library::NodeRaftRedis) = self.migrate else { return Ok(false) };
        let is_one_server =
            |server: &RedisOptions| server.sentinel.is_none() && server.cluster.is_none();
        if self.medium == MediumName::Memory || !self.redis.as_ref().is_some_and(is_one_server) {
            return Err(
                "option \"migrate\" needs the one Redis server that the old instances use".into()
            );
        }
        if self.message_secret.is_some() {
            return Err("option \"migrate\" must be left out with \"messageSecret\"".into());
        }
        Ok(true)
    }

    /// # Errors
    /// A sentence, when a number is out of its bounds.
    pub fn candidacy(&self) -> Result<Candidacy, String> {
        let Self { priority, min_instances, .. } = *self;
        if priority.unsigned_abs() > MAX_PRIORITY {
            return Err(format!(
                "option \"priority\" ({priority}) must be from -{MAX_PRIORITY} to {MAX_PRIORITY}"
            ));
        }
        if !(1..=MAX_MIN_INSTANCES).contains(&min_instances) {
            return Err(format!(
                "option \"minInstances\" ({min_instances}) must be from 1 to {MAX_MIN_INSTANCES}"
            ));
        }
        Ok(Candidacy { is_eligible: self.eligible, priority, min_instances })
    }

    /// # Errors
    /// A sentence, when it is too long.
    pub fn drain_limit(&self) -> Result<Duration, String> {
        let limit = Duration::from_millis(self.drain_ms);
        if limit > MAX_DRAIN {
            let (ms, max) = (self.drain_ms, MAX_DRAIN.as_millis());
            return Err(format!("option \"drainMs\" ({ms}) must be from 0 to {max}"));
        }
        Ok(limit)
    }

    /// What the doctor is to look at; with what `fenced()` needs, where `fences`.
    ///
    /// # Errors
    /// A sentence, when an option is wrong, or there is no server.
    pub fn subject(&self, fences: bool) -> Result<Subject, String> {
        let Place::Redis(target) = self.place(None)? else {
            return Err("there is nothing to look at with medium \"memory\"".into());
        };
        let timing = self.timing()?;
        let purpose = Purpose {
            kind: self.kind.clone(),
            watches_connections: timing.watches_connections(),
            fences,
            waits: self.wait_replicas > 0,
            migrates: self.migrates()?,
        };
        Ok(Subject { target: *target, purpose, renewal_interval: timing.renewal_interval() })
    }

    pub fn place(&self, credentials: Option<Provider>) -> Result<Place, String> {
        let server = match (&self.medium, &self.redis) {
            (MediumName::Memory, _) => return Ok(Place::Memory),
            (MediumName::Redis, Some(server)) => server,
            (MediumName::Redis, None) => return Err("option \"redis\" is missing".into()),
        };
        let target = match &server.url {
            Some(url) => Target::parse(url)?,
            None => server.target()?,
        };
        let wait_replicas = self.wait_replicas;
        Ok(Place::Redis(Box::new(Target { credentials, wait_replicas, ..target })))
    }
}

impl RedisOptions {
    fn target(&self) -> Result<Target, String> {
        Ok(Target {
            username: self.username.clone(),
            password: self.password.clone(),
            db: self.db,
            tls: checked(self.tls.as_ref())?,
            key_prefix: self.key_prefix.clone(),
            client_name: self.client_name.clone(),
            ..Target::new(self.place()?)
        })
    }

    fn place(&self) -> Result<redis::Place, String> {
        if let Some(sentinel) = &self.sentinel {
            return Ok(redis::Place::Sentinel(SentinelPlace {
                sentinels: endpoints(&sentinel.sentinels),
                name: sentinel.name.clone(),
                username: sentinel.username.clone(),
                password: sentinel.password.clone(),
                tls: checked(sentinel.tls.as_ref())?,
            }));
        }
        Ok(match (&self.cluster, &self.path) {
            (Some(nodes), _) => redis::Place::Cluster(endpoints(nodes)),
            (None, Some(path)) => Endpoint::Unix(path.clone()).into(),
            (None, None) => Endpoint::tcp(&self.host, self.port).into(),
        })
    }
}

fn endpoints(nodes: &[Node]) -> Vec<Endpoint> {
    nodes.iter().map(|node| Endpoint::tcp(&node.host, node.port)).collect()
}

fn checked(tls: Option<&TlsOptions>) -> Result<Option<Arc<Tls>>, String> {
    Ok(tls.map(TlsOptions::checked).transpose()?.map(Arc::new))
}

impl TlsOptions {
    fn checked(&self) -> Result<Tls, String> {
        let pem = |option: &PemOption| match option {
            PemOption::Text(text) => Pem::Text(text.clone()),
            PemOption::Path(path) => Pem::File(path.clone()),
        };
        let tls = Tls {
            ca: self.ca.iter().map(pem).collect(),
            identity: self.cert.as_ref().map(pem).zip(self.key.as_ref().map(pem)),
            server_name: self.servername.clone(),
            is_credulous: !self.reject_unauthorized,
        };
        tls.check().map(|()| tls)
    }
}
