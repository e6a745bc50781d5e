//! A run: seeds, and each part's own settings. What follows from several of them is worked out in `crawl/plan.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{self, Engine};
use crate::fetch::FetchSettings;
use crate::follow::CrawlSettings;
use crate::frontier::{FrontierSettings, Robots};
use crate::parse::ParseSettings;
use crate::seeds::SeedSettings;
use crate::sink::{FilesSettings, SinkSettings};

/// Everything that a run is told before it starts. No run changes it: it can be run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The list.
    pub seeds: SeedSettings,
    /// Who waits for the answers, and how many at a time.
    pub engine: Engine,
    /// What a request may do.
    pub fetch: FetchSettings,
    /// What is read out of a page.
    pub parse: ParseSettings,
    /// Politeness and patience.
    pub frontier: FrontierSettings,
    /// Where records go; none for a caller that listens to [`Event::Visited`](crate::Event::Visited).
    pub sinks: Vec<SinkSettings>,
    /// The folder that bodies are saved to, each in a file of its own.
    pub files: Option<FilesSettings>,
    /// How long the run may take.
    pub max_time: Option<Duration>,
    /// What is followed; `None` where the list is all there is.
    pub crawl: Option<CrawlSettings>,
    /// How broken links are told; `None` for the page that first led to each, and no more.
    pub broken: Option<BrokenSettings>,
    /// The job that keeps the run, so that it survives its process.
    pub job: Option<JobSettings>,
    /// The binary that `processes` starts its children from; the current one where it is `None`. It must call
    /// [`serve_parent`](crate::engine::serve_parent) when its first argument is [`CHILD_ARGUMENT`](crate::engine::CHILD_ARGUMENT).
    pub program: Option<PathBuf>,
}

/// How the broken links of a crawl are told: with all the pages that hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokenSettings {
    /// A CSV of them, written when the run ends: URL, class, status and holder, a row for each holder.
    pub report: Option<PathBuf>,
    /// A CSV of the links that redirect: URL, status, target and holder, a row for each holder.
    pub redirects: Option<PathBuf>,
}

/// The job that keeps a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// Its folder; made where there is none.
    pub folder: PathBuf,
    /// Whether what is in it is forgotten first.
    pub fresh: bool,
    /// What the run was begun with, each setting as text by its name: kept for whoever resumes it.
    pub settings: BTreeMap<String, String>,
    /// Those of them that may be others than the job was begun with; otherwise another setting is an error.
    pub may_change: Vec<String>,
}

impl Default for Config {
    /// No list: for a run whose seeds come from a [`channel`](crate::seeds::channel).
    fn default() -> Self {
        Self::new(SeedSettings::default())
    }
}

impl Config {
    /// Fetches these URLs with everything else as it is by default, and no sink.
    pub fn urls<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        Self::new(SeedSettings::urls(urls))
    }

    /// Crawls from these seeds as `haul crawl` does by default: on their hosts, and obeying robots.txt. No sink.
    pub fn crawl<T: Into<String>>(seeds: impl IntoIterator<Item = T>) -> Self {
        let mut config = Self::urls(seeds);
        config.crawl = Some(CrawlSettings::default());
        config.frontier.robots = Robots::Obey;
        config
    }

    /// Parses the pages of these archives as if they had just been fetched, with everything else as it is by default, and no
    /// sink. An archive is a WARC file, a WACZ package, or a folder of either or of saved pages; what is damaged in one has a
    /// record that says so. Nothing is asked of a network, so nothing of the frontier's settings applies.
    pub fn stored<T: Into<PathBuf>>(archives: impl IntoIterator<Item = T>) -> Self {
        Self::new(SeedSettings::stored(archives))
    }

    /// Fetches this list with everything else as it is by default, and no sink.
    pub fn new(seeds: SeedSettings) -> Self {
        Self {
            seeds,
            engine: Engine::Async(
                engine::DEFAULT_IN_FLIGHT
                    .try_into()
                    .unwrap_or(std::num::NonZeroUsize::MIN),
            ),
            fetch: FetchSettings::default(),
            parse: ParseSettings::default(),
            frontier: FrontierSettings::default(),
            sinks: Vec::new(),
            files: None,
            max_time: None,
            crawl: None,
            broken: None,
            job: None,
            program: None,
        }
    }
}
