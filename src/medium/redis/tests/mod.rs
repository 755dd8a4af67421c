//! Tests against real servers, which they start themselves ([`server`]).

#[path = "../../../../tests/redis_server/mod.rs"]
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

impl server::RedisServer {
    pub fn target(&self) -> super::Target {
        super::Target::parse(&self.url()).expect("the URL is sound")
    }
}
