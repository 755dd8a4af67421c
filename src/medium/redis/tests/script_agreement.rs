//! The Lua scripts do what the register in plain code does: on random sequences of commands, of losses of all data, of changes of
//! the server and of records planted from outside, every reply and every announcement is the same.

use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::presence;
use super::suite::RedisFixture;
use crate::election::register::{Fence, Register, Server};
use crate::election::{
    Checkpoint, Command, Holder, Identity, InstanceId, Presence, Record, Reply, Seen, Shown, Stamp,
    Term, Timing,
};
use crate::medium::Medium;
use crate::medium::conformance::{Fixture, Node, join, seen, shown, stamp};
use crate::medium::fencing::Fenced;
use crate::medium::redis::RedisMedium;
use crate::medium::redis::hub::CROWD;
use crate::medium::redis::keys::Names;
use crate::{clock, random};

#[derive(Clone, Debug)]
enum Step {
    Peek,
    Take {
        actor: usize,
        slip: Option<Slip>,
        reason: Reason,
        floor: u64,
    },
    Renew {
        actor: usize,
        slip: Option<Slip>,
        beat: u64,
        over: Option<Option<Slip>>,
    },
    Release {
        actor: usize,
        slip: Option<Slip>,
        heir: bool,
    },
    Leave {
        actor: usize,
        slip: Option<Slip>,
        value: u64,
    },
    Wipe,
    ChangeIdentity,
    Plant {
        actor: Option<usize>,
        term: u64,
        beat: u64,
        lease_ms: u64,
        server: Origin,
        presence: Planted,
    },
}

/// Why a taker says that it may.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reason {
    Vacant,
    Watched,
    Gone,
}

/// The connection that a planted record names.
#[derive(Clone, Copy, Debug)]
enum Planted {
    Nothing,
    Own,
    Gone,
    /// Its own, left standing by a writer that does not know the field.
    Stale,
}

/// Which part of what a command names is not as it is in the register.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slip {
    Identity,
    Connection,
    Holder,
    Term,
    Stamp,
}

/// Whom a planted record says that it was granted by.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Nobody,
    ThisServer,
    AnotherServer,
}

const LIMIT: u64 = Term::LIMIT.0;

fn step() -> impl Strategy<Value = Step> {
    let actor = 0..3usize;
    let floor = prop_oneof![Just(0), (1 << 51)..(1 << 51) + 4u64];
    let term = proptest::sample::select(vec![
        0,
        1,
        1 << 51,
        LIMIT - 2,
        LIMIT - 1,
        LIMIT,
        LIMIT + 1,
        1 << 53,
        u64::MAX,
    ]);
    let lease = proptest::sample::select(vec![0, 1, 800, 600_000, 600_001]);
    let reasons = vec![Reason::Vacant, Reason::Watched, Reason::Gone];
    let presences = vec![Planted::Nothing, Planted::Own, Planted::Gone, Planted::Stale];
    let origins = vec![Origin::Nobody, Origin::ThisServer, Origin::AnotherServer];
    prop_oneof![
        1 => Just(Step::Peek),
        1 => Just(Step::Wipe),
        1 => Just(Step::ChangeIdentity),
        8 => (actor.clone(), slip(), proptest::sample::select(reasons), floor)
            .prop_map(|(actor, slip, reason, floor)| Step::Take { actor, slip, reason, floor }),
        8 => renewal(),
        4 => (actor.clone(), slip(), any::<bool>())
            .prop_map(|(actor, slip, heir)| Step::Release { actor, slip, heir }),
        3 => (actor.clone(), slip(), any::<u64>())
            .prop_map(|(actor, slip, value)| Step::Leave { actor, slip, value }),
        3 => (
            proptest::option::of(actor),
            term,
            0..4u64,
            lease,
            proptest::sample::select(origins),
            proptest::sample::select(presences),
        )
            .prop_map(|(actor, term, beat, lease_ms, server, presence)| {
                Step::Plant { actor, term, beat, lease_ms, server, presence }
            }),
    ]
}

