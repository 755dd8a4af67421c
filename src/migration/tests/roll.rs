//! Which old instances are listed, and when the last one is gone.

use serde_json::value::RawValue;

use super::*;
use crate::migration::wire::Record;

fn listed(scene: &Scene) -> Vec<&str> {
    scene.migration.listed().map(|one| one.id.as_str()).collect()
}

#[test]
fn all_that_live_are_listed_with_what_they_say_of_themselves() {
    let mut scene = Scene::before_the_first_look(&["a", "b"]);
    scene.records[1].state = LegacyState::Leader;
    scene.passes(50);
    assert_eq!(listed(&scene), ["a", "b"]);
    let b = scene.migration.listed().nth(1).unwrap();
    assert_eq!((b.meta.get(), b.state), ("\"of b\"", LegacyState::Leader));
    let joined = scene.events.iter().filter(|event| matches!(event, MigrationEvent::Joined(_)));
    assert_eq!(joined.count(), 2);
}

#[test]
fn one_that_stops_is_gone_after_two_seconds_and_its_record_does_not_bring_it_back() {
    let mut scene = Scene::with(&["a", "b"]);
    scene.passes(1000);
    scene.stops("a");
    scene.passes(1900);
    assert_eq!(listed(&scene), ["a", "b"]);
    scene.passes(1300);
    assert_eq!(listed(&scene), ["b"]);
    scene.passes(10_000);
    assert_eq!(listed(&scene), ["b"]);
    assert_eq!(
        scene.events.iter().filter(|event| matches!(event, MigrationEvent::Left(_))).count(),
        1
    );
}

#[test]
fn the_record_of_one_that_is_long_gone_lists_nobody() {
    let mut scene = Scene::before_the_first_look(&["a"]);
    scene.records[0].ts = WALL - 1e9;
    scene.stops("a");
    scene.passes(5000);
    assert_eq!(listed(&scene), [""; 0]);
    assert_eq!(scene.events, []);
}

