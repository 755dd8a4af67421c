//! Between two new leaders: whoever may come to lead keeps the old ones from electing meanwhile.

use super::*;

/// The new instance `x` led until now, and `me` may come to lead.
fn after_a_leader() -> Scene {
    let mut scene = Scene::with(&["a"]);
    scene.hears(of_new("x", "x", true));
    scene
}

#[test]
fn when_the_leader_falls_silent_checks_go_on_in_its_name() {
    let mut scene = after_a_leader();
    scene.passes(290);
    assert_eq!(scene.checks(), 0);
    scene.passes(10);
    assert_eq!(scene.checks(), 1);
    let check = scene.last_check();
    assert_eq!((check.from.as_str(), check.leads), ("x", true));
    assert_eq!(check.speaker.as_ref().unwrap().as_str(), "me");
    assert!(check.term > of_new("x", "x", true).term);
}

#[test]
fn an_old_instance_never_waits_for_longer_than_it_bears() {
    let mut scene = after_a_leader();
    let mut silent_for = 0;
    for _ in 0..400 {
        let before = scene.checks();
        scene.passes(10);
        silent_for = if scene.checks() > before { 0 } else { silent_for + 10 };
        assert!(silent_for < 500);
    }
}

#[test]
fn it_ends_once_no_new_leader_can_be_hoped_for() {
    let mut scene = after_a_leader();
    let wait = 3 * 800 + 2000;
    scene.passes(wait);
    let before = scene.checks();
    assert!(before > 10);
    scene.passes(5000);
    assert_eq!(scene.checks(), before);
}

#[test]
fn one_stands_in_for_all() {
    let mut scene = after_a_leader();
    for _ in 0..20 {
        scene.passes(200);
        scene.hears(of_new("x", "y", true));
    }
    assert_eq!(scene.checks(), 0);
}

#[test]
fn whoever_may_not_come_to_lead_does_not_stand_in() {
    let mut scene = after_a_leader();
    scene.standing.seeks = false;
    scene.passes(3000);
    assert_eq!(scene.checks(), 0);
}

#[test]
fn where_an_old_one_leads_already_the_next_new_leader_settles_it() {
    let mut scene = after_a_leader();
    scene.passes(10);
    scene.hears(of_old(Subject::Check, "a", Term::new(OURS)));
    scene.passes(3000);
    assert_eq!(scene.checks(), 0);
}

#[test]
fn a_deaf_one_does_not_know_who_leads() {
    let mut scene = after_a_leader();
    scene.migration.handle_deaf();
    scene.passes(3000);
    assert_eq!(scene.checks(), 0);
}

#[test]
fn before_any_new_one_has_led_the_old_ones_elect_as_ever() {
    let mut scene = Scene::with(&["a"]);
    scene.passes(3000);
    scene.hears(of_new("x", "x", false));
    scene.passes(3000);
    assert_eq!(scene.checks(), 0);
}

#[test]
fn a_leader_that_only_the_register_tells_of_is_stood_in_for_as_well() {
    let mut scene = Scene::with(&["a"]);
    scene.standing.leader = Some((InstanceId::new("x"), OURS));
    scene.passes(590);
    assert_eq!(scene.checks(), 0);
    scene.passes(20);
    assert_eq!(scene.checks(), 1);
    assert_eq!(scene.last_check().from.as_str(), "x");
    // The old ones have heard of higher terms, from x itself.
    let higher = Term::new(OURS + 3_600_000_000);
    let to = Some(InstanceId::new("x"));
    scene.hears(Ballot { to, ..of_old(Subject::Vote, "a", higher) });
    scene.passes(20);
    assert_eq!(scene.checks(), 2, "it does not wait for its next turn");
    assert!(scene.last_check().term >= higher);
}

#[test]
fn an_old_leader_is_not_deposed_in_the_name_of_one_that_only_the_register_tells_of() {
    let mut scene = Scene::with(&["a"]);
    scene.standing.leader = Some((InstanceId::new("x"), OURS));
    for _ in 0..10 {
        scene.passes(400);
        scene.hears(of_old(Subject::Check, "a", Term::new(5)));
    }
    assert_eq!(scene.checks(), 0);
}

#[test]
fn a_former_leader_stands_in_for_itself_until_the_next_one_comes() {
    let mut scene = Scene::with(&[]);
    scene.is_granted();
    assert!(scene.leads());
    scene.passes(200);
    let last = scene.last_check().term;
    scene.is_released();
    let before = scene.checks();
    scene.passes(300);
    assert_eq!(scene.checks(), before + 1);
    assert_eq!(scene.last_check().from.as_str(), "me");
    assert!(scene.last_check().term > last);
}

#[test]
fn a_former_leader_that_finds_no_successor_lets_the_old_ones_elect_again() {
    let mut scene = Scene::with(&["a"]);
    let mut other = Scene::with(&["a"]);
    other.standing.leader = Some((InstanceId::new("me"), OURS));
    scene.is_granted();
    let mut heard = 0;
    let mut pass = |scene: &mut Scene, other: &mut Scene, millis: u64| {
        for _ in 0..millis / 10 {
            scene.passes(10);
            other.passes(10);
            for check in &scene.said[heard..] {
                let speaker = Some(InstanceId::new("x"));
                let from = InstanceId::new("x");
                other.hears(Ballot { from, speaker, ..check.clone() });
            }
            heard = scene.said.len();
        }
    };
    pass(&mut scene, &mut other, 1500);
    assert!(scene.leads());
    scene.is_released();
    other.standing.leader = None;
    pass(&mut scene, &mut other, 3 * 800 + 2000 + 1000);
    let before = (scene.checks(), other.checks());
    pass(&mut scene, &mut other, 3000);
    assert_eq!((scene.checks(), other.checks()), before);
    for scene in [&mut scene, &mut other] {
        scene.hears(of_old(Subject::Request, "a", Term::new(OURS * 2)));
        assert!(scene.last_vote().expect("it votes as an old one would").is_granted);
    }
}

#[test]
fn who_stands_in_blindly_has_no_proof_that_the_old_ones_followed() {
    // Either no check was heard at all, or an old leader may have been missed since the last one.
    for has_heard in [false, true] {
        let mut scene = Scene::with(&["a"]);
        if has_heard {
            scene.hears(of_new("x", "x", true));
            scene.migration.handle_deaf();
            scene.passes(10);
            scene.migration.handle_listening(scene.now);
        } else {
            scene.standing.leader = Some((InstanceId::new("x"), OURS));
        }
        scene.passes(800);
        assert!(scene.checks() >= 1);
        assert!(!scene.last_check().leads, "the next one to come is not to believe it either");
        let stood_in = scene.last_check().clone();
        scene.is_granted();
        assert!(!scene.leads());
        scene.votes("a", true, Term::new(OURS * 2));
        assert!(scene.leads());

        let mut other = Scene::with(&["a"]);
        other.hears(Ballot { speaker: Some(InstanceId::new("y")), ..stood_in });
        other.passes(410);
        assert_eq!(other.checks(), 1, "others go on after it all the same");
        other.is_granted();
        assert!(!other.leads());
    }
}
