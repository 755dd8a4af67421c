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

/// `y` leads the old ones: what this instance hears of that every 400 ms.
fn passes_under_an_old_leader(scene: &mut Scene, millis: u64) {
    for _ in 0..millis / 400 {
        scene.hears(of_old(Subject::Check, "y", Term::new(5)));
        scene.passes(400);
    }
}

fn unheard(scene: &Scene) -> usize {
    scene.events.iter().filter(|event| matches!(event, MigrationEvent::Unheard(_))).count()
}

#[test]
fn one_that_stopped_just_before_costs_no_leader_and_is_not_named() {
    let mut scene = Scene::before_the_first_look(&["y", "stopped"]);
    scene.has_stopped("stopped");
    scene.is_granted();
    passes_under_an_old_leader(&mut scene, 800);
    assert_eq!(scene.migration.count(), 2, "for all we know it may be deaf");
    assert_eq!(scene.checks(), 0, "the old leader goes on meanwhile");
    passes_under_an_old_leader(&mut scene, 800);
    assert!(scene.checks() > 0);
    assert!(!scene.leads(), "the old leader is to follow");
    let term = scene.last_check().term;
    scene.votes("y", true, term);
    assert!(scene.leads());
    assert_eq!(unheard(&scene), 0);
}

#[test]
fn one_that_stops_while_the_register_is_awaited_costs_no_leader_either() {
    let mut scene = Scene::with(&["y", "stopped"]);
    scene.stops("stopped");
    passes_under_an_old_leader(&mut scene, 800);
    scene.is_granted();
    passes_under_an_old_leader(&mut scene, 800);
    assert_eq!(scene.checks(), 0, "the old leader goes on meanwhile");
    passes_under_an_old_leader(&mut scene, 800);
    let term = scene.last_check().term;
    scene.votes("y", true, term);
    assert!(scene.leads());
    assert_eq!(unheard(&scene), 0);
}

#[test]
fn where_all_that_are_listed_are_heard_nothing_is_held_back() {
    let mut scene = Scene::before_the_first_look(&["y", "b"]);
    scene.hears(of_old(Subject::Check, "y", Term::new(5)));
    scene.hears(of_old(Subject::Vote, "b", Term::new(5)));
    scene.is_granted();
    scene.passes(40);
    assert_eq!(scene.checks(), 1);
}

#[test]
fn without_an_old_leader_nothing_is_held_back_for_long() {
    let mut scene = Scene::before_the_first_look(&["stopped"]);
    scene.has_stopped("stopped");
    scene.is_granted();
    scene.passes(480);
    assert_eq!(scene.checks(), 0, "an old leader is heard within that time, if there is one");
    scene.passes(40);
    assert!(scene.checks() > 0);
    scene.passes(700);
    assert!(scene.leads(), "nothing was written in its record for so long");
    assert_eq!(unheard(&scene), 0);
}

#[test]
fn an_old_one_that_stands_for_election_is_told_at_once() {
    let mut scene = Scene::before_the_first_look(&["y", "stopped"]);
    scene.has_stopped("stopped");
    scene.is_granted();
    passes_under_an_old_leader(&mut scene, 400);
    assert_eq!(scene.checks(), 0);
    scene.hears(of_old(Subject::Request, "y", Term::new(6)));
    assert_eq!(scene.checks(), 1);
}

#[test]
fn nothing_is_held_back_for_ever() {
    let mut scene = Scene::before_the_first_look(&["y"]);
    scene.migration.handle_scan_failure(scene.now);
    scene.is_granted();
    let mut passes_without_a_scan = |millis: u64| {
        for _ in 0..millis / 10 {
            scene.hears(of_old(Subject::Check, "y", Term::new(5)));
            scene.migration.handle_scan_failure(scene.now);
            scene.passes(10);
        }
        scene.checks()
    };
    assert_eq!(passes_without_a_scan(1400), 0);
    assert!(passes_without_a_scan(200) > 0);
}

#[test]
fn a_deaf_one_whose_record_changes_is_waited_for() {
    let mut scene = Scene::before_the_first_look(&["y", "deaf"]);
    scene.passes(50);
    let wall = scene.wall();
    scene.records[1].ts = wall;
    scene.is_granted();
    passes_under_an_old_leader(&mut scene, 1600);
    let term = scene.last_check().term;
    scene.votes("y", true, term);
    assert!(!scene.leads());
    scene.passes(1500);
    assert!(scene.leads());
    let named = MigrationEvent::Unheard(vec![InstanceId::new("deaf")]);
    assert!(scene.events.contains(&named));
}

#[test]
fn one_that_is_heard_and_has_no_record_yet_is_waited_for() {
    let mut scene = Scene::with(&[]);
    scene.hears(of_old(Subject::Check, "y", Term::new(5)));
    scene.is_granted();
    assert!(!scene.leads());
    let term = scene.last_check().term;
    scene.votes("y", true, term);
    assert!(scene.leads());
}

#[test]
fn one_whose_record_is_too_long_is_waited_for() {
    let mut scene = Scene::before_the_first_look(&["y"]);
    scene.records[0].meta = format!("\"{}\"", "x".repeat(40_000));
    scene.passes(100);
    scene.hears(of_old(Subject::Check, "y", Term::new(5)));
    scene.passes(1100);
    scene.is_granted();
    assert!(!scene.leads());
    let term = scene.last_check().term;
    scene.votes("y", true, term);
    assert!(scene.leads());
}

#[test]
fn whoever_cannot_tell_the_old_ones_leaves_the_register_to_others() {
    let mut scene = Scene::with(&["a"]);
    scene.is_mute = true;
    scene.is_granted();
    scene.passes(3 * 800 + 1900);
    assert!(!scene.leads() && !scene.migration.gives_up(scene.now));
    scene.passes(200);
    assert!(!scene.leads() && scene.migration.gives_up(scene.now));
    scene.is_released();
    assert!(!scene.migration.gives_up(scene.now));
}

#[test]
fn whoever_waits_for_the_old_ones_or_leads_does_not_give_up() {
    let mut scene = Scene::with(&["a", "deaf"]);
    scene.is_granted();
    for _ in 0..100 {
        scene.passes(100);
        assert!(!scene.migration.gives_up(scene.now));
        scene.leads();
    }
    assert!(scene.leads());
}
