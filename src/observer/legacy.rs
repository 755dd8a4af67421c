//! The instances of node-raft-redis beside those of a kind that is moved away from that library.

use std::collections::BTreeSet;
use std::iter;

use redis::Value;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::look::Look;
use super::scan::{REST, STEP};
use crate::election::InstanceId;
use crate::medium::redis::visit::{Refusal, Visit, text};
use crate::migration::wire::{
    LegacyState, MAX_RECORD_BYTES, Record, id_of_key, record_pattern, record_prefix,
};
use crate::migration::{MAX_KNOWN, PLAUSIBLE_SKEW_MS};

/// What their records show. A record stays when its instance has gone, so whether one lives is told by its time of day.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Legacy {
    instances: Vec<LegacyView>,
    /// Records that are too old, or too far ahead, for a living instance.
    left_behind: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LegacyView {
    id: String,
    meta: Box<RawValue>,
    state: LegacyState,
    /// By its own clock, which may be ahead of the server's.
    seen_ms: f64,
}

/// `None` unless one of the instances writes records for the others: without the option `migrate` nobody would follow from what is found, and all keys of
/// the server would be looked through for it.
pub async fn legacy(visit: &mut Visit, kind: &str, look: &Look) -> Option<Legacy> {
    let own: Vec<InstanceId> = look.instances.keys().take(MAX_KNOWN).cloned().collect();
    // Whoever may not read them is told of the kind all the same.
    let is_moved = read(visit, kind, &own).await.ok()?.iter().any(|record| !record.is_empty());
    if !is_moved {
        return None;
    }
    let found: Vec<InstanceId> = find(visit, kind).await.ok()?.into_iter().collect();
    let records = read(visit, kind, &found).await.ok()?;
    let mut legacy = Legacy { instances: Vec::new(), left_behind: 0 };
    for (id, record) in iter::zip(found, records) {
        let Some(record) = Record::decode(&record).filter(|record| !record.is_new) else {
            continue;
        };
        let seen_ms = (look.server_us / 1000) as f64 - record.ts;
        if seen_ms.abs() > PLAUSIBLE_SKEW_MS {
            legacy.left_behind += 1;
            continue;
        }
        let (id, meta, state) = (id.to_string(), record.meta, record.state);
        legacy.instances.push(LegacyView { id, meta, state, seen_ms });
    }
    Some(legacy)
}

async fn find(visit: &mut Visit, kind: &str) -> Result<BTreeSet<InstanceId>, Refusal> {
    let pattern = record_pattern(kind);
    let (mut ids, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let answer = visit.ask(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", STEP]).await?;
        let Value::Array(parts) = &answer else { return Ok(ids) };
        let [next, Value::Array(keys)] = &parts[..] else { return Ok(ids) };
        ids.extend(keys.iter().filter_map(text).filter_map(|key| id_of_key(kind, &key)));
        cursor = text(next).unwrap_or_default();
        if ["", "0"].contains(&cursor.as_str()) || ids.len() > MAX_KNOWN {
            return Ok(ids);
        }
        sleep(REST).await;
    }
}

/// Their records in this order, empty where there is none.
async fn read(visit: &mut Visit, kind: &str, ids: &[InstanceId]) -> Result<Vec<Vec<u8>>, Refusal> {
    let command = |id: &InstanceId| {
        let key = format!("{}{id}", record_prefix(kind));
        vec!["GETRANGE".to_owned(), key, "0".to_owned(), MAX_RECORD_BYTES.to_string()]
    };
    let commands: Vec<Vec<String>> = ids.iter().map(command).collect();
    let commands: Vec<&[String]> = commands.iter().map(Vec::as_slice).collect();
    let answers = visit.ask_all(&commands).await;
    answers.into_iter().map(|answer| answer.map(bytes).or_else(of_another_type)).collect()
}

fn bytes(answer: Value) -> Vec<u8> {
    match answer {
        Value::BulkString(bytes) => bytes,
        _ => Vec::new(),
    }
}

fn of_another_type(refusal: Refusal) -> Result<Vec<u8>, Refusal> {
    if refusal.message.contains("WRONGTYPE") { Ok(Vec::new()) } else { Err(refusal) }
}
