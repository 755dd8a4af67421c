//! Runs what is asked for, and prints a row for each.

use std::time::Duration;

use crate::check::{self, Outcome};
use crate::configuration::Configuration;
use crate::counterexamples::{Counterexample, Expected};
use crate::rules::Off;
use crate::{slow_link, story, table};

const HUNT_LIMIT: Duration = Duration::from_secs(120);

/// Explores the table with all rules in force. True when everything is as it must be.
pub fn configurations(is_big: bool) -> bool {
    println!(
        "{:<44} {:>10} {:>11} {:>5} {:>7}  verdict",
        "all rules on (number of nodes: faults)", "states", "generated", "depth", "seconds"
    );
    let mut rows: Vec<Configuration> = table::SMALL.iter().chain(table::DEFAULT).copied().collect();
    let mut limit = Duration::from_secs(120);
    if is_big {
        rows.extend(table::BIG);
        limit = Duration::from_secs(3 * 3600);
    }
    let mut is_good = true;
    for configuration in rows {
        is_good &= one_configuration(configuration, limit);
    }
    let outcome = slow_link::explore(Off::NONE);
    let is_live = outcome.stuck.is_none();
    println!(
        "{:<44} {:>10} {:>11} {:>5} {:>7.1}  {}",
        "2: slow link, in ticks",
        outcome.unique,
        outcome.generated,
        outcome.depth,
        outcome.seconds,
        if is_live { "the healthy node leads within its bound" } else { "LIVELOCK" }
    );
    is_good && is_live
}

pub fn one_configuration(configuration: Configuration, limit: Duration) -> bool {
    let outcome = check::explore(configuration, limit);
    let verdict = match &outcome {
        Outcome { violation: Some(path), .. } => {
            format!("VIOLATED: {:?}", path.last_state().ghost.broken)
        }
        Outcome { is_cut_short: true, .. } => "CUT SHORT: the time was up".to_owned(),
        Outcome { unmet, .. } if !unmet.is_empty() => {
            let names: Vec<_> = unmet.iter().map(|goal| goal.name()).collect();
            format!("NEVER: {}", names.join("; "))
        }
        Outcome { met, .. } => format!("safe; {met} goals reached"),
    };
    println!(
        "{:<44} {:>10} {:>11} {:>5} {:>7.1}  {verdict}",
        configuration.name,
        outcome.unique,
        outcome.generated,
        outcome.depth,
        outcome.took.as_secs_f64()
    );
    let is_good = outcome.violation.is_none() && outcome.unmet.is_empty() && !outcome.is_cut_short;
    if let Some(path) = outcome.violation {
        story::tell(path).iter().for_each(|line| println!("  {line}"));
    }
    is_good
}

pub fn counterexamples(rows: &[Counterexample], is_told: bool) -> bool {
    println!(
        "{:<24} {:<72} {:>5} {:>8} {:>7}  found",
        "without the rule", "trace", "depth", "states", "seconds"
    );
    let mut is_good = true;
    for row in rows {
        is_good &= one_counterexample(row, is_told);
    }
    is_good
}

fn one_counterexample(row: &Counterexample, is_told: bool) -> bool {
    let (lines, depth, states, seconds, found);
    match row.expected {
        Expected::Livelock => {
            let outcome = slow_link::explore(Off::of(row.off));
            (states, seconds) = (outcome.unique, outcome.seconds);
            found = outcome.stuck.as_ref().map(|_| "a healthy node that never leads".to_owned());
            lines = outcome.stuck.map(story::tell_ticks).unwrap_or_default();
            depth = outcome.depth.to_string();
        }
        Expected::Violation(broken) => {
            let outcome = check::hunt(row.configuration(), HUNT_LIMIT);
            (states, seconds) = (outcome.unique, outcome.took.as_secs_f64());
            found = outcome.violation.as_ref().map(|_| format!("{broken:?}"));
            let steps = outcome.violation.as_ref().map(|path| path.clone().into_actions().len());
            depth = steps.map_or("-".to_owned(), |steps| steps.to_string());
            lines = outcome.violation.map(story::tell).unwrap_or_default();
        }
        Expected::Unmet(goal) => {
            let outcome = check::explore(row.configuration(), HUNT_LIMIT);
            (states, seconds) = (outcome.unique, outcome.took.as_secs_f64());
            let is_unmet = outcome.unmet.contains(&goal) && !outcome.is_cut_short;
            found = is_unmet.then(|| format!("never: {}", goal.name()));
            depth = "all".to_owned();
            lines = Vec::new();
        }
    }
    let verdict = found.as_deref().unwrap_or("NOT FOUND");
    println!("{:<24} {:<72} {depth:>5} {states:>8} {seconds:>7.2}  {verdict}", row.rule, row.story);
    if is_told {
        lines.iter().for_each(|line| println!("  {line}"));
    }
    found.is_some()
}
