//! The addon: one class, `NativeCandidate`, that index.js wraps. Nothing in here decides anything.
//!
//! All methods are synchronous. Whatever takes time is answered through the one callback given to `start`, in batches
//! and in order, so nothing of an environment that was torn down is ever touched from another thread.

mod candidate;
mod credentials;
mod diagnose;
mod error;
mod fencing;
mod items;
mod observer;
mod runtime;
mod sink;
mod stats;
mod version;

pub use candidate::NativeCandidate;
pub use credentials::NativeCredentials;
pub use diagnose::diagnose;
pub use observer::NativeObserver;
pub use version::version;
