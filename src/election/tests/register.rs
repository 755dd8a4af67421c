//! The register: what each command compares, and what it leaves behind.

use std::time::Duration;

use crate::election::register::{Fence, Server};
use crate::election::{
    Announcement, Checkpoint, Command, Holder, Identity, InstanceId, Record, Register, Reply, Seen,
    Shown, Stamp, Term,
};

const LEASE: Duration = Duration::from_millis(800);

fn holder(name: &str) -> Holder {
    Holder::new(&InstanceId::new(name), 1)
}

fn server(name: &str) -> Server {
    Server::new(Identity::server(name), 500)
}

/// A register on server `s` that `a` holds in term 1000, at beat 3.
fn held() -> Register {
    let mut register = Register::default();
    register.restore(Some(Record {
        holder: Some(holder("a")),
        term: Term(1000),
        beat: 3,
        stamp: Stamp::new(7),
        server: "s".into(),
        lease: Duration::from_secs(9),
        heir: None,
        presence: None,
    }));
    register
}

fn vacant() -> Register {
    let mut register = held();
    let release = Command::Release {
        holder: holder("a"),
        term: Term(1000),
        stamp: Stamp::new(7),
        heir: None,
    };
    assert!(register.execute(&release, &server("s")).0.granted);
    register
}

fn execute(register: &mut Register, command: &Command) -> Reply {
    register.execute(command, &server("s")).0
}

fn peek() -> Command {
    Command::Peek { stamp: Stamp::new(99) }
}

fn renew(beat: u64) -> Command {
    Command::Renew {
        holder: holder("a"),
        term: Term(1000),
        beat,
        stamp: Stamp::new(99),
        lease: LEASE,
        over: None,
    }
}

fn assert_over(name: &str, term: u64, identity: &str, stamp: u64) -> Command {
    let over =
        Shown { identity: Identity::server(identity), term: Term(term), stamp: Stamp::new(stamp) };
    Command::Renew {
        holder: holder(name),
        term: Term(2000),
        beat: 1,
        stamp: Stamp::new(99),
        lease: LEASE,
        over: Some(over),
    }
}

fn release(name: &str, term: u64) -> Command {
    let heir = Some(InstanceId::new("c"));
    Command::Release { holder: holder(name), term: Term(term), stamp: Stamp::new(99), heir }
}

fn seen(name: Option<&str>) -> Seen {
    Seen {
        identity: Identity::server("s"),
        holder: name.map(holder),
        term: Term(1000),
        stamp: Stamp::new(7),
        watched: true,
        gone: false,
    }
}

fn take(seen: Seen) -> Command {
    take_above(seen, 0)
}

fn take_above(seen: Seen, floor: u64) -> Command {
    let (holder, stamp) = (holder("b"), Stamp::new(99));
    Command::Take { seen, holder, floor: Term(floor), stamp, lease: LEASE }
}

#[test]
fn whatever_finds_no_register_leaves_a_placeholder_and_is_refused() {
    for command in
        [peek(), renew(4), assert_over("a", 0, "s", 7), take(seen(None)), release("a", 1000)]
    {
        let mut register = Register::default();
        let reply = execute(&mut register, &command);
        assert!(!reply.granted && reply.missing, "{}", command.name());
        let stored = register.stored().expect("a placeholder");
        assert!(stored.is_placeholder());
        assert_eq!(*stored, reply.shown.record);
        assert_eq!(stored.stamp, Stamp::of_placeholder(&Stamp::new(99), 500));
    }
}

/// Nobody can name the placeholder before it is written; whoever could would still be refused.
#[test]
fn a_missing_register_is_not_even_taken_over_the_placeholder_that_the_take_itself_leaves() {
    let placeholder = Stamp::of_placeholder(&Stamp::new(99), 500);
    let seen = Seen { term: Term::ZERO, stamp: placeholder, ..seen(None) };
    assert!(!execute(&mut Register::default(), &take(seen)).granted);
}

