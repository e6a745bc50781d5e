//! SQLite: one row per page, one row per item, and a child table for each list.
//!
//! Any SQLite can query it: the tables are plain, and the views `summary`, `hosts` and `field_rates` cover the
//! usual questions. Rows are numbered as they are written, so a mark is the number of the last page: everything
//! after it is removed with a single `DELETE`, including its items. Invariant: a file that is not an output of haul
//! is never emptied. Edge: during a run, the newest rows are in the write-ahead log next to the file, which every
//! SQLite reads.

mod broken;
mod file;
mod name;
mod pages;
mod relation;
#[cfg(test)]
mod tests;
mod views;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::json;

use super::growing::sync_entry;
use super::hold::hold;
use super::{Destination, Mark, RecordSettings, Sink, Start};
use crate::error::{Error, Result, Setting};
use crate::parse::Wants;
use crate::visit::Visit;
use crate::visit::fields::Table;
use broken::broken;
use name::Names;
use pages::Pages;
use relation::Relation;

/// The most pages written in one transaction: uncommitted rows are in memory.
const PAGES: u32 = 10_000;
/// How long to wait for a reader that blocks a write.
const PATIENCE: Duration = Duration::from_secs(5);
/// The memory for the file's pages, in KiB.
const CACHE: i64 = 32 << 10;

/// An output with one table per kind of thing, in a single file.
pub(super) struct Sqlite {
    database: Connection,
    path: PathBuf,
    pages: Pages,
    tables: Vec<Table>,
    /// The relation of each table of items.
    relations: Vec<Relation>,
    /// The number of the last page.
    last: i64,
    /// The number of pages since the transaction began; `None` if none is open.
    open: Option<u32>,
    /// Whether the directory entry of the log is on disk.
    log_is_durable: bool,
    /// A lock against a second run.
    ///
    /// It is released after the database is closed, because closing a file drops the locks that SQLite has on it.
    _lock: Option<File>,
}

impl Sqlite {
    /// Opens or creates the output.
    ///
    /// # Errors
    /// If the file cannot be written, is not an output of haul, or does not contain what its mark says.
    pub(super) fn open(
        to: &Destination,
        settings: &RecordSettings,
        tables: &[Table],
        start: Start<'_>,
    ) -> Result<Self> {
        let Destination::File { path, append } = to else {
            return Err(Error::invalid(
                Setting::Output,
                "SQLite needs a file, not a stream: give one, as out.sqlite",
            ));
        };
        let mark = match start {
            Start::At(mark) => Some(file::pages(path, mark)?),
            Start::Fresh | Start::Over => None,
        };
        if mark.is_none() {
            file::create(path, *append)?;
        }
        let lock = hold(path)?;
        let failed = |error: rusqlite::Error| broken(path, &error);
        let mut names = Names::of_tables();
        let relations = tables
            .iter()
            .map(|table| Relation::of(table, &mut names))
            .collect();
        let mut sink = Self {
            database: Connection::open(path).map_err(failed)?,
            path: path.clone(),
            pages: Pages::new(settings.body, &settings.headers),
            tables: tables.to_vec(),
            relations,
            last: 0,
            open: None,
            log_is_durable: false,
            _lock: lock,
        };
        sink.prepare(mark).map_err(failed)?;
        if let Some(pages) = mark
            && sink.last < pages
        {
            return Err(Error::not_as_left(
                path,
                format!(
                    "it has {} pages, and the job left {pages} in it: somebody changed it; put it back as it was",
                    sink.last
                ),
            ));
        }
        Ok(sink)
    }

