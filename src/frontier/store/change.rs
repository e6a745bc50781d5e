//! Updates of rows that are in the table already. Called inside the transaction of a commit.

use rusqlite::{Connection, OptionalExtension, params};

use super::row::reach_text;
use super::table::{COLUMNS, kept};
use super::{Raised, State, check};

/// Writes the current state of a row.
pub(super) fn write_state(database: &Connection, id: u64, state: &State) -> rusqlite::Result<()> {
    let (code, status, class, message) = state.columns();
    let sum = check::of_state(id, state);
    database
        .prepare_cached(
            "UPDATE urls SET state = ?2, status = ?3, class = ?4, message = ?5, state_sum = ?6 WHERE id = ?1",
        )?
        .execute(params![id.cast_signed(), code, status, class, message, sum])
        .map(|_| ())
}

/// Applies a stronger claim to a row. Everything else about it stays.
pub(super) fn raise(database: &Connection, raised: &Raised) -> rusqlite::Result<()> {
    let stored = database
        .prepare_cached(&format!("SELECT {COLUMNS} FROM urls WHERE id = ?1"))?
        .query_row([raised.id.cast_signed()], kept)
        .optional()?;
    let Some(stored) = stored else {
        return Ok(()); // cannot happen: a row is inserted before it is raised
    };
    let host = stored.host;
    let Some(mut row) = stored.sound() else {
        return Err(rusqlite::Error::IntegralValueOutOfRange(
            0,
            raised.id.cast_signed(),
        ));
    };
    row.raise(raised)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    database
        .prepare_cached(
            "UPDATE urls SET role = ?2, depth = ?3, request = ?4, sum = ?5 WHERE id = ?1",
        )?
        .execute(params![
            row.id.cast_signed(),
            row.role as u8,
            row.depth,
            row.request.as_deref(),
            check::of_row(&row, host, &reach_text(row.reach)),
        ])?;
    write_state(database, row.id, &row.state)
}