#[test]
fn a_peek_delivered_twice_over_a_wiped_register_leaves_two_different_placeholders() {
    let mut register = Register::default();
    let first = execute(&mut register, &peek()).shown.record;
    register.wipe();
    let later = Server { time_us: 501, ..server("s") };
    let second = register.execute(&peek(), &later).0.shown.record;
    assert_ne!(first.stamp, second.stamp);
}

#[test]
fn a_peek_changes_nothing() {
    let mut register = held();
    let reply = execute(&mut register, &peek());
    assert!(!reply.granted && !reply.missing);
    assert_eq!(register.stored(), held().stored());
    assert_eq!(reply.shown.identity, Identity::server("s"));
}

#[test]
fn a_malformed_register_is_treated_as_missing() {
    let malformed: [fn(&mut Record); 2] =
        [|record| record.term = Term::LIMIT, |record| record.lease = Duration::from_secs(601)];
    for spoil in malformed {
        let mut record = held().stored().cloned().unwrap();
        spoil(&mut record);
        let mut register = Register::default();
        register.restore(Some(record));
        let reply = execute(&mut register, &renew(4));
        assert!(reply.missing && !reply.granted);
        assert!(register.stored().unwrap().is_placeholder());
    }
}

#[test]
fn a_term_at_the_limit_is_malformed_whatever_the_servers_time_is() {
    let mut register = held();
    register.restore(Some(Record { term: Term::LIMIT, ..held().stored().cloned().unwrap() }));
    let late = Server { time_us: Term::LIMIT.0, ..server("s") };
    assert!(register.execute(&peek(), &late).0.missing);
}

#[test]
fn a_renewal_moves_the_beat_and_the_stamp_alone() {
    let mut register = held();
    let before = register.stored().cloned().unwrap();
    assert!(execute(&mut register, &renew(4)).granted);
    let expected = Record { beat: 4, stamp: Stamp::new(99), ..before };
    assert_eq!(register.stored(), Some(&expected));
}

#[test]
fn a_renewal_of_another_holder_or_term_or_of_no_higher_beat_is_refused() {
    let foreign = |name: &str, term, beat| Command::Renew {
        holder: holder(name),
        term: Term(term),
        beat,
        stamp: Stamp::new(99),
        lease: LEASE,
        over: None,
    };
    for command in
        [foreign("b", 1000, 4), foreign("a", 999, 4), foreign("a", 1001, 4), renew(3), renew(2)]
    {
        let mut register = held();
        let reply = execute(&mut register, &command);
        assert!(!reply.granted);
        assert_eq!(register.stored(), held().stored());
        assert_eq!(Some(&reply.shown.record), held().stored());
    }
}

#[test]
fn an_assert_replaces_exactly_what_it_names() {
    let mut register = held();
    assert!(execute(&mut register, &assert_over("b", 1000, "s", 7)).granted);
    let stored = register.stored().unwrap();
    assert_eq!(stored.holder, Some(holder("b")));
    assert_eq!((stored.term, stored.beat, &stored.stamp), (Term(2000), 1, &Stamp::new(99)));
    assert_eq!((&*stored.server, stored.lease), ("s", LEASE));

    for command in [
        assert_over("b", 999, "s", 7),
        assert_over("b", 1000, "s", 8),
        assert_over("b", 1000, "another", 7),
    ] {
        let mut register = held();
        assert!(!execute(&mut register, &command).granted);
        assert_eq!(register.stored(), held().stored());
    }
}

#[test]
fn an_assert_over_a_vacancy_ends_the_wait_for_its_heir() {
    let mut register = held();
    assert!(execute(&mut register, &release("a", 1000)).granted);
    assert!(execute(&mut register, &assert_over("b", 1000, "s", 99)).granted);
    assert_eq!(register.stored().unwrap().heir, None);
}

