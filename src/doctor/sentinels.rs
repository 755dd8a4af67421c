//! The sentinels that name the server, one by one.

use redis::Value;

use super::{Check, Subject};
use crate::medium::redis::rights::AT_SENTINELS;
use crate::medium::redis::visit::{Denied, Refusal, Visit, text};
use crate::medium::redis::{Place, SentinelPlace};

const NAME: &str = "sentinel";

/// A check for each sentinel that was named; none where no sentinels are asked. One of them is enough, so none is a failure.
pub async fn checks(subject: &Subject) -> Vec<Check> {
    let Place::Sentinel(place) = &subject.target.place else { return Vec::new() };
    let mut checks = Vec::new();
    for sentinel in &place.sentinels {
        let target = place.target(sentinel, &subject.target.client_name);
        checks.push(match Visit::open(&target, "").await {
            Ok(mut visit) => look(place, &target.client_name, &mut visit).await,
            Err(error) => Check::warning(
                NAME,
                error.message,
                "see that it runs, and that its user name and password are right (sentinelUsername, sentinelPassword)",
            ),
        });
    }
    checks
}

async fn look(place: &SentinelPlace, client_name: &str, visit: &mut Visit) -> Check {
    let mut missing: Vec<&str> = Vec::new();
    let mut master = None;
    for rule in AT_SENTINELS {
        let Some(words) = trial(rule, &place.name, client_name) else { continue };
        match visit.ask(&words).await {
            Ok(answer) => master = master.or(address_in(&answer)),
            Err(Refusal { denied: Some(what), .. }) => {
                let is_command = what == Denied::Command && rule.starts_with('&');
                missing.push(if is_command { "+subscribe" } else { rule });
            }
            // It knows nothing of the master, which is told below.
            Err(_) => {}
        }
    }
    missing.dedup();
    let sentinel = visit.address();
    if !missing.is_empty() {
        let rules = missing.join(" ");
        let advice = format!("grant it there: ACL SETUSER … {rules}");
        return Check::warning(NAME, format!("{sentinel} lacks {rules}"), advice);
    }
    match master {
        Some(master) => Check::ok(NAME, format!("{sentinel} names {master}")),
        None => Check::warning(
            NAME,
            format!("{sentinel} knows no master of the name \"{}\"", place.name),
            "see that option redis.name is what the sentinels call the master",
        ),
    }
}

/// What shows whether a right is there; `None` for those without which there is no connection, and what others show.
fn trial<'a>(rule: &'a str, name: &'a str, client_name: &'a str) -> Option<Vec<&'a str>> {
    if let Some(channel) = rule.strip_prefix('&') {
        return Some(vec!["SUBSCRIBE", channel]);
    }
    match rule {
        "+ping" => Some(vec!["PING"]),
        "+client|setname" => Some(vec!["CLIENT", "SETNAME", client_name]),
        _ => Some(vec!["SENTINEL", rule.strip_prefix("+sentinel|")?, name]),
    }
}

/// Where the master is, in the answer to GET-MASTER-ADDR-BY-NAME: two texts, and nothing else is so short.
fn address_in(answer: &Value) -> Option<String> {
    let Value::Array(parts) = answer else { return None };
    match &parts[..] {
        [host, port] => Some(format!("{}:{}", text(host)?, text(port)?)),
        _ => None,
    }
}
