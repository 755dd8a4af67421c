//! Faults of our own, planted to see that the invariants catch them: in the server's scripts, in what surrounds the core, and in
//! the assumptions. Those inside the core have to be planted there.

use std::fmt;

use crate::election::register::Server as Present;
use crate::election::{
    Announcement, Command, Identity, Record, Register, Reply, Seen, Stamp, Term,
};

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Bug {
            pub const ALL: &[Bug] = &[$(Bug::$variant,)+];

            pub fn name(self) -> &'static str {
                match self { $(Bug::$variant => $name,)+ }
            }

            /// What is wrong, in one sentence.
            pub fn about(self) -> &'static str {
                match self { $(Bug::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

bugs! {
    /// A take passes over another stamp than the one seen.
    SkipStamp = "skip-stamp",
    /// A take of a vacancy passes although somebody holds the register.
    SkipHolder = "skip-holder",
    /// A take passes under another identity than the one seen.
    SkipIdentity = "skip-identity",
    /// A renewal passes with any beat.
    SkipBeat = "skip-beat",
    /// A renewal passes with any term.
    SkipTerm = "skip-term",
    /// An assertion over one's own record renews it, and does not put the server's name into it.
    AssertKeepsServer = "assert-keeps-server",
    /// A release passes whoever holds the register.
    ReleaseAnyones = "release-anyones",
    /// A release leaves the stamp as it was.
    ReleaseKeepsStamp = "release-keeps-stamp",
    /// A renewal that finds no register writes one.
    RenewMissing = "renew-missing",
    /// A take that finds no register writes one.
    TakeMissing = "take-missing",
    /// A placeholder's stamp is always the same.
    PlaceholderRepeats = "placeholder-repeats",
    /// Every vacancy is told as one that this very server granted.
    StaleVacancy = "stale-vacancy",
    /// Terms count up from what is stored, whatever the taker's floor is.
    NoFloor = "no-floor",
    /// Terms count up from what is stored, whatever the server's time is.
    NoServerTime = "no-server-time",
    /// The register does not name its holder's lease.
    NoLease = "no-lease",
    /// Scripts write on a replica.
    WritableReplica = "writable-replica",
    /// A holder whose connection stands counts as gone.
    SkipPresence = "skip-presence",

    /// The clock is read when the answer comes, and the grant is dated from that.
    DatedFromAnswer = "dated-from-answer",
    /// A sight is dated from the sending of the command that showed it.
    SightFromSending = "sight-from-sending",
    /// An answer is given to whichever command waits.
    AnswerToWhoeverWaits = "answer-to-whoever-waits",
    /// The service is told what the core last was, whatever the clock says.
    CachedTruth = "cached-truth",
    /// After one error no timer is set any more.
    TimersUnarmed = "timers-unarmed",
    /// Nothing is subscribed after a reconnect, and nobody is told that the subscription is gone.
    NoResubscription = "no-resubscription",
    /// Announcements do not reach the core.
    Unheard = "unheard",
    /// The core is not told that the connection on which a leadership depends has ended.
    EndUnheard = "end-unheard",
    /// Whoever asks for the leadership does not ask the kernel for that connection.
    KernelUnasked = "kernel-unasked",
    /// A failed command is not told to the core.
    FailureUntold = "failure-untold",
    /// The events of a run are told twice.
    ToldTwice = "told-twice",
    /// A loss is not told.
    LossUntold = "loss-untold",
    /// The end of a stop is not told.
    StopUntold = "stop-untold",
    /// Work that is waited for no longer is told to the core as work that has settled.
    OverrunDrains = "overrun-drains",
    /// The core is not told who has a higher priority.
    RivalsUntold = "rivals-untold",
    /// The core is told of more instances than there are.
    FleetOvercounted = "fleet-overcounted",
    /// Stamps count up from the same number in every process.
    StampsRepeat = "stamps-repeat",

    /// A clock stands still while the machine sleeps.
    ClockSleeps = "clock-sleeps",
    /// Clocks' rates differ by more than the promise bears.
    ClocksApart = "clocks-apart",
}

impl Bug {
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The register with `bug` in its scripts. A compare is skipped by making the command expect what is stored.
pub(super) fn execute_wrongly(
    bug: Bug,
    register: &mut Register,
    command: &Command,
    mut present: Present,
) -> (Reply, Option<Announcement>) {
    let mut command = command.clone();
    let stored = register.stored().filter(|record| record.term < Term::LIMIT).cloned();
    match (&mut command, &stored) {
        (Command::Take { seen, lease, floor, .. }, Some(stored)) => match bug {
            Bug::SkipStamp => seen.stamp = stored.stamp.clone(),
            Bug::SkipHolder if seen.holder.is_none() => {
                seen.holder = stored.holder.clone();
                seen.watched = true;
            }
            Bug::SkipIdentity => seen.identity = present.identity.clone(),
            Bug::StaleVacancy => seen.watched |= stored.holder.is_none(),
            Bug::NoFloor => *floor = Term::ZERO,
            Bug::NoServerTime => present.time_us = 0,
            Bug::NoLease => *lease = std::time::Duration::ZERO,
            Bug::SkipPresence => {
                present.present.retain(|one| Some(one) != stored.presence.as_ref())
            }
            _ => {}
        },
        (Command::Renew { holder, beat, term, over, .. }, Some(stored)) => match bug {
            Bug::AssertKeepsServer if stored.holder.as_ref() == Some(holder) => *over = None,
            Bug::SkipBeat => *beat = (*beat).max(stored.beat + 1),
            Bug::SkipTerm => *term = stored.term,
            _ => {}
        },
        (Command::Release { holder, term, .. }, Some(stored)) if bug == Bug::ReleaseAnyones => {
            *term = stored.term;
            if let Some(stored) = &stored.holder {
                *holder = stored.clone();
            }
        }
        (Command::Release { stamp, .. }, Some(stored)) if bug == Bug::ReleaseKeepsStamp => {
            *stamp = stored.stamp.clone();
        }
        (Command::Renew { holder, term, beat, lease, .. }, None) if bug == Bug::RenewMissing => {
            let found = Record { beat: *beat - 1, lease: *lease, ..placeholder(&present, "lost") };
            register.restore(Some(Record { holder: Some(holder.clone()), term: *term, ..found }));
        }
        (Command::Take { seen, .. }, None) if bug == Bug::TakeMissing => {
            register.restore(Some(placeholder(&present, "lost")));
            *seen = Seen {
                identity: present.identity.clone(),
                holder: None,
                term: Term::ZERO,
                stamp: Stamp::parse("lost"),
                watched: true,
                gone: false,
            };
        }
        (_, None) if bug == Bug::PlaceholderRepeats => {
            register.restore(Some(placeholder(&present, "placeholder")));
        }
        _ => {}
    }
    let (mut reply, announcement) = register.execute(&command, &present);
    let record = &mut reply.shown.record;
    if bug == Bug::StaleVacancy && record.holder.is_none() && record.term > Term::ZERO {
        record.server = name_of(&present);
    }
    (reply, announcement)
}

fn placeholder(present: &Present, stamp: &str) -> Record {
    Record { server: name_of(present), ..Record::placeholder(Stamp::parse(stamp)) }
}

fn name_of(present: &Present) -> std::sync::Arc<str> {
    match &present.identity {
        Identity::Server(name) => name.clone(),
        Identity::Connection(_) => "".into(),
    }
}
