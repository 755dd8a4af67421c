//! What happens without each rule: the traces by which the first drafts fell, the traps in their repairs, and bugs that a
//! search must find. Each names the smallest world in which it is looked for.

use crate::check::Goal;
use crate::configuration::{Configuration, Limits};
use crate::rules::{Off, Rule};
use crate::world::Broken;

/// What the checker must find with the rules off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This violation of safety.
    Violation(Broken),
    /// That a goal cannot be reached any more.
    Unmet(Goal),
    /// A healthy node that never leads (`slow_link`).
    Livelock,
}

#[derive(Clone, Copy)]
pub struct Counterexample {
    /// The argument of `--without`.
    pub rule: &'static str,
    pub story: &'static str,
    pub off: &'static [Rule],
    pub world: Configuration,
    pub expected: Expected,
}

const LIMITS: Limits = Configuration::PLAIN.limits;
const TWO: Configuration = Configuration { nodes: 2, terms: 2, ..Configuration::PLAIN };
const THREE: Configuration = Configuration { nodes: 3, terms: 3, ..Configuration::PLAIN };
const WIPED: Limits = Limits { wipes: 1, ..LIMITS };
const RESTARTED: Limits = Limits { restarts: 1, ..LIMITS };

const fn fall(
    rule: &'static str,
    story: &'static str,
    off: &'static [Rule],
    world: Configuration,
    broken: Broken,
) -> Counterexample {
    Counterexample { rule, story, off, world, expected: Expected::Violation(broken) }
}