    /// Sets up the file, and removes what came after the mark.
    fn prepare(&mut self, mark: Option<i64>) -> rusqlite::Result<()> {
        let database = &mut self.database;
        database.busy_timeout(PATIENCE)?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "NORMAL")?;
        database.pragma_update(None, "foreign_keys", true)?;
        database.pragma_update(None, "cache_size", -CACHE)?;
        database.set_prepared_statement_cache_capacity(4096);
        let change = database.transaction()?;
        self.pages.create(&change)?;
        for relation in &self.relations {
            relation.create(&change)?;
        }
        views::create(&change, &self.tables, &self.relations)?;
        let last = || change.query_row("SELECT max(page_id) FROM pages", [], |row| row.get(0));
        self.last = last().map(Option::unwrap_or_default)?;
        if let Some(mark) = mark.filter(|mark| *mark < self.last) {
            change.execute("DELETE FROM pages WHERE page_id > ?1", [mark])?;
            self.last = mark;
        }
        change.commit()
    }

    fn insert(&mut self, visit: &Visit) -> rusqlite::Result<()> {
        let open = match self.open {
            Some(open) => open,
            None => {
                self.database.execute_batch("BEGIN IMMEDIATE")?;
                0
            }
        };
        self.open = Some(open + 1);
        let page = self.last + 1;
        self.pages.insert(&self.database, page, visit)?;
        self.last = page;
        let Some(extraction) = visit.parsed.fields.as_deref() else {
            return Ok(());
        };
        let mut counts = vec![0_i64; self.relations.len()];
        for item in &extraction.fields.items {
            let table = usize::from(item.table);
            if let Some(relation) = self.relations.get(table) {
                relation.insert(&self.database, page, counts[table], &item.values)?;
                counts[table] += 1;
            }
        }
        let mut miss = self.database.prepare_cached(pages::MISS)?;
        for missed in &extraction.fields.misses {
            let recipe = self.tables.get(usize::from(missed.table));
            let recipe = recipe.map(|table| table.name.as_str());
            miss.execute(params![
                page,
                recipe,
                missed.item,
                missed.column,
                missed.why
            ])?;
        }
        if let Some(why) = &extraction.fields.refused {
            miss.execute(params![page, None::<&str>, None::<u32>, None::<&str>, why])?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        if self.open.take().is_some() {
            let committed = self.database.execute_batch("COMMIT");
            committed.map_err(|error| broken(&self.path, &error))?;
        }
        Ok(())
    }

    /// Waits until everything committed is on disk.
    fn sync(&mut self) -> io::Result<()> {
        // Closing the log is harmless, because unlike the file it has no locks.
        let log = file::with_suffix(&self.path, "-wal");
        match File::open(&log) {
            Ok(written) => written.sync_data()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        if !self.log_is_durable {
            sync_entry(&log)?;
            self.log_is_durable = true;
        }
        Ok(())
    }
}

impl Sink for Sqlite {
    fn wants(&self) -> Wants {
        super::wants::wants_of_records(self.pages.body)
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        let written = self.insert(visit);
        written.map_err(|error| broken(&self.path, &error))?;
        match self.open {
            Some(PAGES..) => self.commit(),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.commit()
    }

    fn is_final(&self) -> bool {
        true
    }

    fn take_back(&mut self) -> bool {
        self.open.take().is_none() || self.database.execute_batch("ROLLBACK").is_ok()
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        self.commit()?;
        let synced = self.sync();
        synced.map_err(|source| Error::output(&self.path, source))?;
        Ok(Mark(json!({ "pages": self.last })))
    }

    fn finish(mut self: Box<Self>) -> Result<Option<Mark>> {
        self.commit()?;
        let indexed = self.database.execute_batch(pages::INDEXES);
        indexed.map_err(|error| broken(&self.path, &error))?;
        let mark = self.checkpoint()?;
        // A single file remains, unless a reader has it open: then that reader removes the log when it closes.
        let _ = self.database.pragma_update(None, "journal_mode", "DELETE");
        let closed = self.database.close();
        closed.map_err(|(_, error)| broken(&self.path, &error))?;
        Ok(Some(mark))
    }
}

/// Whether a file suffix selects this format.
pub(super) fn is_name(end: &str) -> bool {
    matches!(end, "sqlite" | "sqlite3" | "db")
}
