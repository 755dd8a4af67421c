//! One look at a kind: its keys, read by commands that write nothing.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use redis::Value;
use serde::Serialize;
use tokio::time::Instant;

use crate::election::{Holder, InstanceId, Presence, Record, Stamp, Term, Timing};
use crate::medium::redis::keys::Names;
use crate::medium::redis::visit::{Refusal, Visit, text};
use crate::wire::InstanceRecord;

/// What a kind's keys hold at one moment, or nearly so: the commands go out together, and others may come in between.
#[derive(Clone, Debug)]
pub struct Look {
    /// When it was asked for, and answered, by this host's clock.
    pub asked: Instant,
    pub answered: Instant,
    pub server_us: u64,
    /// The fields as they stand there; `None` where there are none.
    pub fields: Option<BTreeMap<String, String>>,
    /// The same, where they make a sound register.
    pub record: Option<Record>,
    pub instances: BTreeMap<InstanceId, InstanceRecord>,
    /// When each was last heard of, in ms of the server's time.
    pub seen: HashMap<InstanceId, u64>,
    pub problem: Option<String>,
}

pub async fn look(visit: &mut Visit, names: &Names) -> Result<Look, Refusal> {
    let words = |words: &[&str]| -> Vec<String> { words.iter().map(|&w| w.to_owned()).collect() };
    let commands = [
        words(&["TIME"]),
        words(&["HGETALL", &names.register]),
        words(&["HGETALL", &names.instances]),
        words(&["ZRANGE", &names.seen, "0", "-1", "WITHSCORES"]),
    ];
    let asked = Instant::now();
    let commands: Vec<&[String]> = commands.iter().map(Vec::as_slice).collect();
    let answers = visit.ask_all(&commands).await;
    read(answers, asked, Instant::now())
}

/// The answers to the four commands, in their order.
pub fn read(
    answers: Vec<Result<Value, Refusal>>,
    asked: Instant,
    answered: Instant,
) -> Result<Look, Refusal> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let server_us = read_time(&next()?).unwrap_or_default();
    let mut problem = None;
    let register = sound(next(), &mut problem)?;
    let instances = sound(next(), &mut problem)?;
    let seen = sound(next(), &mut problem)?;
    let fields = read_fields(register);
    let record = fields.as_ref().and_then(|fields| read_record(fields, server_us));
    if fields.is_some() && record.is_none() {
        problem.get_or_insert(
            "the register is malformed: whoever looks at it next replaces it".into(),
        );
    }
    Ok(Look {
        asked,
        answered,
        server_us,
        fields,
        record,
        instances: read_instances(instances, &mut problem),
        seen: read_seen(seen),
        problem,
    })
}

/// A key of a wrong type holds nothing that counts. Whatever else the server refuses is an error.
fn sound(
    answer: Result<Value, Refusal>,
    problem: &mut Option<String>,
) -> Result<Option<Value>, Refusal> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(refusal) if refusal.message.contains("WRONGTYPE") => {
            problem.get_or_insert(
                "a key of the kind is of a wrong type: whoever uses it next replaces it".into(),
            );
            Ok(None)
        }
        Err(refusal) => Err(refusal),
    }
}

pub fn read_time(answer: &Value) -> Option<u64> {
    let Value::Array(parts) = answer else { return None };
    let number = |place: usize| text(parts.get(place)?)?.parse::<u64>().ok();
    number(0)?.checked_mul(1_000_000)?.checked_add(number(1)?)
}

fn read_fields(answer: Option<Value>) -> Option<BTreeMap<String, String>> {
    let Some(Value::Map(entries)) = answer else { return None };
    let field = |(name, value): &(Value, Value)| Some((text(name)?, text(value)?));
    let fields: BTreeMap<_, _> = entries.iter().filter_map(field).collect();
    (!fields.is_empty()).then_some(fields)
}

/// With the bounds that the scripts hold it to.
fn read_record(fields: &BTreeMap<String, String>, server_us: u64) -> Option<Record> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    let below = |name: &str, limit: u64| {
        let text = field(name)?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|number| is_plain && *number < limit)
    };
    let term = below("term", Term::LIMIT.0.min(server_us.saturating_add(Term::LEAD + 1)))?;
    let lease = below("lease", Timing::MAX_LEASE.as_millis() as u64 + 1)?;
    let presence = field("presence").unwrap_or_default().split_once(':');
    Some(Record {
        holder: Holder::parse(field("holder")?),
        term: Term(term),
        beat: below("beat", Term::LIMIT.0)?,
        stamp: Stamp::parse(field("stamp")?),
        server: field("server")?.into(),
        lease: Duration::from_millis(lease),
        heir: Some(field("heir")?).filter(|id| !id.is_empty()).map(InstanceId::new),
        presence: presence
            .filter(|(of, _)| of.parse() == Ok(term))
            .and_then(|(_, name)| Presence::parse(name)),
    })
}

