//! What a seed decides before the first step: the cluster, its clocks, its network, and the faults to come.

use std::time::Duration;

use super::clock::{MICROSECOND, MILLISECOND, Nanos, SECOND};
use super::fault::{Fault, Keeps, Target};
use super::random::Random;
use crate::election::{Candidacy, CrashDetection, Timing};

/// How long faults come. The quiet end follows.
pub const STORM: Nanos = 30 * SECOND;
/// The most by which a clock's rate may be off, in millionths. What the promise assumes is a quarter between two of them.
pub const RATE_ERROR: i64 = 100_000;
/// Within this, the news that the server closed a connection reaches the node's host. The promise assumes the grace that takers wait.
pub const NEWS_OF_CLOSING: Nanos = 15 * MILLISECOND;
/// Early enough for whatever it starts to be under way when the storm ends.
pub const LAST_FAULT: Nanos = STORM - 10 * MILLISECOND;
/// Few enough for nobody to come after more than the five that are waited for.
const PRIORITIES: [i32; 5] = [0, 0, -1, 1, 7];
/// Some may find nothing to harm.
const FEWEST_FAULTS: usize = 8;

#[derive(Clone, Debug)]
pub struct Scenario {
    pub timings: Vec<Timing>,
    pub candidacies: Vec<Candidacy>,
    /// Millionths by which each clock is off.
    pub rates: Vec<i64>,
    /// The longest lease.
    pub lease: Nanos,
    /// Scripts may not ask the server who it is: an identity is a connection.
    pub hides_identity: bool,
    /// Reigns of some nodes end with their connections, which the server sees (crash detection by connection).
    pub shows_connections: bool,
    /// Whose connections the server does not see, though they want that.
    pub hidden: Vec<usize>,
    /// The service asks whether it leads, and its question latches an expiry.
    pub asks: bool,
    /// So many instances are believed to be there, most of which nobody ever hears of.
    pub fleet: usize,
    /// Work of a draining leader takes so long at most.
    pub drain: Nanos,
    /// It is waited for so long at most.
    pub drain_limit: Nanos,
    /// Blocked longer than this, a leader gives up.
    pub max_stall: Nanos,
    pub network: Network,
    pub faults: Vec<(Nanos, Fault)>,
    /// One node's way to the server stays so slow that its commands time out, also after the storm.
    pub sluggard: Option<(usize, Nanos)>,
    /// Nothing goes wrong but that leaders go, one after the other: so who is next is no accident.
    pub is_calm: bool,
}

/// What goes wrong all the time, in thousandths of what is sent, until the quiet end.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// One way, between each node and the server.
    pub latency: Nanos,
    pub jitter: Nanos,
    pub loses_answers: u64,
    pub doubles_commands: u64,
    pub loses_announcements: u64,
    pub delays_announcements: u64,
    pub doubles_announcements: u64,
    /// The election's thread loses its processor between the reading of the clock and the use of what it read.
    pub preempts: u64,
}

impl Scenario {
    pub fn new(random: &mut Random) -> Self {
        let nodes = random.pick(&[1, 2, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7, 8, 9]);
        let lease_ms = random.pick(&[300, 500, 800, 800, 1200, 1500, 2000, 3000]);
        let is_unequal = random.one_in(8);
        let timings: Vec<Timing> =
            (0..nodes).map(|_| timing(random, lease_ms, is_unequal)).collect();
        let lease = timings.iter().map(|t| nanos(t.lease())).max().unwrap_or_default();
        let interval =
            timings.iter().map(|t| nanos(t.renewal_interval())).min().unwrap_or_default();
        let rates = (0..nodes).map(|_| rate(random)).collect();
        let hides_identity = random.one_in(8);
        let mut scenario = Self {
            candidacies: candidacies(random, nodes),
            timings,
            rates,
            lease,
            hides_identity,
            shows_connections: false,
            hidden: Vec::new(),
            asks: random.one_in(2),
            fleet: random.pick(&[nodes, nodes, nodes, 100, 1000]),
            drain: random.pick(&[0, 0, lease / 20, lease / 2, 2 * lease]),
            drain_limit: Nanos::MAX,
            max_stall: random.pick(&[1, 1, 2, 5]) * lease,
            network: Network::new(random, interval),
            faults: Vec::new(),
            sluggard: None,
            is_calm: false,
        };
        if random.one_in(2) {
            scenario.drain_limit = random.between(0, scenario.drain);
        }
        if nodes > 1 && random.one_in(8) {
            let latency = random.between(lease / 8, lease / 2);
            scenario.sluggard = Some((1 + random.index(nodes - 1), latency));
        }
        if random.one_in(4) {
            scenario.shows_connections = true;
            let plain = random.one_in(3).then(|| random.index(nodes));
            for (_, timing) in
                scenario.timings.iter_mut().enumerate().filter(|(node, _)| Some(*node) != plain)
            {
                *timing = timing.with_crash_detection(CrashDetection::Connection);
            }
            if random.one_in(4) {
                scenario.hidden.push(random.index(nodes));
            }
        }
        scenario.faults = scenario.storm(random, nodes, is_unequal);
        if random.one_in(16) {
            scenario.calm_down(random);
        }
        scenario
    }

