//! The registry: who is there.

use tokio::time::{Instant, sleep};

use super::*;
use crate::medium::{Change, RegistryChange, SILENCE_LIMIT};

impl<M: Medium> Node<M> {
    async fn next_change(&mut self) -> RegistryChange {
        self.wait_for(|notice| match notice {
            Notice::Registry(change) => Some(change),
            _ => None,
        })
        .await
    }

    async fn listed(&self) -> Vec<InstanceRecord> {
        let roster = self.medium.roster().await.expect("the medium answers");
        let mut roster = roster.instances.clone();
        roster.sort_by(|one, other| one.id.cmp(&other.id));
        roster
    }
}

fn entered(change: &RegistryChange) -> Option<&InstanceRecord> {
    match &change.change {
        Change::Enrolled(record) => Some(record),
        Change::Left(_) => None,
    }
}

fn left(change: &RegistryChange) -> Option<&InstanceId> {
    match &change.change {
        Change::Left(id) => Some(id),
        Change::Enrolled(_) => None,
    }
}

pub async fn an_instance_that_enrolls_is_announced_and_listed<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    b.listen([Channel::Registry]).await;
    let record = a.record(r#"{"zone":"ä","n":[1,null,"\u0000/"]}"#);
    let enrolment = a.medium.enroll(&record).await.expect("the medium answers");
    assert!(enrolment.is_enrolled);
    let change = b.next_change().await;
    assert_eq!(entered(&change), Some(&record));
    assert_eq!(change.revision, enrolment.revision);
    assert_eq!(b.listed().await, [record]);
}

pub async fn a_new_record_replaces_the_old_one<F: Fixture>(fixture: &F) {
    let mut a = join(fixture, "svc", "a").await;
    a.listen([Channel::Registry]).await;
    a.enroll("1").await;
    a.enroll("2").await;
    assert_eq!(entered(&a.next_change().await), Some(&a.record("1")));
    assert_eq!(entered(&a.next_change().await), Some(&a.record("2")));
    assert_eq!(a.listed().await, [a.record("2")]);
}

pub async fn an_instance_that_withdraws_is_announced_and_gone<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    a.enroll("null").await;
    b.enroll("null").await;
    b.listen([Channel::Registry]).await;
    a.medium.withdraw().await.expect("the medium answers");
    assert_eq!(left(&b.next_change().await), Some(&a.instance));
    assert_eq!(b.listed().await, [b.record("null")]);
    assert!(!a.refresh().await.is_enrolled);
}

pub async fn withdrawing_twice_is_announced_once<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    a.enroll("null").await;
    b.listen([Channel::Registry]).await;
    a.medium.withdraw().await.expect("the medium answers");
    a.medium.withdraw().await.expect("the medium answers");
    b.enroll("null").await;
    assert_eq!(left(&b.next_change().await), Some(&a.instance));
    assert_eq!(entered(&b.next_change().await), Some(&b.record("null")), "the very next");
}

pub async fn a_silent_instance_is_swept_by_another<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    a.enroll("null").await;
    let enrolled = Instant::now();
    b.enroll("null").await;
    b.listen([Channel::Registry]).await;
    while b.listed().await.len() == 2 {
        assert!(enrolled.elapsed() < PATIENCE, "it is swept at last");
        b.refresh().await;
        sleep(Duration::from_millis(50)).await;
    }
    assert!(enrolled.elapsed() > SILENCE_LIMIT, "not before it was silent for so long");
    assert_eq!(b.listed().await, [b.record("null")]);
    b.refresh().await;
    assert_eq!(left(&b.next_change().await), Some(&a.instance));
    assert!(!a.refresh().await.is_enrolled, "and it is told, should it come back");
}

pub async fn an_instance_that_refreshes_is_not_swept<F: Fixture>(fixture: &F) {
    let (a, b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    a.enroll("null").await;
    b.enroll("null").await;
    let start = Instant::now();
    let mut longest_gap = Duration::ZERO;
    while start.elapsed() < SILENCE_LIMIT + Duration::from_millis(500) {
        let before = Instant::now();
        sleep(Duration::from_millis(100)).await;
        let is_enrolled = a.refresh().await.is_enrolled && b.refresh().await.is_enrolled;
        longest_gap = longest_gap.max(before.elapsed());
        assert!(is_enrolled || longest_gap > SILENCE_LIMIT);
    }
}

pub async fn an_unknown_instance_is_told_to_enroll<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    assert!(!a.refresh().await.is_enrolled);
    assert!(a.listed().await.is_empty(), "a refresh enters nobody");
}

pub async fn a_wiped_registry_is_noticed<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let before = a.enroll("null").await;
    fixture.wipe("svc");
    let after = a.refresh().await;
    assert!(!after.is_enrolled);
    assert_ne!(after.revision, before.revision);
    assert!(a.enroll("null").await.is_enrolled);
    assert_eq!(a.listed().await, [a.record("null")]);
}

pub async fn the_revision_rises_by_one_with_each_change<F: Fixture>(fixture: &F) {
    let (a, b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let first = a.enroll("null").await.revision;
    assert_eq!(a.refresh().await.revision, first, "a refresh is no change");
    assert_eq!(b.enroll("null").await.revision, first + 1);
    b.medium.withdraw().await.expect("the medium answers");
    let roster = a.medium.roster().await.expect("the medium answers");
    assert_eq!(roster.revision, first + 2);
}

pub async fn a_refresh_shows_the_register<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let held = a.take().await;
    for register in [a.enroll("null").await.register, a.refresh().await.register] {
        assert!(!register.missing && !register.granted);
        assert_eq!(register.shown, a.peek().await.shown);
        assert_eq!(register.shown.record, held);
    }
}

pub async fn a_roster_shows_the_register<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let held = a.take().await;
    let roster = a.medium.roster().await.expect("the medium answers");
    assert_eq!(roster.register.shown.record, held);
}

pub async fn the_registrys_placeholder_is_no_sight<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let register = a.refresh().await.register;
    assert!(register.missing && register.shown.record.is_placeholder());
    assert!(!a.refresh().await.register.missing);
}
