//! A path through the model, as a story.

use stateright::Path;

use crate::action::{Action, Data};
use crate::node::Ground;
use crate::slow_link::{Link, Sort, Tick};
use crate::world::{Broken, Kind, Record, World, node_of};

pub fn tell(path: Path<World, Action>) -> Vec<String> {
    let steps = path.into_vec();
    let mut lines = vec![opening(&steps[0].0)];
    for (k, (before, action)) in steps.iter().enumerate() {
        let Some(action) = action else { continue };
        let after = &steps[k + 1].0;
        lines.push(format!("{:>3}. {}", k + 1, sentence(*action, before, after)));
    }
    let last = &steps[steps.len() - 1].0;
    if let Some(broken) = last.ghost.broken {
        lines.push(format!("     {}", ending(broken, last)));
    }
    lines
}

fn opening(world: &World) -> String {
    match world.nodes().iter().position(|node| node.reigns()) {
        Some(i) => format!("     {} leads in term {}.", name(i), world.ghost.highest),
        None => "     Nobody leads, and there is no register.".to_owned(),
    }
}

fn sentence(action: Action, before: &World, after: &World) -> String {
    match action {
        Action::Look(i) => format!("{} reads {}.", name(i), register(after, i)),
        Action::SendPeek(i) => format!("{} sends a peek.", name(i)),
        Action::SendRenewal(i) => match sent(after, i) {
            Some(Kind::Renew { over: Some(over), .. }) => {
                format!("{} sends a renewal over what it was shown, stamp {}.", name(i), over.stamp)
            }
            _ => format!("{} sends a renewal.", name(i)),
        },
        Action::SendRelease(i) => format!("{} sends a release.", name(i)),
        Action::SendTake(i, ground) => {
            let ground = match ground {
                Ground::Read => "of what it has read",
                Ground::Heard => "on what it has heard",
                Ground::Announced => "of the vacancy that was announced",
                Ground::Own => "of its own record",
            };
            format!("{} sends a take {ground}.", name(i))
        }
        Action::Apply { node: i, again, answered } => {
            let what = sent(before, i).map_or("command", word);
            let lost = if answered { "" } else { " The answer is lost." };
            let twice = if again { " A copy of it is still under way." } else { "" };
            format!("{}'s {what} arrives: {}.{lost}{twice}", name(i), register(after, i))
        }
        Action::ApplyLingering(i) => {
            format!("{}'s earlier command arrives: {}.", name(i), register(after, i))
        }
        Action::ApplyLate(k) => {
            let command = before.late[k].map_or("command", |command| word(command.kind));
            let of = before.late[k].and_then(|command| node_of(command.holder)).unwrap_or(0);
            format!("{}'s late {command} arrives: {}.", name(of), register(after, of))
        }
        Action::Receive(i) | Action::ReceiveLingering(i) => {
            let state = if after.nodes[i].reigns() { "leads" } else { "does not lead" };
            format!("{} receives the answer, and {state}.", name(i))
        }
        Action::Judge(i) => {
            format!("{} has an answer, reads the clock in time, and is preempted.", name(i))
        }
        Action::GiveUp { node: i, is_late } => {
            let fate = if is_late { "it is still under way" } else { "it may have been applied" };
            format!("{} gives its command up; {fate}.", name(i))
        }
        Action::Expire(i) => format!("{}'s deadline passes.", name(i)),
        Action::AskIsLeader(i) => format!("{}'s isLeader() is asked, and says no.", name(i)),
        Action::Hear { node: i, stamp, .. } => {
            format!("{} hears a heartbeat with stamp {stamp}.", name(i))
        }
        Action::HearVacancy { node: i, stamp, forged } => {
            let kind = if forged { "forged" } else { "true" };
            format!("{} hears of a vacancy with stamp {stamp}; it is {kind}.", name(i))
        }
        Action::CallStop(i) => format!("stop() is called on {}.", name(i)),
        Action::NoticeStop(i) => format!("{} begins to stop.", name(i)),
        Action::FinishStop(i) => format!("{} has stopped.", name(i)),
        Action::Start(i) => format!("{} starts, with a new token.", name(i)),
        Action::Crash(i) => format!("{} crashes.", name(i)),
        Action::Resign(i) => format!("{} begins to give its leadership up.", name(i)),
        Action::Wipe => "FLUSHALL.".to_owned(),
        Action::Save => "The server saves a snapshot.".to_owned(),
        Action::Restart(data) => {
            let data = match data {
                Data::All => "all data",
                Data::Snapshot => "the data of the snapshot",
                Data::None => "no data",
            };
            format!("The server restarts with {data}.")
        }
        Action::Promote => "The replica becomes master, the master its replica.".to_owned(),
        Action::Replicate => "The replica catches up.".to_owned(),
        Action::MoveConnection(i) => {
            format!("{}'s connection leads to the other server now.", name(i))
        }
        Action::Reconnect(i) => format!("{} reconnects.", name(i)),
        Action::Poison => "Somebody writes a term just below the limit.".to_owned(),
    }
}

fn ending(broken: Broken, world: &World) -> String {
    match broken {
        Broken::TwoLeaders => {
            let leaders: Vec<String> = (0..usize::from(world.count))
                .filter(|i| world.nodes[*i].reigns())
                .map(|i| name(i).to_string())
                .collect();
            format!("{} are valid at one moment.", leaders.join(" and "))
        }
        Broken::TermTwice => "A term was granted twice.".to_owned(),
        Broken::TermBackwards => "A granted term is not above those before.".to_owned(),
        Broken::NotGranted => "A node leads in a term that it was not granted.".to_owned(),
        Broken::Revived => "isLeader() turned from no to yes within a term.".to_owned(),
        Broken::LedAfterStop => "A node leads after stop() was called.".to_owned(),
        Broken::TwoTakes => "Two takes of one node are under way.".to_owned(),
    }
}

/// The livelock, tick by tick.
pub fn tell_ticks(path: Path<Link, Tick>) -> Vec<String> {
    let mut lines =
        vec!["     The slow node's command is under way over the record that names it.".to_owned()];
    for (k, tick) in path.into_actions().into_iter().enumerate() {
        let mut events = Vec::new();
        if let Some(sort) = tick.sends {
            let sort = match sort {
                Sort::Take => "a take",
                Sort::Renewal => "a renewal",
                Sort::Release => "a release",
            };
            events.push(format!("the slow node sends {sort}"));
        }
        if tick.applies {
            events.push("its command arrives, and the stamp changes".to_owned());
        }
        if !events.is_empty() {
            lines.push(format!("tick {:>2}: {}.", k + 1, events.join("; ")));
        }
    }
    lines.push("     The healthy node has never led.".to_owned());
    lines
}

fn sent(world: &World, i: usize) -> Option<Kind> {
    world.nodes[i].pending.map(|pending| pending.command.kind)
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Peek => "peek",
        Kind::Renew { .. } => "renewal",
        Kind::Take { .. } => "take",
        Kind::Release => "release",
    }
}

fn register(world: &World, i: usize) -> String {
    let server = usize::from(world.nodes[i].server);
    match world.servers[server].record {
        None => "there is no register".to_owned(),
        Some(record) if record.is_placeholder() => {
            format!("a placeholder, stamp {}", record.stamp)
        }
        Some(Record { holder, term, stamp, .. }) => match node_of(holder) {
            None => format!("vacant after term {term}, stamp {stamp}"),
            Some(holder) => format!("held by {} in term {term}, stamp {stamp}", name(holder)),
        },
    }
}

fn name(i: usize) -> char {
    char::from(b'A' + i as u8)
}
