//! Who comes first where the register is free to be taken: an heir that the last holder named, then the highest priority.
//!
//! Whoever is not the first waits, a renewal interval for each that comes before it. That only ever delays, and by a bounded time, so no
//! rule of the election depends on it. It is bounded over several tries too: were one to come first again and again and never stay,
//! because its way to the server is too long, nobody else would ever lead.

use std::cmp::{max, min};
use std::time::Duration;

use super::{InstanceId, Instant};
use crate::election::candidacy::Priority;

#[derive(Debug, Default)]
pub struct Precedence {
    /// Living eligible instances of a higher priority than our own.
    rivals: Vec<(InstanceId, Priority)>,
    /// Who held the register last, and fell. It is not waited for.
    fallen: Option<InstanceId>,
    /// Somebody else's turn, as the heir.
    heir_until: Option<Instant>,
    /// When a leader was last seen to stay, by a renewal.
    renewed_at: Instant,
    /// Since when this instance seeks the leadership.
    seeks_since: Instant,
}

impl Precedence {
    /// So many others are waited for at most.
    const MOST: u32 = 5;

    pub fn reset(&mut self, now: Instant) {
        let rivals = std::mem::take(&mut self.rivals);
        *self = Self { rivals, renewed_at: now, seeks_since: now, ..Self::default() };
    }

    pub fn set_rivals(&mut self, rivals: Vec<(InstanceId, Priority)>) {
        self.rivals = rivals;
    }

    pub fn begin_to_seek(&mut self, now: Instant) {
        self.seeks_since = now;
    }

    pub fn note_holder(&mut self, holder: InstanceId) {
        self.fallen = Some(holder);
    }

    pub fn note_renewal(&mut self, now: Instant) {
        self.renewed_at = now;
    }

    /// A vacancy that is meant for another was seen for the first time.
    pub fn defer_to_heir(&mut self, until: Instant) {
        self.heir_until = Some(until);
    }

    /// Whoever stood back so that another comes first has done so.
    pub fn note_leader(&mut self) {
        self.heir_until = None;
    }

    /// When to take what may be taken from `free_at` on, by the lease `patience`. `step` is the wait for each that comes before.
    pub fn earliest(&self, free_at: Instant, patience: Duration, step: Duration) -> Instant {
        let wait = step * self.predecessors();
        let free_at = max(free_at, self.seeks_since);
        let begun = max(free_at, self.heir_until.unwrap_or_default());
        // Counted from the last leader that stayed; those since, that did not, are waited for together.
        let at_most = max(self.renewed_at + patience, self.seeks_since) + step + wait;
        min(begun + wait, max(begun, at_most))
    }

    /// How many priorities stand above our own.
    pub fn predecessors(&self) -> u32 {
        let waited_for = |id: &InstanceId| self.fallen.as_ref() != Some(id);
        let mut priorities: Vec<Priority> = self
            .rivals
            .iter()
            .filter(|(id, _)| waited_for(id))
            .map(|(_, priority)| *priority)
            .collect();
        priorities.sort_unstable();
        priorities.dedup();
        min(u32::try_from(priorities.len()).unwrap_or(u32::MAX), Self::MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(800);
    const STEP: Duration = Duration::from_millis(160);

    fn after_a_vacancy_left_to_an_heir() -> Precedence {
        let mut precedence = Precedence::default();
        precedence.set_rivals(vec![(InstanceId::new("b"), 2)]);
        precedence.note_holder(InstanceId::new("b"));
        precedence.defer_to_heir(Instant::from_millis(9000));
        precedence
    }

    #[test]
    fn a_new_run_knows_who_lives_and_nothing_of_the_last_vacancy() {
        let mut precedence = after_a_vacancy_left_to_an_heir();
        assert_eq!(precedence.predecessors(), 0, "the other held the register last");
        precedence.reset(Instant::from_millis(1000));
        assert_eq!(precedence.predecessors(), 1);
        for (free_at, taken_at) in [(0, 1160), (1700, 1860)] {
            let at = precedence.earliest(Instant::from_millis(free_at), PATIENCE, STEP);
            assert_eq!(at, Instant::from_millis(taken_at), "free at {free_at}");
        }
    }

    #[test]
    fn an_heir_is_waited_for_until_somebody_leads() {
        let mut precedence = after_a_vacancy_left_to_an_heir();
        let free_at = Instant::from_millis(100);
        assert_eq!(precedence.earliest(free_at, PATIENCE, STEP), Instant::from_millis(9000));
        precedence.note_leader();
        assert_eq!(precedence.earliest(free_at, PATIENCE, STEP), free_at);
    }
}
