//! Which states are the same: those that differ only in names. The checker stores the hash of a state's canonical form.
//!
//! - Nodes with equal leases are interchangeable.
//! - Stamps and identities have no meaning but equality. One that the register can never show again is as good as any other
//!   such one.
//! - Commands on their way have no order.
//! - What nothing asks for any more (a floor while the server's clock is right, a snapshot that no restart is left for) is left out.

use std::hash::{Hash, Hasher};

use crate::world::{
    Command, Identity, Kind, MAX_NODES, Pending, Record, Seen, Stamp, Token, World, node_of,
    run_of, token,
};

const DEAD: u8 = 255;
const NONE: u8 = 254;

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let live = Live::of(self);
        let keys: [u32; MAX_NODES] = std::array::from_fn(|i| key(self, i));
        let mut best: Option<Encoder> = None;
        for names in permutations(self, &keys) {
            let mut encoder = Encoder::new(self, names, &live);
            encoder.world();
            if best.as_ref().is_none_or(|best| encoder.bytes() < best.bytes()) {
                best = Some(encoder);
            }
        }
        state.write(best.expect("the identity is among the permutations").bytes());
    }
}

/// The order of nodes as far as their own state, without names, tells it.
fn key(world: &World, i: usize) -> u32 {
    let node = &world.nodes[i];
    let kind = |pending: &Pending| match pending.command.kind {
        Kind::Peek => 1,
        Kind::Renew { .. } => 2,
        Kind::Take { .. } => 3,
        Kind::Release => 4,
    };
    let pending = node.pending.as_ref().map_or(0, |p| kind(p) * 2 + u32::from(p.answer.is_some()));
    let reign = node.reign.map_or(0, |reign| 1 + u32::from(reign.term) * 8 + u32::from(reign.beat));
    let own = u32::from(node.lease) * 4 + node.phase as u32;
    (((own * 8 + u32::from(node.run)) * 1024 + reign) * 16 + pending) * 2
        + u32::from(node.owed.is_some())
}

/// New names for the nodes, one arrangement for each order that the keys leave open.
fn permutations(
    world: &World,
    keys: &[u32; MAX_NODES],
) -> impl Iterator<Item = [usize; MAX_NODES]> {
    const ALL: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let count = usize::from(world.count);
    let keys = *keys;
    ALL.into_iter().filter(move |names| {
        let keeps_absent = (count..MAX_NODES).all(|i| names[i] == i);
        let is_sorted =
            (0..count).all(|i| (0..count).all(|j| names[i] >= names[j] || keys[i] <= keys[j]));
        keeps_absent && is_sorted
    })
}

/// The stamps and identities that a register may show now or later.
pub struct Live {
    stamps: [Stamp; 24],
    count: usize,
    identities: [Identity; 4],
}

impl Live {
    pub fn of(world: &World) -> Self {
        let [a, b] = world.servers;
        let identities = [a.identity, a.process, b.identity, b.process];
        let mut live = Self { stamps: [0; 24], count: 0, identities };
        for server in &world.servers {
            let snapshot = server.snapshot.filter(|_| world.left.restarts > 0);
            for record in [server.record, snapshot].into_iter().flatten() {
                live.add(record.stamp);
            }
        }
        for command in world.late.iter().flatten() {
            live.add(command.stamp);
        }
        for node in world.nodes() {
            for pending in [node.pending, node.lingering].into_iter().flatten() {
                if pending.answer.is_none() {
                    live.add(pending.command.stamp);
                }
            }
            if let Some(stamp) = node.again {
                live.add(stamp);
            }
        }
        live
    }

    fn add(&mut self, stamp: Stamp) {
        if !self.stamps[..self.count].contains(&stamp) {
            self.stamps[self.count] = stamp;
            self.count += 1;
        }
    }

    /// Whether a register may be found with this identity and stamp.
    pub fn may_show(&self, identity: Identity, stamp: Stamp) -> bool {
        self.identities.contains(&identity) && (stamp == 0 || self.has(stamp))
    }

