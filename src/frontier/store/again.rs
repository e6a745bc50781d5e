//! Putting failures back to waiting: one transaction, all of it or nothing.

use rusqlite::params;

use super::change::write_state;
use super::known::write_value;
use super::sqlite::Sqlite;
use super::table::kept;
use super::{Known, State};
use crate::error::{Error, Result};
use crate::url::HostKey;

/// The number of failures that are read at once.
const PER_READ: i64 = 1000;

impl Sqlite {
    /// Puts the failures that `wanted` accepts back to waiting.
    ///
    /// Returns how many were put back, and how many failures there were. If any were put back, the job has one more
    /// pass from now on.
    ///
    /// # Errors
    /// When a row is damaged, or the database cannot be written to; then nothing was changed.
    pub(crate) fn put_back(
        &mut self,
        wanted: &dyn Fn(Option<u16>, &str) -> bool,
        known: &Known,
    ) -> Result<(u64, u64)> {
        let counts = self.mark_waiting(wanted, known)?;
        if counts.0 > 0 {
            self.counter.set(self.commits)?;
        }
        Ok(counts)
    }

    fn mark_waiting(
        &mut self,
        wanted: &dyn Fn(Option<u16>, &str) -> bool,
        known: &Known,
    ) -> Result<(u64, u64)> {
        let pass = known.last_pass().saturating_add(1);
        let mut superseded = known.superseded;
        let path = self.database.path().unwrap_or_default().to_owned();
        let failed = |error: rusqlite::Error| super::database::broken(path.as_ref(), &error);
        let transaction = self.database.transaction().map_err(failed)?;
        let (mut back, mut all, mut last) = (0, 0, -1);
        {
            let columns = super::table::COLUMNS;
            let mut read = transaction
                .prepare(&format!(
                    "SELECT {columns} FROM urls WHERE id > ?1 AND state = 2 ORDER BY id LIMIT ?2"
                ))
                .map_err(failed)?;
            loop {
                let rows: rusqlite::Result<Vec<_>> = read
                    .query_map(params![last, PER_READ], kept)
                    .and_then(Iterator::collect);
                let rows = rows.map_err(failed)?;
                let Some(end) = rows.last().map(|last| last.row.id.cast_signed()) else {
                    break;
                };
                last = end;
                for stored in rows {
                    let row = stored.into_row(&HostKey::placeholder(), path.as_ref())?;
                    let State::Failed { status, class, .. } = &row.state else {
                        return Err(Error::damaged(
                            &path,
                            "damaged: a failed row is not a failure",
                        ));
                    };
                    all += 1;
                    if !wanted(*status, class) {
                        continue;
                    }
                    back += 1;
                    superseded += u64::from(row.role.has_record());
                    write_state(&transaction, row.id, &State::Waiting(pass)).map_err(failed)?;
                }
            }
        }
        if back == 0 {
            return Ok((0, all)); // this rolls the transaction back
        }
        self.commits += 1;
        write_value(&transaction, "commits", &self.commits).map_err(failed)?;
        let put_back = known.pass.saturating_add(1);
        write_value(&transaction, "pass", &put_back).map_err(failed)?;
        write_value(&transaction, "superseded", &superseded).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok((back, all))
    }
}
