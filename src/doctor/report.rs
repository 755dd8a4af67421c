//! What an examination found.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: String,
    pub status: Status,
    /// What there is.
    pub found: String,
    /// What to do about it, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It works, but not as well, or not always.
    Warning,
    /// It does not work.
    Failure,
    /// It could not be looked at. Nothing hangs on that.
    Skipped,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The server that was reached, or tried.
    pub server: String,
    pub kind: String,
    /// Whether there is no failure.
    pub ok: bool,
    pub checks: Vec<Check>,
    /// What makes a user with the least rights that the kind needs.
    pub least_acl: String,
    /// The same at the sentinels, where these name the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_acl_at_sentinels: Option<String>,
}

impl Check {
    pub fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, found: found.into(), advice: None }
    }

    pub fn warning(
        name: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { status: Status::Warning, advice: Some(advice.into()), ..Self::ok(name, found) }
    }

    pub fn failure(
        name: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { status: Status::Failure, advice: Some(advice.into()), ..Self::ok(name, found) }
    }

    pub fn skipped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { status: Status::Skipped, ..Self::ok(name, why) }
    }
}
