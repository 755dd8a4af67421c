//! Errors of the server and of its connection, as sentences for the user. None holds a secret.

use std::io;
use std::time::Duration;

use redis::{ErrorKind, RedisError};

use super::tls;
use crate::election::InstanceId;
use crate::medium::MediumErrorKind::{
    Failed, NotMaster, Refused, TimedOut, TooOld, Unfit, Unreachable,
};
use crate::medium::fencing::FailedCommand;
use crate::medium::{MediumError, MediumErrorKind};

/// There is no socket, or no TLS over it.
pub fn of_transport(address: &str, error: io::Error) -> MediumError {
    match error.downcast::<tls::Fault>() {
        Ok(fault) => of_tls(address, &fault),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!("cannot reach Redis at {address}: there is no such socket");
            MediumError::new(Unreachable, message)
        }
        Err(error) => of_attempt(address, &error.into()),
    }
}

/// The server ended the connection, or refused what was asked first on it.
pub fn of_first_answer(address: &str, error: &RedisError, request: tls::Request) -> MediumError {
    if error.is_io_error() && request == tls::Request::NoTls {
        let message = format!(
            "cannot reach Redis at {address}: the connection was closed before any answer; does that port want TLS?"
        );
        return MediumError::new(Unreachable, message);
    }
    match error.is_io_error().then(|| tls::after_handshake(error, request)).flatten() {
        Some(fault) => of_tls(address, &fault),
        None => of_attempt(address, error),
    }
}

fn of_tls(address: &str, fault: &tls::Fault) -> MediumError {
    match fault {
        tls::Fault::Untrusted(why) => {
            let message =
                format!("Redis at {address} shows a certificate that is not trusted: {why}");
            MediumError::new(Unreachable, message)
        }
        tls::Fault::Refused(what) => {
            MediumError::new(Refused, format!("Redis at {address} {what}"))
        }
        other => MediumError::new(Unreachable, format!("cannot reach Redis at {address}: {other}")),
    }
}

/// No connection came about.
pub fn of_attempt(address: &str, error: &RedisError) -> MediumError {
    if let Some(answered) = of_server(address, error) {
        return answered;
    }
    if error.kind() == ErrorKind::Parse {
        let message = format!("cannot reach Redis at {address}: what answers there is not Redis");
        return MediumError::new(Unreachable, message);
    }
    let reason = reason_of(error);
    MediumError::new(Unreachable, format!("cannot reach Redis at {address}: {reason}"))
}

/// A command got an error in place of its answer.
pub fn of_command(address: &str, error: &RedisError) -> MediumError {
    of_server(address, error).unwrap_or_else(|| lost(address, Some(&reason_of(error))))
}

pub fn lost(address: &str, reason: Option<&str>) -> MediumError {
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    MediumError::new(Unreachable, format!("lost the connection to Redis at {address}{reason}"))
}

pub fn not_connected_yet(address: &str) -> MediumError {
    MediumError::new(Unreachable, format!("cannot reach Redis at {address}: not connected yet"))
}

pub fn no_answer_to_attempt(address: &str, limit: Duration) -> MediumError {
    let message =
        format!("cannot reach Redis at {address}: no answer within {} ms", limit.as_millis());
    MediumError::new(Unreachable, message)
}

pub fn timed_out(address: &str, limit: Duration) -> MediumError {
    let message = format!("Redis at {address} did not answer within {} ms", limit.as_millis());
    MediumError::new(TimedOut, message)
}

pub fn too_old(address: &str, version: &str) -> MediumError {
    let message = format!("Redis at {address} is version {version}; Incumbent needs 6.2 or newer");
    MediumError::new(TooOld, message)
}

pub fn not_master(address: &str, role: &str) -> MediumError {
    MediumError::new(NotMaster, format!("Redis at {address} is not a master but a {role}"))
}

/// No sentinel tells of the master. `failure`: what one of them says, or why it does not.
pub fn no_sentinel_tells(
    name: &str,
    count: usize,
    failure: Option<&MediumError>,
    limit: Duration,
) -> MediumError {
    let (kind, reason) = match failure {
        Some(error) => (error.kind, error.message.clone()),
        None => (Unreachable, format!("no answer within {} ms", limit.as_millis())),
    };
    let whom = if count == 1 { "the sentinel does not tell" } else { "no sentinel tells" };
    MediumError::new(kind, format!("{whom} where the master \"{name}\" is: {reason}"))
}