#[test]
fn clocks_that_are_wrong_take_nobody_from_the_list() {
    for skew in [-5000.0, 5000.0, -3_600_000.0, 3_600_000.0] {
        let now = Instant::from_millis(1_000_000);
        let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
        migration.handle_scanned(now, 0, vec![InstanceId::new("a")]);
        for second in 0..10 {
            let now = now + Duration::from_secs(second);
            let ts = WALL + skew + (second * 1000) as f64;
            let record = format!(r#"{{"ts":{ts},"meta":"","state":"follower"}}"#).into_bytes();
            migration.handle_read(
                now,
                WALL + (second * 1000) as f64,
                vec![(InstanceId::new("a"), Some(record))],
            );
            let is_listed = migration.count() == 1;
            assert!(is_listed || (second == 0 && skew.abs() > 15_000.0), "{skew} at {second}");
        }
    }
}

#[test]
fn one_whose_record_others_delete_is_there_for_as_long_as_it_is_heard() {
    let mut scene = Scene::with(&["a"]);
    for second in 0..10 {
        scene.passes(1000);
        let record = scene.records.pop();
        scene.hears(of_old(Subject::Vote, "a", Term::new(second)));
        scene.passes(500);
        scene.records.extend(record);
        assert_eq!(listed(&scene), ["a"], "at {second}");
    }
}

#[test]
fn one_whose_record_is_there_for_a_tenth_of_the_time_is_found() {
    let mut scene = Scene::with(&["a"]);
    let record = scene.records.pop();
    scene.passes(3000);
    assert_eq!(listed(&scene), [""; 0]);
    scene.hears(of_old(Subject::Vote, "a", Term::new(1)));
    scene.passes(900);
    scene.records.extend(record);
    scene.passes(100);
    assert_eq!(listed(&scene), ["a"]);
}

#[test]
fn an_outage_of_the_server_makes_nobody_leave() {
    let mut scene = Scene::with(&["a"]);
    scene.is_connected = false;
    scene.passes(10_000);
    scene.is_connected = true;
    scene.migration.handle_connected(scene.now);
    // What was written is lost, and is not there yet when all is looked for anew.
    let records = std::mem::take(&mut scene.records);
    scene.passes(1500);
    scene.records = records;
    scene.passes(1500);
    assert_eq!(listed(&scene), ["a"]);
    let gone =
        |event: &MigrationEvent| matches!(event, MigrationEvent::Left(_) | MigrationEvent::Gone);
    assert!(!scene.events.iter().any(gone));
}

#[test]
fn the_records_of_new_instances_are_none_of_old_ones() {
    let now = Instant::from_millis(1_000_000);
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
    let ids = ["me", "0123456789abcdef01234567", "not an id", ""].map(InstanceId::new);
    migration.handle_scanned(now, 0, ids.to_vec());
    let meta = RawValue::from_string("1".to_owned()).unwrap();
    let new = ids[1].clone();
    let record = Record::encode(&new, WALL as u64, &meta, LegacyState::Leader);
    migration.handle_read(now, WALL, vec![(new.clone(), Some(record))]);
    assert_eq!(migration.count(), 0);
    migration.handle_scanned(now, 0, vec![new]);
    let steps: Vec<Step> =
        std::iter::from_fn(|| migration.poll_step(now + ENTER_INTERVAL)).collect();
    assert!(!steps.iter().any(|step| matches!(step, Step::Read(_))), "{steps:?}");
}

#[test]
fn junk_in_the_place_of_a_record_is_counted_once_and_lists_nobody() {
    let now = Instant::from_millis(1_000_000);
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
    let id = InstanceId::new("junk");
    migration.handle_scanned(now, 0, vec![id.clone()]);
    for _ in 0..5 {
        migration.handle_read(now, WALL, vec![(id.clone(), Some(b"{\"ts\":".to_vec()))]);
    }
    assert_eq!((migration.count(), migration.take_malformed()), (0, 1));
}

fn junk(id: InstanceId) -> (InstanceId, Option<Vec<u8>>) {
    (id, Some(b"junk".to_vec()))
}

#[test]
fn however_many_keys_there_are_a_bounded_number_is_read() {
    let now = Instant::from_millis(1_000_000);
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
    let ids = (0..100_000).map(|number| InstanceId::new(format!("a{number}"))).collect();
    migration.handle_scanned(now, 0, ids);
    let mut reads = Vec::new();
    for millis in 0..900 {
        let now = now + Duration::from_millis(millis);
        while let Some(step) = migration.poll_step(now) {
            if let Step::Read(ids) = step {
                reads.push(ids.len());
                migration.handle_read(now, WALL, ids.into_iter().map(junk).collect());
            }
        }
    }
    assert_eq!(reads.iter().sum::<usize>(), MAX_KNOWN);
    assert!(reads.iter().all(|ids| *ids <= 64), "a renewal's answer may wait behind them");
}

#[test]
fn the_key_space_is_looked_through_at_a_bounded_rate() {
    let start = Instant::from_millis(1_000_000);
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, start);
    let scans = |migration: &mut Migration, from: u64, next: u64| {
        let mut scans = 0;
        for millis in from..from + 1000 {
            let now = start + Duration::from_millis(millis);
            while let Some(step) = migration.poll_step(now) {
                if let Step::Scan(_) = step {
                    scans += 1;
                    migration.handle_scanned(now, next, vec![]);
                }
            }
        }
        scans
    };
    assert_eq!(scans(&mut migration, 0, 7), 100, "the first time");
    migration.handle_scanned(start + Duration::from_secs(1), 0, vec![]);
    assert_eq!(scans(&mut migration, 2000, 7), 10);
    migration.handle_scanned(start + Duration::from_secs(3), 0, vec![]);
    assert_eq!(scans(&mut migration, 4000, 0), 1, "a round a second at most");
}

#[test]
fn that_the_last_one_is_gone_is_told_once_and_a_day_later_that_the_option_is_not_needed() {
    let mut scene = Scene::with(&["a", "b"]);
    scene.stops("a");
    scene.passes(4000);
    assert!(!scene.events.contains(&MigrationEvent::Gone));
    scene.stops("b");
    scene.passes(4000);
    assert_eq!(scene.events.last(), Some(&MigrationEvent::Gone));
    scene.passes(4000);
    assert_eq!(scene.events.iter().filter(|event| **event == MigrationEvent::Gone).count(), 1);
    for _ in 0..2 {
        scene.now = scene.now + OVERDUE_AFTER;
        scene.acts();
        assert_eq!(scene.events.last(), Some(&MigrationEvent::Overdue));
        scene.events.clear();
        scene.passes(1000);
        assert_eq!(scene.events, []);
    }
}

#[test]
fn where_there_never_was_one_the_day_begins_at_the_first_look() {
    let mut scene = Scene::with(&[]);
    scene.passes(1100);
    scene.now = scene.now + OVERDUE_AFTER;
    scene.acts();
    assert_eq!(scene.events, [MigrationEvent::Overdue]);
}

