//! The environment of the rounds: URLs, server, and the settings shared by all engines.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::machine::{Busy, Usage};
use super::round::{Measured, Order, RoundReply};
use super::target::{Practice, Target};
use crate::engine::Engine;
use crate::error::{Error, Result, Setting};
use crate::fetch::FetchSettings;
use crate::frontier::FrontierSettings;
use crate::origin::{LogLevel, Origin, OriginSettings};
use crate::parse::Work;
use crate::run::stop::Stop;

/// The environment in which rounds run.
pub(super) struct Arena {
    pub(super) urls: Vec<String>,
    pub(super) fetch: FetchSettings,
    pub(super) frontier: FrontierSettings,
    pub(super) work: Work,
    pub(super) practice: Option<Practice>,
    /// Whether a run may fetch URLs of the list more than once.
    repeats: bool,
    /// The practice server; it runs until it is dropped.
    _origin: Option<Origin>,
    program: PathBuf,
    stop: Stop,
}

/// The measurements of a round, and what the machine did meanwhile.
pub(super) struct Run {
    pub(super) measured: Measured,
    /// What all processors did; `None` if the system does not report it.
    pub(super) busy: Option<Busy>,
    /// The processor time of this process, which is the practice server's.
    pub(super) served: Duration,
}

impl Run {
    /// Successful records per second.
    pub(super) fn per_second(&self) -> f64 {
        self.succeeded() / self.measured.wall.as_secs_f64().max(1e-9)
    }

    /// The number of successful records; only these count as throughput.
    pub(super) fn succeeded(&self) -> f64 {
        let measured = &self.measured;
        measured.records.saturating_sub(measured.failed) as f64
    }
}

impl Arena {
    /// # Errors
    /// When the practice server cannot be started.
    pub(super) fn open(
        target: &Target,
        fetch: FetchSettings,
        frontier: FrontierSettings,
        work: Work,
        program: Option<PathBuf>,
        (seed, repeats): (u64, bool),
        stop: Stop,
    ) -> Result<Self> {
        let program = match program {
            Some(program) => program,
            None => std::env::current_exe()
                .map_err(|source| Error::setup("the process of a round", source))?,
        };
        let mut arena = Self {
            urls: Vec::new(),
            fetch,
            frontier,
            work,
            practice: None,
            repeats,
            _origin: None,
            program,
            stop,
        };
        match target {
            Target::Urls(urls) => {
                arena.urls.clone_from(urls);
                // Slow engines get only the first URLs, so those of one host must not be next to each other.
                fastrand::Rng::with_seed(seed).shuffle(&mut arena.urls);
            }
            Target::Practice(practice) => arena.practise(practice.clone(), seed)?,
        }
        Ok(arena)
    }

    /// Replaces the practice server, and the URLs with its pages.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub(super) fn practise(&mut self, practice: Practice, seed: u64) -> Result<()> {
        let settings = OriginSettings {
            pages: practice.pages,
            page_bytes: usize::try_from(practice.size.0).unwrap_or(usize::MAX),
            latency: practice.latency,
            jitter: practice.jitter,
            error_rate: practice.error_rate,
            seed,
            log: LogLevel::Counts,
            ..OriginSettings::default()
        };
        let origin = Origin::start(settings)
            .map_err(|error| Error::invalid(Setting::PracticeServer, error.to_string()))?;
        self.urls = (0..practice.pages)
            .map(|page| origin.url(&format!("/page/{page}")))
            .collect();
        self._origin = Some(origin);
        self.practice = Some(practice);
        Ok(())
    }

    /// The number of hosts among the URLs.
    pub(super) fn hosts(&self) -> usize {
        let host = |url: &String| {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            rest.split('/').next().unwrap_or_default().to_owned()
        };
        self.urls.iter().map(host).collect::<BTreeSet<_>>().len()
    }

    /// The most URLs that a run may fetch.
    ///
    /// Those of the list, or up to `wanted` if the list may be repeated.
    pub(super) fn most_urls(&self, wanted: usize) -> usize {
        match self.repeats {
            true => self.urls.len().max(wanted),
            false => self.urls.len(),
        }
    }

    /// Runs one round over the first `count` URLs, starting over if the list may be repeated.
    ///
    /// `None` if interrupted.
    ///
    /// # Errors
    /// When its process cannot be started or does not finish.
    pub(super) fn run(&self, engine: Engine, count: usize) -> Result<Option<Run>> {
        self.run_within(engine, count, None)
    }

    /// Runs one round that is cut off when its time is up.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn run_within(
        &self,
        engine: Engine,
        count: usize,
        limit: Option<Duration>,
    ) -> Result<Option<Run>> {
        let count = count.min(self.most_urls(count));
        let urls = self.urls.iter().cycle().take(count).cloned().collect();
        let order = Order {
            limit,
            ..self.order(engine, urls)
        };
        let (busy, served) = (Busy::now(), Usage::now(false));
        let Some(measured) = order.run(&self.program, &self.stop)? else {
            return Ok(None);
        };
        let busy = Busy::now().zip(busy).map(|(now, then)| now.since(then));
        Ok(Some(Run {
            measured,
            busy,
            served: Usage::now(false).since(served).time(),
        }))
    }

    /// Fetches some URLs once more, untimed, with simhashes of their texts.
    ///
    /// Empty if interrupted.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn texts(&self, engine: Engine, places: &[u32]) -> Result<Vec<RoundReply>> {
        let urls = places
            .iter()
            .filter_map(|place| self.urls.get(*place as usize).cloned());
        let order = Order {
            texts: true,
            ..self.order(engine, urls.collect())
        };
        let measured = order.run(&self.program, &self.stop)?;
        let mut answers = measured.map_or(Vec::new(), |measured| measured.answers);
        for answer in &mut answers {
            answer.url = places.get(answer.url as usize).copied().unwrap_or(u32::MAX);
        }
        Ok(answers)
    }

    fn order(&self, engine: Engine, urls: Vec<String>) -> Order {
        Order {
            urls,
            engine,
            fetch: self.fetch.clone(),
            frontier: self.frontier.clone(),
            work: self.work.clone(),
            texts: false,
            limit: None,
        }
    }
}