    fn calm_down(&mut self, random: &mut Random) {
        let lease_ms = random.pick(&[300, 400, 500]);
        let timing = timing(random, lease_ms, false);
        let nodes = self.timings.len();
        self.lease = nanos(timing.lease());
        self.timings.fill(timing);
        self.rates.fill(0);
        for candidacy in &mut self.candidacies {
            *candidacy = Candidacy { priority: random.pick(&PRIORITIES), ..Candidacy::default() };
        }
        (self.hides_identity, self.shows_connections) = (false, false);
        (self.hidden, self.sluggard, self.fleet) = (Vec::new(), None, nodes);
        self.drain = self.drain.min(self.lease / 2);
        let latency = random.between(20 * MICROSECOND, nanos(timing.renewal_interval()) / 16);
        self.network = Network { latency, jitter: latency / 10, ..Network::default() };
        let whom = Target::Leader;
        self.faults = (0..FEWEST_FAULTS as u64)
            .map(|number| {
                let again = random.between(self.lease, 2 * self.lease);
                let fault = match random.below(4) {
                    0 => Fault::Crash { whom, again },
                    1 => Fault::Stop { whom, again },
                    2 => Fault::Reelect { whom },
                    _ => Fault::Transfer { whom, heir: random.index(nodes) },
                };
                (number * STORM / FEWEST_FAULTS as u64 + SECOND, fault)
            })
            .collect();
        self.is_calm = true;
    }

    /// Faults come alone, or one upon the other, where they do the most harm.
    fn storm(&self, random: &mut Random, nodes: usize, is_unequal: bool) -> Vec<(Nanos, Fault)> {
        let wanted = FEWEST_FAULTS + random.index(26);
        let mut faults = Vec::with_capacity(wanted);
        let mut at = 0;
        while faults.len() < wanted {
            let is_upon_the_last = random.one_in(2) && !faults.is_empty();
            at = if is_upon_the_last {
                (at + random.below(2 * self.lease)).min(LAST_FAULT)
            } else {
                random.below(LAST_FAULT)
            };
            let fault = draw_fault(random, nodes, self.lease);
            // What lies outside the promise: lost data while leases differ; connections that a proxy moves where the
            // server does not say who it is. And where a proxy stands in between, no connection shows.
            let is_moved = matches!(
                fault,
                Fault::MoveToReplica { .. } | Fault::Promote { moves_connections: true, .. }
            );
            let is_outside = (is_unequal && fault.loses_data())
                || (self.hides_identity && matches!(fault, Fault::MoveToReplica { .. }))
                || (self.shows_connections && is_moved);
            if !is_outside {
                faults.push((at, fault));
            }
        }
        faults.sort_by_key(|(at, _)| *at);
        faults
    }

    /// Within which one leader stands once nothing goes wrong any more and nothing late is under way: two leases by the slowest
    /// clock, and half of one for connections to be made anew; and the turns that a large fleet takes. Where one node's answers always
    /// come too late, it may still be granted a term that it then releases; and where the server hides its identity, that vacancy is
    /// watched for a lease. Whoever comes after higher priorities waits for each, and once for an heir; where one of them cannot stay, twice.
    pub fn recovery_bound(&self) -> Nanos {
        let slowest = 1_000_000 - RATE_ERROR as u64;
        let turns = if self.fleet > 8 { self.lease / 4 } else { 0 };
        let is_watched_again = self.hides_identity && self.sluggard.is_some();
        let watch = if is_watched_again { self.lease } else { 0 };
        (2 * self.lease + self.lease / 2 + turns + watch + self.deference()) * 1_000_000 / slowest
    }

    fn deference(&self) -> Nanos {
        let mut priorities: Vec<_> = self.candidacies.iter().map(|one| one.priority).collect();
        priorities.sort_unstable();
        priorities.dedup();
        let waits = priorities.len() as u64 * if self.sluggard.is_some() { 2 } else { 1 };
        let interval =
            self.timings.iter().map(|t| nanos(t.renewal_interval())).max().unwrap_or_default();
        let step = if self.fleet > 8 { self.lease / 4 } else { interval };
        // One priority alone is no wait, but an heir is.
        waits * step
    }

    /// Whether some take nothing while instances are missing.
    pub fn needs_all(&self) -> bool {
        self.candidacies.iter().any(|one| one.min_instances > 1)
    }

