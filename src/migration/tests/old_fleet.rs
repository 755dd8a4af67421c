//! What the old ones are told: the terms of checks, and the answers where nobody new leads.

use super::*;

#[test]
fn checks_go_out_at_once_and_five_times_a_second_in_terms_that_rise_with_the_time() {
    let mut scene = Scene::with(&["a"]);
    scene.is_granted();
    assert_eq!(scene.checks(), 1);
    assert_eq!(scene.last_check().term, Term::new(OURS));
    scene.passes(1000);
    assert_eq!(scene.checks(), 6);
    assert_eq!(scene.last_check().term, Term::new(OURS + 1_000_000));
}

#[test]
fn an_old_one_that_leads_or_wants_to_is_told_at_once_and_not_more_often_than_it_helps() {
    for subject in [Subject::Check, Subject::Request] {
        let mut scene = Scene::with(&["a"]);
        scene.is_granted();
        scene.passes(100);
        scene.hears(of_old(subject, "a", Term::new(5)));
        assert_eq!(scene.checks(), 2);
        for _ in 0..1000 {
            scene.hears(of_old(subject, "a", Term::new(5)));
        }
        assert_eq!(scene.checks(), 2);
        scene.passes(20);
        assert_eq!(scene.checks(), 3);
    }
}

#[test]
fn the_term_is_as_high_as_any_that_a_living_old_one_has() {
    for height in ["9007199254740992", "1e300", "1e999"] {
        let ballot = format!(r#"{{"type":"vote","from":"a","currentTerm":{height}}}"#);
        let vote = Ballot::decode(ballot.as_bytes()).unwrap();
        let mut scene = Scene::with(&["a"]);
        scene.is_granted();
        scene.votes("a", false, vote.term);
        scene.passes(20);
        assert_eq!(scene.last_check().term, vote.term, "{height}");
        assert!(!scene.leads());
        scene.votes("a", true, vote.term);
        assert!(scene.leads());
    }
}

#[test]
fn a_term_that_no_living_instance_has_leads_nobody_astray() {
    let absurd = Term::new(1 << 53);
    let mut scene = Scene::with(&["a"]);
    scene.hears(of_old(Subject::Check, "ghost", absurd));
    scene.hears(Ballot { term: absurd, ..of_new("ghost", "ghost", true) });
    scene.is_granted();
    assert_eq!(scene.last_check().term, Term::new(OURS));
    scene.votes("a", true, Term::new(OURS));
    scene.passes(400);
    assert_eq!(scene.last_check().term, Term::new(OURS + 400_000));
}

#[test]
fn once_the_old_ones_are_restarted_the_terms_are_ours_again() {
    let mut scene = Scene::with(&["a"]);
    scene.is_granted();
    scene.votes("a", true, Term::new(1 << 53));
    scene.passes(200);
    assert_eq!(scene.last_check().term, Term::new(1 << 53));
    scene.stops("a");
    scene.passes(4000);
    assert!(scene.last_check().term < Term::new(OURS + 10_000_000));
}

#[test]
fn the_next_new_leader_goes_on_above_the_last_one() {
    let mut scene = Scene::with(&["a"]);
    scene.hears(Ballot { term: Term::new(OURS + 500_000), ..of_new("x", "x", true) });
    scene.is_granted();
    assert_eq!(scene.last_check().term, Term::new(OURS + 500_001));
}

#[test]
fn where_no_new_one_leads_it_votes_as_an_old_follower_would() {
    let mut scene = Scene::with(&["a", "b"]);
    scene.standing.seeks = false;
    scene.acts();
    let mut vote = |subject, from, term| {
        scene.hears(of_old(subject, from, Term::new(term)));
        let vote = scene.last_vote().unwrap();
        assert_eq!(vote.to.as_ref().unwrap().as_str(), from);
        vote.is_granted
    };
    assert!(vote(Subject::Request, "a", 3));
    assert!(!vote(Subject::Request, "b", 3), "one vote for each term");
    assert!(vote(Subject::Check, "a", 3));
    assert!(!vote(Subject::Check, "b", 2));
    assert!(vote(Subject::Request, "b", 4));
}

#[test]
fn while_it_seeks_the_leadership_itself_it_votes_for_nobody_but_not_for_ever() {
    let mut scene = Scene::with(&["a"]);
    scene.passes(1000);
    scene.hears(of_old(Subject::Request, "a", Term::new(3)));
    assert_eq!(scene.last_vote(), None);
    scene.passes(3500);
    scene.hears(of_old(Subject::Request, "a", Term::new(4)));
    assert!(scene.last_vote().unwrap().is_granted);
}

#[test]
fn while_another_new_one_leads_it_votes_for_nobody() {
    let mut scene = Scene::with(&["a"]);
    scene.standing.seeks = false;
    for _ in 0..50 {
        scene.hears(of_new("x", "x", true));
        scene.hears(of_old(Subject::Request, "a", Term::new(3)));
        scene.passes(200);
    }
    assert_eq!(scene.last_vote(), None);
    scene.passes(1000);
    scene.hears(of_old(Subject::Request, "a", Term::new(4)));
    assert!(scene.last_vote().unwrap().is_granted);
}

#[test]
fn a_flood_of_ballots_is_answered_by_a_bounded_number() {
    let mut migration = Migration::new(InstanceId::new("me"), LEASE, 0, Instant::from_millis(1000));
    let now = Instant::from_millis(1000);
    for term in 0..10_000 {
        migration.handle_ballot(now, of_old(Subject::Request, "flood", Term::new(term)));
    }
    let spoken = std::iter::from_fn(|| migration.poll_step(now))
        .filter(|step| matches!(step, Step::Speak(_)))
        .count();
    assert_eq!(spoken, MAX_ANSWERS);
}

#[test]
fn above_a_height_that_was_forged_the_term_rises_all_the_same() {
    let height = 5_000_000_000_000_000;
    let mut scene = Scene::with(&["a"]);
    scene.is_granted();
    scene.votes("a", false, Term::new(height));
    let mut terms = Vec::new();
    for _ in 0..100 {
        let before = scene.checks();
        scene.passes(10);
        if scene.checks() > before {
            terms.push(scene.last_check().term);
            scene.votes("a", true, scene.last_check().term);
        }
    }
    assert!(terms.is_sorted_by(|a, b| a < b), "{terms:?}");
    assert!(terms.last() >= Some(&Term::new(height + 4)), "an old candidate counts one a second");
}
