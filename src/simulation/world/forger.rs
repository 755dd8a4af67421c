//! Somebody who may publish, and knows all that was ever announced.

use super::{Happening, World};
use crate::election::{Announcement, Holder, InstanceId, Record, Stamp, Term};
use crate::simulation::clock::Nanos;

impl World {
    pub(super) fn forge(&mut self, until: Nanos, every: Nanos) {
        if self.now >= until {
            return;
        }
        if let Some(forged) = self.forgery() {
            self.story.tell(self.now, "forger", || format!("publishes {forged:?}"));
            for node in 0..self.nodes.len() {
                self.carry(node, &forged);
            }
        }
        self.agenda.plan(self.now + every, Happening::Forge { until, every });
    }

    fn forgery(&mut self) -> Option<Announcement> {
        let Record { holder, term, stamp, .. } = self.server.stored()?.clone();
        let random = &mut self.random;
        let drawn = Stamp::new(random.bits());
        let nobody = Holder::new(&InstanceId::new("nobody"), random.bits());
        let any_term = Term(random.bits() >> random.below(64));
        let heir = random.one_in(2).then(|| InstanceId::new("1.1"));
        Some(match random.below(7) {
            0 => Announcement::Heartbeat {
                holder: holder?,
                term,
                beat: random.bits() >> 8,
                stamp: drawn,
            },
            1 => Announcement::Heartbeat { holder: holder?, term, beat: random.below(64), stamp },
            2 => Announcement::Heartbeat { holder: nobody, term: any_term, beat: 0, stamp: drawn },
            3 => Announcement::Vacancy { term, stamp, heir },
            4 => Announcement::Vacancy { term, stamp: drawn, heir },
            5 => Announcement::Vacancy { term: any_term, stamp: drawn, heir },
            _ => self.announced.get(random.index(self.announced.len().max(1)))?.clone(),
        })
    }
}
