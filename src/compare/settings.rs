//! What is compared, and how: the settings of a comparison.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::contestant::{CONTESTANTS, Contestant};
use super::curve::Axis;
use super::target::{Practice, Target};
use crate::engine::DEFAULT_IN_FLIGHT;
use crate::fetch::FetchSettings;
use crate::frontier::FrontierSettings;
use crate::parse::Work;

/// Fewer rounds than this show nothing.
pub const LEAST_ROUNDS: u32 = 5;

/// What is compared, and how.
#[derive(Debug, Clone)]
pub struct CompareSettings {
    /// The engines.
    pub contestants: Vec<Contestant>,
    /// Requests in flight, for engines whose size is open.
    pub in_flight: NonZeroUsize,
    /// What is asked.
    pub target: Target,
    /// What a request may do, the same for all.
    pub fetch: FetchSettings,
    /// Politeness and patience, the same for all.
    pub frontier: FrontierSettings,
    /// Work put on each page, the same for all.
    pub work: Work,
    /// Rounds of each engine, [`LEAST_ROUNDS`] at least.
    pub rounds: u32,
    /// Whether a sweep may ask for URLs of the list more than once, to try more in flight than a short list allows.
    pub repeats: bool,
    /// How long the rounds may take together, about.
    pub time_budget: Duration,
    /// The seed of the order of rounds, of the choice of URLs, and of the resampling.
    pub seed: u64,
    /// Along what throughput is measured besides.
    pub sweep: Option<Axis>,
    /// Whether the winners at other latencies and other work are found besides.
    pub map: bool,
    /// The binary that rounds are run by; the current one where it is `None`. It must call [`serve_round`](super::serve_round) when its first
    /// argument is [`ROUND_ARGUMENT`](super::ROUND_ARGUMENT).
    pub program: Option<PathBuf>,
    /// The command line that repeats it.
    pub command: String,
    /// What is in force, for whoever reads the report.
    pub settings: Vec<(String, String)>,
}

impl Default for CompareSettings {
    /// Every engine with the default number of requests in flight on the practice server, as `haul compare` without arguments.
    fn default() -> Self {
        let in_flight = NonZeroUsize::new(DEFAULT_IN_FLIGHT).unwrap_or(NonZeroUsize::MIN);
        let all = CONTESTANTS.map(str::to_owned);
        Self {
            contestants: Contestant::list(&all, in_flight).unwrap_or_default(),
            in_flight,
            target: Target::Practice(Practice::default()),
            fetch: FetchSettings::default(),
            frontier: FrontierSettings::default(),
            work: Work::default(),
            rounds: 7,
            repeats: false,
            time_budget: Duration::from_secs(45),
            seed: fastrand::u32(..).into(),
            sweep: None,
            map: false,
            program: None,
            command: String::new(),
            settings: Vec::new(),
        }
    }
}