    fn has(&self, stamp: Stamp) -> bool {
        self.stamps[..self.count].contains(&stamp)
    }
}

struct Encoder<'a> {
    world: &'a World,
    live: &'a Live,
    /// The new name of each node.
    names: [usize; MAX_NODES],
    out: [u8; 320],
    len: usize,
    /// Live stamps and identities in the order in which they were met.
    stamps: [Stamp; 24],
    stamp_count: usize,
    identities: [Identity; 4],
    identity_count: usize,
}

impl<'a> Encoder<'a> {
    fn new(world: &'a World, names: [usize; MAX_NODES], live: &'a Live) -> Self {
        Self {
            world,
            live,
            names,
            out: [0; 320],
            len: 0,
            stamps: [0; 24],
            stamp_count: 0,
            identities: [0; 4],
            identity_count: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.out[..self.len]
    }

    fn world(&mut self) {
        let world = self.world;
        for server in &world.servers {
            self.record(server.record);
            self.identity(server.identity);
            self.identity(server.process);
            self.put(u8::from(server.is_master));
            self.record(server.snapshot.filter(|_| world.left.restarts > 0));
        }
        for name in 0..usize::from(world.count) {
            let i = self.names.iter().position(|n| *n == name).expect("names are a permutation");
            self.node(i);
        }
        let mut late: Vec<Command> = world.late.iter().flatten().copied().collect();
        late.sort_by_key(|command| (self.token_of(command.holder), command.term, kind_of(command)));
        self.put(late.len() as u8);
        for command in &late {
            let is_void = match command.kind {
                Kind::Take { seen, .. } => !self.live.may_show(seen.identity, seen.stamp),
                Kind::Peek => true,
                Kind::Renew { .. } | Kind::Release => false,
            };
            if world.is_reduced && is_void {
                self.put(DEAD);
            } else {
                self.command(command);
            }
        }
        let left = world.left;
        for budget in [
            left.wipes,
            left.restarts,
            left.late,
            left.doubles,
            left.moves,
            left.promotions,
            left.stops,
            left.starts,
            left.crashes,
            left.resignations,
            left.poisons,
            left.forgeries,
        ] {
            self.put(budget);
        }
        self.put(world.ghost.highest);
        self.put(world.ghost.broken.map_or(NONE, |broken| broken as u8));
        if world.floors_count {
            for owner in world.ghost.owners {
                let owner = self.token_of(owner);
                self.put(owner);
            }
        }
    }

    fn node(&mut self, i: usize) {
        let node = &self.world.nodes[i];
        let flags = [node.closed, node.in_doubt, node.reign.is_some(), node.owed.is_some()];
        let bits = flags.iter().fold(0, |bits, flag| bits * 2 + u8::from(*flag));
        self.put(node.phase as u8 * 16 + bits);
        self.put(node.run * 16 + node.lease * 4 + node.patience);
        self.put(node.server);
        if let Some(reign) = node.reign {
            let flags = [reign.draining, reign.past, reign.latched, reign.told_no];
            self.put(flags.iter().fold(0, |bits, flag| bits * 2 + u8::from(*flag)));
            self.put(reign.term);
            self.put(reign.beat);
            self.seen(reign.over);
        }
        if let Some((holder, term)) = node.owed {
            let holder = self.token_of(holder);
            self.put(holder);
            self.put(term);
        }
        self.pending(node.pending);
        self.pending(node.lingering);
        let sight = node.sight.filter(|sight| {
            !self.world.is_reduced || self.live.may_show(sight.identity, sight.record.stamp)
        });
        match sight {
            None => self.put(NONE),
            Some(sight) => {
                let holder = self.token_of(sight.record.holder);
                self.put(holder);
                self.put(sight.record.term);
                self.stamp(sight.record.stamp);
                self.identity(sight.record.server);
                self.identity(sight.identity);
                self.order(i, sight.order);
            }
        }
        match node.heard {
            None => self.put(NONE),
            Some(heard) => {
                self.stamp(heard.stamp);
                self.order(i, heard.order);
            }
        }
        self.optional_stamp(node.announced);
        self.optional_stamp(node.again);
        if self.world.floors_count {
            self.put(node.floor);
            self.put(node.ended);
        }
    }

    fn order(&mut self, watcher: usize, order: crate::order::Order) {
        let bits = order.renamed(self.world, watcher, &self.names);
        self.put((bits & 0xff) as u8);
        self.put((bits >> 8) as u8);
    }

    fn pending(&mut self, pending: Option<Pending>) {
        let Some(pending) = pending else { return self.put(NONE) };
        self.put(u8::from(pending.stale) * 2 + u8::from(pending.judged));
        self.command(&pending.command);
        match pending.answer {
            None => self.put(NONE),
            Some(reply) => {
                self.put(u8::from(reply.granted) * 2 + u8::from(reply.missing));
                self.record(Some(reply.record));
                self.identity(reply.identity);
            }
        }
    }

    fn command(&mut self, command: &Command) {
        let holder = self.token_of(command.holder);
        self.put(kind_of(command));
        self.put(holder);
        self.put(command.term);
        self.put(command.lease);
        self.stamp(command.stamp);
        match command.kind {
            Kind::Peek | Kind::Release => {}
            Kind::Renew { beat, over } => {
                self.put(beat);
                self.seen(over);
            }
            Kind::Take { seen, floor } => {
                self.seen(Some(seen));
                if self.world.floors_count {
                    self.put(floor);
                }
            }
        }
    }

    fn seen(&mut self, seen: Option<Seen>) {
        let Some(seen) = seen else { return self.put(NONE) };
        let holder = self.token_of(seen.holder);
        self.identity(seen.identity);
        self.put(holder);
        self.put(seen.term);
        self.stamp(seen.stamp);
        self.put(u8::from(seen.watched));
    }

    fn record(&mut self, record: Option<Record>) {
        let Some(record) = record else { return self.put(NONE) };
        let holder = self.token_of(record.holder);
        self.put(holder);
        self.put(record.term);
        self.put(record.beat);
        self.stamp(record.stamp);
        self.identity(record.server);
        self.put(record.lease);
    }

    fn optional_stamp(&mut self, stamp: Option<Stamp>) {
        match stamp {
            None => self.put(NONE),
            Some(stamp) => self.stamp(stamp),
        }
    }

    fn stamp(&mut self, stamp: Stamp) {
        if stamp == 0 {
            return self.put(0);
        }
        if !self.live.has(stamp) {
            return self.put(DEAD);
        }
        let known = self.stamps[..self.stamp_count].iter().position(|known| *known == stamp);
        let name = known.unwrap_or_else(|| {
            self.stamps[self.stamp_count] = stamp;
            self.stamp_count += 1;
            self.stamp_count - 1
        });
        self.put(1 + name as u8);
    }

    fn identity(&mut self, identity: Identity) {
        if identity == 0 {
            return self.put(0);
        }
        if !self.live.identities.contains(&identity) {
            return self.put(DEAD);
        }
        let known =
            self.identities[..self.identity_count].iter().position(|known| *known == identity);
        let name = known.unwrap_or_else(|| {
            self.identities[self.identity_count] = identity;
            self.identity_count += 1;
            self.identity_count - 1
        });
        self.put(1 + name as u8);
    }

    fn token_of(&self, holder: Token) -> u8 {
        node_of(holder).map_or(0, |node| token(self.names[node], run_of(holder)))
    }

    fn put(&mut self, byte: u8) {
        self.out[self.len] = byte;
        self.len += 1;
    }
}

fn kind_of(command: &Command) -> u8 {
    match command.kind {
        Kind::Peek => 0,
        Kind::Renew { over: None, .. } => 1,
        Kind::Renew { over: Some(_), .. } => 2,
        Kind::Take { .. } => 3,
        Kind::Release => 4,
    }
}