#[test]
fn an_assert_over_ones_own_record_writes_the_new_server_and_lease() {
    let mut register = held();
    let over = Shown { identity: Identity::server("new"), term: Term(1000), stamp: Stamp::new(7) };
    let Command::Renew { holder, term, beat, stamp, lease, .. } = renew(4) else { unreachable!() };
    let command = Command::Renew { holder, term, beat, stamp, lease, over: Some(over) };
    assert!(register.execute(&command, &server("new")).0.granted);
    let stored = register.stored().unwrap();
    assert_eq!((stored.beat, &*stored.server, stored.lease), (4, "new", LEASE));
}

#[test]
fn an_assert_whose_picture_is_outdated_still_counts_as_a_renewal_of_ones_own_record() {
    let mut register = held();
    let over = Shown { identity: Identity::server("s"), term: Term(0), stamp: Stamp::new(8) };
    let Command::Renew { holder, term, stamp, lease, .. } = renew(4) else { unreachable!() };
    let command = |beat| Command::Renew {
        holder: holder.clone(),
        term,
        beat,
        stamp: stamp.clone(),
        lease,
        over: Some(over.clone()),
    };
    assert!(!execute(&mut register, &command(3)).granted, "a doubled one");
    assert!(execute(&mut register, &command(4)).granted);
}

#[test]
fn a_take_compares_identity_holder_term_and_stamp() {
    let reply = execute(&mut held(), &take(seen(Some("a"))));
    assert!(reply.granted);
    let spoilt = [
        Seen { identity: Identity::server("another"), ..seen(Some("a")) },
        seen(Some("c")),
        seen(None),
        Seen { term: Term(999), ..seen(Some("a")) },
        Seen { stamp: Stamp::new(8), ..seen(Some("a")) },
        Seen { watched: false, ..seen(Some("a")) },
    ];
    for seen in spoilt {
        let mut register = held();
        let reply = execute(&mut register, &take(seen));
        assert!(!reply.granted);
        assert_eq!(register.stored(), held().stored());
        assert_eq!(reply.shown.identity, Identity::server("s"));
    }
}

#[test]
fn a_take_begins_a_term_of_its_own() {
    let mut register = held();
    execute(&mut register, &take(seen(Some("a"))));
    let expected = Record {
        holder: Some(holder("b")),
        term: Term(1001),
        beat: 0,
        stamp: Stamp::new(99),
        server: "s".into(),
        lease: LEASE,
        heir: None,
        presence: None,
    };
    assert_eq!(register.stored(), Some(&expected));
}

#[test]
fn a_term_is_above_the_stored_one_the_floor_and_the_servers_time() {
    let term = |floor, time_us| {
        let server = Server { time_us, ..server("s") };
        held().execute(&take_above(seen(Some("a")), floor), &server).0.shown.record.term
    };
    assert_eq!(term(0, 0), Term(1001));
    assert_eq!(term(5000, 0), Term(5001));
    assert_eq!(term(0, 6000), Term(6000));
    assert_eq!(term(5000, 6000), Term(6000));
    assert!(term(0, u64::MAX) < Term::LIMIT);
}

#[test]
fn a_vacancy_is_taken_unwatched_only_where_its_term_was_granted() {
    let unwatched = |identity: &str| Seen {
        identity: Identity::server(identity),
        watched: false,
        ..seen(None)
    };
    assert!(vacant().execute(&take(unwatched("s")), &server("s")).0.granted);
    assert!(!vacant().execute(&take(unwatched("new")), &server("new")).0.granted);
    let watched = Seen { watched: true, ..unwatched("new") };
    assert!(vacant().execute(&take(watched), &server("new")).0.granted);

    let nameless = Server::new(Identity::Connection(1), 0);
    let seen = Seen { identity: Identity::Connection(1), watched: false, ..seen(None) };
    assert!(!vacant().execute(&take(seen), &nameless).0.granted);
}

