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

#[test]
fn however_many_keys_there_are_a_bounded_number_is_read() {
    let now = Instant::from_millis(1_000_000);
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, now);
    let ids = (0..100_000).map(|number| InstanceId::new(format!("a{number}"))).collect();
    migration.handle_scanned(now, 0, ids);
    let read = std::iter::from_fn(|| migration.poll_step(now)).find_map(|step| match step {
        Step::Read(ids) => Some(ids.len()),
        _ => None,
    });
    assert_eq!(read, Some(1000));
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
