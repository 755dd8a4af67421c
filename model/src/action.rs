//! Everything that can happen next.

use crate::canonical::Live;
use crate::configuration::Configuration;
use crate::effect::master_of;
use crate::node::{Ground, permit};
use crate::order;
use crate::rules::{Off, Rule};
use crate::world::{Kind, Phase, Stamp, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads the register, in no time.
    Look(usize),
    SendPeek(usize),
    SendRenewal(usize),
    SendRelease(usize),
    SendTake(usize, Ground),
    /// The server applies the command that a node waits for; a second delivery may follow. Where answers take no time, this
    /// one is received at once, or never.
    Apply {
        node: usize,
        again: bool,
        answered: bool,
    },
    ApplyLingering(usize),
    ApplyLate(usize),
    Receive(usize),
    ReceiveLingering(usize),
    /// The core reads the clock for an answer, and is preempted.
    Judge(usize),
    /// A node gives a command up: it is lost, or applied later.
    GiveUp {
        node: usize,
        is_late: bool,
    },
    Expire(usize),
    AskIsLeader(usize),
    Hear {
        node: usize,
        stamp: Stamp,
        forged: bool,
    },
    HearVacancy {
        node: usize,
        stamp: Stamp,
        forged: bool,
    },
    CallStop(usize),
    NoticeStop(usize),
    FinishStop(usize),
    Start(usize),
    Crash(usize),
    Resign(usize),
    Wipe,
    Save,
    Restart(Data),
    Promote,
    Replicate,
    MoveConnection(usize),
    Reconnect(usize),
    Poison,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    All,
    Snapshot,
    None,
}

pub fn possible(world: &World, configuration: &Configuration, actions: &mut Vec<Action>) {
    if world.ghost.broken.is_some() {
        return;
    }
    for i in 0..usize::from(world.count) {
        of_node(world, configuration, i, actions);
    }
    actions
        .extend((0..world.late.len()).filter(|k| world.late[*k].is_some()).map(Action::ApplyLate));
    of_servers(world, configuration, actions);
}

fn of_node(world: &World, configuration: &Configuration, i: usize, actions: &mut Vec<Action>) {
    let node = &world.nodes[i];
    let (left, off) = (&world.left, configuration.off);
    if node.phase == Phase::Idle {
        if left.starts > 0 {
            actions.push(Action::Start(i));
        }
        return;
    }
    if node.reigns() {
        actions.push(Action::Expire(i));
    }
    if configuration.asks && node.reign.is_some() && !node.is_leader() {
        actions.push(Action::AskIsLeader(i));
    }
    if left.crashes > 0 {
        actions.push(Action::Crash(i));
    }
    if left.stops > 0 && !node.closed && node.phase == Phase::Running {
        actions.push(Action::CallStop(i));
    }
    if let Some(pending) = &node.pending {
        if pending.judged {
            actions.push(Action::Receive(i));
            return;
        }
        if pending.answer.is_some() {
            actions.push(Action::Receive(i));
            if configuration.asks && node.reigns() {
                actions.push(Action::Judge(i));
            }
            actions.push(Action::GiveUp { node: i, is_late: false });
        } else {
            let outcomes: &[bool] =
                if configuration.answers_travel { &[true] } else { &[true, false] };
            for answered in outcomes.iter().copied() {
                actions.push(Action::Apply { node: i, again: false, answered });
                if left.doubles > 0 {
                    actions.push(Action::Apply { node: i, again: true, answered });
                }
            }
            if configuration.answers_travel {
                actions.push(Action::GiveUp { node: i, is_late: false });
            }
            if left.late > 0 {
                actions.push(Action::GiveUp { node: i, is_late: true });
            }
        }
    }
    if let Some(lingering) = &node.lingering {
        let is_applied = lingering.answer.is_some();
        actions.push(if is_applied {
            Action::ReceiveLingering(i)
        } else {
            Action::ApplyLingering(i)
        });
    }
    if node.closed && node.phase == Phase::Running {
        actions.push(Action::NoticeStop(i));
    }
    if node.phase == Phase::Running && node.reigns() && left.resignations > 0 {
        actions.push(Action::Resign(i));
    }
    if configuration.anonymous && node.sight.is_some() {
        actions.push(Action::Reconnect(i));
    }
    // Whoever is refused by a replica finds the master again.
    let is_astray = !world.servers[usize::from(node.server)].is_master;
    if left.moves > 0 || is_astray {
        actions.push(Action::MoveConnection(i));
    }
    let overtakes = node.lingering.is_none()
        && node.pending.is_some_and(|pending| match pending.command.kind {
            Kind::Take { .. } => !off.holds(Rule::OneTake),
            Kind::Renew { .. } => {
                !off.holds(Rule::ReleaseWaits) && node.reign.is_some_and(|reign| reign.draining)
            }
            Kind::Peek | Kind::Release => false,
        });
    if node.pending.is_none() || overtakes {
        what_is_due(world, configuration, i, actions);
    }
    // A true announcement tells no more than a look.
    if node.phase == Phase::Running && node.reign.is_none() && configuration.limits.forgeries > 0 {
        announcements(world, i, actions);
    }
}

