//! What a chronicle tells, by situation.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::chronicle::Chronicle;
use super::look::Look;
use super::server_clock::ServerClock;
use crate::election::{Announcement, Holder, InstanceId, Record, Stamp, Term};
use crate::medium::{MediumError, MediumErrorKind};
use crate::wire::InstanceRecord;

/// The server's time when a scene begins, in µs.
const START_US: u64 = 1_800_000_000_000_000;

struct Scene {
    chronicle: Chronicle,
    clock: ServerClock,
    start: Instant,
    told: Vec<(u64, Value)>,
    listed: Vec<&'static str>,
}

impl Scene {
    fn new() -> Self {
        let (start, mut clock) = (Instant::now(), ServerClock::default());
        clock.sample(start, start, START_US);
        let chronicle = Chronicle::new("jobs".into());
        Self { chronicle, clock, start, told: Vec::new(), listed: Vec::new() }
    }

    fn moment(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// A look at `ms` that shows this leader, or nobody, in `term`; `None`: no register.
    fn look(&mut self, ms: u64, register: Option<(&str, u64, u64)>) {
        let holder = |name: &str| Holder::parse(name).map(|name| token(name.as_str()));
        let record = register.map(|(name, term, beat)| Record {
            holder: holder(name),
            beat,
            lease: Duration::from_millis(800),
            term: Term(term),
            ..Record::placeholder(Stamp::new(1))
        });
        let meta: Arc<RawValue> = RawValue::from_string("1".into()).unwrap().into();
        let record_of = |name: &&'static str| {
            (InstanceId::new(*name), InstanceRecord::new(&token(name), meta.clone()))
        };
        let look = Look {
            asked: self.moment(ms),
            answered: self.moment(ms),
            server_us: START_US + ms * 1000,
            fields: Some(BTreeMap::new()),
            record,
            instances: self.listed.iter().map(record_of).collect(),
            seen: HashMap::new(),
            problem: None,
        };
        let told = &mut self.told;
        self.chronicle.looked(look, "here", &self.clock, &mut |_, at, event| {
            told.push((at, serde_json::to_value(event).unwrap()));
        });
    }

    fn beat(&mut self, ms: u64, name: &str, term: u64, beat: u64) -> bool {
        let stamp = Stamp::new(2);
        let beat = Announcement::Heartbeat { holder: token(name), term: Term(term), beat, stamp };
        self.chronicle.announced(self.moment(ms), beat)
    }

    fn vacancy(&mut self, ms: u64, term: u64) -> bool {
        let vacancy = Announcement::Vacancy { term: Term(term), stamp: Stamp::new(3), heir: None };
        self.chronicle.announced(self.moment(ms), vacancy)
    }

    fn silence(&mut self, ms: u64) {
        let told = &mut self.told;
        let now = self.start + Duration::from_millis(ms);
        self.chronicle.watch_silence(now, &self.clock, &mut |_, at, event| {
            told.push((at, serde_json::to_value(event).unwrap()));
        });
    }

    /// What was told since the last call: when, in ms since the beginning, and which type of event.
    fn heard(&mut self) -> Vec<(u64, String)> {
        let short = |(at, event): (u64, Value)| {
            (at - START_US / 1000, event["type"].as_str().unwrap().to_owned())
        };
        std::mem::take(&mut self.told).into_iter().map(short).collect()
    }

    fn last(&self) -> &Value {
        &self.told.last().expect("something was told").1
    }
}

fn token(name: &str) -> Holder {
    Holder::new(&InstanceId::new(name), 7)
}

fn event(at: u64, name: &str) -> (u64, String) {
    (at, name.to_owned())
}

/// One that shows `a` leading in term 10.
fn under_a() -> Scene {
    let mut scene = Scene::new();
    scene.look(0, Some(("a", 10, 3)));
    assert_eq!(scene.heard(), [event(0, "status")]);
    assert!(!scene.beat(100, "a", 10, 4), "a beat of the known leader needs no look");
    scene
}

#[test]
fn a_handover_is_told_with_the_moments_at_which_it_was_announced() {
    let mut scene = under_a();
    assert!(scene.vacancy(200, 10) && scene.beat(203, "b", 11, 0));
    scene.look(230, Some(("b", 11, 0)));
    let takeover = &scene.last()["takeover"];
    assert_eq!((&takeover["after"], &takeover["ms"]), (&"handover".into(), &3.0.into()));
    assert_eq!(takeover["from"], "a");
    assert_eq!(scene.heard(), [event(200, "vacant"), event(203, "elected")]);
}

