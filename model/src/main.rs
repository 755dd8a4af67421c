//! An exhaustive model of Incumbent's election, checked with stateright.
//!
//! ```text
//! cargo run --release -p incumbent-model                                  everything, within five minutes
//! cargo run --release -p incumbent-model -- --big                         with larger worlds: much longer, and many GB
//! cargo run --release -p incumbent-model -- --without RULE --trace        what happens without one rule, as a story
//! cargo run --release -p incumbent-model -- --list                        the rules that can be switched off
//! ```
//!
//! The rules are those of ARCHITECTURE.md. Read `world`, `register`, `node`, `order`, `action`, `effect`; then `table` and `counterexamples`.
//!
//! # The state
//!
//! One or two servers, each with a register `{ holder, term, beat, stamp, server, lease }`, an identity, and a snapshot; up to three nodes,
//! each with its reign, what it owes, what it has seen and heard, and one command under way; and commands that nobody waits
//! for, which may arrive yet. Every fault has a budget, and so have terms and the renewals of a term: the table's names and
//! `table.rs` say which. Within them the search is complete: each order of events is visited.
//!
//! # Time, reduced to order
//!
//! There is no clock. A leader is valid until the action `Expire`, which may come at any time, or never. A command of a node
//! may become due at any time, so all retries, delays, standing back, the heir, priorities, and a release that waits until a lease has run out
//! are covered by what they leave open: how long.
//! One thing is known of time: whoever first sees a stamp at f, and then waits for at least the holder's lease, acts
//! at f + L or later; a validity that comes from a command sent at h ≤ f ends at h + D, which is before. So each sight keeps, for each node, whether
//! the command behind that node's validity was sent before the sight began (`order`). The watch elapses only once each such validity has
//! expired; and it makes stale whatever was sent before it began and is answered later. Nothing else is assumed: validities whose command was sent after
//! the sight began may last, and those of a leader with a longer lease than the watcher waits for. Anything that real
//! clocks within the bound can do is thereby allowed.
//!
//! # What is left out because it adds nothing
//!
//! - A look at the register takes no time: a later receipt would only begin the watch later. An answer comes at once, or never: a grant
//!   that comes later makes its node leader later and no longer, and one that comes too late does what an expiry does. Where
//!   it matters (a stop or a question in between), answers travel; those worlds say so.
//! - A command that is lost before it arrives was as good as not sent. A take of what no register can show any more is a look.
//! - A true heartbeat or vacancy tells no more than a look; announcements are explored where some are forged.
//! - States that differ in names alone are one (`canonical`): nodes, stamps, identities.
//!
//! # What is not covered
//!
//! More faults at a time than the table names; more than three nodes; the drift of clocks beyond the bound, and data lost while
//! leases differ (both outside the promise); two masters at a time; `waitReplicas`; `crashDetection`. Liveness is covered by
//! reachability, and by `slow_link` in ticks. That the library does what the model does is not proven here: its own tests and
//! its simulator are for that. The checker stores hashes of 64 bits; with ten million states, the odds that two different
//! ones were taken for the same are about one in 400 000. Equal states are now and then stored twice (late commands that differ only in
//! their stamps); so the counts may differ a little from run to run, and the depth, with several cores, is not the least.

mod action;
mod canonical;
mod check;
mod configuration;
mod counterexamples;
mod effect;
mod node;
mod order;
mod register;
mod report;
mod rules;
mod slow_link;
mod story;
mod table;
#[cfg(test)]
mod tests;
mod world;

use std::process::ExitCode;

use counterexamples::Counterexample;
use lexopt::prelude::*;

const USAGE: &str = "\
usage: incumbent-model [--big] [--list] [--without RULE] [--trace]
  --big            larger worlds as well: at most three hours for each, and many GB of memory
  --list           the rules that can be switched off
  --without RULE   what the checker finds without one rule
  --trace          tell each counterexample as a story";

#[derive(Default)]
struct Options {
    big: bool,
    list: bool,
    trace: bool,
    without: Option<Counterexample>,
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if options.list {
        for row in counterexamples::ALL {
            println!("{:<24} {}", row.rule, row.story);
        }
        return ExitCode::SUCCESS;
    }
    let is_good = match options.without {
        Some(row) => report::counterexamples(&[row], options.trace),
        None => {
            let is_safe = report::configurations(options.big);
            println!();
            report::counterexamples(counterexamples::ALL, options.trace) && is_safe
        }
    };
    if is_good {
        println!("\nAll as expected.");
        ExitCode::SUCCESS
    } else {
        println!("\nNot as expected: see the rows in capitals.");
        ExitCode::FAILURE
    }
}

fn parse() -> Result<Options, lexopt::Error> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("big") => options.big = true,
            Long("list") => options.list = true,
            Long("trace") => options.trace = true,
            Long("without") => {
                let rule = parser.value()?.string()?;
                let row = counterexamples::ALL.iter().find(|row| row.rule == rule);
                options.without = Some(*row.ok_or_else(|| {
                    format!("there is no rule {rule:?} to switch off; --list names them")
                })?);
            }
            Long("help") | Short('h') => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}