#[test]
fn a_release_leaves_the_term_a_new_stamp_and_the_heir() {
    let mut register = held();
    let before = register.stored().cloned().unwrap();
    assert!(execute(&mut register, &release("a", 1000)).granted);
    let heir = Some(InstanceId::new("c"));
    let expected = Record { holder: None, stamp: Stamp::new(99), heir, ..before };
    assert_eq!(register.stored(), Some(&expected));
    assert!(!execute(&mut register, &release("a", 1000)).granted, "a doubled one");
}

#[test]
fn a_release_under_another_identity_is_refused() {
    for named in ["s", ""] {
        let mut register = held();
        let record = Record { server: named.into(), ..register.stored().unwrap().clone() };
        register.restore(Some(record.clone()));
        let (reply, announcement) = register.execute(&release("a", 1000), &server("another"));
        assert_eq!((reply.granted, &reply.shown.record, announcement), (false, &record, None));
    }
}

#[test]
fn where_servers_tell_no_identity_a_release_is_granted() {
    let mut register = held();
    let record = Record { server: "".into(), ..register.stored().unwrap().clone() };
    register.restore(Some(record));
    let nameless = Server::new(Identity::Connection(1), 0);
    assert!(register.execute(&release("a", 1000), &nameless).0.granted);
}

#[test]
fn a_release_of_another_holder_or_term_is_refused() {
    for command in [release("b", 1000), release("a", 999), release("a", 1001)] {
        let mut register = held();
        assert!(!execute(&mut register, &command).granted);
        assert_eq!(register.stored(), held().stored());
    }
}

#[test]
fn what_is_granted_is_announced_and_nothing_else() {
    let announced = |mut register: Register, command| register.execute(&command, &server("s")).1;
    let heartbeat = |name, term, beat| {
        Some(Announcement::Heartbeat {
            holder: holder(name),
            term: Term(term),
            beat,
            stamp: Stamp::new(99),
        })
    };
    assert_eq!(announced(held(), renew(4)), heartbeat("a", 1000, 4));
    assert_eq!(announced(held(), take(seen(Some("a")))), heartbeat("b", 1001, 0));
    let heir = Some(InstanceId::new("c"));
    let vacancy = Announcement::Vacancy { term: Term(1000), stamp: Stamp::new(99), heir };
    assert_eq!(announced(held(), release("a", 1000)), Some(vacancy));
    for refused in [peek(), renew(3), take(seen(None)), release("b", 1000)] {
        assert_eq!(announced(held(), refused), None);
    }
    assert_eq!(announced(Register::default(), peek()), None);
}

#[test]
fn the_fence_is_open_to_the_holder_of_that_very_term_where_it_was_confirmed() {
    let cases = [
        ("a", 1000, "s", Fence::Open),
        ("a", 1000, "t", Fence::Unconfirmed),
        ("a", 999, "s", Fence::Shut),
        ("b", 1000, "s", Fence::Shut),
    ];
    for (name, term, identity, expected) in cases {
        let stamp = Stamp::new(99);
        let found = held().fence(&holder(name), Term(term), stamp, &server(identity));
        assert_eq!(found, expected, "{name} in term {term} at {identity}");
    }
}

#[test]
fn the_checkpoint_is_shown_to_whoever_takes_and_to_nobody_else() {
    let mut register = vacant();
    register.set_checkpoint(Checkpoint { term: Term(1000), value: "7".into() });
    let left = register.checkpoint().cloned();
    assert!(left.is_some());
    assert_eq!(execute(&mut register, &peek()).checkpoint, None);
    let taken = execute(&mut register, &take(seen(None)));
    assert!(taken.granted);
    assert_eq!(taken.checkpoint, left);
    assert_eq!(execute(&mut register, &take(seen(None))).checkpoint, None, "it was refused");

    let mut register = held();
    register.set_checkpoint(left.unwrap());
    let renewed = execute(&mut register, &renew(4));
    assert!(renewed.granted);
    assert_eq!(renewed.checkpoint, None);
}
