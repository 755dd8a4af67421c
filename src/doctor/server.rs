//! What the server tells of itself.

use redis::Value;

use super::Check;
use crate::medium::redis::greeting::{Greeting, is_too_old};
use crate::medium::redis::info::{Info, warn_of_eviction};
use crate::medium::redis::visit::Visit;

pub fn version(greeting: &Greeting) -> Check {
    const NAME: &str = "version";
    let server = greeting.server.as_deref().unwrap_or("redis");
    match &greeting.version {
        Some(version) if is_too_old(version) => Check::failure(
            NAME,
            format!("{server} {version} is older than Redis 6.2"),
            "use Redis 6.2 or newer",
        ),
        Some(version) => Check::ok(NAME, format!("{server} {version}")),
        None => Check::warning(NAME, "the server does not tell it", "see that it is at least 6.2"),
    }
}

pub fn role(greeting: &Greeting) -> Check {
    const NAME: &str = "role";
    let mode = greeting.mode.as_deref().unwrap_or("standalone");
    match greeting.role.as_deref() {
        Some("master") => Check::ok(NAME, format!("master, {mode}")),
        Some(role) => Check::failure(
            NAME,
            format!("{role}: it takes no writes, or loses them"),
            "name the master",
        ),
        None => Check::warning(NAME, "the server does not tell it", "see that it is a master"),
    }
}

/// All that INFO has the answer to.
pub async fn told_by_info(visit: &mut Visit) -> Vec<Check> {
    const NAMES: [&str; 5] = ["eviction", "memory", "persistence", "min-replicas", "connections"];
    let address = visit.address().to_owned();
    match visit.info().await {
        Ok(info) => {
            let least = visit.setting("min-replicas-to-write").await.ok().flatten();
            vec![
                eviction(&address, &info),
                memory(&info),
                persistence(&info),
                min_replicas(&info, least.and_then(|number| number.parse().ok())),
                connections(&info),
            ]
        }
        Err(refusal) => NAMES.map(|name| Check::skipped(name, refusal.message.clone())).to_vec(),
    }
}

fn eviction(address: &str, info: &Info) -> Check {
    const NAME: &str = "eviction";
    match (info.evicts_by(), info.text("maxmemory_policy"), info.number("maxmemory")) {
        (Some(policy), ..) => Check::warning(
            NAME,
            warn_of_eviction(address, policy),
            "CONFIG SET maxmemory-policy noeviction, or volatile-lru",
        ),
        (None, Some(policy), Some(0)) => {
            Check::ok(NAME, format!("policy {policy}, and no limit of memory: nothing is evicted"))
        }
        (None, Some(policy), _) => {
            Check::ok(NAME, format!("policy {policy}: no key of a kind is evicted, none expires"))
        }
        (None, None, _) => Check::skipped(NAME, "the server does not tell its policy"),
    }
}

fn memory(info: &Info) -> Check {
    const NAME: &str = "memory";
    const MIB: u64 = 1 << 20;
    match (info.number("used_memory"), info.number("maxmemory")) {
        (Some(used), Some(limit)) if limit > 0 && used >= limit / 10 * 9 => Check::warning(
            NAME,
            format!("{} MiB of {} MiB are used", used / MIB, limit / MIB),
            "make room: a server that is full refuses what is not a renewal (OOM), so nobody can take over or join",
        ),
        (Some(used), Some(limit)) if limit > 0 => {
            Check::ok(NAME, format!("{} MiB of {} MiB are used", used / MIB, limit / MIB))
        }
        (Some(used), _) => Check::ok(NAME, format!("{} MiB are used, without a limit", used / MIB)),
        (None, _) => Check::skipped(NAME, "the server does not tell it"),
    }
}

fn persistence(info: &Info) -> Check {
    const NAME: &str = "persistence";
    let is_broken = |name: &str| info.text(name).is_some_and(|status| status.trim() == "err");
    let aof = info.number("aof_enabled");
    if info.number("loading") == Some(1) {
        return Check::failure(NAME, "the server loads its data", "wait until it has");
    }
    if is_broken("rdb_last_bgsave_status") || is_broken("aof_last_write_status") {
        return Check::failure(
            NAME,
            "the last attempt to write to disk failed: the server refuses writes (MISCONF) where stop-writes-on-bgsave-error is set",
            "see the server's log, and make room on its disk",
        );
    }
    match aof {
        Some(1) => Check::ok(NAME, "append-only file"),
        Some(_) => Check::ok(NAME, "no append-only file; Incumbent needs none"),
        None => Check::skipped(NAME, "the server does not tell it"),
    }
}

/// `least`: the setting, where it may be read. INFO tells of the replicas that count only where it is set.
fn min_replicas(info: &Info, least: Option<u64>) -> Check {
    const NAME: &str = "min-replicas";
    let replicas = info.number("connected_slaves").unwrap_or(0);
    let good = info.number("min_slaves_good_slaves");
    match (least, good) {
        (Some(least), Some(good)) if good < least => Check::failure(
            NAME,
            format!(
                "{good} good replicas of {least} that min-replicas-to-write asks for: the server refuses writes (NOREPLICAS)"
            ),
            "bring the replicas back, or lower min-replicas-to-write",
        ),
        (Some(least), Some(good)) => {
            Check::ok(NAME, format!("{good} good replicas, and {least} are asked for"))
        }
        (None, Some(0)) => Check::warning(
            NAME,
            "min-replicas-to-write is set, and no replica counts as good: the server may refuse writes (NOREPLICAS)",
            "bring the replicas back",
        ),
        (None, Some(good)) => Check::ok(NAME, format!("{good} good replicas")),
        (_, None) => Check::ok(NAME, format!("none are asked for; {replicas} connected")),
    }
}

