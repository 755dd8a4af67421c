//! When a new instance that holds the register may say that it leads.

use super::*;

#[test]
fn with_no_old_instance_it_leads_as_soon_as_all_keys_were_looked_through() {
    let mut scene = Scene::before_the_first_look(&[]);
    scene.is_granted();
    scene.passes(50);
    assert!(scene.leads());
    assert_eq!(scene.events, []);
}

#[test]
fn before_all_keys_were_looked_through_an_old_leader_may_be_there() {
    let mut scene = Scene::before_the_first_look(&[]);
    scene.is_connected = false;
    scene.is_granted();
    scene.passes(1600);
    assert!(!scene.leads(), "nothing went out that an old one could have heard");
    scene.is_connected = true;
    scene.passes(700);
    assert!(scene.leads());
}

#[test]
fn it_leads_once_each_old_instance_that_lives_has_said_that_it_follows() {
    let mut scene = Scene::with(&["a", "b"]);
    scene.is_granted();
    let term = scene.last_check().term;
    assert!(!scene.leads());
    scene.votes("a", true, term);
    assert!(!scene.leads(), "b is not heard yet");
    scene.votes("b", true, term);
    assert!(scene.leads());
    assert_eq!(
        scene.events.iter().filter(|event| matches!(event, MigrationEvent::Unheard(_))).count(),
        0
    );
}

#[test]
fn a_vote_for_another_or_against_or_in_an_earlier_term_does_not_count() {
    let mut scene = Scene::with(&["a"]);
    scene.is_granted();
    let term = scene.last_check().term;
    let for_another = Some(InstanceId::new("other"));
    scene.hears(Ballot { to: for_another, is_granted: true, ..of_old(Subject::Vote, "a", term) });
    scene.votes("a", false, term);
    scene.votes("a", true, Term::new(3));
    assert!(!scene.leads());
    scene.votes("a", true, term);
    assert!(scene.leads());
}

#[test]
fn one_that_followed_and_then_says_that_it_leads_is_asked_again() {
    let mut scene = Scene::with(&["a", "b"]);
    scene.is_granted();
    let term = scene.last_check().term;
    scene.votes("a", true, term);
    scene.hears(of_old(Subject::Check, "a", Term::new(7)));
    scene.votes("b", true, term);
    assert!(!scene.leads());
    scene.passes(20);
    let again = scene.last_check().term;
    assert!(again > term, "it was told at once");
    scene.votes("a", true, again);
    assert!(scene.leads());
}

#[test]
fn one_that_does_not_answer_is_waited_for_as_long_as_an_old_heartbeat_and_named() {
    let mut scene = Scene::with(&["a", "deaf"]);
    scene.is_granted();
    let term = scene.last_check().term;
    scene.votes("a", true, term);
    scene.passes(1490);
    assert!(!scene.leads());
    scene.passes(10);
    assert!(scene.leads());
    let unheard = MigrationEvent::Unheard(vec![InstanceId::new("deaf")]);
    assert_eq!(scene.events.last(), Some(&unheard));
}

#[test]
fn one_that_leaves_meanwhile_is_waited_for_no_longer() {
    let mut scene = Scene::with(&["a"]);
    scene.stops("a");
    scene.passes(1200);
    scene.is_granted();
    assert!(!scene.leads(), "its record may still be fresh");
    scene.passes(1000);
    assert!(scene.leads());
}

#[test]
fn where_the_old_ones_followed_a_new_leader_until_just_now_the_next_one_leads_at_once() {
    let mut scene = Scene::with(&["a"]);
    scene.hears(of_new("x", "x", true));
    scene.passes(900);
    scene.is_granted();
    assert!(scene.leads());
}

#[test]
fn a_new_leader_that_was_not_admitted_itself_proves_nothing() {
    let mut scene = Scene::with(&["a"]);
    scene.hears(of_new("x", "x", false));
    scene.is_granted();
    assert!(!scene.leads());
}

#[test]
fn an_old_one_that_has_led_since_the_last_new_leader_is_to_follow_first() {
    let mut scene = Scene::with(&["a"]);
    scene.hears(of_new("x", "x", true));
    scene.passes(10);
    scene.hears(of_old(Subject::Check, "a", Term::new(OURS + 1)));
    scene.is_granted();
    assert!(!scene.leads());
    let term = scene.last_check().term;
    scene.votes("a", true, term);
    assert!(scene.leads());
}

#[test]
fn whoever_may_have_missed_an_old_leader_makes_sure() {
    let mut scene = Scene::with(&["a"]);
    scene.hears(of_new("x", "x", true));
    scene.passes(10);
    scene.migration.handle_deaf();
    scene.migration.handle_listening(scene.now);
    scene.is_granted();
    assert!(!scene.leads());
}

#[test]
fn after_a_second_without_a_new_leader_the_old_ones_may_have_elected_one() {
    let mut scene = Scene::with(&["a"]);
    scene.standing.seeks = false;
    scene.hears(of_new("x", "x", true));
    scene.passes(1000);
    scene.is_granted();
    assert!(!scene.leads());
}

#[test]
fn its_checks_tell_whether_it_leads() {
    let mut scene = Scene::with(&[]);
    scene.is_granted();
    assert!(!scene.last_check().leads);
    assert!(!scene.migration.may_lead(scene.now), "it has yet to say so");
    scene.acts();
    assert!(scene.last_check().leads);
    assert!(scene.migration.may_lead(scene.now));
    assert_eq!(scene.last_check().from.as_str(), "me");
}

#[test]
fn a_leader_that_drains_still_keeps_the_old_ones_quiet() {
    let mut scene = Scene::with(&[]);
    scene.is_granted();
    assert!(scene.leads());
    scene.standing.seeks = false;
    let before = scene.checks();
    scene.passes(2000);
    assert_eq!(scene.checks() - before, 10);
}