/// The next command of a node, as in the library's `next_command`; time may make any of them due.
fn what_is_due(world: &World, configuration: &Configuration, i: usize, actions: &mut Vec<Action>) {
    let node = &world.nodes[i];
    if let Some(reign) = node.reign {
        if reign.draining {
            actions.push(Action::SendRelease(i));
        }
        if reign.beat < configuration.beats && node.reigns() && node.pending.is_none() {
            actions.push(Action::SendRenewal(i));
        }
        return;
    }
    if node.owed.is_some() {
        actions.push(Action::SendRelease(i));
        // The registry's refresh reads the register as well.
    } else if node.phase == Phase::Running && world.ghost.highest < configuration.terms {
        let live = Live::of(world);
        let is_reduced = configuration.off == Off::NONE && !configuration.answers_travel;
        for ground in [Ground::Read, Ground::Heard, Ground::Announced, Ground::Own] {
            if ground == Ground::Own && configuration.off.holds(Rule::OwnRecord) {
                continue;
            }
            let Some((seen, since)) = permit(world, i, configuration, ground) else { continue };
            // Refused for certain: no more than a look.
            if is_reduced && !live.may_show(seen.identity, seen.stamp) {
                continue;
            }
            if since.is_none_or(|since| order::may_have_elapsed(world, i, since)) {
                actions.push(Action::SendTake(i, ground));
            }
        }
    }
    let looks = node.phase == Phase::Running || node.in_doubt;
    if looks && node.pending.is_none() {
        actions.push(if configuration.peeks_travel {
            Action::SendPeek(i)
        } else {
            Action::Look(i)
        });
    }
    // What is left to do may lapse at any time.
    if node.phase == Phase::Stopping && node.pending.is_none() {
        actions.push(Action::FinishStop(i));
    }
}

/// What a node may hear now: the present state of a register, or anything that an eavesdropper may know.
fn announcements(world: &World, i: usize, actions: &mut Vec<Action>) {
    let node = &world.nodes[i];
    let Some(sight) = node.sight.filter(|sight| sight.record.holder != 0) else { return };
    let (holder, term) = (sight.record.holder, sight.record.term);
    let heard =
        |stamp| stamp != sight.record.stamp && node.heard.is_none_or(|heard| heard.stamp != stamp);
    let is_here = sight.record.server == sight.identity && node.announced.is_none();
    let record = world.servers[usize::from(node.server)].record;
    if let Some(record) = record {
        let is_of_leader = record.holder == holder && record.term == term;
        if is_of_leader && heard(record.stamp) {
            actions.push(Action::Hear { node: i, stamp: record.stamp, forged: false });
        }
        if record.holder == 0 && record.term == term && is_here {
            actions.push(Action::HearVacancy { node: i, stamp: record.stamp, forged: false });
        }
    }
    if world.left.forgeries == 0 {
        return;
    }
    if let Some(record) = record.filter(|_| is_here) {
        actions.push(Action::HearVacancy { node: i, stamp: record.stamp, forged: true });
    }
    let flying = world.nodes().iter().filter_map(|n| n.pending).map(|pending| pending.command);
    for command in flying.chain(world.late.iter().flatten().copied()) {
        let renews = matches!(command.kind, Kind::Renew { .. })
            && command.holder == holder
            && command.term == term;
        if renews && heard(command.stamp) {
            actions.push(Action::Hear { node: i, stamp: command.stamp, forged: true });
        }
    }
}

fn of_servers(world: &World, configuration: &Configuration, actions: &mut Vec<Action>) {
    let left = &world.left;
    let master = world.servers[master_of(world)];
    if left.wipes > 0 && master.record.is_some() {
        actions.push(Action::Wipe);
    }
    if left.restarts > 0 {
        if master.snapshot != master.record {
            actions.push(Action::Save);
        }
        actions.push(Action::Restart(Data::All));
        actions.push(Action::Restart(Data::None));
        if master.snapshot.is_some() {
            actions.push(Action::Restart(Data::Snapshot));
        }
    }
    if left.poisons > 0 {
        actions.push(Action::Poison);
    }
    if configuration.replica.is_some() {
        if left.promotions > 0 {
            actions.push(Action::Promote);
        }
        let replica = world.servers[1 - master_of(world)];
        let is_equal = replica.record == master.record && replica.identity == master.identity;
        if !is_equal && (left.promotions > 0 || left.moves > 0) {
            actions.push(Action::Replicate);
        }
    }
}