    /// Beyond what the promise bears.
    pub fn spread_clocks(&mut self) {
        for (node, rate) in self.rates.iter_mut().enumerate() {
            *rate = if node % 2 == 0 { -3 * RATE_ERROR } else { 3 * RATE_ERROR };
        }
    }
}

impl Network {
    /// Without faults, a round trip takes half of the shortest renewal interval at most.
    fn new(random: &mut Random, interval: Nanos) -> Self {
        let latency = random.between(20 * MICROSECOND, interval / 8);
        let jitter = random.pick(&[latency / 10, latency, interval / 8]);
        let calm = Self { latency, jitter, ..Self::default() };
        if random.one_in(3) {
            return calm;
        }
        let rates = [0, 0, 5, 20, 80];
        Self {
            loses_answers: random.pick(&rates),
            doubles_commands: random.pick(&rates),
            loses_announcements: random.pick(&rates),
            delays_announcements: random.pick(&rates),
            doubles_announcements: random.pick(&rates),
            preempts: random.pick(&[0, 0, 5, 20]),
            ..calm
        }
    }
}

pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn timing(random: &mut Random, lease_ms: u64, is_unequal: bool) -> Timing {
    let lease_ms = if is_unequal { lease_ms * random.pick(&[1, 1, 2, 3]) } else { lease_ms };
    let lease = Duration::from_millis(lease_ms);
    let interval = random.pick(&[None, None, Some(lease / 4), Some(lease / 10)]);
    Timing::new(lease, interval).expect("every lease drawn is within the bounds")
}

/// Node 0 may always lead: it is never the one whose way to the server is too slow.
fn candidacies(random: &mut Random, nodes: usize) -> Vec<Candidacy> {
    let mut all = vec![Candidacy::default(); nodes];
    if random.one_in(3) {
        all.iter_mut().for_each(|one| one.priority = random.pick(&PRIORITIES));
    }
    if random.one_in(4) {
        all[1..].iter_mut().for_each(|one| one.is_eligible = !random.one_in(3));
    }
    if random.one_in(6) {
        let least = 1 + random.index(nodes);
        let is_mixed = random.one_in(3);
        all.iter_mut().for_each(|one| {
            one.min_instances = if is_mixed && random.one_in(2) { 1 } else { least };
        });
    }
    all
}

fn rate(random: &mut Random) -> i64 {
    match random.below(4) {
        0 => 0,
        1 => -RATE_ERROR,
        2 => RATE_ERROR,
        _ => random.below(2 * RATE_ERROR as u64 + 1) as i64 - RATE_ERROR,
    }
}

fn draw_fault(random: &mut Random, nodes: usize, lease: Nanos) -> Fault {
    let whom = if random.one_in(2) { Target::Leader } else { Target::Node(random.index(nodes)) };
    // Short, around the deadline, or long.
    let lasts = match random.below(3) {
        0 => random.between(MILLISECOND, lease / 2),
        1 => random.between(lease / 2, lease * 3 / 2),
        _ => random.between(lease, 5 * lease),
    };
    let lost = 1 + random.index(12);
    match random.below(31) {
        0 | 1 => Fault::Crash { whom, again: lasts },
        2 | 3 => Fault::Stop { whom, again: lasts },
        4 | 5 => Fault::Reelect { whom },
        6 | 7 => Fault::Pause { whom, lasts },
        8 => Fault::Starve { whom, lasts },
        9 => Fault::Block { whom, lasts },
        10 => Fault::ChangeRate { whom, parts_per_million: rate(random) },
        11 | 12 => Fault::Cut { whom },
        13 => Fault::CutFeed { whom },
        14..=16 => {
            let (up, down) = random.pick(&[(true, true), (true, false), (false, true)]);
            Fault::Hold { whom, up, down, lasts, breaks: random.one_in(2) }
        }
        17 => Fault::Deafen { whom, lasts },
        18 => Fault::Slow { whom, latency: random.between(lease / 50, 3 * lease / 4), lasts },
        19 => Fault::MoveToReplica { whom, lasts },
        20 | 21 => {
            let keeps = random.pick(&[Keeps::All, Keeps::Some(lost), Keeps::None]);
            Fault::Restart { keeps, lasts }
        }
        22 => {
            let lost = if random.one_in(2) { lost } else { 0 };
            Fault::Promote { lost, lasts, moves_connections: random.one_in(2) }
        }
        23 | 24 => Fault::Wipe,
        25 => random.pick(&[&Fault::Corrupt, &Fault::CutAll]).clone(),
        26 => Fault::StepClock { seconds: random.pick(&[-3600, -60, -1, 1, 60, 3600]) },
        27 => Fault::Refuse { lasts },
        28 => Fault::Busy { lasts },
        29 => Fault::Transfer { whom, heir: random.index(nodes) },
        _ => {
            let every = random.pick(&[MILLISECOND * 2, lease / 50, lease / 10]);
            Fault::Forge { lasts, every }
        }
    }
}
