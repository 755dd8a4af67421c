//! The crate as a service in Rust uses it: through its public names alone.

mod dropping;
mod events;
mod kit;
mod lead;
mod lifecycle;
mod messages;
mod options;
mod redis;
mod runtimes;
mod writes;
