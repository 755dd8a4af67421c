//! Everything that can happen next, and what follows from it.

use crate::canonical::Live;
use crate::configuration::Configuration;
use crate::node::{Ground, Part, permit};
use crate::order;
use crate::register::execute;
use crate::rules::{Off, Rule};
use crate::world::{Heard, Kind, Node, Pending, Phase, Stamp, TERM_LIMIT, World};

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

pub fn master_of(world: &World) -> usize {
    usize::from(!world.servers[0].is_master)
}

/// False: the action would be pointless here.
pub fn apply(world: &mut World, action: Action, configuration: &Configuration) -> bool {
    fn as_part<'a>(world: &'a mut World, i: usize, configuration: &'a Configuration) -> Part<'a> {
        Part { world, i, configuration }
    }
    match action {
        Action::Look(i) => look(world, i, configuration),
        Action::SendPeek(i) => as_part(world, i, configuration).send_peek(),
        Action::SendRenewal(i) => as_part(world, i, configuration).send_renewal(),
        Action::SendRelease(i) => as_part(world, i, configuration).send_release(),
        Action::SendTake(i, ground) => as_part(world, i, configuration).send_take(ground),
        Action::Apply { node: i, again, answered } => {
            return apply_command(world, i, again, answered, configuration);
        }
        Action::ApplyLingering(i) => {
            let on = usize::from(world.nodes[i].server);
            if let Some(mut lingering) = world.nodes[i].lingering {
                lingering.answer = execute(world, on, &lingering.command, configuration);
                world.nodes[i].lingering = lingering.answer.map(|_| lingering);
            }
        }
        Action::ApplyLate(k) => {
            let on = master_of(world);
            if let Some(command) = world.late[k].take() {
                execute(world, on, &command, configuration);
            }
        }
        Action::Receive(i) => {
            if !world.nodes[i].pending.is_some_and(|pending| pending.judged) {
                as_part(world, i, configuration).settle();
            }
            as_part(world, i, configuration).receive(false);
        }
        Action::ReceiveLingering(i) => as_part(world, i, configuration).receive(true),
        Action::Judge(i) => {
            if let Some(pending) = &mut world.nodes[i].pending {
                pending.judged = true;
            }
        }
        Action::GiveUp { node: i, is_late } => give_up(world, i, is_late, configuration),
        Action::Expire(i) if configuration.asks => {
            if let Some(reign) = &mut world.nodes[i].reign {
                reign.past = true;
            }
        }
        Action::Expire(i) => as_part(world, i, configuration).expire(),
        Action::AskIsLeader(i) => {
            if let Some(reign) = world.nodes[i].reign.as_mut().filter(|reign| reign.past) {
                reign.told_no = true;
                reign.latched = configuration.off.holds(Rule::Latch);
            }
        }
        Action::Hear { node: i, stamp, forged } => {
            world.left.forgeries -= u8::from(forged);
            world.nodes[i].heard = Some(Heard { stamp, order: order::begins_now() });
        }
        Action::HearVacancy { node: i, stamp, forged } => {
            world.left.forgeries -= u8::from(forged);
            world.nodes[i].announced = Some(stamp);
        }
        _ => turn(world, action, configuration),
    }
    if world.nodes().iter().filter(|node| node.reigns()).count() > 1 {
        world.break_with(crate::world::Broken::TwoLeaders);
    }
    true
}

fn apply_command(
    world: &mut World,
    i: usize,
    again: bool,
    answered: bool,
    configuration: &Configuration,
) -> bool {
    let on = usize::from(world.nodes[i].server);
    let Some(pending) = world.nodes[i].pending else { return false };
    if again {
        world.left.doubles -= 1;
        world.keep_late(pending.command);
    }
    let reply = execute(world, on, &pending.command, configuration);
    let answer = reply.map(|_| Pending { answer: reply, ..pending });
    let mut part = Part { world, i, configuration };
    if reply.is_none() {
        part.fail(false);
    } else if configuration.answers_travel {
        part.node().pending = answer;
    } else if answered {
        part.node().pending = answer;
        part.receive(false);
    } else {
        // To lose the answer to a refusal is as good as not to have asked.
        let is_change = reply.is_some_and(|reply| reply.granted || reply.missing);
        part.fail(false);
        if !is_change && !again {
            return false;
        }
    }
    if world.nodes().iter().filter(|node| node.reigns()).count() > 1 {
        world.break_with(crate::world::Broken::TwoLeaders);
    }
    true
}

