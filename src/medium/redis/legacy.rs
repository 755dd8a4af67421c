//! The records of node-raft-redis. One key each, which Lua scripts of ours have nothing to do with.

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};

use crate::election::InstanceId;
use crate::medium::legacy::{LegacyAnswer, LegacyCall};
use crate::migration::wire::{MAX_RECORD_BYTES, id_of_key, record_pattern, record_prefix};
use crate::migration::{RECORD_LIFETIME, SCAN_COUNT};

pub async fn execute(
    mut connection: MultiplexedConnection,
    kind: String,
    own: InstanceId,
    call: LegacyCall,
) -> Result<LegacyAnswer, RedisError> {
    let key = |id: &InstanceId| format!("{}{id}", record_prefix(&kind));
    match call {
        LegacyCall::Enter(record) => {
            let lifetime = RECORD_LIFETIME.as_millis() as u64;
            let mut set = redis::cmd("SET");
            set.arg(key(&own)).arg(record).arg("PX").arg(lifetime);
            set.query_async::<()>(&mut connection).await?;
            Ok(LegacyAnswer::Done)
        }
        LegacyCall::Leave => {
            redis::cmd("DEL").arg(key(&own)).query_async::<()>(&mut connection).await?;
            Ok(LegacyAnswer::Done)
        }
        LegacyCall::Scan(cursor) => {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(record_pattern(&kind)).arg("COUNT").arg(SCAN_COUNT);
            let (next, keys): (u64, Vec<Vec<u8>>) = scan.query_async(&mut connection).await?;
            let id = |key: &Vec<u8>| id_of_key(&kind, std::str::from_utf8(key).ok()?);
            Ok(LegacyAnswer::Found { next, ids: keys.iter().filter_map(id).collect() })
        }
        LegacyCall::Read(ids) => {
            let mut pipeline = redis::Pipeline::with_capacity(ids.len());
            for id in &ids {
                pipeline.cmd("GETRANGE").arg(key(id)).arg(0).arg(MAX_RECORD_BYTES);
            }
            let answers = connection.send_packed_commands(&pipeline, 0, ids.len()).await?;
            let records: Result<_, RedisError> = answers.into_iter().map(read).collect();
            Ok(LegacyAnswer::Records(records?))
        }
    }
}

/// A missing key reads as empty. One of another type is no record.
fn read(answer: Value) -> Result<Option<Vec<u8>>, RedisError> {
    match answer.extract_error() {
        Ok(Value::BulkString(bytes)) if !bytes.is_empty() => Ok(Some(bytes)),
        Ok(_) => Ok(None),
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}
