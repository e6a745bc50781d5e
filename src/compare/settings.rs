//! The settings of a comparison: what is compared, and how.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::contestant::{CONTESTANTS, Contestant};
use super::curve::Axis;
use super::target::{Archived, Practice, Target};
use crate::engine::DEFAULT_IN_FLIGHT;
use crate::fetch::FetchSettings;
use crate::frontier::FrontierSettings;
use crate::parse::Work;

/// The fewest rounds of each engine: fewer cannot show a difference.
pub const LEAST_ROUNDS: u32 = 5;

/// The settings of a comparison: what is compared, and how.
#[derive(Debug, Clone)]
pub struct CompareSettings {
    /// The engines.
    pub contestants: Vec<Contestant>,
    /// Requests in flight, for engines given without a size.
    pub in_flight: NonZeroUsize,
    /// What is fetched.
    pub target: Target,
    /// The archive that has the responses, if this process serves one.
    pub archive: Option<Archived>,
    /// How requests are made, the same for all engines.
    pub fetch: FetchSettings,
    /// Politeness, timing and retries, the same for all engines.
    pub frontier: FrontierSettings,
    /// Extra work done for each page, the same for all engines.
    pub work: Work,
    /// Rounds of each engine, at least [`LEAST_ROUNDS`].
    pub rounds: u32,
    /// Whether a sweep may fetch URLs more than once.
    ///
    /// So it can try more requests in flight than a short list allows.
    pub repeats: bool,
    /// Roughly how long all rounds together may take.
    pub time_budget: Duration,
    /// The seed for the order of rounds, the choice of URLs, and the resampling.
    pub seed: u64,
    /// The setting along which throughput is measured as well, if any.
    pub sweep: Option<Axis>,
    /// Whether to find the winners at other latencies and amounts of work as well.
    pub map: bool,
    /// The binary that runs the rounds; `None` is the current one.
    ///
    /// It must call [`serve_round`](super::serve_round) when its first argument is
    /// [`ROUND_ARGUMENT`](super::ROUND_ARGUMENT).
    pub program: Option<PathBuf>,
    /// The command line that repeats this comparison, for the report.
    pub command: String,
    /// The settings in effect as names and values, for the report.
    pub settings: Vec<(String, String)>,
}

impl Default for CompareSettings {
    /// All engines on the practice server, like `haul compare` without arguments.
    fn default() -> Self {
        let in_flight = NonZeroUsize::new(DEFAULT_IN_FLIGHT).unwrap_or(NonZeroUsize::MIN);
        let all = CONTESTANTS.map(str::to_owned);
        Self {
            contestants: Contestant::list(&all, in_flight).unwrap_or_default(),
            in_flight,
            target: Target::Practice(Practice::default()),
            archive: None,
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