fn renewal() -> impl Strategy<Value = Step> {
    (0..3usize, slip(), 0..6u64, proptest::option::of(slip()))
        .prop_map(|(actor, slip, beat, over)| Step::Renew { actor, slip, beat, over })
}

fn slip() -> impl Strategy<Value = Option<Slip>> + Clone {
    let slips = [Slip::Identity, Slip::Connection, Slip::Holder, Slip::Term, Slip::Stamp];
    proptest::option::weighted(0.35, proptest::sample::select(slips.to_vec()))
}

#[test]
fn the_scripts_agree_with_the_register_in_plain_code() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let fixture = RedisFixture::new();
    // Holds the connections open from case to case.
    let _keeper = runtime.block_on(join(&fixture, "keeper", "keeper"));
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(any::<bool>(), proptest::collection::vec(step(), 1..60)), |(shows, steps)| {
            runtime.block_on(agree(&fixture, shows, steps));
            Ok(())
        })
        .unwrap();
}

/// Where many candidates share a connection, their renewals are one call of a script. Those of kinds in any state, one beside the other.
#[test]
fn a_batch_does_for_each_kind_what_its_register_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let fixture = RedisFixture::new();
    let names = (0..CROWD).map(|number| number.to_string());
    let crowd = async {
        let mut crowd = Vec::new();
        for name in names {
            crowd.push(join(&fixture, "keeper", &name).await);
        }
        crowd
    };
    let _crowd = runtime.block_on(crowd);
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let steps = prop_oneof![step(), renewal()];
    let round = proptest::collection::vec(steps, 3);
    TestRunner::new(config)
        .run(&proptest::collection::vec(round, 1..60), |rounds| {
            runtime.block_on(agree_side_by_side(&fixture, rounds));
            Ok(())
        })
        .unwrap();
}

async fn agree_side_by_side(fixture: &RedisFixture, rounds: Vec<Vec<Step>>) {
    let mut pairs = Vec::new();
    for _ in 0..3 {
        pairs.push(Pair::begin(fixture, false).await);
    }
    for round in rounds {
        join_all(pairs.iter_mut().zip(round).map(|(pair, step)| pair.take_step(step))).await;
    }
    for pair in pairs {
        fixture.wipe(&pair.kind);
    }
}

/// Runs the steps on both, on a connection that shows or on one that does not.
async fn agree(fixture: &RedisFixture, shows: bool, steps: Vec<Step>) {
    let mut pair = Pair::begin(fixture, shows).await;
    for step in steps {
        pair.take_step(step).await;
    }
    fixture.wipe(&pair.kind);
}

struct Pair<'a> {
    fixture: &'a RedisFixture,
    kind: String,
    node: Node<RedisMedium>,
    /// The name that its connection shows.
    own: Option<Presence>,
    register: Register,
    /// The last reply, which was the same from both.
    sight: Option<Reply>,
}

impl<'a> Pair<'a> {
    async fn begin(fixture: &'a RedisFixture, shows: bool) -> Self {
        let kind = format!("{:016x}", random::bits());
        let node = if shows {
            presence::connect_to(fixture.server.target(), &kind, "0").await.node
        } else {
            join(fixture, &kind, "0").await
        };
        let own = if shows { Some(node.medium.shows().await) } else { None };
        let mut pair =
            Pair { fixture, node, own, kind, register: Register::default(), sight: None };
        pair.node.listen([crate::medium::Channel::Election]).await;
        pair.execute(Command::Peek { stamp: stamp() }).await;
        pair
    }

