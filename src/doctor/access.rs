//! The rights of the user, one by one.

use std::iter;

use redis::Value;

use super::{Check, RIGHT, Subject};
use crate::medium::redis::rights::{Need, Right, Trial, needed};
use crate::medium::redis::visit::{Denied, Refusal, Visit, text};

type Outcome = Result<Value, Refusal>;

/// A check for each right that the kind needs.
pub async fn rights(subject: &Subject, visit: &mut Visit) -> Vec<Check> {
    let rights = needed(&subject.target, &subject.purpose, visit.greeting());
    let tried = try_all(visit, &rights).await;
    // Of a key or a channel that is refused, every command tells that names one.
    let denies = |what| {
        let own = iter::zip(&rights, &tried).filter(|(right, _)| !is_reaching(right));
        let mut refusals = own.filter_map(|(_, outcome)| outcome.as_ref()?.as_ref().err());
        refusals.any(|refusal| refusal.denied == Some(what))
    };
    let verdict = |right: &Right, outcome: &Option<Outcome>| match right.trial {
        Trial::Keys => Verdict::of(!denies(Denied::Key)),
        Trial::Channels => Verdict::of(!denies(Denied::Channel)),
        Trial::Connecting => Verdict::Granted,
        Trial::Reaching(_) => Verdict::of_reach(outcome),
        Trial::Command(_) | Trial::Writing(_) => Verdict::of_trial(outcome),
    };
    rights
        .iter()
        .zip(&tried)
        .map(|(right, outcome)| check(right, verdict(right, outcome)))
        .collect()
}

fn is_reaching(right: &Right) -> bool {
    matches!(right.trial, Trial::Reaching(_))
}

/// The answers to the commands, in the order of the rights. What leaves a key is tried only where that can be deleted.
async fn try_all(visit: &mut Visit, rights: &[Right]) -> Vec<Option<Outcome>> {
    let harmless = |right: &Right| match &right.trial {
        Trial::Command(words) => Some(words.clone()),
        _ => None,
    };
    let mut outcomes = ask(visit, rights, harmless).await;
    for (right, outcome) in iter::zip(rights, &mut outcomes) {
        let Trial::Reaching(words) = &right.trial else { continue };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        *outcome = Some(visit.ask(&words).await);
        if let ["SUBSCRIBE", channel] = words[..] {
            // Whoever listens has less room for answers.
            let _ = visit.ask(&["UNSUBSCRIBE", channel]).await;
        }
    }
    let deletion = rights.iter().position(|right| right.rule == "+del");
    let can_delete =
        deletion.is_some_and(|place| Verdict::of_trial(&outcomes[place]) == Verdict::Granted);
    if can_delete {
        let writing = |right: &Right| match &right.trial {
            Trial::Writing(words) => Some(words.clone()),
            _ => None,
        };
        let written = ask(visit, rights, writing).await;
        for (right, outcome) in rights.iter().zip(written).filter(|(_, outcome)| outcome.is_some())
        {
            if let (Trial::Writing(words), Some(Ok(_))) = (&right.trial, &outcome) {
                // It could just be deleted.
                let _ = visit.ask(&["DEL", &words[1]]).await;
            }
            let place = rights.iter().position(|one| one == right).expect("it is one of them");
            outcomes[place] = outcome;
        }
    }
    outcomes
}

async fn ask(
    visit: &mut Visit,
    rights: &[Right],
    words_of: impl Fn(&Right) -> Option<Vec<String>>,
) -> Vec<Option<Outcome>> {
    let commands: Vec<Option<Vec<String>>> = rights.iter().map(words_of).collect();
    let sent: Vec<&[String]> = commands.iter().flatten().map(Vec::as_slice).collect();
    let mut answers = visit.ask_all(&sent).await.into_iter();
    commands.iter().map(|command| command.as_ref().and_then(|_| answers.next())).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Granted,
    Denied,
    /// It could not be tried.
    Unknown,
}

impl Verdict {
    fn of(is_granted: bool) -> Self {
        if is_granted { Self::Granted } else { Self::Denied }
    }

    /// Any answer, and any error but the one that denies the command, shows that it may be called.
    fn of_trial(outcome: &Option<Outcome>) -> Self {
        match outcome {
            None => Self::Unknown,
            Some(Err(Refusal { denied: Some(Denied::Command), .. })) => Self::Denied,
            Some(_) => Self::Granted,
        }
    }

    /// Whether the command reached what it names. Where the command itself is denied, nothing follows.
    fn of_reach(outcome: &Option<Outcome>) -> Self {
        match outcome {
            Some(Err(Refusal { denied: Some(Denied::Key | Denied::Channel), .. })) => Self::Denied,
            Some(Err(Refusal { denied: Some(Denied::Command), .. })) | None => Self::Unknown,
            Some(_) => Self::Granted,
        }
    }
}

fn check(right: &Right, verdict: Verdict) -> Check {
    let name = format!("{RIGHT} {}", right.rule);
    let advice = || format!("grant it: ACL SETUSER … {}", right.rule);
    match (verdict, right.need) {
        (Verdict::Granted, _) => Check::ok(name, "granted"),
        (Verdict::Unknown, _) => Check::skipped(name, "not tried, for want of another right"),
        (Verdict::Denied, Need::Always) => Check::failure(name, "missing", advice()),
        (Verdict::Denied, Need::Wanted(cost)) => {
            Check::warning(name, format!("missing: {cost}"), advice())
        }
        (Verdict::Denied, Need::Fenced) => {
            Check::warning(name, "missing: fenced() does not work", advice())
        }
    }
}

/// Whether scripts can tell which server this is.
pub async fn identity(visit: &mut Visit) -> Check {
    const NAME: &str = "identity";
    const SCRIPT: &str = "local info = redis.pcall('INFO', 'replication') \
        return type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''";
    match visit.ask(&["EVAL", SCRIPT, "0"]).await {
        Ok(answer) => match text(&answer).filter(|id| !id.is_empty()) {
            Some(id) => Check::ok(NAME, format!("scripts read it: {id}")),
            None => Check::warning(
                NAME,
                "scripts cannot read INFO: a vacant leadership is taken over only after a whole lease, and a new connection starts that wait anew",
                "grant +info; on a server that has no INFO in scripts, nothing can be done",
            ),
        },
        Err(refusal) => Check::failure(
            NAME,
            refusal.message,
            "see that the user may call EVAL, and that the server runs scripts",
        ),
    }
}
