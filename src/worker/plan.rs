//! Everything that an engine needs to fetch and to parse.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::archive::Bodies;
use crate::cache::Reader;
use crate::error::{Error, Result};
use crate::extract::{self, Extractor};
use crate::fetch::{self, FetchPlan};
use crate::page::memory::Memory;
use crate::parse::{ParsePlan, Wants, Work};

/// Extracts a value of the program's own type from a page.
pub(crate) type OwnExtractor =
    Arc<dyn Fn(&extract::Page<'_>) -> Box<dyn Any + Send + Sync> + Send + Sync>;

/// What the lanes of an engine share.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) shared: Arc<fetch::Shared>,
    pub(crate) parse: ParsePlan,
    /// The memory budget for decoded pages.
    pub(crate) memory: Memory,
    /// The extractor of typed fields, if any are wanted.
    pub(super) extractor: Option<Arc<Extractor>>,
    /// The pages of an earlier run, if that is an archive.
    pub(super) stored: Option<Arc<StoredPages>>,
    /// The cache, if there is one: its bodies are read by whoever parses.
    pub(super) cached: Option<Arc<Mutex<Reader>>>,
    /// The program's own extractor.
    pub(crate) own: Option<OwnExtractor>,
    /// The binary that child processes run.
    pub(crate) program: PathBuf,
    /// The number of child processes.
    children: u64,
}

/// The pages of an earlier run that is an archive, read when they are needed.
pub(super) struct StoredPages {
    pub(super) bodies: Bodies,
    /// What is read out of a page that changed, to be compared: its digest and its text.
    pub(super) compared: ParsePlan,
}

impl Plan {
    /// # Errors
    /// When a setting is invalid, or TLS cannot be set up.
    pub(crate) fn new(
        fetch: FetchPlan,
        parse: ParsePlan,
        program: Option<PathBuf>,
    ) -> Result<Self> {
        let this_one = || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("haul"));
        let extractor = match parse.extract.is_empty() {
            true => None,
            false => Some(Arc::new(Extractor::compile(&parse.extract)?)),
        };
        let archive = fetch.past.as_ref().and_then(|past| past.archive.as_ref());
        let stored = archive.map(|path| StoredPages::open(path, &fetch, &parse));
        let cached = fetch.cache.as_ref().map(Reader::open);
        Ok(Self {
            stored: stored.transpose()?.map(Arc::new),
            cached: cached.transpose()?.map(Mutex::new).map(Arc::new),
            shared: fetch::Shared::new(fetch)?,
            memory: Memory::new(parse.memory.0),
            parse,
            extractor,
            own: None,
            program: program.unwrap_or_else(this_one),
            children: 1,
        })
    }

    /// The plan for each of `children` processes that share a memory budget with this one, and the bandwidth.
    pub(crate) fn shared_by(&self, children: usize) -> Self {
        let mut plan = self.clone();
        plan.parse.memory.0 = (self.parse.memory.0 / (children as u64 + 1)).max(1);
        plan.memory = Memory::new(plan.parse.memory.0);
        plan.children = children as u64;
        plan
    }

    /// The plan of the fetch path of a child process.
    pub(crate) fn fetch_of_child(&self) -> FetchPlan {
        let mut fetch = self.shared.plan().clone();
        fetch.settings.bandwidth = fetch.settings.bandwidth.shared_by(self.children);
        fetch
    }

    /// Whether even a small page costs more than scanning it.
    pub(crate) fn computes(&self) -> bool {
        self.extractor.is_some() || self.own.is_some() || !self.parse.work.is_none()
    }
}

impl StoredPages {
    fn open(path: &Path, fetch: &FetchPlan, parse: &ParsePlan) -> Result<Self> {
        let bodies = Bodies::open(path, &fetch.spool.folder);
        let mut compared = parse.clone();
        compared.wants = Wants {
            digest: true,
            ..Wants::NOTHING
        };
        compared.work = Work::None;
        Ok(Self {
            bodies: bodies.map_err(|damage| Error::Setting(damage.to_string()))?,
            compared,
        })
    }
}
