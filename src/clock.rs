//! The node's own clock: monotonic, and counting on while the machine sleeps.

use crate::election::Instant;

/// The present moment. On Linux and Android CLOCK_BOOTTIME; on Apple's systems CLOCK_MONOTONIC, which counts sleep there.
#[cfg(unix)]
pub fn now() -> Instant {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;
    let time = clock_gettime(CLOCK);
    Instant::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// The present moment. Elsewhere the standard library's clock; on Windows that is the performance counter, which counts sleep.
#[cfg(not(unix))]
pub fn now() -> Instant {
    use std::sync::OnceLock;
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let origin = ORIGIN.get_or_init(std::time::Instant::now);
    // One nanosecond on, since a deadline of zero means none.
    Instant::from_nanos(origin.elapsed().as_nanos() as u64 + 1)
}

/// Microseconds since 1970 of this host's wall clock, which anybody may set. It decides nothing but whether an authenticated message is too old.
pub fn wall_us() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// The same in milliseconds.
pub fn wall_ms() -> u64 {
    wall_us() / 1000
}