pub fn unknown_master(sentinel: &str, name: &str) -> MediumError {
    MediumError::new(Failed, format!("Redis at {sentinel} knows no master of the name \"{name}\""))
}

/// Each server named another.
pub fn sent_round(address: &str) -> MediumError {
    MediumError::new(Failed, format!("the servers of {address} do not agree on who has the data"))
}

/// What was granted is not where it has to be. It may stand all the same. `seen`: how many replicas have it, if that was told in time.
pub fn not_replicated(
    address: &str,
    seen: Option<u64>,
    wanted: u32,
    limit: Duration,
) -> MediumError {
    let limit = limit.as_millis();
    let message = match seen {
        Some(seen) => format!(
            "{seen} of {wanted} replicas of Redis at {address} had the leader's record within {limit} ms (option \"waitReplicas\")"
        ),
        None => format!(
            "Redis at {address} did not tell within {limit} ms that {wanted} of its replicas had the leader's record (option \"waitReplicas\")"
        ),
    };
    MediumError::new(TimedOut, message)
}

pub fn unreadable(address: &str) -> MediumError {
    let message = format!("Redis at {address} gave an answer that cannot be understood");
    MediumError::new(Failed, message)
}

pub fn unfit_id(instance: &InstanceId) -> MediumError {
    let message = format!("the id {:?} is not of visible ASCII characters", instance.as_str());
    MediumError::new(Failed, message)
}

/// Of a call that was sent. Where it was not answered, nobody knows whether it was done.
pub fn of_fenced(error: MediumError) -> MediumError {
    let MediumError { kind, message } = error;
    match kind {
        Unreachable | TimedOut => {
            let message = format!("{message}; what was asked for may have been done all the same");
            MediumError::new(kind, message)
        }
        _ if passes_by_itself(&message) => {
            MediumError::new(Unreachable, format!("{message}; nothing was written, so try again"))
        }
        _ if message.contains("CROSSSLOT") || message.contains("non local key") => {
            MediumError::new(
                Unfit,
                format!(
                    "in a Redis Cluster all keys of fenced() must lie in the slot of the candidate's own: \
                     let their names contain its hash tag, the encoded kind in braces ({message})"
                ),
            )
        }
        _ => MediumError::new(kind, message),
    }
}

/// Of a look at the checkpoint.
pub fn of_recall(error: MediumError) -> MediumError {
    if passes_by_itself(&error.message) {
        return MediumError::new(Unreachable, error.message);
    }
    error
}

/// Whether the server says that it cannot serve now, for a reason of its own: it starts, or is a replica, or another script keeps it busy.
fn passes_by_itself(words: &str) -> bool {
    const CODES: [&str; 6] =
        ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY"];
    words.split(' ').any(|word| CODES.contains(&word.trim_start_matches('-')))
}

/// A command of the user failed inside the script, for no fault of its own. What came before it cannot have written either.
pub fn of_replica(address: &str, failed: &FailedCommand) -> Option<MediumError> {
    let words = &failed.message;
    words.starts_with("READONLY").then(|| {
        of_fenced(MediumError::new(Failed, format!("Redis at {address} answered: {words}")))
    })
}

/// Whether the server that answered so cannot be the one to talk to: it is a replica, and the address may lead elsewhere by now; or the node of a
/// cluster that has not this slot, or that the others have left behind.
pub fn asks_for_another_server(error: &RedisError) -> bool {
    words_of(error).is_some_and(|words| {
        ["READONLY", "MASTERDOWN", "-READONLY", "-MASTERDOWN", "MOVED", "CLUSTERDOWN"]
            .iter()
            .any(|code| words.split(' ').any(|word| word == *code))
    })
}

/// The error that the server itself gave, if it is one.
fn of_server(address: &str, error: &RedisError) -> Option<MediumError> {
    match error.kind() {
        ErrorKind::RESP3NotSupported => return Some(too_old(address, "5 or older")),
        ErrorKind::AuthenticationFailed => {
            return Some(MediumError::new(
                Refused,
                format!("Redis at {address} refused the password"),
            ));
        }
        _ => {}
    }
    let words = words_of(error)?;
    let (kind, message) = match refusal(&words) {
        Some(refusal) => (Refused, format!("Redis at {address} {refusal} ({words})")),
        None => (kind_of(&words), format!("Redis at {address} answered: {words}")),
    };
    Some(MediumError::new(kind, message))
}

