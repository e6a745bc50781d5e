//! Looks up what an earlier run kept of a page.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::open::read_only;
use super::table;
use crate::error::{Error, Result};
use crate::page::snapshot::Snapshot;
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

/// Where the snapshots of an earlier run are, whose job nobody writes to any more. Plain data, because it is sent to child processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PastPlan {
    /// The database of its job.
    pub(crate) database: PathBuf,
    /// The seed of its fingerprints.
    pub(crate) seed: u64,
}

/// The pages of an earlier run: which there are.
#[derive(Debug)]
pub(crate) struct Past {
    plan: PastPlan,
    /// Fingerprints and rows, sorted.
    index: Arc<[(u64, i64)]>,
}

/// The pages of an earlier run, as one thread reads them.
#[derive(Debug)]
pub(crate) struct Lookup {
    database: Connection,
    index: Arc<[(u64, i64)]>,
    fingerprints: Fingerprints,
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
    pub(crate) fn lookup(&self) -> Result<Lookup> {
        Ok(Lookup {
            database: connect(&self.plan)?,
            index: self.index.clone(),
            fingerprints: Fingerprints::seeded(self.plan.seed),
        })
    }
}

impl Lookup {
    /// What the earlier run kept of a page; `None` if it did not have it, or the row is damaged.
    ///
    /// Then the page is requested like a new one, so nothing is lost.
    pub(crate) fn find(&self, url: &PageUrl) -> Option<Box<Snapshot>> {
        let fingerprint = self.fingerprints.of(url.as_str());
        let start = self
            .index
            .partition_point(|(known, _)| *known < fingerprint);
        let (_, id) = self
            .index
            .get(start)
            .filter(|(known, _)| *known == fingerprint)?;
        table::read(&self.database, *id)
            .ok()
            .flatten()
            .map(Box::new)
    }
}

fn connect(plan: &PastPlan) -> Result<Connection> {
    read_only(&plan.database, true).map_err(|error| failed(plan, &error))
}

fn failed(plan: &PastPlan, error: &rusqlite::Error) -> Error {
    Error::store(&plan.database, error.to_string())
}