fn connections(info: &Info) -> Check {
    const NAME: &str = "connections";
    match (info.number("connected_clients"), info.number("maxclients")) {
        (Some(clients), Some(limit)) if clients >= limit / 10 * 9 => Check::warning(
            NAME,
            format!("{clients} of {limit}"),
            "raise maxclients: each process with a candidate needs two, and whoever finds no room cannot lead",
        ),
        (Some(clients), Some(limit)) => Check::ok(NAME, format!("{clients} of {limit}")),
        (Some(clients), None) => Check::ok(NAME, format!("{clients}")),
        (None, _) => Check::skipped(NAME, "the server does not tell it"),
    }
}

/// Whether there are as many replicas as grants are to wait for. Something was written just before, by the trial of the rights.
pub async fn replicas(visit: &mut Visit, wanted: u32) -> Check {
    const NAME: &str = "replicas";
    const LIMIT_MS: &str = "1000";
    match visit.ask(&["WAIT", &wanted.to_string(), LIMIT_MS]).await {
        Ok(Value::Int(found)) if found < i64::from(wanted) => Check::failure(
            NAME,
            format!(
                "{found} of {wanted} that are to be waited for have what was written: no grant counts, so nobody leads"
            ),
            "bring the replicas up, or lower waitReplicas",
        ),
        Ok(Value::Int(found)) => {
            Check::ok(NAME, format!("{found} have what was written, of {wanted} to be waited for"))
        }
        Ok(_) => Check::skipped(NAME, "the server does not tell it"),
        Err(refusal) => Check::skipped(NAME, refusal.message),
    }
}

/// What a subscriber may leave unread before it is disconnected.
pub async fn output_buffers(visit: &mut Visit) -> Check {
    const NAME: &str = "output buffers";
    // What may be under way to one subscriber at the least: a few of the longest messages.
    const LEAST: u64 = 4 << 20;
    let setting = match visit.setting("client-output-buffer-limit").await {
        Ok(Some(setting)) => setting,
        Ok(None) => return Check::skipped(NAME, "the server has no client-output-buffer-limit"),
        Err(_) => {
            let why = "the user may not read it (+config|get); Incumbent does not need that";
            return Check::skipped(NAME, why);
        }
    };
    let words: Vec<&str> = setting.split_whitespace().collect();
    let place = words.iter().position(|word| *word == "pubsub");
    let numbers = place.and_then(|place| words.get(place + 1..place + 4));
    let Some([hard, soft, seconds]) = numbers else {
        return Check::skipped(NAME, format!("not understood: {setting}"));
    };
    let found = format!("pubsub: {hard} bytes, or {soft} for {seconds} s (0: no limit)");
    let is_small = |limit: &str| limit.parse().is_ok_and(|limit: u64| limit > 0 && limit < LEAST);
    if is_small(hard) || (is_small(soft) && *seconds != "0") {
        return Check::warning(
            NAME,
            found,
            format!(
                "allow at least {LEAST} bytes: a subscriber that is behind for longer is disconnected, and loses messages"
            ),
        );
    }
    Check::ok(NAME, found)
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn info(text: &str) -> Info {
        Info::new(text.replace(' ', "\r\n"))
    }

    #[test]
    fn writes_that_are_refused_for_want_of_replicas_are_a_failure() {
        let few = info("connected_slaves:1 min_slaves_good_slaves:1");
        assert_eq!(min_replicas(&few, Some(2)).status, Status::Failure);
        assert_eq!(min_replicas(&few, Some(1)).status, Status::Ok);
        assert_eq!(min_replicas(&few, None).status, Status::Ok);
        assert_eq!(min_replicas(&info("min_slaves_good_slaves:0"), None).status, Status::Warning);
        assert_eq!(min_replicas(&info("connected_slaves:0"), Some(0)).status, Status::Ok);
    }

    #[test]
    fn a_full_server_and_one_without_room_for_connections_are_warned_of() {
        assert_eq!(memory(&info("used_memory:95 maxmemory:100")).status, Status::Warning);
        assert_eq!(memory(&info("used_memory:5 maxmemory:100")).status, Status::Ok);
        assert_eq!(memory(&info("used_memory:5 maxmemory:0")).status, Status::Ok);
        assert_eq!(
            connections(&info("connected_clients:95 maxclients:100")).status,
            Status::Warning
        );
        assert_eq!(connections(&info("connected_clients:5 maxclients:100")).status, Status::Ok);
    }

    #[test]
    fn a_disk_that_cannot_be_written_is_a_failure() {
        let broken = info("loading:0 aof_enabled:0 rdb_last_bgsave_status:err");
        assert_eq!(persistence(&broken).status, Status::Failure);
        assert_eq!(persistence(&info("loading:0 aof_enabled:0")).status, Status::Ok);
        assert_eq!(persistence(&info("loading:1 aof_enabled:0")).status, Status::Failure);
    }
}
