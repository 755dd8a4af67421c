//! Tests against real servers, which they start themselves ([`server`]).

pub mod server;

mod batches;
mod cluster;
mod connections;
mod credentials;
mod fenced;
mod names;
mod presence;
mod refusals;
mod register;
mod registry;
mod replicas;
mod routing;
mod script_agreement;
mod suite;
