//! Between two new leaders: whoever may come to lead publishes checks in the name of the last one, so that the old ones do not elect.

use std::time::Duration;

use super::{
    Ballot, CHECK_INTERVAL, InstanceId, Instant, LEAST_INTERVAL, NewCheck, Roll, Rule, Term, above,
};

/// After so long without a check of a new leader others stand in for it; each waits for up to `MAX_STAGGER` more.
const STAND_IN_AFTER: Duration = Duration::from_millis(300);
const MAX_STAGGER: u64 = 100;
/// The same where none was heard since we listen, and an old instance may lead by now: long enough to hear it, since it checks every 400 ms.
const STAND_IN_BLINDLY_AFTER: Duration = Duration::from_millis(600);

/// For how much longer than others an instance waits, by a number drawn for it.
pub(super) fn stagger(drawn: u64) -> Duration {
    Duration::from_millis(drawn % (MAX_STAGGER + 1))
}

impl Rule {
    /// A check in place of another was in too low a term: the old ones have been told of higher ones since we came.
    pub(super) fn note_height(&mut self, now: Instant, vote: &Ballot) {
        if let (Some(last), Some(stood_in_at)) = (&mut self.last_new, self.stood_in_at)
            && vote.to.as_ref() == Some(&last.leader)
            && vote.term > last.term
            && !vote.is_granted
        {
            last.term = vote.term;
            self.is_overheard = true;
            self.no_stand_in_before = now.max(stood_in_at + LEAST_INTERVAL);
        }
    }

    /// In whose name a check is due, in which term, and whether the old ones are known to have followed until now. Who did not hear that
    /// itself keeps them from electing, and proves nothing.
    pub(super) fn stand_in(
        &mut self,
        now: Instant,
        roll: &Roll,
    ) -> Option<(InstanceId, Term, bool)> {
        if self.stand_in_at().is_none_or(|at| now < at) {
            return None;
        }
        self.is_overheard = false;
        self.stood_in_at = Some(now);
        let listening_since = self.listening_since?;
        let last = match &self.last_new {
            Some(last) => last,
            None => {
                let (leader, term, since) = self.registered.clone()?;
                let (at, by_leader_at) = (since, since);
                let (term, leads, is_kept_up) = (Term::new(term), false, true);
                let check = NewCheck { leader, term, at, leads, is_kept_up, by_leader_at };
                self.last_new.insert(check)
            }
        };
        let until = last.by_leader_at + self.wait;
        self.no_stand_in_before = until.min(now + CHECK_INTERVAL);
        if now >= until {
            return None;
        }
        let passed = now.since(last.at).as_micros() as u64;
        let term = above(last.term.plus(passed), roll.highest_term());
        let leads = last.leads && listening_since <= last.at;
        Some((last.leader.clone(), term, leads))
    }

    /// When to publish a check in place of a leader that has fallen silent.
    pub(super) fn stand_in_at(&self) -> Option<Instant> {
        let listening_since = self.listening_since?;
        let (heard_at, led_at) = match (&self.last_new, &self.registered) {
            (Some(check), _) if check.is_kept_up => (check.at, check.by_leader_at),
            (None, Some((.., since))) => (*since, *since),
            _ => return None,
        };
        let is_blind = self.last_new.is_none() || listening_since > heard_at;
        let after = if is_blind { STAND_IN_BLINDLY_AFTER } else { STAND_IN_AFTER };
        let from = heard_at.max(listening_since);
        let is_ours_to_do = self.reign.is_none()
            && self.seeks_since.is_some()
            && self.old_led_at.is_none_or(|at| at < from);
        let at = match self.is_overheard {
            true => self.no_stand_in_before,
            false => (from + after + self.stagger).max(self.no_stand_in_before),
        };
        (is_ours_to_do && at < led_at + self.wait).then_some(at)
    }
}
