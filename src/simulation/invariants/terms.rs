use super::{Fact, Glimpse, Invariant, Touched, Verdict, name};
use crate::election::Term;
use crate::simulation::clock::Nanos;

/// Every grant has a higher term than all before it, and whoever leads has the highest term of all who led. The exception is the
/// documented one: data were lost, the server's clock runs behind the lost term, and the taker never read it.
#[derive(Default)]
pub struct TermsRise {
    granted: Term,
    led: Term,
    /// The last grant that was excused, and with it the reign that may follow.
    excused: Option<Term>,
}

impl Invariant for TermsRise {
    fn name(&self) -> &'static str {
        "terms rise"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        let Fact::Taken { node, term, is_excused } = *fact else { return Ok(()) };
        if is_excused {
            self.excused = Some(term);
        } else if term <= self.granted {
            let highest = self.granted;
            return Err(format!("{} is granted term {term} after term {highest}", name(node)));
        }
        self.granted = self.granted.max(term);
        Ok(())
    }

    fn check(&mut self, now: Nanos, nodes: &[Glimpse], ran: Touched) -> Verdict {
        for node in ran.iter() {
            let Glimpse { term, leads_until, .. } = nodes[node];
            if now >= leads_until {
                continue;
            }
            if term < self.led && self.excused != Some(term) {
                let highest = self.led;
                return Err(format!("{} leads in term {term} after term {highest}", name(node)));
            }
            self.led = self.led.max(term);
        }
        Ok(())
    }
}