#[test]
fn one_whose_record_is_too_long_is_listed_while_it_is_heard() {
    let mut scene = Scene::before_the_first_look(&["a"]);
    scene.records[0].meta = format!("\"{}\"", "x".repeat(40_000));
    scene.passes(100);
    for _ in 0..10 {
        scene.hears(of_old(Subject::Check, "a", Term::new(1)));
        scene.passes(400);
        assert_eq!(listed(&scene), ["a"]);
    }
    let a = scene.migration.listed().next().unwrap();
    assert_eq!((a.meta.get(), a.state), ("\"\"", LegacyState::Leader));
    assert_eq!(scene.migration.take_malformed(), 0);
    assert!(!scene.events.contains(&MigrationEvent::Gone));
    scene.passes(3000);
    assert_eq!(listed(&scene), [""; 0]);
}

#[test]
fn ids_that_somebody_invents_do_not_make_anybody_read_more() {
    let mut scene = Scene::with(&["a", "b"]);
    for number in 0..5000 {
        let ghost = format!("ghost{number}");
        scene.migration.handle_ballot(scene.now, of_old(Subject::Vote, &ghost, Term::new(1)));
        if number % 10 == 9 {
            let before = scene.reads;
            scene.passes(10);
            assert!(scene.reads <= before + 64);
        }
    }
    assert!(scene.reads < 5 * 200, "{} in 5 s", scene.reads);
    assert_eq!(listed(&scene), ["a", "b"]);
}

#[test]
fn one_invented_id_does_not_make_the_others_records_be_read_more_often() {
    let real: Vec<&'static str> =
        (0..100).map(|number| &*Box::leak(format!("real{number}").into_boxed_str())).collect();
    let mut scene = Scene::with(&real);
    scene.passes(1000);
    let before = scene.reads;
    for _ in 0..10 {
        scene.hears(of_old(Subject::Vote, "ghost", Term::new(1)));
        scene.passes(1000);
    }
    let reads = scene.reads - before;
    assert!((1000..1250).contains(&reads), "{reads} in 10 s");
}

#[test]
fn what_many_dead_ones_left_behind_keeps_nobody_from_being_met() {
    let now = Instant::from_millis(1_000_000);
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
    let ids = (0..2 * MAX_KNOWN).map(|number| InstanceId::new(format!("dead{number}"))).collect();
    migration.handle_scanned(now, 0, ids);
    let record = |ts: f64| format!(r#"{{"ts":{ts},"meta":"","state":"follower"}}"#).into_bytes();
    for tenth in 0..100 {
        let now = now + Duration::from_millis(100 * tenth);
        migration.handle_ballot(now, of_old(Subject::Vote, "alive", Term::new(1)));
        while let Some(step) = migration.poll_step(now) {
            if let Step::Read(ids) = step {
                let ts = |id: &InstanceId| match id.as_str() {
                    "alive" => WALL + (tenth * 100) as f64,
                    _ => 1.0,
                };
                let read = |id: InstanceId| (id.clone(), Some(record(ts(&id))));
                migration.handle_read(now, WALL, ids.into_iter().map(read).collect());
            }
        }
    }
    let listed: Vec<&str> = migration.listed().map(|one| one.id.as_str()).collect();
    assert_eq!(listed, ["alive"]);
}

#[test]
fn a_flood_of_records_marked_as_those_of_new_instances_costs_time_in_proportion() {
    let now = Instant::from_millis(1_000_000);
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
    let ids: Vec<InstanceId> =
        (0..100_000).map(|number| InstanceId::new(format!("new{number}"))).collect();
    let record = br#"{"ts":1,"meta":"","state":"follower","incumbent":"x"}"#;
    let mut reads = 0;
    for millis in (0..20_000).step_by(10) {
        let now = now + Duration::from_millis(millis);
        if millis % 1000 == 0 {
            migration.handle_scanned(now, 0, ids.clone());
        }
        while let Some(step) = migration.poll_step(now) {
            if let Step::Read(ids) = step {
                reads += ids.len();
                let read = |id| (id, Some(record.to_vec()));
                migration.handle_read(now, WALL, ids.into_iter().map(read).collect());
            }
        }
    }
    assert!(reads <= 20 * 50 * 64, "{reads}");
    assert_eq!(migration.count(), 0);
}
