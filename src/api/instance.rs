//! The instances of a kind, as users see them.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::driver::InstanceView;
use crate::election::Role;
use crate::error::{Error, ErrorCode};

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Neither of the others.
    Follower,
    /// It tries to take the leadership.
    Candidate,
    /// It is sure of its leadership.
    Leader,
}

impl State {
    /// Its name, the same as in JavaScript: `"leader"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Leader => "leader",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[doc(hidden)]
impl From<Role> for State {
    fn from(role: Role) -> Self {
        match role {
            Role::Leader => Self::Leader,
            Role::Candidate => Self::Candidate,
            // Towards the register it leads still; towards its service it does not.
            Role::Follower | Role::Draining => Self::Follower,
        }
    }
}

/// One running instance of a kind, in whichever language it is written.
#[derive(Clone)]
pub struct Instance {
    id: Arc<str>,
    meta: Arc<RawValue>,
    state: State,
}

impl Instance {
    pub(super) fn of(view: &InstanceView) -> Self {
        Self {
            id: view.record.id.as_str().into(),
            meta: view.record.meta.clone(),
            state: view.role.into(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it last said of itself.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What it last gave as its `meta`.
    ///
    /// # Errors
    /// `ERR_INVALID_MESSAGE`, when that is no `T`.
    pub fn meta<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_str(self.meta.get()).map_err(|cause| {
            let text = format!("the meta of instance {} is of another form: {cause}", self.id);
            Error::new(ErrorCode::InvalidMessage, text)
        })
    }

    /// The same as JSON.
    #[must_use]
    pub fn meta_json(&self) -> &str {
        self.meta.get()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("meta", &self.meta.get())
            .finish()
    }
}