fn read_instances(
    answer: Option<Value>,
    problem: &mut Option<String>,
) -> BTreeMap<InstanceId, InstanceRecord> {
    let Some(Value::Map(entries)) = answer else { return BTreeMap::new() };
    let count = entries.len();
    let record = |(id, record): (Value, Value)| {
        let Value::BulkString(record) = record else { return None };
        let record = InstanceRecord::decode(&record)?;
        (text(&id)? == record.id.as_str()).then(|| (record.id.clone(), record))
    };
    let instances: BTreeMap<_, _> = entries.into_iter().filter_map(record).collect();
    if instances.len() < count {
        let unread = count - instances.len();
        problem
            .get_or_insert(format!("{unread} of the {count} records of instances cannot be read"));
    }
    instances
}

/// Pairs of an id and a score; each pair is an array of its own, or they follow one another.
fn read_seen(answer: Option<Value>) -> HashMap<InstanceId, u64> {
    let Some(Value::Array(parts)) = answer else { return HashMap::new() };
    let flat: Vec<Value> = parts
        .into_iter()
        .flat_map(|part| match part {
            Value::Array(pair) => pair,
            single => vec![single],
        })
        .collect();
    let pair = |pair: &[Value]| Some((InstanceId::new(text(&pair[0])?), score(&pair[1])?));
    flat.chunks_exact(2).filter_map(pair).collect()
}

fn score(value: &Value) -> Option<u64> {
    let score = match value {
        Value::Double(score) => *score,
        other => text(other)?.parse().ok()?,
    };
    (score.is_finite() && score >= 0.0).then_some(score as u64)
}

pub fn lease_ms(record: &Record) -> u64 {
    record.lease.as_millis() as u64
}

/// As the option is called.
pub fn crash_detection(record: &Record) -> &'static str {
    match record.presence {
        Some(_) => "connection",
        None => "lease",
    }
}

/// A look as it is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status<'a> {
    pub kind: &'a str,
    pub at: u64,
    pub address: &'a str,
    pub leader: Option<LeaderView<'a>>,
    pub term: Option<u64>,
    pub since: Option<u64>,
    pub lease_ms: Option<u64>,
    pub heir: Option<&'a str>,
    pub crash_detection: Option<&'static str>,
    pub register: Option<&'a BTreeMap<String, String>>,
    pub problem: Option<&'a str>,
    pub instances: Vec<InstanceView<'a>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaderView<'a> {
    pub id: String,
    pub meta: Option<&'a serde_json::value::RawValue>,
    pub is_listed: bool,
    pub seen_ms: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView<'a> {
    pub id: &'a str,
    pub meta: &'a serde_json::value::RawValue,
    pub state: &'static str,
    pub priority: i32,
    pub eligible: bool,
    pub seen_ms: Option<u64>,
    pub joined_at: Option<u64>,
}

impl Look {
    pub fn holder(&self) -> Option<&Holder> {
        self.record.as_ref()?.holder.as_ref()
    }

    /// `joined`: when an instance was seen to join, in ms of the server's time.
    pub fn status<'a>(
        &'a self,
        kind: &'a str,
        address: &'a str,
        joined: impl Fn(&InstanceId) -> Option<u64>,
    ) -> Status<'a> {
        let record = self.record.as_ref().filter(|record| !record.is_placeholder());
        let reigning = record.filter(|record| record.holder.is_some());
        let leader = self.holder().map(|holder| {
            let id = holder.instance();
            let listed =
                self.instances.get(&id).filter(|listed| *listed.holder == *holder.as_str());
            LeaderView {
                meta: listed.map(|listed| &*listed.meta),
                is_listed: listed.is_some(),
                seen_ms: self.seen_ms(&id),
                id: id.as_str().to_owned(),
            }
        });
        Status {
            kind,
            at: self.server_us / 1000,
            address,
            leader,
            term: record.map(|record| record.term.0),
            since: reigning.and_then(|record| self.since(record.term)),
            lease_ms: reigning.map(lease_ms),
            heir: record.and_then(|record| record.heir.as_ref()).map(InstanceId::as_str),
            crash_detection: reigning.map(crash_detection),
            register: self.fields.as_ref(),
            problem: self.problem.as_deref(),
            instances: self
                .instances
                .values()
                .map(|record| self.view(record, joined(&record.id)))
                .collect(),
        }
    }

    pub fn view<'a>(
        &'a self,
        record: &'a InstanceRecord,
        joined_at: Option<u64>,
    ) -> InstanceView<'a> {
        let leads = self.holder().is_some_and(|holder| *record.holder == *holder.as_str());
        InstanceView {
            id: record.id.as_str(),
            meta: &record.meta,
            state: if leads { "leader" } else { "follower" },
            priority: record.priority,
            eligible: record.is_eligible,
            seen_ms: self.seen_ms(&record.id),
            joined_at: joined_at.or(record.since),
        }
    }

    /// When the reign of `term` began, in ms of the server's time: a term is that time in µs, unless the clock had run back.
    fn since(&self, term: Term) -> Option<u64> {
        /// Terms before 2020 were made up.
        const LEAST: u64 = 1_577_836_800_000_000;
        (LEAST..=self.server_us).contains(&term.0).then_some(term.0 / 1000)
    }

    fn seen_ms(&self, id: &InstanceId) -> Option<u64> {
        self.seen.get(id).map(|seen| (self.server_us / 1000).saturating_sub(*seen))
    }
}
