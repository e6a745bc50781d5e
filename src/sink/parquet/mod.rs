//! Parquet: typed tables, one folder per table, in parts that readers combine.
//!
//! Rows are collected in memory, split into columns, until there are enough for a part. In a job they are also in a
//! file next to the parts, so that everything before a mark survives: a mark says which parts there are and how
//! many rows are waiting. Invariant: the rows waiting at a mark are in that file, or are the first rows of the part
//! that follows the parts of the mark; and all tables close their parts at the same time. Edge: in a run without a
//! job, waiting rows are lost in a kill, so such a run closes its parts every few seconds; the interval grows with
//! the run, but never exceeds a sixtieth of its duration.

mod dataset;
mod journal;
mod part;
#[cfg(test)]
mod properties;
mod rows;
mod shape;
#[cfg(test)]
pub(super) mod suite;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::dataset::{Dataset, Parts};
use self::journal::{Journal, JournalState};
use self::rows::Rows;
use self::tables::Tables;
use super::{Destination, Mark, RecordSettings, Sink, Start};
use crate::error::{Error, Result, Setting};
use crate::parse::Wants;
use crate::visit::Visit;
use crate::visit::fields::{Table, Value};

/// The limits beyond which waiting rows become a part.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The number of rows in one table.
    rows: usize,
    /// The memory taken by the rows of all tables.
    bytes: usize,
    /// In a job: the age of the oldest row at a checkpoint.
    age: Duration,
}

/// The default limits.
///
/// Readers process as many row groups in parallel as there are cores, and 100,000 rows are a good size for that.
/// Waiting rows take memory, and 64 MiB before compression do not make a small file. A minute makes 60 parts an
/// hour instead of 3,600.
const BOUNDS: Bounds = Bounds {
    rows: 100_000,
    bytes: 64 << 20,
    age: Duration::from_secs(60),
};

/// The shortest time rows wait in a run without a job: this much is lost in a kill.
const MIN_WAIT: Duration = Duration::from_secs(5);
/// The longest time they wait is the run's duration divided by this.
///
/// So an hour has about 200 parts, not 720.
const MAX_SHARE: u32 = 60;

/// A dataset that is being written.
struct Parquet {
    tables: Tables,
    dataset: Dataset,
    /// The waiting rows of each table, and the file in which a job stores them.
    rows: Vec<Rows>,
    journal: Option<Journal>,
    /// The number of the last page.
    page: i64,
    bounds: Bounds,
    /// When the oldest waiting row was added.
    since: Option<Instant>,
    /// When the run began.
    started: Instant,
}

/// The content of a mark.
#[derive(Serialize, Deserialize)]
struct MarkContent {
    /// The number of the last page.
    page: i64,
    tables: BTreeMap<String, TableMark>,
}

#[derive(Serialize, Deserialize)]
struct TableMark {
    parts: Parts,
    /// The number of waiting rows.
    rows: usize,
}

/// Opens the dataset that the settings describe.
///
/// # Errors
/// If it does not match its mark, if something else is there, or if the output is standard output.
pub(super) fn open(
    to: &Destination,
    settings: &RecordSettings,
    tables: &[Table],
    start: Start<'_>,
) -> Result<Box<dyn Sink>> {
    let tables = Tables::of(settings, tables)?;
    Ok(Box::new(Parquet::open(to, tables, start, BOUNDS)?))
}

/// Whether a job may write here: there is nothing, or a dataset of haul's.
pub(super) fn is_rewindable(path: &Path) -> bool {
    dataset::is_free(path)
}

/// Whether a folder is a Parquet dataset that haul wrote.
pub fn is_dataset(path: &Path) -> bool {
    dataset::is_ours(path)
}

impl Parquet {
    fn open(to: &Destination, tables: Tables, start: Start<'_>, bounds: Bounds) -> Result<Self> {
        let Destination::File { path, append } = to else {
            return Err(Error::invalid(
                Setting::Output,
                "Parquet needs a folder to write to, as out.parquet",
            ));
        };
        let rows = tables.shapes.iter().map(Rows::of).collect();
        if let Start::At(mark) = start {
            return Self::resume(path, mark, tables, rows, bounds);
        }
        let dataset = match append {
            true => Dataset::append(path, &tables)?,
            false => Dataset::create(path, &tables)?,
        };
        journal::remove(&dataset.aside())?;
        let journal = match start {
            Start::Fresh => None,
            Start::Over | Start::At(_) => {
                Some(Journal::begin(&dataset.aside(), &dataset.last_parts())?)
            }
        };
        Ok(Self {
            page: dataset.last_page(&tables.names[0])?,
            rows,
            journal,
            bounds,
            since: None,
            started: Instant::now(),
            dataset,
            tables,
        })
    }