/// A peek that is sent, applied and answered at once.
fn look(world: &mut World, i: usize, configuration: &Configuration) {
    let mut part = Part { world, i, configuration };
    part.settle();
    part.send_peek();
    let on = usize::from(part.world.nodes[i].server);
    let Some(pending) = part.world.nodes[i].pending else { return };
    match execute(part.world, on, &pending.command, configuration) {
        Some(reply) => {
            part.world.nodes[i].pending = None;
            part.see(reply);
        }
        None => part.fail(false),
    }
}

fn give_up(world: &mut World, i: usize, is_late: bool, configuration: &Configuration) {
    let Some(pending) = world.nodes[i].pending else { return };
    if is_late {
        world.left.late -= 1;
        world.keep_late(pending.command);
    }
    let lingers = !configuration.off.holds(Rule::DropLateAnswers)
        && world.nodes[i].lingering.is_none()
        && pending.answer.is_some();
    let mut part = Part { world, i, configuration };
    part.settle();
    part.fail(lingers);
}

/// Starts, stops, and what befalls the servers.
fn turn(world: &mut World, action: Action, configuration: &Configuration) {
    match action {
        Action::CallStop(i) => {
            world.left.stops -= 1;
            world.nodes[i].closed = true;
        }
        Action::NoticeStop(i) => {
            Part { world, i, configuration }.settle();
            world.nodes[i].phase = Phase::Stopping;
            drain(&mut world.nodes[i]);
        }
        Action::FinishStop(i) => {
            let node = &mut world.nodes[i];
            (node.phase, node.owed, node.in_doubt) = (Phase::Idle, None, false);
            node.forget_sights();
        }
        Action::Start(i) => {
            world.left.starts -= 1;
            let node = &mut world.nodes[i];
            (node.phase, node.closed, node.run) = (Phase::Running, false, node.run + 1);
        }
        Action::Crash(i) => {
            world.left.crashes -= 1;
            let Node { lease, run, server, .. } = world.nodes[i];
            world.nodes[i] = Node { phase: Phase::Idle, run, server, ..Node::new(lease) };
        }
        Action::Resign(i) => {
            world.left.resignations -= 1;
            drain(&mut world.nodes[i]);
        }
        Action::Wipe => {
            world.left.wipes -= 1;
            let master = master_of(world);
            world.servers[master].record = None;
        }
        Action::Save => {
            let master = master_of(world);
            world.servers[master].snapshot = world.servers[master].record;
        }
        Action::Restart(data) => {
            world.left.restarts -= 1;
            let identity = world.fresh_identity();
            let master = master_of(world);
            let server = &mut world.servers[master];
            (server.identity, server.process) = (identity, identity);
            match data {
                Data::All => {}
                Data::Snapshot => server.record = server.snapshot,
                Data::None => server.record = None,
            }
        }
        Action::Promote => {
            world.left.promotions -= 1;
            let identity = world.fresh_identity();
            let master = master_of(world);
            world.servers[master].is_master = false;
            world.servers[1 - master].is_master = true;
            world.servers[1 - master].identity = identity;
        }
        Action::Replicate => {
            let master = master_of(world);
            world.servers[1 - master].record = world.servers[master].record;
            world.servers[1 - master].identity = world.servers[master].identity;
        }
        Action::MoveConnection(i) => {
            let server = usize::from(world.nodes[i].server);
            world.left.moves -= u8::from(world.servers[server].is_master);
            world.nodes[i].server = 1 - world.nodes[i].server;
        }
        Action::Reconnect(i) => world.nodes[i].forget_sights(),
        Action::Poison => {
            world.left.poisons -= 1;
            let master = master_of(world);
            if let Some(record) = &mut world.servers[master].record {
                record.term = TERM_LIMIT - 1;
            }
        }
        _ => {}
    }
}

fn drain(node: &mut Node) {
    if let Some(reign) = &mut node.reign {
        reign.draining = true;
    }
}
