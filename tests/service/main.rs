//! The crate as a service in Rust uses it: through its public names alone.

mod documents;
mod dropping;
mod events;
mod kit;
mod lead;
mod lifecycle;
mod messages;
mod options;
mod redis;
#[path = "../redis_server/mod.rs"]
#[allow(dead_code)] // what other tests need of it
mod redis_server;
mod runtimes;
mod writes;
