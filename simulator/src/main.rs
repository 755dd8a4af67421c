//! Runs seeds of the simulation on all cores, and tells the story of the first one that breaks an invariant.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use incumbent::simulation::fleet::{self, Costs, Rush};
use incumbent::simulation::{self, Bug, Outcome};

const HELP: &str = "\
Runs clusters of the election in virtual time, each decided by one seed.

  simulate --seeds N [--first S] [--bug NAME]   N seeds, from S on (0)
  simulate --seed S [--trace] [--bug NAME]      one seed, with its story
  simulate --hunt [--seeds N] [--bug NAME]      one seed after the other, until one breaks (100 000 at most)
  simulate --fleet N [--command-us C] [--delivery-us D]
           what a start of N instances at once, and a takeover, cost a server that needs C µs (25) for a command and
           D µs (2) to deliver an announcement to one of them; worst of 5 seeds

A bug is planted on purpose, to see it caught. `--bug help` lists them.";

/// A line to standard output; whoever closes it early has read enough.
macro_rules! tell {
    ($($text:tt)*) => {
        if writeln!(std::io::stdout(), $($text)*).is_err() {
            std::process::exit(0);
        }
    };
}

struct Arguments {
    seeds: Option<u64>,
    first: u64,
    seed: Option<u64>,
    has_trace: bool,
    is_hunt: bool,
    bug: Option<Bug>,
    fleet: Option<usize>,
    costs: Costs,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            seeds: None,
            first: 0,
            seed: None,
            has_trace: false,
            is_hunt: false,
            bug: None,
            fleet: None,
            costs: Costs { command: 25_000, delivery: 2_000 },
        }
    }
}

enum Request {
    Help(String),
    Run(Arguments),
}

fn main() -> ExitCode {
    match read_arguments() {
        Ok(Request::Help(text)) => {
            tell!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Request::Run(Arguments { fleet: Some(instances), costs, .. })) => {
            run_fleet(instances, costs)
        }
        Ok(Request::Run(Arguments { is_hunt: true, seeds, bug, .. })) => {
            hunt(seeds.unwrap_or(100_000), bug)
        }
        Ok(Request::Run(Arguments { seed: Some(seed), has_trace, bug, .. })) => {
            run_one(seed, bug, has_trace)
        }
        Ok(Request::Run(Arguments { seeds: Some(seeds), first, bug, .. })) => {
            run_many(first, seeds, bug)
        }
        Ok(Request::Run(_)) => {
            eprintln!("{HELP}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn read_arguments() -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => arguments.seeds = Some(parser.value()?.parse()?),
            Long("first") => arguments.first = parser.value()?.parse()?,
            Long("seed") => arguments.seed = Some(parser.value()?.parse()?),
            Long("trace") => arguments.has_trace = true,
            Long("hunt") => arguments.is_hunt = true,
            Long("bug") => {
                let name = parser.value()?.string()?;
                match Bug::named(&name) {
                    Some(bug) => arguments.bug = Some(bug),
                    None => return Ok(Request::Help(list_bugs())),
                }
            }
            Long("fleet") => arguments.fleet = Some(parser.value()?.parse()?),
            Long("command-us") => arguments.costs.command = nanos(parser.value()?.parse()?),
            Long("delivery-us") => arguments.costs.delivery = nanos(parser.value()?.parse()?),
            Long("help") | Short('h') => return Ok(Request::Help(HELP.into())),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Request::Run(arguments))
}

fn list_bugs() -> String {
    let lines = Bug::ALL.iter().map(|bug| format!("{:<24}{}\n", bug.name(), bug.about()));
    lines.collect()
}

fn run_one(seed: u64, bug: Option<Bug>, has_trace: bool) -> ExitCode {
    let outcome = simulation::narrate(seed, bug);
    if has_trace || outcome.violation.is_some() {
        tell!("{}", outcome.story);
    }
    match &outcome.violation {
        Some(violation) => {
            tell!("seed {seed} breaks: {}", violation.invariant);
            ExitCode::FAILURE
        }
        None => {
            tell!("seed {seed}: nothing broken; {}", in_figures(&outcome));
            ExitCode::SUCCESS
        }
    }
}

fn run_many(first: u64, seeds: u64, bug: Option<Bug>) -> ExitCode {
    let began = Instant::now();
    let Total { sum, broken, slowest, fewest_faults } = run_on_all_cores(first, seeds, bug);
    let seconds = began.elapsed().as_secs_f64();
    tell!(
        "{seeds} seeds in {seconds:.1} s ({:.0} a second, {:.0} times real time); {}",
        seeds as f64 / seconds,
        sum.nanos as f64 / 1e9 / seconds,
        in_figures(&sum)
    );
    tell!(
        "fewest faults in a seed: {fewest_faults}; slowest recovery after the faults: {:.2} leases",
        slowest as f64 / 1000.0
    );
    tell!("violations: {}", broken.values().map(Vec::len).sum::<usize>());
    for (invariant, seeds) in &broken {
        let listed: Vec<String> = seeds.iter().take(20).map(u64::to_string).collect();
        tell!("  {invariant}: {}, seeds {}", seeds.len(), listed.join(" "));
    }
    let Some(&seed) = broken.values().flatten().min() else { return ExitCode::SUCCESS };
    tell!("");
    run_one(seed, bug, true)
}

struct Total {
    sum: Outcome,
    /// The seeds that broke an invariant, in order.
    broken: BTreeMap<&'static str, Vec<u64>>,
    slowest: u64,
    fewest_faults: usize,
}

impl Total {
    fn new() -> Self {
        Self {
            sum: Outcome::default(),
            broken: BTreeMap::new(),
            slowest: 0,
            fewest_faults: usize::MAX,
        }
    }

    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.sum.nanos += outcome.nanos;
        self.sum.steps += outcome.steps;
        self.sum.faults += outcome.faults;
        self.sum.reigns += outcome.reigns;
        self.slowest = self.slowest.max(outcome.recovery);
        match &outcome.violation {
            Some(violation) => {
                self.broken.entry(violation.invariant).or_default().push(seed);
            }
            None => self.fewest_faults = self.fewest_faults.min(outcome.faults),
        }
    }
}

fn run_on_all_cores(first: u64, seeds: u64, bug: Option<Bug>) -> Total {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicU64::new(first);
    let total = Mutex::new(Total::new());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed - first >= seeds {
                        return;
                    }
                    let outcome = simulation::run(seed, bug);
                    total.lock().expect("no core panics while it adds").add(seed, &outcome);
                }
            });
        }
    });
    let mut total = total.into_inner().expect("no core panics while it adds");
    total.broken.values_mut().for_each(|seeds| seeds.sort_unstable());
    total
}

