//! Which kinds there are: a walk through the keys, step by step, that leaves the server time for others.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::Value;
use tokio::time::sleep;

use super::told;
use crate::medium::redis::keys::{kind_of_register, registers};
use crate::medium::redis::visit::{Visit, text};
use crate::medium::redis::{Endpoint, Place, Target, masters};
use crate::medium::{MediumError, MediumErrorKind};

/// How many keys the server goes through at a step, and how long it rests before the next one: at most 100 000 in a second.
pub const STEP: &str = "1000";
pub const REST: Duration = Duration::from_millis(10);

pub async fn kinds(target: &Target) -> Result<BTreeSet<String>, MediumError> {
    let mut visit = Visit::open(target, "").await?;
    let mut kinds = BTreeSet::new();
    for node in nodes(target, &mut visit).await? {
        if node != *visit.endpoint() {
            visit = Visit::open_at(target, &node).await?;
        }
        walk(target, &mut visit, &mut kinds).await?;
    }
    Ok(kinds)
}

/// The servers that have keys, each once.
async fn nodes(target: &Target, visit: &mut Visit) -> Result<Vec<Endpoint>, MediumError> {
    if !matches!(target.place, Place::Cluster(_)) {
        return Ok(vec![visit.endpoint().clone()]);
    }
    let answer = visit.ask(&["CLUSTER", "SLOTS"]).await.map_err(told)?;
    Ok(masters(&answer, visit.endpoint()))
}

async fn walk(
    target: &Target,
    visit: &mut Visit,
    kinds: &mut BTreeSet<String>,
) -> Result<(), MediumError> {
    let pattern = registers(&target.key_prefix);
    let mut cursor = "0".to_owned();
    loop {
        let step = ["SCAN", &cursor, "MATCH", &pattern, "COUNT", STEP];
        let answer = visit.ask(&step).await.map_err(told)?;
        let Value::Array(parts) = &answer else { return Err(unreadable(visit)) };
        let [next, Value::Array(keys)] = &parts[..] else { return Err(unreadable(visit)) };
        let keys = keys.iter().filter_map(text);
        kinds.extend(keys.filter_map(|key| kind_of_register(&target.key_prefix, &key)));
        cursor = text(next).ok_or_else(|| unreadable(visit))?;
        if cursor == "0" {
            return Ok(());
        }
        sleep(REST).await;
    }
}

fn unreadable(visit: &Visit) -> MediumError {
    let message = format!("Redis at {} gave an answer that cannot be understood", visit.address());
    MediumError::new(MediumErrorKind::Failed, message)
}