    async fn take_step(&mut self, step: Step) {
        let sight = self.sight.clone().expect("the first step is a peek");
        let record = sight.shown.record.clone();
        let holder = |actor: usize| {
            crate::election::Holder::new(&InstanceId::new(actor.to_string()), actor as u64)
        };
        let lease = Duration::from_millis(700);
        let slipped = |term: Term, slip: Option<Slip>| match slip {
            Some(Slip::Term) => Term(term.0 + 1),
            _ => term,
        };
        match step {
            Step::Peek => self.execute(Command::Peek { stamp: stamp() }).await,
            Step::Take { actor, slip, reason, floor } => {
                let seen = seen(&sight, reason == Reason::Watched);
                let seen = mistake_seen(Seen { gone: reason == Reason::Gone, ..seen }, slip);
                let (holder, floor) = (holder(actor), Term(floor));
                self.execute(Command::Take { seen, holder, floor, stamp: stamp(), lease }).await;
            }
            Step::Renew { actor, slip, beat, over } => {
                let over = over.map(|slip| mistake_shown(shown(&sight), slip));
                let (holder, term) = (holder(actor), slipped(record.term, slip));
                let stamp = stamp();
                self.execute(Command::Renew { holder, term, beat, stamp, lease, over }).await;
            }
            Step::Release { actor, slip, heir } => {
                let heir = heir.then(|| InstanceId::new("heir/\"1\""));
                let (holder, term) = (holder(actor), slipped(record.term, slip));
                self.execute(Command::Release { holder, term, stamp: stamp(), heir }).await;
            }
            Step::Leave { actor, slip, value } => {
                let term = slipped(record.term, slip);
                let value = value.to_string().into();
                self.leave(holder(actor), Checkpoint { term, value }).await;
            }
            Step::Wipe => {
                self.fixture.wipe(&self.kind);
                self.register.wipe();
            }
            Step::ChangeIdentity => self.fixture.change_identity(&self.kind),
            Step::Plant { actor, term, beat, lease_ms, server, presence } => {
                let Identity::Server(present) = sight.shown.identity else { unreachable!() };
                let gone = Presence::of_connection(1);
                let (presence, tag) = match presence {
                    Planted::Nothing => (None, term),
                    Planted::Own => (self.own.clone(), term),
                    Planted::Gone => (Some(gone), term),
                    Planted::Stale => (Some(gone), term.wrapping_add(1)),
                };
                let record = Record {
                    holder: actor.map(holder),
                    term: Term(term),
                    beat,
                    stamp: stamp(),
                    server: match server {
                        Origin::Nobody => "".into(),
                        Origin::ThisServer => present,
                        Origin::AnotherServer => "another".into(),
                    },
                    lease: Duration::from_millis(lease_ms),
                    heir: None,
                    presence: presence.clone().filter(|_| tag == term),
                };
                self.plant(
                    record,
                    presence.map_or(String::new(), |name| format!("{tag}:{name:?}")),
                );
            }
        }
    }

    async fn execute(&mut self, command: Command) {
        let reply = self.node.execute(command.clone()).await;
        let identity = reply.shown.identity.clone();
        let known = Server::new(identity, time_in(&reply, &command));
        let present = self.own.iter().cloned().collect();
        let server = Server { caller: self.own.clone(), present, ..known };
        let (expected, announcement) = self.register.execute(&command, &server);
        assert_eq!(reply, expected, "{command:?}");
        if let Some(expected) = announcement {
            // A reign of the last term of all has no successor that could be told of.
            if reply.shown.record.term < Term::LIMIT {
                assert_eq!(self.node.next_announcement().await, expected, "{command:?}");
            }
        }
        self.sight = Some(reply);
    }

