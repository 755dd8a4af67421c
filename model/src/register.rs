//! The register: what one script does with one command.

use crate::configuration::Configuration;
use crate::rules::Rule;
use crate::world::{
    Broken, Command, Identity, Kind, Record, Reply, Seen, Server, TERM_LIMIT, World, node_of,
};

/// Applies `command` on a server. `None`: it answers with an error, and nothing has changed.
pub fn execute(
    world: &mut World,
    on: usize,
    command: &Command,
    configuration: &Configuration,
) -> Option<Reply> {
    let off = configuration.off;
    let server = world.servers[on];
    if !server.is_master && off.holds(Rule::OnlyMaster) {
        return None;
    }
    let identity = identity_of(&server, configuration);
    let found = server.record.filter(|record| is_well_formed(record, configuration));
    let missing = found.is_none();
    let record = match found {
        Some(record) => record,
        None if !off.holds(Rule::Placeholder) => Record::placeholder(0),
        None if !off.holds(Rule::PlaceholderStamp) => Record::placeholder(command.stamp),
        None => Record::placeholder(world.fresh_stamp()),
    };
    let is_blind_renewal = missing
        && !off.holds(Rule::RenewalCreatesNothing)
        && matches!(command.kind, Kind::Renew { over: None, .. });
    let granted = if is_blind_renewal {
        let Kind::Renew { beat, .. } = command.kind else { unreachable!() };
        Some(Record {
            holder: command.holder,
            term: command.term,
            beat,
            stamp: command.stamp,
            server: identity,
            lease: command.lease,
        })
    } else if missing && off.holds(Rule::Placeholder) {
        None
    } else {
        grant(world, &record, identity, command, configuration)
    };
    let is_write = granted.is_some() || (missing && off.holds(Rule::Placeholder));
    if is_write && !server.is_master && !server.is_writable {
        return None;
    }
    let mut shown = granted.unwrap_or(record);
    if is_write {
        world.servers[on].record = Some(shown);
    }
    if granted.is_some() && matches!(command.kind, Kind::Take { .. }) {
        note_grant(world, &shown, configuration);
        if !off.holds(Rule::GrantTerm) {
            shown.term += 1;
        }
    }
    let missing = missing && off.holds(Rule::Placeholder) && !is_blind_renewal;
    Some(Reply { granted: granted.is_some(), missing, record: shown, identity })
}

/// Whether a record names the server that shows it. One that may not tell its identity has no name.
pub fn names_server(record: &Record, identity: Identity, configuration: &Configuration) -> bool {
    record.server == if configuration.anonymous { 0 } else { identity }
}

fn grant(
    world: &World,
    record: &Record,
    identity: Identity,
    command: &Command,
    configuration: &Configuration,
) -> Option<Record> {
    let off = configuration.off;
    let Command { holder, term, stamp, lease, kind } = *command;
    // A server that may not tell its identity has no name to leave behind.
    let server = if configuration.anonymous { 0 } else { identity };
    match kind {
        Kind::Peek => None,
        Kind::Renew { beat, over } => {
            if over.is_some_and(|over| is_as_shown(record, &over, identity, configuration)) {
                Some(Record { holder, term, beat, stamp, server, lease })
            } else {
                let is_later = beat > record.beat || !off.holds(Rule::HigherBeat);
                (record.holder == holder && record.term == term && is_later).then_some(Record {
                    beat,
                    stamp,
                    ..*record
                })
            }
        }
        Kind::Take { seen, floor } => may_take(record, &seen, identity, configuration).then(|| {
            let time = if configuration.clock_is_right && off.holds(Rule::TermTime) {
                world.ghost.highest + 1
            } else {
                0
            };
            let floor = if off.holds(Rule::TermFloor) { floor } else { 0 };
            let term = (record.term + 1).max(floor + 1).max(time).min(TERM_LIMIT);
            Record { holder, term, beat: 0, stamp, server, lease }
        }),
        Kind::Release => {
            let is_own = record.holder == holder && record.term == term;
            (is_own && record.server == server).then_some(Record { holder: 0, stamp, ..*record })
        }
    }
}

pub fn identity_of(server: &Server, configuration: &Configuration) -> Identity {
    if configuration.off.holds(Rule::HistoryIdentity) { server.identity } else { server.process }
}

/// Whether a vacancy was granted under `identity`, so that no data were lost since.
pub fn is_vacated_here(record: &Record, identity: Identity, configuration: &Configuration) -> bool {
    let is_here = record.server != 0 && record.server == identity;
    record.holder == 0
        && !record.is_placeholder()
        && (is_here || !configuration.off.holds(Rule::VacancyIdentity))
}

fn is_as_shown(
    record: &Record,
    over: &Seen,
    identity: Identity,
    configuration: &Configuration,
) -> bool {
    let same = identity == over.identity || !configuration.off.holds(Rule::CompareIdentity);
    same && record.term == over.term && record.stamp == over.stamp
}

fn may_take(
    record: &Record,
    seen: &Seen,
    identity: Identity,
    configuration: &Configuration,
) -> bool {
    let off = configuration.off;
    let compares_holder = off.holds(Rule::CompareHolder);
    let unchanged = (identity == seen.identity || !off.holds(Rule::CompareIdentity))
        && (record.holder == seen.holder || !compares_holder)
        && record.term == seen.term
        && (record.stamp == seen.stamp || !off.holds(Rule::CompareStamp));
    let believed_vacant = !compares_holder && seen.holder == 0;
    let at_once = is_vacated_here(record, identity, configuration) || believed_vacant;
    unchanged && (seen.watched || at_once)
}

/// In the model any term that a fault wrote is far ahead of the server's time, and none that was granted is.
fn is_well_formed(record: &Record, configuration: &Configuration) -> bool {
    let bound = TERM_LIMIT / 2;
    record.term < TERM_LIMIT && (record.term < bound || !configuration.off.holds(Rule::TermBound))
}

fn note_grant(world: &mut World, record: &Record, configuration: &Configuration) {
    let term = record.term;
    // With a server clock that runs behind, only what the taker has read keeps terms apart.
    let has_read = node_of(record.holder).map_or(0, |i| world.nodes[i].floor);
    let counts = configuration.clock_is_right || has_read >= term;
    if let Some(owner) = world.ghost.owners.get_mut(usize::from(term)) {
        let is_taken = *owner != 0;
        *owner = record.holder;
        if is_taken && counts {
            world.break_with(Broken::TermTwice);
        }
    }
    if term <= world.ghost.highest && counts {
        world.break_with(Broken::TermBackwards);
    }
    if term < TERM_LIMIT {
        world.ghost.highest = world.ghost.highest.max(term);
    }
}
