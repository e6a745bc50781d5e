//! Questions in SQL about a job or a SQLite output, which are only read.
//!
//! A job is shown as a few tables with stable names, whatever its own tables look like, with its SQLite outputs beside
//! them. Invariant: nothing is locked or written, and no statement can change that: the database is open for reading only,
//! and statements that do anything else are refused before they run. A query is bounded in time, and in the memory that
//! SQLite uses; rows are passed on one by one. Edge: what a run has not committed yet, in the last second or so, is not seen.

mod cell;
mod database;
mod guard;
mod job;
mod limits;
mod tables;

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::error::{Error, Result};
pub use cell::Cell;
use cell::Kind;
use database::Database;
use guard::Guard;
pub use limits::{QueryEnd, QueryLimits};
pub use tables::QueryTable;

/// A job or an output, open for a query.
pub struct Query {
    database: Database,
    tables: Vec<QueryTable>,
    missing: Vec<PathBuf>,
}

/// Takes the result of a query.
pub trait QueryRows {
    /// Takes the names of the columns, once and first.
    ///
    /// # Errors
    /// When it cannot, which ends the query.
    fn columns(&mut self, names: &[String]) -> Result<()>;

    /// Takes a row: a cell for each column.
    ///
    /// # Errors
    /// When it cannot, which ends the query.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()>;
}

impl Query {
    /// Opens the job in a folder, or a SQLite output, whether or not a haul process works on it.
    ///
    /// # Errors
    /// When there is none, it is damaged, or of another format.
    pub fn open(path: &Path) -> Result<Self> {
        let (database, tables, missing) = match path.is_dir() {
            true => job::open(path)?,
            false => {
                let database = Database::of_output(path)?;
                let tables = tables::of(&database, "main", None)?;
                (database, tables, Vec::new())
            }
        };
        Ok(Self {
            database,
            tables,
            missing,
        })
    }

    /// The tables and views, in the order in which they are best read.
    pub fn tables(&self) -> &[QueryTable] {
        &self.tables
    }

    /// The SQLite outputs of the job that are not where it wrote them, so that their tables are missing.
    pub fn missing(&self) -> &[PathBuf] {
        &self.missing
    }

    /// Runs one statement, and passes its rows on.
    ///
    /// # Errors
    /// When the statement is wrong or not allowed, what it reads is damaged or was changed meanwhile, or `rows` fails.
    pub fn run(
        mut self,
        statement: &str,
        limits: QueryLimits,
        rows: &mut dyn QueryRows,
    ) -> Result<QueryEnd> {
        let guard = Guard::set(&mut self.database.connection, limits)
            .map_err(|error| self.database.broken(&error))?;
        let ended = self.pass(statement, &guard, rows);
        match ended {
            Ok(()) => {
                self.database.check_unchanged()?;
                Ok(QueryEnd::Complete)
            }
            Err(Ended::Early(end)) => Ok(end),
            Err(Ended::Error(error)) => Err(error),
        }
    }

    fn pass(
        &self,
        statement: &str,
        guard: &Guard,
        rows: &mut dyn QueryRows,
    ) -> std::result::Result<(), Ended> {
        let failed = |error| self.ended(&error, guard);
        guard.begin();
        let prepared = self.database.connection.prepare(statement);
        let mut prepared = prepared.map_err(failed)?;
        if prepared.column_count() == 0 {
            return Err(Ended::Error(self.refused("it has no result")));
        }
        let columns = prepared.columns();
        let (names, kinds): (Vec<String>, Vec<Kind>) = columns
            .map(|column| (column.name().to_owned(), Kind::of(column.decl_type())))
            .unzip();
        rows.columns(&names)?;
        let mut results = prepared.query([]).map_err(failed)?;
        loop {
            guard.begin();
            let Some(row) = results.next().map_err(failed)? else {
                return Ok(());
            };
            guard.rest();
            let mut cells = Vec::with_capacity(kinds.len());
            for (place, kind) in kinds.iter().enumerate() {
                cells.push(kind.cell(row.get_ref(place).map_err(failed)?));
            }
            rows.row(&cells)?;
        }
    }

    /// Why a statement ended with an error of SQLite's.
    fn ended(&self, error: &rusqlite::Error, guard: &Guard) -> Ended {
        Ended::Error(match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => return Ended::Early(guard.verdict()),
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen,
            ) => self.database.broken(error),
            Some(ErrorCode::AuthorizationForStatementDenied) => {
                self.refused("only SELECT is allowed: nothing is ever changed")
            }
            Some(ErrorCode::OutOfMemory) => {
                self.refused("it needs more memory than a query may use")
            }
            _ => self.refused(&message(error)),
        })
    }

    /// The error for a statement that cannot be run: a wrong name is the commonest mistake, so it lists those that there are.
    fn refused(&self, problem: &str) -> Error {
        let names: Vec<&str> = self
            .tables
            .iter()
            .map(|table| table.name.as_str())
            .collect();
        Error::Setting(format!(
            "the query cannot be run: {problem}; there are the tables {}",
            names.join(", ")
        ))
    }
}

/// Why a query ended before its last row.
enum Ended {
    Early(QueryEnd),
    Error(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Ended::Error(error)
    }
}

/// SQLite's own words, without the statement that rusqlite puts after them.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}
