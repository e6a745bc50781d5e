//! What does not fit into memory: details that wait for the other run, and the changes that were found.
//!
//! An unnamed database that SQLite keeps in a temporary file, and removes with it. Nothing in it outlives the process.

use std::fmt::Display;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::change::Change;
use super::lines::LinePair;
use crate::error::{Error, Result};

/// The tables: details by the number of their pair, changes, and the texts of changes.
const TABLES: &str = "
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768; PRAGMA temp_store = FILE;
CREATE TABLE pages(id INTEGER PRIMARY KEY, detail BLOB NOT NULL);
CREATE TABLE items(id INTEGER PRIMARY KEY, detail BLOB NOT NULL);
CREATE TABLE changes(number INTEGER PRIMARY KEY, rank INTEGER NOT NULL, url TEXT NOT NULL, change BLOB NOT NULL);
CREATE TABLE texts(number INTEGER PRIMARY KEY, rows BLOB NOT NULL);
BEGIN;
";

/// The temporary database.
pub(super) struct Store {
    database: Connection,
}

/// The kinds of details that wait.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waiting {
    Page,
    Item,
}

impl Store {
    /// Creates an empty store.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub(super) fn new() -> Result<Self> {
        let database = Connection::open("").map_err(failed)?;
        database.execute_batch(TABLES).map_err(failed)?;
        Ok(Self { database })
    }

    /// Keeps details under a number.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn put(&self, of: Waiting, id: u32, detail: &impl Serialize) -> Result<()> {
        let insert = match of {
            Waiting::Page => "INSERT INTO pages(id, detail) VALUES (?1, ?2)",
            Waiting::Item => "INSERT INTO items(id, detail) VALUES (?1, ?2)",
        };
        let mut insert = self.database.prepare_cached(insert).map_err(failed)?;
        insert.execute(params![id, json(detail)?]).map_err(failed)?;
        Ok(())
    }

    /// The details with this number, if they were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn get<T: DeserializeOwned>(&self, of: Waiting, id: u32) -> Result<Option<T>> {
        let select = match of {
            Waiting::Page => "SELECT detail FROM pages WHERE id = ?1",
            Waiting::Item => "SELECT detail FROM items WHERE id = ?1",
        };
        let mut select = self.database.prepare_cached(select).map_err(failed)?;
        let found: Option<Vec<u8>> = select
            .query_row([id], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        found.map(|bytes| parsed(&bytes)).transpose()
    }

    /// Adds a change, and returns its number.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&self, change: &Change) -> Result<i64> {
        let insert = "INSERT INTO changes(rank, url, change) VALUES (?1, ?2, ?3)";
        let mut insert = self.database.prepare_cached(insert).map_err(failed)?;
        let rank = change.kind.rank() as i64;
        insert
            .execute(params![rank, change.url, json(change)?])
            .map_err(failed)?;
        Ok(self.database.last_insert_rowid())
    }

    /// Keeps the texts of a change.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn add_texts(&self, number: i64, rows: &[LinePair]) -> Result<()> {
        let insert = "INSERT INTO texts(number, rows) VALUES (?1, ?2)";
        let mut insert = self.database.prepare_cached(insert).map_err(failed)?;
        insert
            .execute(params![number, json(&rows)?])
            .map_err(failed)?;
        Ok(())
    }

    /// The texts of a change, if they were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn texts(&self, number: i64) -> Result<Vec<LinePair>> {
        let select = "SELECT rows FROM texts WHERE number = ?1";
        let mut select = self.database.prepare_cached(select).map_err(failed)?;
        let found: Option<Vec<u8>> = select
            .query_row([number], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        found.map_or(Ok(Vec::new()), |bytes| parsed(&bytes))
    }

    /// Passes every change to `take`, the gravest kinds first, and each kind by URL.
    ///
    /// # Errors
    /// When they cannot be read, and the errors of `take`.
    pub(super) fn each(&self, take: &mut dyn FnMut(Change) -> Result<()>) -> Result<()> {
        let select = "SELECT number, change FROM changes ORDER BY rank, url, number";
        let mut select = self.database.prepare(select).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let bytes: Vec<u8> = row.get(1).map_err(failed)?;
            let mut change: Change = parsed(&bytes)?;
            change.number = row.get(0).map_err(failed)?;
            take(change)?;
        }
        Ok(())
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(failed)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(failed)
}

/// The error of the temporary file.
fn failed(error: impl Display) -> Error {
    let source = std::io::Error::other(error.to_string());
    Error::output(std::env::temp_dir(), source)
}
