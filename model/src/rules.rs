//! The rules of the election, each a switch.

/// One rule, or the part of one, that some trace needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A missing register is not an observation: a placeholder is written, and watched.
    Placeholder,
    /// The placeholder's stamp never repeats, not even for a doubled command.
    PlaceholderStamp,
    /// An answer "was missing" is no sight.
    MissingIsNoSight,
    /// A renewal never creates a register that is missing.
    RenewalCreatesNothing,
    /// A take compares the holder, so that only a true vacancy is taken at once.
    CompareHolder,
    /// A take compares the stamp.
    CompareStamp,
    /// A renewal bears a stamp of its own, also when it repeats one that was not answered.
    FreshStamp,
    /// A renewal needs a higher beat than the stored one.
    HigherBeat,
    /// A node's own record is released, never taken at once.
    OwnRecord,
    /// A take and an assert name the identity of what was seen.
    CompareIdentity,
    /// What is read under another identity is a new sight.
    SightIdentity,
    /// The identity names one history of the data, not one process.
    HistoryIdentity,
    /// One command at a time: a take waits for the answer to the one before it.
    OneTake,
    /// One command at a time: a release waits for the answer to the renewal before it.
    ReleaseWaits,
    /// An answer that comes after its command was given up is dropped.
    DropLateAnswers,
    /// A vacancy is taken at once only under the identity under which it was granted.
    VacancyIdentity,
    /// A watcher waits for the longest lease that it has read.
    LongestLease,
    /// Scripts refuse to run but on a master.
    OnlyMaster,
    /// Who sees the expiry latches it.
    Latch,
    /// A stored term far ahead of the server's time is malformed.
    TermBound,
    /// A granted term is at least the server's time.
    TermTime,
    /// A granted term is above all that its taker has read.
    TermFloor,
    /// A leader asserts itself over a placeholder or a lower term.
    Assert,
    /// An assert over one's own record writes the present server into it.
    AssertOwnRecord,
    /// A take whose answer was lost is never adopted.
    NoAdoption,
    /// A run does not take an earlier run's token for its own.
    OwnRunOnly,
    /// Nothing that is granted after `stop()` makes a leader.
    StopCloses,
    /// A grant names the term that the record bears.
    GrantTerm,
    /// A reign ends before its release is sent, and no answer extends it afterwards.
    EndBeforeRelease,
    /// A void grant is released, and its node stands back (modelled in `slow_link`).
    StandBack,
    /// Whoever is not leader never renews (modelled in `slow_link`).
    OnlyLeadersRenew,
}

/// Which rules are switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Off(u64);

impl Off {
    pub const NONE: Off = Off(0);

    pub fn of(rules: &[Rule]) -> Self {
        Self(rules.iter().fold(0, |bits, rule| bits | 1 << *rule as u64))
    }

    pub fn holds(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u64) == 0
    }
}
