//! Which of two engines is faster here, and with what certainty.
//!
//! `cargo run --example compare -- async threads`
//!
//! A practice server responds 20 ms after each request.

#![allow(clippy::print_stdout)] // a program may print

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use haul::compare::verdict::Ranking;
use haul::compare::{CompareSettings, Contestant, Practice, Target};
use haul::compare::{ROUND_ARGUMENT, compare, serve_round};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // Each round runs in a process of its own: this program, started with this argument.
    if words.first().is_some_and(|first| first == ROUND_ARGUMENT) {
        return Ok(serve_round()?);
    }
    let lines = standings(&words, None)?;
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// A line for each engine: how long it takes relative to the fastest, with a 95 % interval.
pub(crate) fn standings(
    engines: &[String],
    program: Option<PathBuf>,
) -> Result<Vec<String>, Box<dyn Error>> {
    let defaults = CompareSettings::default();
    let settings = CompareSettings {
        contestants: Contestant::list(engines, defaults.in_flight)?,
        target: Target::Practice(Practice {
            pages: 50,
            ..Practice::default()
        }),
        rounds: 5,
        time_budget: Duration::from_secs(30),
        program,
        ..defaults
    };
    let comparison = compare(&settings, &haul::Stop::new(), |_| ())?;
    let line = |engine: &haul::compare::EngineResult| {
        let (name, ratio) = (&engine.name, engine.ratio);
        match engine.place {
            Ranking::Best => format!("{name} has the best median"),
            Ranking::Slower => format!(
                "{name} takes {:.2} times as long [{:.2}, {:.2}]",
                ratio.median, ratio.low, ratio.high
            ),
            _ => format!(
                "{name}: no difference shown [{:.2}, {:.2}]",
                ratio.low, ratio.high
            ),
        }
    };
    Ok(comparison.engines.iter().map(line).collect())
}
