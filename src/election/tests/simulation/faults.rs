//! What befalls a cluster, besides its weather: that messages are late, lost, doubled or unheard.

use super::cluster::Cluster;
use super::{FAULTS_END, SECOND};
use crate::election::{Announcement, Holder, Identity, InstanceId, Stamp, Term};

/// Lets one fault strike; at the end of the faults, everything that can be mended is.
pub fn strike(cluster: &mut Cluster) {
    if cluster.now >= FAULTS_END {
        return mend(cluster);
    }
    let node = cluster.chance.between(0, cluster.nodes.len() as u64) as usize;
    match cluster.chance.between(0, 15) {
        0 | 1 => pause(cluster, node),
        2 => cluster.register.wipe(),
        3 => take_snapshot(cluster),
        4 => restart(cluster),
        5 => stop(cluster, node, false),
        6 => stop(cluster, node, true),
        7 => reelect(cluster, node),
        8 => stall(cluster, node),
        9 => cluster.nodes[node].is_cut_off ^= true,
        10 => turn_deaf_or_hear(cluster, node),
        11 | 12 => forge(cluster),
        13 => replay(cluster),
        _ => cluster.tell(node, |election, now| election.handle_connected(now)),
    }
}

fn pause(cluster: &mut Cluster, node: usize) {
    let end = cluster.now + cluster.chance.between(1_000, 3 * SECOND);
    cluster.nodes[node].paused_until = end.min(FAULTS_END);
}

fn take_snapshot(cluster: &mut Cluster) {
    cluster.snapshots.push(cluster.register.stored().cloned());
}

/// The server restarts from some snapshot, or with all its data: under another identity. Connections may break, or a proxy
/// keeps them.
fn restart(cluster: &mut Cluster) {
    if !cluster.chance.one_in(3) {
        let which = cluster.chance.between(0, cluster.snapshots.len() as u64) as usize;
        cluster.register.restore(cluster.snapshots[which].clone());
    }
    cluster.servers += 1;
    cluster.server.identity = Identity::server(&format!("server-{}", cluster.servers));
    cluster.server_down_until = cluster.now + cluster.chance.between(0, SECOND);
}

fn stop(cluster: &mut Cluster, node: usize, starts_again: bool) {
    if !cluster.nodes[node].is_running {
        return cluster.starts(node);
    }
    cluster.nodes[node].wants_start |= starts_again;
    cluster.tell(node, |election, now| election.handle_stop(now));
}

fn reelect(cluster: &mut Cluster, node: usize) {
    if cluster.nodes[node].is_running {
        cluster.tell(node, |election, now| election.handle_reelect(now));
    }
}

fn stall(cluster: &mut Cluster, node: usize) {
    let is_suspended = cluster.nodes[node].is_suspended;
    cluster.nodes[node].is_suspended = !is_suspended;
    cluster.tell(node, |election, now| {
        if is_suspended { election.handle_resumed() } else { election.handle_stalled(now) }
    });
}

fn turn_deaf_or_hear(cluster: &mut Cluster, node: usize) {
    let is_deaf = cluster.nodes[node].is_deaf;
    cluster.nodes[node].is_deaf = !is_deaf;
    // A subscription may die without a word.
    let is_silent = !is_deaf && cluster.chance.one_in(2);
    if !is_silent {
        cluster.tell(node, |election, now| {
            if is_deaf {
                election.handle_subscribed(now)
            } else {
                election.handle_unsubscribed(now)
            }
        });
    }
}

/// Somebody who may publish but not write: with what is public, and with what is made up.
fn forge(cluster: &mut Cluster) {
    for _ in 0..cluster.chance.between(1, 8) {
        let chance = &mut cluster.chance;
        let stored = cluster.register.stored().cloned();
        let made_up = Stamp::new(chance.bits());
        let term = match (&stored, chance.between(0, 4)) {
            (Some(record), 0 | 1) => record.term,
            (_, 2) => Term(chance.bits()),
            _ => Term(chance.between(0, 100)),
        };
        let stamp = match &stored {
            Some(record) if chance.one_in(3) => record.stamp.clone(),
            _ => made_up,
        };
        let name = InstanceId::new(format!("n{}", chance.between(0, 6)));
        let holder = match stored.and_then(|record| record.holder) {
            Some(holder) if chance.one_in(2) => holder,
            _ => Holder::new(&name, chance.bits()),
        };
        let announcement = if chance.one_in(2) {
            let beat = if chance.one_in(3) { u64::MAX } else { chance.between(0, 50) };
            Announcement::Heartbeat { holder, term, beat, stamp }
        } else {
            let heir = chance.one_in(3).then_some(name);
            Announcement::Vacancy { term, stamp, heir }
        };
        cluster.announces(announcement);
    }
}

fn replay(cluster: &mut Cluster) {
    for _ in 0..cluster.chance.between(1, 8) {
        if !cluster.announced.is_empty() {
            let which = cluster.chance.between(0, cluster.announced.len() as u64) as usize;
            cluster.announces(cluster.announced[which].clone());
        }
    }
}

fn mend(cluster: &mut Cluster) {
    for node in 0..cluster.nodes.len() {
        cluster.nodes[node].is_cut_off = false;
        cluster.nodes[node].paused_until = 0;
        cluster.nodes[node].is_deaf = false;
        cluster.nodes[node].is_suspended = false;
        if cluster.nodes[node].is_running {
            cluster.nodes[node].wants_start = true;
            cluster.tell(node, |election, now| {
                election.handle_resumed();
                election.handle_connected(now);
                election.handle_subscribed(now);
            });
        } else {
            cluster.starts(node);
        }
    }
}
