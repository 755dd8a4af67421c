//! A reign of this instance: from the grant of the register, over the time in which the old ones are made to follow, to its end.

use std::time::Duration;

use super::{InstanceId, Instant, PATIENCE_AT_LEAST, PATIENCE_AT_MOST, Roll, Rule, Term};

/// A term that is so far ahead of ours was not made by counting, nor by a clock.
const ABSURD_LEAD: u64 = 1 << 40;
/// Without a check for so long, nobody leads the old ones: their leader publishes one every 400 ms.
const OLD_LEADER_SILENT_AFTER: Duration = Duration::from_millis(500);
/// For no longer than that the first check is held back.
const HELD_AT_MOST: Duration = PATIENCE_AT_MOST;

pub(super) struct Reign {
    /// The register's.
    pub term: u64,
    pub since: Instant,
    /// What the checks' terms are counted from.
    pub base: Term,
    pub check_at: Instant,
    pub spoken: Option<(Instant, Term)>,
    /// Of the first check, and when that had gone out.
    pub first_term: Option<Term>,
    pub first_out_at: Option<Instant>,
    /// Whether the first check may still have to wait.
    is_held_back: bool,
    /// Whether the old ones followed a new leader all along.
    is_undisputed: bool,
    pub awaits_admission: bool,
    /// It says in its checks that it leads, and that one such check went out.
    pub leads: bool,
    pub has_said_so: bool,
    has_named_unheard: bool,
}

impl Rule {
    pub(super) fn begin(&self, now: Instant, term: u64) -> Reign {
        let own = Term::new(term);
        let heard = self.last_new.as_ref().map_or(Term::ZERO, |check| check.term.plus(1));
        let base = if heard < own.plus(ABSURD_LEAD) { own.max(heard) } else { own };
        let is_undisputed = self.follow_a_new_leader(now);
        Reign {
            term,
            since: now,
            base,
            check_at: now,
            spoken: None,
            first_term: None,
            first_out_at: None,
            is_held_back: !is_undisputed,
            is_undisputed,
            awaits_admission: false,
            leads: false,
            has_said_so: false,
            has_named_unheard: false,
        }
    }

    /// Whether the old ones have followed a new leader without a break: none led, and none had waited for long enough to stand for election.
    fn follow_a_new_leader(&self, now: Instant) -> bool {
        let (Some(check), Some(since)) = (&self.last_new, self.listening_since) else {
            return false;
        };
        check.leads
            && since <= check.at
            && now < check.at + PATIENCE_AT_LEAST
            && self.old_led_at.is_none_or(|at| at < check.at)
    }

    // ---- The first check --------------------------------------------------------------------------------------------

    /// Puts the first check off while it would depose an old leader for nothing: as long as it is not known who is to follow, this instance
    /// could not lead in its place.
    pub(super) fn hold_back(&mut self, now: Instant, roll: &Roll) {
        let until = self.held_back_until(now, roll);
        let Some(reign) = self.reign.as_mut().filter(|reign| reign.is_held_back) else { return };
        reign.is_held_back = until.is_some();
        reign.check_at = until.unwrap_or(now);
    }

    fn held_back_until(&self, now: Instant, roll: &Roll) -> Option<Instant> {
        let reign = self.reign.as_ref().filter(|reign| reign.awaits_admission)?;
        if roll.has_seen_all() && !roll.is_in_doubt(now) {
            return None;
        }
        let led_at = self.listening_since?.max(self.old_led_at.unwrap_or_default());
        let until = (led_at + OLD_LEADER_SILENT_AFTER).min(reign.since + HELD_AT_MOST);
        (now < until).then_some(until)
    }

    /// An old instance stands for election, so none leads.
    pub(super) fn release_check(&mut self) {
        if let Some(reign) = &mut self.reign {
            reign.is_held_back = false;
        }
    }

    /// Whether an old leader is left alone for a moment.
    pub fn holds_back(&self) -> bool {
        self.reign.as_ref().is_some_and(|reign| reign.is_held_back)
    }

    // ---- Admission --------------------------------------------------------------------------------------------------

    /// Whether this instance may say to its process that it leads. It says so to the others first: whoever comes after it is to know that
    /// the old ones followed.
    pub fn may_lead(&mut self, now: Instant, roll: &Roll) -> bool {
        let is_obeyed = self.is_obeyed(now, roll);
        let Some(reign) = &mut self.reign else { return false };
        if is_obeyed && !reign.leads {
            reign.leads = true;
            reign.check_at = now;
        }
        reign.has_said_so
    }

    fn is_obeyed(&self, now: Instant, roll: &Roll) -> bool {
        let Some(reign) = &self.reign else { return false };
        let (Some(term), Some(out_at)) = (reign.first_term, reign.first_out_at) else {
            return reign.is_undisputed;
        };
        let all_follow = || roll.has_seen_all() && roll.not_following(term).next().is_none();
        reign.is_undisputed || now >= out_at + PATIENCE_AT_MOST || all_follow()
    }

    /// Who has not said that it follows; told once in a reign.
    pub fn take_unheard(&mut self, roll: &Roll) -> Vec<InstanceId> {
        let Some(reign) = self.reign.as_mut().filter(|reign| !reign.is_undisputed) else {
            return Vec::new();
        };
        match (reign.first_term, std::mem::replace(&mut reign.has_named_unheard, true)) {
            (Some(term), false) => roll.not_following(term).cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether to leave the register to others: the old ones cannot be told of this instance, and nobody leads meanwhile.
    pub fn gives_up(&self, now: Instant) -> bool {
        self.gives_up_at().is_some_and(|at| now >= at)
    }

    fn gives_up_at(&self) -> Option<Instant> {
        let reign = self.reign.as_ref().filter(|reign| reign.awaits_admission)?;
        let heeded_at = reign.first_out_at.map(|out_at| out_at + PATIENCE_AT_MOST);
        (!reign.has_said_so).then(|| heeded_at.unwrap_or(reign.since) + self.wait)
    }

    /// When waiting comes to an end.
    pub(super) fn admission_timeout(&self) -> Option<Instant> {
        let reign = self.reign.as_ref().filter(|reign| reign.awaits_admission)?;
        let patience = reign.first_out_at.filter(|_| !reign.leads);
        let patience = patience.map(|out_at| out_at + PATIENCE_AT_MOST);
        [patience, self.gives_up_at()].into_iter().flatten().min()
    }
}
