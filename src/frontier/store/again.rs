//! Failures that wait again: one transaction, all of it or nothing.

use rusqlite::params;

use super::change::write_state;
use super::known::write_value;
use super::sqlite::{Sqlite, kept};
use super::{Known, State};
use crate::error::{Error, Result};
use crate::url::HostKey;

/// Failures that are looked at in one go.
const AT_ONCE: i64 = 1000;

impl Sqlite {
    /// Puts the failures that `wanted` names back to waiting, and answers how many there were of how many in all. Where
    /// there were any, it is one pass more from now on.
    ///
    /// # Errors
    /// When a row is damaged, or nothing can be written; then nothing is changed.
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
        let failed = |error: rusqlite::Error| super::sqlite::broken(path.as_ref(), &error);
        let transaction = self.database.transaction().map_err(failed)?;
        let (mut back, mut all, mut last) = (0, 0, -1);
        {
            let columns = super::sqlite::COLUMNS;
            let mut read = transaction
                .prepare(&format!(
                    "SELECT {columns} FROM urls WHERE id > ?1 AND state = 2 ORDER BY id LIMIT ?2"
                ))
                .map_err(failed)?;
            loop {
                let rows: rusqlite::Result<Vec<_>> = read
                    .query_map(params![last, AT_ONCE], kept)
                    .and_then(Iterator::collect);
                let rows = rows.map_err(failed)?;
                let Some(end) = rows.last().map(|kept| kept.row.id.cast_signed()) else {
                    break;
                };
                last = end;
                for kept in rows {
                    let row = kept.into_row(&HostKey::nowhere(), path.as_ref())?;
                    let State::Failed { status, class, .. } = &row.state else {
                        return Err(Error::damaged(&path, "damaged: a failure is none"));
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
            return Ok((0, all)); // and the transaction is rolled back
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
