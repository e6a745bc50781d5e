//! The configuration of a run: its seeds, and the settings of each part.
//!
//! What depends on several of them is worked out in `crawl/plan.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::cache::CacheSettings;
use crate::cookies::{CookieSettings, Cookies};
use crate::engine::{self, Engine};
use crate::fetch::FetchSettings;
use crate::follow::CrawlSettings;
use crate::frontier::{FrontierSettings, Robots};
use crate::hsts::Hsts;
use crate::parse::ParseSettings;
use crate::seeds::SeedSettings;
use crate::shared::ShareSettings;
use crate::sink::{FilesSettings, SinkSettings};

/// The settings of a run, given before it starts.
///
/// A run does not change them, so they can be reused.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The list of URLs, and how to read it.
    pub seeds: SeedSettings,
    /// How requests are kept in flight, and how many at a time.
    pub engine: Engine,
    /// How requests are made.
    pub fetch: FetchSettings,
    /// What is done with cookies.
    ///
    /// By default, a list keeps them within each chain of redirects, and [`Config::crawl`] for the whole run.
    pub cookies: CookieSettings,
    /// Whether hosts are reached over https only once they ask for that.
    ///
    /// By default, a list ignores it, and [`Config::crawl`] obeys.
    pub hsts: Hsts,
    /// What is read from pages.
    pub parse: ParseSettings,
    /// Politeness, timing and retries.
    pub frontier: FrontierSettings,
    /// Where the run shares the pace of hosts with the other runs of this user on this machine.
    ///
    /// With `None` it asks hosts at its own pace, whatever others do.
    pub share: Option<ShareSettings>,
    /// Where records are written.
    ///
    /// May be empty for a caller that handles [`Event::Visited`](crate::Event::Visited).
    pub sinks: Vec<SinkSettings>,
    /// The folder to which bodies are saved, each in a file of its own.
    pub files: Option<FilesSettings>,
    /// How long the run may take.
    pub max_time: Option<Duration>,
    /// Which links are followed; `None` fetches only the list.
    pub crawl: Option<CrawlSettings>,
    /// How broken links are reported.
    ///
    /// With `None` each has only the page on which it was found first.
    pub broken: Option<BrokenSettings>,
    /// The job in which the run is stored, so that it survives its process.
    pub job: Option<JobSettings>,
    /// An earlier run: only what changed since is requested again (RFC 9110 13).
    ///
    /// It is the folder of a job, an archive or, for a list, an output. A page that did not change keeps what a job read out
    /// of it, its links included; its body in an archive is read as if it had been sent. What a program's own extractor
    /// returned is not kept in a job.
    pub since: Option<PathBuf>,
    /// Whether pages of the earlier run are used without asking, as long as their servers said that they are fresh
    /// (RFC 9111).
    pub fresh_ok: bool,
    /// The cache, in place of an earlier run: it is read and written (RFC 9111).
    pub cache: Option<CacheSettings>,
    /// The binary that the children of `processes` run; `None` is the current one.
    ///
    /// It must call [`serve_parent`](crate::engine::serve_parent) when its first argument is
    /// [`CHILD_ARGUMENT`](crate::engine::CHILD_ARGUMENT).
    pub program: Option<PathBuf>,
}

/// Reports of the broken links of a crawl, with all pages that contain them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokenSettings {
    /// A CSV file of broken links, written when the run ends.
    ///
    /// Its columns are URL, class, status and page, with one row per page.
    pub report: Option<PathBuf>,
    /// A CSV file of links that redirect: URL, status, target and page, one row per page.
    pub redirects: Option<PathBuf>,
}

/// The job in which a run is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// The job's folder; created if it does not exist.
    pub folder: PathBuf,
    /// Whether to start over and discard what is in the folder.
    pub fresh: bool,
    /// The settings of the run as text, by name.
    ///
    /// Stored so that a later run can resume it with the same ones.
    pub settings: BTreeMap<String, String>,
    /// The names of settings that may differ from those the job was started with.
    ///
    /// Any other difference is an error.
    pub may_change: Vec<String>,
}

impl Default for Config {
    /// Defaults without a list, for a run whose seeds come from a [`channel`](crate::seeds::channel).
    fn default() -> Self {
        Self::new(SeedSettings::default())
    }
}

impl Config {
    /// Fetches these URLs with default settings and no sink.
    pub fn urls<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        Self::new(SeedSettings::urls(urls))
    }

    /// Crawls from these seeds with the defaults of `haul crawl` and no sink.
    ///
    /// It stays on the seeds' hosts, obeys robots.txt, and keeps cookies for the whole run.
    pub fn crawl<T: Into<String>>(seeds: impl IntoIterator<Item = T>) -> Self {
        let mut config = Self::urls(seeds);
        config.crawl = Some(CrawlSettings::default());
        config.frontier.robots = Robots::Obey;
        config.cookies = CookieSettings::keep(Cookies::Run);
        config.hsts = Hsts::Obey;
        config
    }

    /// Parses the pages in these archives, with default settings and no sink.
    ///
    /// They are treated as if they had just been fetched. An archive is a WARC file, a WACZ package, or a folder of
    /// either or of saved pages; a damaged part of one gets a record that says so. Nothing uses the network, so the
    /// frontier's settings do not apply.
    pub fn stored<T: Into<PathBuf>>(archives: impl IntoIterator<Item = T>) -> Self {
        Self::new(SeedSettings::stored(archives))
    }

    /// Fetches this list with default settings and no sink.
    pub fn new(seeds: SeedSettings) -> Self {
        Self {
            seeds,
            engine: Engine::Async(
                engine::DEFAULT_IN_FLIGHT
                    .try_into()
                    .unwrap_or(std::num::NonZeroUsize::MIN),
            ),
            fetch: FetchSettings::default(),
            cookies: CookieSettings::default(),
            hsts: Hsts::default(),
            parse: ParseSettings::default(),
            frontier: FrontierSettings::default(),
            share: None,
            sinks: Vec::new(),
            files: None,
            max_time: None,
            crawl: None,
            broken: None,
            job: None,
            since: None,
            fresh_ok: false,
            cache: None,
            program: None,
        }
    }
}
