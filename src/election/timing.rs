//! Instants and the durations of one election. The core reads no clock: whoever drives it passes the time in.

use std::cmp::max;
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on one node's own monotonic clock, as the time since that clock's origin.
///
/// It must come from a clock that goes on counting while the machine sleeps ([`crate::clock`]); moments of different
/// nodes are never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(Duration);

impl Instant {
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Nanoseconds since the clock's origin; 584 years fit.
    pub const fn as_nanos(self) -> u64 {
        self.0.as_nanos() as u64
    }

    /// The first multiple of `step` that is not before this; this, without a step.
    pub fn in_step(self, step: Duration) -> Self {
        match step.as_nanos() as u64 {
            0 => self,
            step => Self::from_nanos(self.as_nanos().div_ceil(step).saturating_mul(step)),
        }
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(duration))
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_sub(duration))
    }
}

/// The durations of one node's election. A value cannot be built unless its inequalities hold:
/// `command timeout < renewal interval <= lease / 4` and `validity = 0.8 lease`.
///
/// The gap between validity and lease is what bears clocks that run at different rates: a holder believes in itself for
/// 0.8 L after it *sent* its renewal, the others wait L after they *received* it, so the rates may differ by a quarter
/// (the bound of Gray and Cheriton, "Leases", 1989, in relative form).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    lease: Duration,
    renewal_interval: Duration,
    crash_detection: CrashDetection,
}

/// How the others learn that a leader has crashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrashDetection {
    /// By its silence, for a whole lease.
    #[default]
    Lease,
    /// By its connection, which the server sees closed; by its silence as well.
    Connection,
}

impl Timing {
    pub const DEFAULT_LEASE: Duration = Duration::from_millis(800);
    pub const MIN_LEASE: Duration = Duration::from_millis(100);
    /// A longer lease found in a register is malformed: it would let one bad write hold up an election for ever.
    pub const MAX_LEASE: Duration = Duration::from_secs(600);
    pub const MIN_RENEWAL_INTERVAL: Duration = Duration::from_millis(10);
    pub const MIN_PRESENCE_GRACE: Duration = Duration::from_millis(20);
    const PRESENCE_INTERVAL: Duration = Duration::from_millis(10);

    /// `renewal_interval` defaults to a fifth of `lease`.
    ///
    /// # Errors
    /// [`TimingError`], when a duration is out of its bounds; its text names the bound.
    pub fn new(lease: Duration, renewal_interval: Option<Duration>) -> Result<Self, TimingError> {
        if lease < Self::MIN_LEASE || lease > Self::MAX_LEASE {
            return Err(TimingError::Lease(lease));
        }
        let renewal_interval = renewal_interval.unwrap_or(lease / 5);
        if renewal_interval < Self::MIN_RENEWAL_INTERVAL {
            return Err(TimingError::RenewalTooShort(renewal_interval));
        }
        if renewal_interval > lease / 4 {
            return Err(TimingError::RenewalTooLong { renewal_interval, lease });
        }
        Ok(Self { lease, renewal_interval, crash_detection: CrashDetection::Lease })
    }

    pub fn with_crash_detection(self, crash_detection: CrashDetection) -> Self {
        Self { crash_detection, ..self }
    }

    pub fn watches_connections(&self) -> bool {
        self.crash_detection == CrashDetection::Connection
    }

    /// L: how long others must see the register unchanged before they take over.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// D: how long a leader is sure of itself after it sent a renewal that was granted.
    pub fn validity(&self) -> Duration {
        self.lease * 4 / 5
    }

    pub fn renewal_interval(&self) -> Duration {
        self.renewal_interval
    }

    /// How long a command may take; shorter than the renewal interval, so that at most one renewal is under way.
    pub fn command_timeout(&self) -> Duration {
        self.renewal_interval * 9 / 10
    }

    /// How often a node that cannot hear heartbeats reads the register instead.
    pub fn poll_interval(&self) -> Duration {
        self.lease / 4
    }

    /// How long a leader's connection must have been seen to be gone before its register is taken. Within that time the news must reach the
    /// leader's own host, whose `isLeader()` asks for it.
    pub fn presence_grace(&self) -> Duration {
        max(Self::MIN_PRESENCE_GRACE, self.lease / 40)
    }

    /// How often, on average, one of `instances` looks whether the leader's connection stands: all together some 100 times a second.
    pub fn presence_interval(&self, instances: usize) -> Duration {
        let watchers = u32::try_from(instances.saturating_sub(1)).unwrap_or(u32::MAX);
        Self::PRESENCE_INTERVAL.saturating_mul(max(2, watchers))
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Self::DEFAULT_LEASE,
            renewal_interval: Self::DEFAULT_LEASE / 5,
            crash_detection: CrashDetection::Lease,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimingError {
    Lease(Duration),
    RenewalTooShort(Duration),
    RenewalTooLong { renewal_interval: Duration, lease: Duration },
}

impl fmt::Display for TimingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease(lease) => write!(
                f,
                "the lease ({} ms) must be from {} to {} ms",
                lease.as_millis(),
                Timing::MIN_LEASE.as_millis(),
                Timing::MAX_LEASE.as_millis()
            ),
            Self::RenewalTooShort(interval) => write!(
                f,
                "the renewal interval ({} ms) must be at least {} ms",
                interval.as_millis(),
                Timing::MIN_RENEWAL_INTERVAL.as_millis()
            ),
            Self::RenewalTooLong { renewal_interval, lease } => write!(
                f,
                "the renewal interval ({} ms) must be at most a quarter of the lease ({} ms), which is {} ms",
                renewal_interval.as_millis(),
                lease.as_millis(),
                (*lease / 4).as_millis()
            ),
        }
    }
}

impl std::error::Error for TimingError {}
