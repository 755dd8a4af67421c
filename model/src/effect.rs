//! What follows from each action.

use crate::action::{Action, Data};
use crate::configuration::Configuration;
use crate::node::Part;
use crate::order;
use crate::register::execute;
use crate::rules::Rule;
use crate::world::{Broken, Heard, Node, Pending, Phase, TERM_LIMIT, World};

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
        world.break_with(Broken::TwoLeaders);
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
        world.break_with(Broken::TwoLeaders);
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
