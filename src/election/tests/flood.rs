//! Floods of forged announcements, by somebody who may publish but not write. They cost time only, and not without end.

use super::kit::*;
use crate::election::{Announcement, Command, InstanceId, Stamp};

/// `a` has crashed; a forgery comes every few milliseconds, and the registry's script shows the register once a second.
/// Says how long `b` took to lead.
fn takes_over_despite(forge: impl Fn(&Network, u64) -> Announcement) -> u64 {
    let network = Network::new();
    let _a = network.leader("a");
    let mut b = network.follower("b");
    for millis in 1..10 * LEASE {
        network.passes(1);
        if millis % 7 == 0 {
            b.hears(forge(&network, millis));
        }
        if millis % 1000 == 500 {
            b.observes();
        }
        b.settles();
        if b.leads() {
            return millis;
        }
    }
    panic!("it never takes over");
}

#[test]
fn of_heartbeats_of_the_true_holder() {
    let taken = takes_over_despite(|network, millis| {
        let stored = network.stored();
        let holder = stored.holder.unwrap();
        let stamp = Stamp::new(millis);
        Announcement::Heartbeat { holder, term: stored.term, beat: u64::MAX - millis, stamp }
    });
    assert!(taken <= 2 * LEASE + 1000, "{taken}");
}

#[test]
fn of_vacancies_of_the_true_term() {
    let taken = takes_over_despite(|network, millis| {
        let term = network.stored().term;
        Announcement::Vacancy { term, stamp: Stamp::new(millis), heir: None }
    });
    assert!(taken <= 2 * LEASE, "{taken}");
}

#[test]
fn of_vacancies_for_somebody_else() {
    let taken = takes_over_despite(|network, millis| {
        let term = network.stored().term;
        let heir = Some(InstanceId::new("x"));
        Announcement::Vacancy { term, stamp: Stamp::new(millis), heir }
    });
    assert!(taken <= 2 * LEASE, "{taken}");
}

#[test]
fn of_heartbeats_of_somebody_else_while_a_vacancy_waits_for_its_heir() {
    let network = Network::new();
    let mut a = network.leader("a");
    let mut b = network.follower("b");
    network.passes(INTERVAL);
    a.settles();
    a.stops();
    a.drains();
    let mut release = a.sends();
    let Command::Release { heir, .. } = &mut release.command else { panic!("{release:?}") };
    *heir = Some(InstanceId::new("gone"));
    network.applies(&release);
    b.misses_the_news();
    for millis in 0..4 * LEASE {
        network.passes(1);
        let holder = crate::election::Holder::new(&InstanceId::new("x"), millis);
        let term = network.stored().term;
        b.hears(Announcement::Heartbeat { holder, term, beat: 1, stamp: Stamp::new(millis) });
        if let Some(request) = b.polls() {
            // One way takes a few milliseconds.
            network.passes(3);
            let reply = network.applies(&request);
            network.passes(3);
            b.hears_back(&request, reply);
        }
        if b.leads() {
            return;
        }
    }
    panic!("it never takes the vacancy");
}