/// The first seed that breaks, without its story.
fn hunt(seeds: u64, bug: Option<Bug>) -> ExitCode {
    for seed in 0..seeds {
        if let Some(violation) = simulation::run(seed, bug).violation {
            tell!("seed {seed} breaks: {}", violation.invariant);
            return ExitCode::FAILURE;
        }
    }
    tell!("{seeds} seeds break nothing");
    ExitCode::SUCCESS
}

const FLEET_SEEDS: u64 = 5;

fn run_fleet(instances: usize, costs: Costs) -> ExitCode {
    let runs: Vec<_> = (0..FLEET_SEEDS).map(|seed| fleet::run(instances, costs, seed)).collect();
    let (start, takeover) =
        (worst(runs.iter().map(|f| f.start)), worst(runs.iter().map(|f| f.takeover)));
    tell!(
        "{instances} instances: start {}; takeover {}",
        rush_in_words(start),
        rush_in_words(takeover)
    );
    match takeover.reigns {
        1 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Each figure's worst.
fn worst(rushes: impl Iterator<Item = Rush>) -> Rush {
    rushes.fold(Rush::default(), |a, b| Rush {
        lasted: a.lasted.max(b.lasted),
        takes: a.takes.max(b.takes),
        peeks: a.peeks.max(b.peeks),
        reigns: a.reigns.max(b.reigns),
        longest_wait: a.longest_wait.max(b.longest_wait),
    })
}

fn rush_in_words(rush: Rush) -> String {
    let ms = |nanos: u64| nanos as f64 / 1e6;
    format!(
        "{:.0} ms, {} takes, {} peeks, {} reigns, longest wait {:.1} ms",
        ms(rush.lasted),
        rush.takes,
        rush.peeks,
        rush.reigns,
        ms(rush.longest_wait)
    )
}

fn nanos(micros: f64) -> u64 {
    (micros * 1000.0) as u64
}

fn in_figures(outcome: &Outcome) -> String {
    format!(
        "{:.0} s of virtual time, {} steps, {} faults, {} reigns",
        outcome.nanos as f64 / 1e9,
        outcome.steps,
        outcome.faults,
        outcome.reigns
    )
}
