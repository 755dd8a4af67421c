//! The livelock, in ticks. Order alone cannot show it: it is about a stamp that never rests for L.
//!
//! L is 5 ticks, D is 4. The slow node's commands take 1 to 3 ticks to the register and 4 there and back, so each grant comes
//! too late. The healthy node hears of every change within a tick. Whatever the slow node does, the healthy one must lead
//! within [`BOUND`] ticks.

use std::time::Instant;

use stateright::{Checker, Model, Path, Property};

use crate::rules::{Off, Rule};

const LEASE: u8 = 5;
const ROUND_TRIP: u8 = 4;
/// The longest that it takes: a take on its way (4), its release (3), and a tick to hear of that.
pub const BOUND: u8 = 8;
/// With a rule off: so long that only a circle explains it, 8 L.
const FOREVER: u8 = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    Take,
    Renewal,
    Release,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// Whether the register names the slow node; else it is vacant.
    is_held: bool,
    /// Ticks since the healthy node first saw the present stamp.
    unchanged: u8,
    /// The slow node's command: how long ago it was sent, and whether it was applied.
    command: Option<(Sort, u8, bool)>,
    /// What the slow node was granted too late is to be released.
    owes: bool,
    /// Ticks for which it stands back.
    stands_back: u8,
    healthy_leads: bool,
    waited: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    pub sends: Option<Sort>,
    pub applies: bool,
}

pub struct SlowLink {
    pub off: Off,
    bound: u8,
}

impl SlowLink {
    /// What the slow node may send.
    fn due(&self, link: &Link) -> Vec<Sort> {
        if link.command.is_some() {
            return Vec::new();
        }
        let mut due = Vec::new();
        if link.owes && self.off.holds(Rule::StandBack) {
            due.push(Sort::Release);
        } else if link.owes || (!link.is_held && link.stands_back == 0) {
            due.push(Sort::Take);
        }
        if link.owes && !self.off.holds(Rule::OnlyLeadersRenew) {
            due.push(Sort::Renewal);
        }
        due
    }
}

impl Model for SlowLink {
    type State = Link;
    type Action = Tick;

    fn init_states(&self) -> Vec<Link> {
        let link = Link {
            is_held: false,
            unchanged: 0,
            command: None,
            owes: false,
            stands_back: 0,
            healthy_leads: false,
            waited: 0,
        };
        // The slow node's take, or its last renewal as a leader, is on its way over the record that names it.
        [Sort::Take, Sort::Renewal]
            .map(|sort| Link { is_held: true, command: Some((sort, 0, false)), ..link.clone() })
            .to_vec()
    }

    fn actions(&self, link: &Link, actions: &mut Vec<Tick>) {
        if link.healthy_leads || link.waited > self.bound {
            return;
        }
        let sends = self.due(link).into_iter().map(Some).chain([None]);
        for sends in sends {
            actions.extend([false, true].map(|applies| Tick { sends, applies }));
        }
    }

    fn next_state(&self, link: &Link, tick: Tick) -> Option<Link> {
        let mut next = link.clone();
        let is_released_at_once =
            next.owes && next.command.is_none() && self.off.holds(Rule::StandBack);
        if is_released_at_once && tick.sends.is_none() {
            // What is owed goes out at once; a slow link delays its arrival, not its sending.
            return None;
        }
        if let Some(sort) = tick.sends {
            next.command = Some((sort, 0, false));
        }
        next.stands_back = next.stands_back.saturating_sub(1);
        next.waited += 1;
        let mut is_changed = false;
        if let Some((sort, age, is_applied)) = &mut next.command {
            *age += 1;
            let must_apply = *age >= ROUND_TRIP - 1;
            if tick.applies && *is_applied || !tick.applies && must_apply && !*is_applied {
                return None;
            }
            if tick.applies {
                *is_applied = true;
                is_changed = true;
                next.is_held = *sort != Sort::Release;
            }
        } else if tick.applies {
            return None;
        }
        if let Some((sort, ROUND_TRIP.., true)) = next.command {
            next.command = None;
            next.owes = sort != Sort::Release;
            next.stands_back = u8::from(sort == Sort::Release);
        }
        next.unchanged = if is_changed { 0 } else { next.unchanged + 1 };
        next.healthy_leads = !next.is_held || next.unchanged >= LEASE;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("the healthy node leads in time", |model: &SlowLink, link: &Link| {
            link.healthy_leads || link.waited <= model.bound
        })]
    }
}

pub struct Outcome {
    pub unique: usize,
    pub generated: usize,
    pub depth: usize,
    pub seconds: f64,
    pub stuck: Option<Path<Link, Tick>>,
}

pub fn explore(off: Off) -> Outcome {
    let began = Instant::now();
    let bound = if off == Off::NONE { BOUND } else { FOREVER };
    let checker = SlowLink { off, bound }.checker().spawn_bfs().join();
    Outcome {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        seconds: began.elapsed().as_secs_f64(),
        stuck: checker.discovery("the healthy node leads in time"),
    }
}
