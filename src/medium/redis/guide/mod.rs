//! Who tells where the server is that a hub is to connect to. Asked ahead of each attempt, since it may be another one by then.
//!
//! ```text
//!   attempts.rs  --locate, admit-->  Guide  --> (the place itself | the sentinels | any node of the cluster)
//!   commands.rs, subscriptions.rs  <--until_elsewhere--  Guide
//! ```

mod board;
mod inquiries;
mod nodes;
mod sentinels;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;

use self::nodes::Nodes;
pub use self::nodes::masters;
use self::sentinels::Sentinels;
use super::connection::Line;
use super::place::{Endpoint, Place};
use super::target::Target;
use crate::medium::MediumError;

pub enum Guide {
    Server(Endpoint),
    Sentinels(Arc<Sentinels>),
    Nodes(Box<Nodes>),
}

/// A server to try, and who told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direction {
    pub endpoint: Endpoint,
    pub told_by: Option<String>,
}

impl Guide {
    /// `key` is one of those that the hub is there for: in a cluster, it decides on the node.
    pub fn new(target: &Target, key: &str) -> Self {
        match &target.place {
            Place::Server(endpoint) => Self::Server(endpoint.clone()),
            Place::Sentinel(place) => {
                Self::Sentinels(Sentinels::new(place.clone(), target.client_name.clone()))
            }
            Place::Cluster(seeds) => Self::Nodes(Box::new(Nodes::new(seeds, key, target))),
        }
    }

    /// Hears, for ever, what is told unasked.
    pub async fn listen(&self) -> Infallible {
        if let Self::Sentinels(sentinels) = self {
            sentinels.clone().listen().await;
        }
        std::future::pending().await
    }

    /// The server to try now. `target`: with the user and the password that hold at present.
    ///
    /// # Errors
    /// When nobody tells within `limit`.
    pub async fn locate(&self, target: &Target, limit: Duration) -> Result<Direction, MediumError> {
        match self {
            Self::Server(endpoint) => Ok(Direction { endpoint: endpoint.clone(), told_by: None }),
            Self::Sentinels(sentinels) => sentinels.locate(limit).await,
            Self::Nodes(nodes) => nodes.locate(target, limit).await,
        }
    }

    /// Whether a connection just made leads to the right server, which is a master.
    ///
    /// # Errors
    /// When it cannot tell, or is a replica.
    pub async fn admit(&self, line: &mut Line) -> Result<bool, MediumError> {
        let serves = self.serves(line).await?;
        if serves {
            line.must_be_master()?;
        }
        Ok(serves)
    }

    /// The same, where a replica will do. In a cluster, the server is asked; and where it names another, that one is next.
    ///
    /// # Errors
    /// When it cannot tell.
    pub async fn serves(&self, line: &mut Line) -> Result<bool, MediumError> {
        match self {
            Self::Nodes(nodes) => nodes.serves(line).await,
            Self::Server(_) | Self::Sentinels(_) => Ok(true),
        }
    }

    /// Waits until somebody names another server than this one, while it is being tried.
    pub async fn until_elsewhere_than(&self, target: &Target, tried: &Endpoint) {
        match self {
            Self::Nodes(nodes) => nodes.until_elsewhere(target, tried).await,
            Self::Server(_) | Self::Sentinels(_) => drop(self.until_moved_from(tried).await),
        }
    }

    /// Waits until it is told unasked that another server has taken the place of this one, which was the right one until then. Returns a sentence.
    pub async fn until_moved_from(&self, present: &Endpoint) -> String {
        match self {
            Self::Sentinels(sentinels) => sentinels.until_moved_from(present).await,
            // The server itself tells, by its answers.
            Self::Server(_) | Self::Nodes(_) => std::future::pending().await,
        }
    }

    /// This server could not be reached, or is not the right one any more: others are to be asked.
    pub fn doubt(&self, endpoint: &Endpoint) {
        if let Self::Nodes(nodes) = self {
            nodes.doubt(endpoint);
        }
    }

    /// An answer of this server says where else to go.
    pub fn heed(&self, asked: &Endpoint, error: &RedisError) {
        if let Self::Nodes(nodes) = self {
            nodes.heed(asked, error);
        }
    }
}

impl Direction {
    /// The server, and who told of it, for messages.
    pub fn label(&self) -> String {
        match &self.told_by {
            Some(told_by) => format!("{} (named by {told_by})", self.endpoint),
            None => self.endpoint.to_string(),
        }
    }
}