#[test]
fn a_takeover_from_a_silent_leader_counts_from_its_last_beat() {
    let mut scene = under_a();
    scene.silence(899);
    assert_eq!(scene.heard(), []);
    scene.silence(900);
    scene.silence(1000);
    assert_eq!(scene.heard(), [event(900, "silent")], "once for a silence");
    assert!(scene.beat(950, "b", 11, 0));
    scene.look(960, Some(("b", 11, 0)));
    let takeover = &scene.last()["takeover"];
    assert_eq!((&takeover["after"], &takeover["ms"]), (&"silence".into(), &850.0.into()));
    assert_eq!(scene.heard(), [event(950, "elected")]);
}

#[test]
fn a_beat_ends_a_silence() {
    let mut scene = under_a();
    scene.silence(900);
    scene.beat(950, "a", 10, 5);
    scene.silence(1700);
    scene.silence(1750);
    assert_eq!(scene.heard(), [event(900, "silent"), event(1750, "silent")]);
}

#[test]
fn what_the_register_does_not_bear_out_is_not_told() {
    let mut scene = under_a();
    assert!(scene.vacancy(200, 10) && scene.beat(201, "forger", 99, 0));
    scene.look(220, Some(("a", 10, 5)));
    assert_eq!(scene.heard(), []);
    // Nor later on, when the register has changed for another reason.
    scene.look(5000, Some(("", 10, 5)));
    assert_eq!(scene.heard(), [event(5000, "vacant")]);
}

#[test]
fn what_was_not_announced_is_told_once_it_is_seen() {
    let mut scene = under_a();
    scene.look(500, Some(("b", 12, 9)));
    assert_eq!(scene.heard(), [event(500, "elected")]);
    scene.look(600, Some(("", 12, 9)));
    assert_eq!(scene.heard(), [event(600, "vacant")]);
}

#[test]
fn a_reign_between_two_looks_is_told_as_well() {
    let mut scene = under_a();
    scene.vacancy(200, 10);
    scene.beat(202, "b", 11, 0);
    scene.vacancy(210, 11);
    scene.beat(212, "c", 12, 0);
    scene.look(230, Some(("c", 12, 0)));
    let expected = [(200, "vacant"), (202, "elected"), (210, "vacant"), (212, "elected")];
    assert_eq!(scene.heard(), expected.map(|(at, name)| event(at, name)));
}

#[test]
fn a_wiped_register_is_shown_and_the_leader_that_asserts_itself_is_not_elected_anew() {
    let mut scene = under_a();
    scene.look(300, None);
    assert_eq!(scene.last()["status"]["leader"], Value::Null);
    assert!(scene.beat(310, "a", 10, 6));
    scene.look(320, Some(("a", 10, 6)));
    assert_eq!(scene.last()["status"]["leader"]["id"], "a");
    assert_eq!(scene.heard(), [event(300, "status"), event(320, "status")]);
}

#[test]
fn older_data_put_back_are_shown_as_they_are() {
    let mut scene = under_a();
    scene.look(300, Some(("z", 4, 1)));
    assert_eq!(scene.last()["status"]["leader"]["id"], "z");
    scene.heard();
    scene.beat(400, "b", 5, 0);
    scene.look(410, Some(("b", 5, 0)));
    assert_eq!(scene.heard(), [event(400, "elected")]);
}

#[test]
fn instances_come_and_go_when_it_was_announced_or_else_seen() {
    let mut scene = Scene::new();
    scene.listed = vec!["a", "b"];
    scene.look(0, Some(("a", 10, 3)));
    scene.heard();
    scene.listed = vec!["b", "c"];
    scene.look(50, Some(("a", 10, 3)));
    assert_eq!(scene.told[0].1["instance"]["id"], "a");
    assert_eq!(scene.told[1].1["instance"]["joinedAt"], START_US / 1000 + 50);
    assert_eq!(scene.heard(), [event(50, "left"), event(50, "joined")]);
}

#[test]
fn nothing_is_told_of_the_time_in_which_nothing_was_seen() {
    let mut scene = under_a();
    let lost = MediumError::new(MediumErrorKind::Unreachable, "lost");
    for _ in 0..2 {
        let told = &mut scene.told;
        scene.chronicle.blinded(&lost, "ERR", START_US / 1000 + 400, &mut |_, at, event| {
            told.push((at, serde_json::to_value(event).unwrap()));
        });
    }
    assert_eq!(scene.heard(), [event(400, "blind")], "once for one reason");
    scene.silence(5000);
    scene.look(6000, Some(("b", 20, 1)));
    assert_eq!(scene.heard(), [event(6000, "status")]);
}