fn kind_of(words: &str) -> MediumErrorKind {
    // Servers before 6.0 do not know the greeting.
    if words.starts_with("ERR unknown command") && words.to_ascii_uppercase().contains("HELLO") {
        TooOld
    } else {
        Failed
    }
}

fn refusal(words: &str) -> Option<&'static str> {
    let code = words.split(' ').next().unwrap_or_default();
    match code {
        "WRONGPASS" => Some("refused the password"),
        "NOAUTH" => Some("wants a password"),
        "DENIED" => Some("admits local clients only"),
        "NOPERM" => Some("refused a right that Incumbent needs"),
        // Inside scripts the server's words bear no code of their own.
        _ if ["NOPERM", "ACL failure", "The user executing the script", "no permissions"]
            .iter()
            .any(|mark| words.contains(mark)) =>
        {
            Some("refused a right that Incumbent needs")
        }
        _ => None,
    }
}

/// The server's words, without where in a script they arose. `None` when the error is not the server's.
pub fn words_of(error: &RedisError) -> Option<String> {
    let (ErrorKind::Server(_) | ErrorKind::Extension) = error.kind() else { return None };
    let code = error.code().unwrap_or("ERR");
    let Some(detail) = error.detail() else { return Some(code.to_owned()) };
    let detail = without_place(detail);
    // Redis 6.2: "Error running script (call to f_…): @user_script:1: …"
    let detail = match detail.strip_prefix("Error running script") {
        Some(rest) => rest.split_once("): ").map_or(rest, |(_, words)| words),
        None => detail,
    };
    Some(format!("{code} {}", detail.trim()))
}

/// Where in a script it arose is told at the end: " script: ", the script's hash, its line. "ACL failure in script: …" is no such end.
fn without_place(detail: &str) -> &str {
    let is_hash =
        |text: &str| text.len() >= 40 && text.bytes().take(40).all(|b| b.is_ascii_hexdigit());
    match detail.rsplit_once(" script: ") {
        Some((words, place)) if is_hash(place) => words,
        _ => detail,
    }
}

fn reason_of(error: &RedisError) -> String {
    if error.is_connection_refusal() {
        return "connection refused".into();
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        // Not where the first word is an abbreviation.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_cannot_serve_for_a_while_is_as_good_as_away() {
        for words in [
            "LOADING Redis is loading the dataset in memory",
            "BUSY Redis is busy running a script.",
            "READONLY You can't write against a read only replica.",
            "ERR -READONLY You can't write against a read only replica.",
        ] {
            let message = format!("Redis at 127.0.0.1:6379 answered: {words}");
            let work = of_fenced(MediumError::new(Failed, message.clone()));
            assert_eq!(work.kind, Unreachable);
            assert!(work.message.contains("nothing was written"), "{work}");
            assert_eq!(of_recall(MediumError::new(Failed, message)).kind, Unreachable);
        }
        let full =
            MediumError::new(Failed, "Redis at 127.0.0.1:6379 answered: OOM command not allowed");
        assert_eq!(of_fenced(full.clone()).kind, Failed);
        assert_eq!(of_recall(full).kind, Failed);
    }

    fn words(code: &str, detail: &str) -> String {
        let error = redis::make_extension_error(code.to_owned(), Some(detail.to_owned()));
        words_of(&error).expect("it is the server's")
    }

    #[test]
    fn where_in_a_script_an_error_arose_is_left_out_and_nothing_else() {
        let place = "script: e0e1f9fabfc9d4800c877a703b823ac0578ff8db, on @user_script:1.";
        assert_eq!(words("ERR", &format!("it went wrong {place}")), "ERR it went wrong");
        // As Redis says it from 7.2 on, and Valkey.
        let denial = "PUBLISH a: ERR ACL failure in script: User b can't access at least one of the channels";
        assert_eq!(words("ERR", &format!("{denial} {place}")), format!("ERR {denial}"));
        assert_eq!(words("ERR", denial), format!("ERR {denial}"));
        let older = "Error running script (call to f_e0e1f9fabfc9d4800c877a703b823ac0578ff8db): @user_script:1: @user_script: 1: it went wrong";
        assert_eq!(words("ERR", older), "ERR @user_script:1: @user_script: 1: it went wrong");
    }
}
