//! Where rounds run: the URLs, who serves them, and what is the same for every engine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::machine::{Busy, Usage};
use super::round::{Measured, Order};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fetch::FetchSettings;
use crate::frontier::FrontierSettings;
use crate::origin::{LogLevel, Origin, OriginSettings};
use crate::parse::Work;
use crate::size::ByteSize;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// These URLs, each once.
    Urls(Vec<String>),
    /// A practice server that is started for it.
    Practice(Practice),
}

/// The practice server of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Practice {
    /// Waited before each answer.
    pub latency: Duration,
    /// Waited besides, by chance, at the most.
    pub jitter: Duration,
    /// About how large a page is.
    pub size: ByteSize,
    /// Pages: as many URLs.
    pub pages: u64,
    /// The share of requests that fail, 0 to 1.
    pub error_rate: f64,
}

impl Default for Practice {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::ZERO,
            size: ByteSize(6 << 10),
            pages: 2000,
            error_rate: 0.0,
        }
    }
}

/// Where rounds run.
pub(super) struct Arena {
    pub(super) urls: Vec<String>,
    pub(super) fetch: FetchSettings,
    pub(super) frontier: FrontierSettings,
    pub(super) work: Work,
    pub(super) practice: Option<Practice>,
    /// Serves until it is dropped.
    _origin: Option<Origin>,
    program: PathBuf,
}

/// A round, and what the machine did meanwhile.
pub(super) struct Run {
    pub(super) measured: Measured,
    /// All processors; `None` where the system does not say.
    pub(super) busy: Option<Busy>,
    /// The processor time of this process: the practice server's.
    pub(super) served: Duration,
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
        seed: u64,
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
            _origin: None,
            program,
        };
        match target {
            Target::Urls(urls) => {
                arena.urls.clone_from(urls);
                // Engines that are slow take the first of them: no host's URLs shall stand together.
                fastrand::Rng::with_seed(seed).shuffle(&mut arena.urls);
            }
            Target::Practice(practice) => arena.practise(practice.clone(), seed)?,
        }
        Ok(arena)
    }

    /// The same against another practice server.
    ///
    /// # Errors
    /// When it cannot be started.
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
        let origin =
            Origin::start(settings).map_err(|error| Error::Setting(format!("--serve: {error}")))?;
        self.urls = (0..practice.pages)
            .map(|page| origin.url(&format!("/page/{page}")))
            .collect();
        self._origin = Some(origin);
        self.practice = Some(practice);
        Ok(())
    }

    /// Hosts among the URLs.
    pub(super) fn hosts(&self) -> usize {
        let host = |url: &String| {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            rest.split('/').next().unwrap_or_default().to_owned()
        };
        self.urls.iter().map(host).collect::<BTreeSet<_>>().len()
    }

    /// One round: the first `count` URLs.
    ///
    /// # Errors
    /// When its process cannot be started or does not come to its end.
    pub(super) fn run(&self, engine: Engine, count: usize) -> Result<Run> {
        let order = Order {
            urls: self.urls[..count.min(self.urls.len())].to_vec(),
            engine,
            fetch: self.fetch.clone(),
            frontier: self.frontier.clone(),
            work: self.work.clone(),
        };
        let (busy, served) = (Busy::now(), Usage::now(false));
        let measured = order.run(&self.program)?;
        let busy = Busy::now().zip(busy).map(|(now, then)| now.since(then));
        Ok(Run {
            measured,
            busy,
            served: Usage::now(false).since(served).time(),
        })
    }
}
