use std::collections::BTreeMap;

use super::{Fact, Invariant, Verdict, name};
use crate::election::{Event, Term};
use crate::simulation::clock::Nanos;

/// A term is granted to one holder, and whoever is elected is elected once, in a term that was granted to it.
#[derive(Default)]
pub struct OneHolder {
    granted: BTreeMap<Term, Grant>,
}

struct Grant {
    node: usize,
    is_elected: bool,
}

impl Invariant for OneHolder {
    fn name(&self) -> &'static str {
        "a term has one holder"
    }

    fn heed(&mut self, _now: Nanos, fact: &Fact) -> Verdict {
        match *fact {
            Fact::Taken { node, term, is_excused } => {
                let former = self.granted.insert(term, Grant { node, is_elected: false });
                match former {
                    Some(former) if !is_excused => Err(format!(
                        "term {term} is granted to {}, and was granted to {}",
                        name(node),
                        name(former.node)
                    )),
                    _ => Ok(()),
                }
            }
            Fact::Told { node, event: Event::Elected { term, .. } } => {
                match self.granted.get_mut(term) {
                    Some(grant) if grant.node == node && !grant.is_elected => {
                        grant.is_elected = true;
                        Ok(())
                    }
                    _ => Err(format!(
                        "{} is elected in term {term}, which was not granted to it, or before",
                        name(node)
                    )),
                }
            }
            _ => Ok(()),
        }
    }
}
