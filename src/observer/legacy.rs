//! The instances of node-raft-redis beside those of a kind that is moved away from that library.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::time::Duration;

use redis::Value;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::look::{self, Look};
use super::scan::{REST, STEP};
use super::told;
use crate::election::InstanceId;
use crate::medium::MediumError;
use crate::medium::redis::keys::Names;
use crate::medium::redis::visit::{Refusal, Visit, text};
use crate::medium::redis::{Place, Target};
use crate::migration::MAX_KNOWN;
use crate::migration::wire::{
    LegacyState, MAX_RECORD_BYTES, Record, id_of_key, record_pattern, record_prefix,
};

/// A record stays when its instance has gone, and bears the time of a clock that may be wrong. So it is read until it changes: an old instance
/// writes its own each second, and counts as gone after two of silence. The waits from one reading to the next.
const WAITS: [Duration; 2] = [Duration::from_millis(1100), Duration::from_millis(1000)];
/// Beyond, a record is left behind: no clock of a host is wrong by so much.
const DAY_MS: f64 = 24.0 * 3600.0 * 1000.0;

/// What their records show.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Legacy {
    /// Those that live.
    instances: Vec<LegacyView>,
    /// Records that did not change.
    silent: usize,
    /// Records of another day.
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

/// `None` unless one of the instances writes records for the others: without the option `migrate` nobody would follow from what is found, and
/// all keys of the server would be looked through for it.
pub async fn legacy(target: &Target, kind: &str) -> Result<Option<Legacy>, MediumError> {
    // The other library knows one server, and no prefix.
    if !matches!(target.place, Place::Server(_)) {
        return Ok(None);
    }
    let names = Names::new(&target.key_prefix, kind, target.db);
    let mut visit = Visit::open(target, &names.register).await?;
    let look = look::look(&mut visit, &names).await.map_err(told)?;
    // Whoever may not read them is told of the kind all the same.
    Ok(survey(&mut visit, kind, &look).await.unwrap_or_default())
}

async fn survey(visit: &mut Visit, kind: &str, look: &Look) -> Result<Option<Legacy>, Refusal> {
    let own: BTreeSet<InstanceId> = look.instances.keys().take(MAX_KNOWN).cloned().collect();
    let is_moved = read(visit, kind, &own).await?.iter().any(|record| !record.is_empty());
    if !is_moved {
        return Ok(None);
    }
    let mut legacy = Legacy::default();
    let found = find(visit, kind).await?;
    let mut unchanged = old_records(visit, kind, &found).await?;
    let began = Instant::now();
    let age = |record: &Record| {
        let now_us = u128::from(look.server_us) + began.elapsed().as_micros();
        (now_us / 1000) as f64 - record.ts
    };
    unchanged.retain(|_, record| {
        let is_recent = age(record).abs() <= DAY_MS;
        legacy.left_behind += usize::from(!is_recent);
        is_recent
    });
    for wait in WAITS {
        if unchanged.is_empty() {
            break;
        }
        sleep(wait).await;
        let waited_for = unchanged.keys().cloned().collect();
        for (id, record) in old_records(visit, kind, &waited_for).await? {
            if record.ts != unchanged[&id].ts {
                unchanged.remove(&id);
                let seen_ms = age(&record);
                let Record { meta, state, .. } = record;
                legacy.instances.push(LegacyView { id: id.to_string(), meta, state, seen_ms });
            }
        }
    }
    legacy.instances.sort_by(|one, other| one.id.cmp(&other.id));
    legacy.silent = unchanged.len();
    Ok(Some(legacy))
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

/// The sound ones of their records, but for those that new instances wrote.
async fn old_records(
    visit: &mut Visit,
    kind: &str,
    ids: &BTreeSet<InstanceId>,
) -> Result<BTreeMap<InstanceId, Record>, Refusal> {
    let records = read(visit, kind, ids).await?;
    let old = |(id, bytes): (&InstanceId, Vec<u8>)| {
        let record = Record::decode(&bytes).filter(|record| !record.is_new)?;
        Some((id.clone(), record))
    };
    Ok(iter::zip(ids, records).filter_map(old).collect())
}

/// Their records in this order, empty where there is none.
async fn read(
    visit: &mut Visit,
    kind: &str,
    ids: &BTreeSet<InstanceId>,
) -> Result<Vec<Vec<u8>>, Refusal> {
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