    fn resume(
        path: &Path,
        mark: &Mark,
        tables: Tables,
        mut rows: Vec<Rows>,
        bounds: Bounds,
    ) -> Result<Self> {
        let damaged = || Error::not_as_left(path, "the job's mark of it is damaged");
        let content: MarkContent = serde_json::from_value(mark.0.clone()).map_err(|_| damaged())?;
        let state_of = |name: &String| {
            content
                .tables
                .get(name)
                .map(|table| (table.parts, table.rows))
        };
        let known: Option<Vec<_>> = tables.names.iter().map(state_of).collect();
        let (parts, counts): (Vec<_>, Vec<_>) = known.ok_or_else(damaged)?.into_iter().unzip();
        let dataset = Dataset::check(path, &tables, parts)?;
        let after = dataset.last_parts();
        let aside = dataset.aside();
        let nothing_waits = counts.iter().all(|count| *count == 0);
        let left = match nothing_waits {
            true => JournalState::Unrelated,
            false => journal::read(&aside, &after, &counts, &tables.shapes, &mut rows)?,
        };
        let journal = match left {
            JournalState::ReadTo(length) => Journal::resume(&aside, length)?,
            // They are on disk here before the part that contains them is removed.
            JournalState::Unrelated => {
                let moved = dataset.next_rows(&tables, &counts)?;
                for ((rows, shape), moved) in rows.iter_mut().zip(&tables.shapes).zip(&moved) {
                    moved.iter().for_each(|row| rows.push(shape, row));
                }
                Journal::with(&aside, &after, &moved)?
            }
        };
        dataset.remove_later_parts(&tables)?;
        Ok(Self {
            page: content.page,
            since: (!nothing_waits).then(Instant::now),
            started: Instant::now(),
            rows,
            journal: Some(journal),
            bounds,
            dataset,
            tables,
        })
    }

    /// Writes all waiting rows to parts, and waits until those are on disk.
    fn close_parts(&mut self) -> Result<()> {
        for (index, rows) in self.rows.iter_mut().enumerate() {
            if rows.count > 0 {
                let shape = &self.tables.shapes[index];
                let rows = std::mem::replace(rows, Rows::of(shape));
                self.dataset.add(index, &self.tables, rows)?;
            }
        }
        self.since = None;
        if self.journal.is_some() {
            self.journal = Some(Journal::begin(
                &self.dataset.aside(),
                &self.dataset.last_parts(),
            )?);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let bytes: usize = self.rows.iter().map(|rows| rows.bytes).sum();
        let rows = self.rows.iter().map(|rows| rows.count).max();
        bytes >= self.bounds.bytes || rows >= Some(self.bounds.rows)
    }

    fn is_due(&self, now: Instant) -> bool {
        let age = match self.journal {
            Some(_) => self.bounds.age,
            None => MIN_WAIT.max(now.duration_since(self.started) / MAX_SHARE),
        };
        self.since
            .is_some_and(|since| now.duration_since(since) >= age)
    }

    fn mark(&self) -> Result<Mark> {
        let mut tables = BTreeMap::new();
        let counts = self.rows.iter().map(|rows| rows.count);
        for ((name, parts), rows) in self
            .tables
            .names
            .iter()
            .zip(&self.dataset.parts)
            .zip(counts)
        {
            let parts = *parts;
            tables.insert(name.clone(), TableMark { parts, rows });
        }
        let page = self.page;
        let mark = serde_json::to_value(MarkContent { page, tables });
        mark.map(Mark)
            .map_err(|source| Error::setup("a mark", source))
    }
}

impl Sink for Parquet {
    fn wants(&self) -> Wants {
        self.tables.wants()
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        self.page += 1;
        let (rows, journal, tables) = (&mut self.rows, &mut self.journal, &self.tables);
        tables.rows(visit, self.page, |table, row: &[Value]| {
            rows[table].push(&tables.shapes[table], row);
            match journal {
                Some(journal) => journal.add(table, row),
                None => Ok(()),
            }
        })?;
        if self.since.is_none() {
            self.since = Some(Instant::now());
        }
        // A run that is never idle is never asked to flush.
        let alone = self.journal.is_none() && self.page % 256 == 0;
        let is_due = alone && self.is_due(Instant::now());
        match self.is_full() || is_due {
            true => self.close_parts(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        let is_due = self.is_due(Instant::now());
        match &mut self.journal {
            Some(journal) => journal.flush(),
            None if is_due => self.close_parts(),
            None => Ok(()),
        }
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        if self.journal.is_none() || self.is_due(Instant::now()) {
            self.close_parts()?;
        }
        if let Some(journal) = &mut self.journal {
            journal.checkpoint()?;
        }
        self.mark()
    }

    fn finish(mut self: Box<Self>) -> Result<Option<Mark>> {
        self.journal = None;
        self.close_parts()?;
        // Tables without rows get an empty part, so that queries over them work.
        for index in 0..self.rows.len() {
            if self.dataset.parts[index].last == 0 {
                let rows = Rows::of(&self.tables.shapes[index]);
                self.dataset.add(index, &self.tables, rows)?;
            }
        }
        journal::remove(&self.dataset.aside())?;
        self.mark().map(Some)
    }
}
