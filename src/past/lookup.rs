//! Looks up what an earlier run kept of a page.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::open::read_only;
use super::table;
use crate::cache::Reader;
use crate::error::{Error, Result};
use crate::page::freshness::Freshness;
use crate::page::snapshot::{Content, Known, Place};
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

/// Where the snapshots of an earlier run are. Plain data, because it is sent to child processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PastPlan {
    /// The database with their table, which nobody writes to any more: that of a job, or one made of an archive.
    pub(crate) database: PathBuf,
    /// The seed of its fingerprints.
    pub(crate) seed: u64,
    /// The archive that has the bodies: then a snapshot's content is the [place](Place) of its page there.
    pub(crate) archive: Option<PathBuf>,
}

/// The pages of an earlier run: which there are.
#[derive(Debug)]
pub(crate) struct Past {
    plan: PastPlan,
    /// Fingerprints and rows, sorted.
    index: Arc<[(u64, i64)]>,
}

/// Earlier pages, as one thread reads them.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// Those of an earlier run.
    Run(RunLookup),
    /// Those of the cache.
    Cache(Reader),
}

/// The pages of an earlier run, as one thread reads them.
#[derive(Debug)]
pub(crate) struct RunLookup {
    database: Connection,
    index: Arc<[(u64, i64)]>,
    fingerprints: Fingerprints,
    /// Whether the contents are places in an archive.
    has_places: bool,
    knows_freshness: bool,
}

impl PastPlan {
    /// Whether it is known until when the pages may be used without asking.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn knows_freshness(&self) -> Result<bool> {
        let known = table::knows_freshness(&connect(self)?);
        known.map_err(|error| failed(self, &error))
    }
}

impl Past {
    /// Reads which pages there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn open(plan: PastPlan) -> Result<Self> {
        let database = connect(&plan)?;
        let index = table::index(&database).map_err(|error| failed(&plan, &error))?;
        Ok(Self {
            index: index.into(),
            plan,
        })
    }

    /// A connection of its own for a thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn lookup(&self) -> Result<RunLookup> {
        let database = connect(&self.plan)?;
        let knows_freshness = table::knows_freshness(&database);
        Ok(RunLookup {
            knows_freshness: knows_freshness.map_err(|error| failed(&self.plan, &error))?,
            database,
            index: self.index.clone(),
            fingerprints: Fingerprints::seeded(self.plan.seed),
            has_places: self.plan.archive.is_some(),
        })
    }
}

impl Lookup {
    /// Whether the user said that this run goes on from the one with these pages. The cache is for all runs alike, and so
    /// only for requests without secrets.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Run(_))
    }

    /// What is known of a page; `None` if it is not there, or damaged: then it is requested like a new one.
    pub(crate) fn find(&self, url: &PageUrl) -> Option<Box<Known>> {
        match self {
            Self::Run(run) => run.find(url),
            Self::Cache(cache) => cache.find(url),
        }
    }

    /// Until when a page may be used without asking; `None` if that is not known.
    pub(crate) fn freshness(&self, url: &PageUrl) -> Option<Freshness> {
        match self {
            Self::Run(run) => run.freshness(url),
            Self::Cache(cache) => cache.freshness(url),
        }
    }
}

impl RunLookup {
    /// What the earlier run kept of a page; `None` if it did not have it, or the row is damaged.
    ///
    /// Then the page is requested like a new one, so nothing is lost.
    pub(crate) fn find(&self, url: &PageUrl) -> Option<Box<Known>> {
        let (_, id) = self.entry(url)?;
        let mut then = table::read(&self.database, id).ok().flatten()?;
        let content = std::mem::take(&mut then.content);
        let content = match self.has_places {
            true => Content::Stored(postcard::from_bytes::<Box<Place>>(&content).ok()?),
            false => Content::Packed(content),
        };
        Some(Box::new(Known {
            then,
            content,
            is_reused: false,
        }))
    }

    /// Until when a page may be used without asking; `None` if the earlier run did not have it, or does not know.
    fn freshness(&self, url: &PageUrl) -> Option<Freshness> {
        let (fingerprint, id) = self.entry(url).filter(|_| self.knows_freshness)?;
        let found = table::read_freshness(&self.database, id, fingerprint);
        found.ok().flatten()
    }

    /// The fingerprint and the row of a page.
    fn entry(&self, url: &PageUrl) -> Option<(u64, i64)> {
        let fingerprint = self.fingerprints.of(url.as_str());
        let end = self
            .index
            .partition_point(|(known, _)| *known <= fingerprint);
        // An archive may have a page several times: the last one counts.
        let entry = self.index[..end].last().copied();
        entry.filter(|(known, _)| *known == fingerprint)
    }
}

fn connect(plan: &PastPlan) -> Result<Connection> {
    read_only(&plan.database, true).map_err(|error| failed(plan, &error))
}

fn failed(plan: &PastPlan, error: &rusqlite::Error) -> Error {
    Error::store(&plan.database, error.to_string())
}
