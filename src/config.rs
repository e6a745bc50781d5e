//! A run: seeds, and each part's own settings. The checks that need several parts are here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{self, Engine};
use crate::error::{Error, Result, Setting};
use crate::fetch::{FetchSettings, KEEP_IDLE};
use crate::follow::CrawlSettings;
use crate::frontier::{FrontierSettings, Robots};
use crate::parse::ParseSettings;
use crate::seeds::SeedSettings;
use crate::sink::{self, Format, Layout, SinkSettings};

/// Everything that a run is told before it starts.
#[derive(Debug, Clone)]
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
            max_time: None,
            crawl: None,
            broken: None,
            job: None,
            program: None,
        }
    }

    /// Fits the parts to each other: what the sinks want is parsed, and what nobody wants is not kept.
    ///
    /// # Errors
    /// When two settings contradict each other.
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.parse.memory.0 == 0 {
            return Err(Error::invalid(
                Setting::Memory,
                "with 0 no page could be decoded; give a size, as in 256M",
            ));
        }
        let tables = self.parse.extract.tables()?;
        let indexes: Vec<_> = self.sinks.iter().filter_map(sink::index_of).collect();
        self.sinks.extend(indexes);
        for sink in &mut self.sinks {
            sink.tables.clone_from(&tables);
            if sink.format == Format::Warc {
                let robots = match self.frontier.robots {
                    Robots::Obey => "obey",
                    Robots::Ignore => "ignore",
                };
                sink.archive.robots.get_or_insert_with(|| robots.to_owned());
                sink.archive.proxied = !self.fetch.proxies.is_empty();
                sink.archive.method.clone_from(&self.fetch.method);
                sink.archive.headers.clone_from(&self.fetch.headers);
                sink.archive.body.clone_from(&self.fetch.body);
            }
            self.parse.wants = self.parse.wants.and(sink::wants(sink));
        }
        if self.crawl.is_some() {
            let follow = self.parse.follow.get_or_insert_default();
            // A copy without what pages are made of is no copy.
            follow.assets |= self
                .sinks
                .iter()
                .any(|sink| sink.layout == Layout::Browsable);
        }
        if self.job.is_some()
            && let Some(sink) = self.sinks.iter().find(|sink| !sink.is_rewindable())
        {
            return Err(Error::Setting(format!(
                "a job cannot write to {}: after a kill nothing could be taken back from it",
                sink::name(sink)
            )));
        }
        let folders: Vec<_> = self
            .sinks
            .iter()
            .filter_map(|sink| sink.folder.as_ref())
            .collect();
        if folders.len() > 1 {
            return Err(Error::Setting(
                "bodies can be saved to one folder only".into(),
            ));
        }
        if let Some(folder) = folders.first() {
            // In the same folder, so that a finished body is renamed and not copied.
            self.fetch.spool.folder = folder.to_path_buf();
            self.parse.folder = folder.to_path_buf();
            self.fetch.spool.resume = true;
        }
        let obeys = self.frontier.robots == crate::frontier::Robots::Obey;
        self.fetch.spool.keep = self.parse.reads_bodies() || obeys;
        self.fetch.spool.digest = self.parse.wants.digest;
        self.parse.follows = self.frontier.max_redirects > 0;
        if self.frontier.adaptive && self.frontier.per_host == 0 {
            self.frontier.per_host = self.engine.in_flight();
        }
        // A host that is asked once in a while is asked on the connection that it has.
        let slowest = match self.frontier.robots {
            Robots::Obey => self.frontier.delay.max(self.frontier.max_crawl_delay),
            Robots::Ignore => self.frontier.delay,
        };
        self.fetch.keep_idle = KEEP_IDLE.max(slowest.saturating_mul(2));
        self.fetch.idle_per_host = match self.frontier.per_host {
            0 => self.engine.in_flight(),
            limit => limit.min(self.engine.in_flight()),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::urls(["http://a.example/"]);
        change(&mut config);
        config.settle().unwrap();
        config
    }

    #[test]
    fn a_connection_is_kept_for_longer_than_its_host_is_left_alone() {
        let kept = |change: fn(&mut Config)| settled(change).fetch.keep_idle;
        assert_eq!(kept(|_| {}), KEEP_IDLE);
        let minutes = |count: u64| Duration::from_secs(60 * count);
        assert_eq!(
            kept(|config| config.frontier.delay = Duration::from_secs(300)),
            minutes(10)
        );
        let crawl = |config: &mut Config| {
            config.frontier.robots = Robots::Obey;
            config.frontier.max_crawl_delay = Duration::from_secs(600);
        };
        assert_eq!(kept(crawl), minutes(20));
    }
}