    async fn leave(&mut self, holder: Holder, checkpoint: Checkpoint) {
        // From here on it is there, and is sound at any time.
        self.execute(Command::Peek { stamp: stamp() }).await;
        let sight = self.sight.as_ref().expect("it was just read");
        let server = Server::new(sight.shown.identity.clone(), Term::LIMIT.0);
        let fence = self.register.fence(&holder, checkpoint.term, stamp(), &server);
        let medium = &self.node.medium;
        let came = medium.set_checkpoint(&holder, checkpoint.clone()).await.expect("it answers");
        let expected = match fence {
            Fence::Open => Fenced::Done(()),
            Fence::Shut => Fenced::NotLeader,
            Fence::Unconfirmed => Fenced::Unconfirmed,
        };
        assert_eq!(came, expected, "{checkpoint:?} by {holder:?}");
        if came == Fenced::Done(()) {
            self.register.set_checkpoint(checkpoint);
        }
        assert_eq!(medium.checkpoint().await.unwrap().as_ref(), self.register.checkpoint());
    }

    fn plant(&mut self, record: Record, presence: String) {
        let names = Names::new("", &self.kind, 0);
        let holder = record.holder.as_ref().map_or("", |holder| holder.as_str());
        let (term, beat) = (record.term.to_string(), record.beat.to_string());
        let lease = record.lease.as_millis().to_string();
        // Over what stands there: a checkpoint stays, whatever becomes of the record.
        let _: i64 = self.fixture.server.query(&[
            "HSET",
            &names.register,
            "holder",
            holder,
            "term",
            &term,
            "beat",
            &beat,
            "stamp",
            record.stamp.as_str(),
            "server",
            &record.server,
            "lease",
            &lease,
            "heir",
            "",
            "presence",
            &presence,
        ]);
        self.register.restore(Some(record));
    }
}

/// The server's time: to the microsecond where the reply shows it, in the stamp of a placeholder or in a term that is a time.
fn time_in(reply: &Reply, command: &Command) -> u64 {
    let record = &reply.shown.record;
    let now = clock::wall_ms() * 1000;
    let time = match (reply.missing, command) {
        (true, _) => {
            let stamp = record.stamp.as_str().rsplit_once('-');
            stamp.and_then(|(_, time)| time.parse().ok()).expect("the stamp ends in the time")
        }
        (false, Command::Take { floor, seen, .. }) if reply.granted => {
            let least = record.term == Term(floor.0 + 1) || record.term == Term(seen.term.0 + 1);
            if least { now } else { record.term.0 }
        }
        _ => now,
    };
    assert!(time.abs_diff(now) < 60_000_000, "{time} is not the time, {now}");
    time
}

fn mistake_seen(seen: Seen, slip: Option<Slip>) -> Seen {
    match slip {
        None => seen,
        Some(Slip::Identity) => Seen { identity: Identity::server("another"), ..seen },
        Some(Slip::Connection) => Seen { identity: Identity::Connection(7), ..seen },
        Some(Slip::Holder) => {
            let stranger = crate::election::Holder::new(&InstanceId::new("stranger"), 1);
            Seen { holder: Some(stranger), ..seen }
        }
        Some(Slip::Term) => Seen { term: Term(seen.term.0 + 1), ..seen },
        Some(Slip::Stamp) => Seen { stamp: Stamp::parse("0"), ..seen },
    }
}

fn mistake_shown(shown: Shown, slip: Option<Slip>) -> Shown {
    match slip {
        Some(Slip::Identity) => Shown { identity: Identity::server("another"), ..shown },
        Some(Slip::Connection) => Shown { identity: Identity::Connection(7), ..shown },
        Some(Slip::Term) => Shown { term: Term(shown.term.0 + 1), ..shown },
        Some(Slip::Stamp) => Shown { stamp: Stamp::parse("0"), ..shown },
        Some(Slip::Holder) | None => shown,
    }
}

#[test]
fn the_longest_lease_is_the_same_in_the_scripts() {
    assert!(
        include_str!("../lua/prologue.lua")
            .contains(&format!("LEASE_LIMIT_MS = {}\n", Timing::MAX_LEASE.as_millis()))
    );
    assert!(include_str!("../lua/prologue.lua").contains(&format!("NUMBER_LIMIT = {LIMIT} --")));
}
