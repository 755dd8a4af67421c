//! `incumbent doctor`: whether a server is fit for a kind, looked at from where a candidate would run.
//!
//! Each file has some checks of one sort; each check says what it found and what to do about it. The examination changes nothing but one
//! key of its own, which it deletes, and takes no part in an election.
//!
//! ```text
//!   examine ──► server    what the server tells of itself
//!           ──► sentinels what each of them tells, and whether its user may ask
//!           ──► access    each right, one by one
//!           ──► exchange  whether what is published is heard
//!           ──► timing    round trips, and the server's clock
//! ```

mod access;
mod exchange;
mod report;
mod sentinels;
mod server;
mod timing;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::medium::redis::Target;
use crate::medium::redis::greeting::Greeting;
use crate::medium::redis::rights::{Purpose, least_acl, least_acl_at_sentinels};
use crate::medium::redis::visit::Visit;
use crate::medium::{MediumError, MediumErrorKind};

pub use report::{Check, Report, Status};

/// What is to run there.
#[derive(Clone, Debug)]
pub struct Subject {
    pub target: Target,
    pub purpose: Purpose,
    pub renewal_interval: Duration,
}

impl Subject {
    /// The key that decides on the node of a cluster.
    fn key(&self) -> String {
        self.purpose.key(&self.target)
    }
}

/// The names of the checks, in the order in which they are told. Each right has one of its own.
const REACHABLE: &str = "reachable";
const RIGHT: &str = "right";
const AFTER_REACHABLE: [&str; 13] = [
    "version",
    "role",
    RIGHT,
    "identity",
    "eviction",
    "memory",
    "persistence",
    "min-replicas",
    "connections",
    "output buffers",
    "pub/sub",
    "round trip",
    "clock",
];

/// Looks at everything. It takes about two seconds.
pub async fn examine(subject: &Subject) -> Report {
    let mut checks = Vec::new();
    let mut greeting = Greeting::default();
    let server = match Visit::open(&subject.target, &subject.key()).await {
        Ok(mut visit) => {
            let address = visit.address().to_owned();
            greeting = visit.greeting().clone();
            checks.push(Check::ok(REACHABLE, format!("{address} answers")));
            examine_reached(subject, &mut visit, &mut checks).await;
            address
        }
        Err(error) => {
            checks.push(unreachable(error));
            let unseen = |name: &&str| Check::skipped(*name, "no server was reached");
            checks.extend(AFTER_REACHABLE.iter().map(unseen));
            subject.target.address()
        }
    };
    checks.splice(1..1, sentinels::checks(subject).await);
    Report {
        server,
        kind: subject.purpose.kind.clone(),
        ok: checks.iter().all(|check| check.status != Status::Failure),
        checks,
        least_acl: least_acl(&subject.target, &subject.purpose, &greeting),
        least_acl_at_sentinels: least_acl_at_sentinels(&subject.target),
    }
}

async fn examine_reached(subject: &Subject, visit: &mut Visit, checks: &mut Vec<Check>) {
    checks.push(server::version(visit.greeting()));
    checks.push(server::role(visit.greeting()));
    checks.extend(access::rights(subject, visit).await);
    checks.push(access::identity(visit).await);
    checks.extend(server::told_by_info(visit).await);
    if subject.target.wait_replicas > 0 {
        checks.push(server::replicas(visit, subject.target.wait_replicas).await);
    }
    checks.push(server::output_buffers(visit).await);
    checks.push(exchange::check(subject, visit).await);
    let (round_trip, clock) = timing::measure(visit, subject.renewal_interval).await;
    checks.extend([round_trip, clock]);
}

fn unreachable(error: MediumError) -> Check {
    let advice = match error.kind {
        MediumErrorKind::Refused => {
            "correct the user name or the password, or see with ACL GETUSER what the user may do"
        }
        MediumErrorKind::TooOld => "use Redis 6.2 or newer",
        _ => {
            "see that the server runs, that host and port are right, that a firewall lets it pass, and whether it wants TLS (rediss://)"
        }
    };
    Check::failure(REACHABLE, error.message, advice)
}