pub const ALL: &[Counterexample] = &[
    fall(
        "placeholder",
        "two wipes in a row, and what was missing is taken",
        &[Rule::Placeholder],
        Configuration { limits: Limits { wipes: 2, ..LIMITS }, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "renewal-creates-nothing",
        "a late renewal and a late release on a wiped register",
        &[Rule::RenewalCreatesNothing],
        Configuration { limits: Limits { wipes: 1, late: 2, resignations: 1, ..LIMITS }, ..THREE },
        Broken::TwoLeaders,
    ),
    fall(
        "compare-holder",
        "a forged vacancy names the public stamp",
        &[Rule::CompareHolder],
        Configuration { limits: Limits { forgeries: 1, ..LIMITS }, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "fresh-stamp",
        "a renewal is repeated with its stamp",
        &[Rule::FreshStamp],
        TWO,
        Broken::TwoLeaders,
    ),
    fall(
        "higher-beat",
        "a doubled renewal restores an old stamp over a newer one",
        &[Rule::HigherBeat],
        Configuration { limits: Limits { doubles: 1, ..LIMITS }, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "own-record",
        "a snapshot names an expired leader, which takes at once",
        &[Rule::OwnRecord],
        Configuration { limits: RESTARTED, ..THREE },
        Broken::TwoLeaders,
    ),
    fall(
        "compare-identity",
        "data are lost under a standing watch",
        &[Rule::CompareIdentity],
        Configuration { limits: RESTARTED, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "connection-identity",
        "the same where the connection stands for the identity",
        &[Rule::CompareIdentity],
        Configuration { limits: RESTARTED, anonymous: true, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "history-identity",
        "mastership moves away and back, and run_id does not show it",
        &[Rule::HistoryIdentity],
        Configuration { replica: Some(false), limits: Limits { promotions: 2, ..LIMITS }, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "end-before-release",
        "the answer to a renewal comes after the release, and extends the reign",
        &[Rule::EndBeforeRelease, Rule::ReleaseWaits],
        Configuration { answers_travel: true, limits: Limits { resignations: 1, ..LIMITS }, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "vacancy-identity",
        "a fresh server shows a stale vacancy",
        &[Rule::VacancyIdentity],
        Configuration { limits: Limits { restarts: 1, resignations: 1, ..LIMITS }, ..THREE },
        Broken::TwoLeaders,
    ),
    fall(
        "promotion",
        "a watch on a replica that is promoted (run_id, scripts on replicas)",
        &[Rule::HistoryIdentity, Rule::OnlyMaster],
        Configuration {
            replica: Some(false),
            limits: Limits { promotions: 1, moves: 1, ..LIMITS },
            ..TWO
        },
        Broken::TwoLeaders,
    ),
    Counterexample {
        rule: "stand-back",
        story: "a node on a slow link takes again and again, each time too late",
        off: &[Rule::StandBack],
        world: TWO,
        expected: Expected::Livelock,
    },
    Counterexample {
        rule: "only-leaders-renew",
        story: "a former leader goes on renewing",
        off: &[Rule::OnlyLeadersRenew],
        world: TWO,
        expected: Expected::Livelock,
    },
    fall(
        "longest-lease",
        "a watcher with a short lease takes from a leader with a long one",
        &[Rule::LongestLease],
        Configuration { leases: [2, 1, 1], ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "placeholder-stamp",
        "a doubled peek writes the same placeholder after a second wipe",
        &[Rule::PlaceholderStamp],
        Configuration {
            peeks_travel: true,
            limits: Limits { wipes: 2, doubles: 1, ..LIMITS },
            ..TWO
        },
        Broken::TwoLeaders,
    ),
    fall(
        "only-master",
        "a proxy moves a watcher to a writable replica",
        &[Rule::OnlyMaster],
        Configuration { replica: Some(true), limits: Limits { moves: 1, ..LIMITS }, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "latch",
        "isLeader() says no, then yes again in the same term",
        &[Rule::Latch],
        Configuration { asks: true, answers_travel: true, ..TWO },
        Broken::Revived,
    ),
    Counterexample {
        rule: "term-bound",
        story: "who reads a term close to the limit, written once, never leads again",
        off: &[Rule::TermBound],
        world: Configuration { nodes: 1, limits: Limits { poisons: 1, ..LIMITS }, ..TWO },
        expected: Expected::Unmet(Goal::LeadsAfterPoison),
    },
    fall(
        "missing-is-no-sight",
        "an answer 'was missing' begins a watch",
        &[Rule::MissingIsNoSight],
        Configuration { limits: Limits { wipes: 2, ..LIMITS }, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "sight-identity",
        "a refused take's answer does not say under which identity it was read",
        &[Rule::SightIdentity],
        Configuration { answers_travel: true, limits: RESTARTED, ..TWO },
        Broken::TwoLeaders,
    ),
    fall(
        "no-adoption",
        "a node adopts what it reads as its own",
        &[Rule::NoAdoption],
        Configuration { answers_travel: true, ..THREE },
        Broken::TwoLeaders,
    ),
    fall(
        "drop-late-answers",
        "an adopted take's reign ends, then its answer comes and revives it",
        // The floor, too, refuses the term that the node has read meanwhile.
        &[Rule::NoAdoption, Rule::DropLateAnswers, Rule::TermFloor],
        Configuration { answers_travel: true, limits: Limits { resignations: 1, ..LIMITS }, ..TWO },
        Broken::Revived,
    ),
    fall(
        "own-run-only",
        "a restarted instance finds its own name and leads without a grant",
        &[Rule::OwnRunOnly],
        Configuration { limits: Limits { crashes: 1, starts: 1, ..LIMITS }, ..TWO },
        Broken::NotGranted,
    ),
    fall(
        "stop-closes",
        "a take is granted after stop()",
        &[Rule::StopCloses],
        Configuration { answers_travel: true, limits: Limits { stops: 1, ..LIMITS }, ..TWO },
        Broken::LedAfterStop,
    ),
    fall(
        "compare-stamp",
        "a renewal under way does not stop a take",
        &[Rule::CompareStamp],
        TWO,
        Broken::TwoLeaders,
    ),
    fall(
        "term-time",
        "all data are lost, and a term is granted again",
        &[Rule::TermTime],
        Configuration { limits: WIPED, ..TWO },
        Broken::TermTwice,
    ),
    fall(
        "term-floor",
        "the same with a server clock that runs behind and a taker that knew better",
        &[Rule::TermFloor],
        Configuration { clock_is_right: false, limits: WIPED, ..TWO },
        Broken::TermTwice,
    ),
    fall(
        "grant-term",
        "a grant names another term than the record",
        &[Rule::GrantTerm],
        TWO,
        Broken::NotGranted,
    ),
    fall(
        "one-take",
        "two takes of one node are under way",
        &[Rule::OneTake],
        Configuration { answers_travel: true, ..TWO },
        Broken::TwoTakes,
    ),
    Counterexample {
        rule: "assert",
        story: "a wipe deposes the leader",
        off: &[Rule::Assert],
        world: Configuration { limits: WIPED, ..TWO },
        expected: Expected::Unmet(Goal::OutlivesWipe),
    },
    Counterexample {
        rule: "assert-own-record",
        story: "a leader never writes a new server's name into its record",
        off: &[Rule::AssertOwnRecord],
        world: Configuration {
            replica: Some(false),
            limits: Limits { promotions: 1, ..LIMITS },
            ..TWO
        },
        expected: Expected::Unmet(Goal::ServerWritten),
    },
];

impl Counterexample {
    pub fn configuration(&self) -> Configuration {
        let wanted = match self.expected {
            Expected::Violation(broken) => Some(broken),
            Expected::Unmet(_) | Expected::Livelock => None,
        };
        Configuration { name: self.rule, off: Off::of(self.off), wanted, ..self.world }
    }
}
