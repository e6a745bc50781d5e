//! Failures that wait again: one transaction, all of it or nothing.

use rusqlite::params;

use super::sqlite::{Sqlite, kept, write_value};
use super::{Known, State, check};
use crate::error::{Error, Result};
use crate::job::Role;
use crate::url::HostKey;

/// Failures that are looked at in one go.
const AT_ONCE: i64 = 1000;

impl Sqlite {
    /// Puts the failures that `wanted` names back to waiting, and answers how many there were of how many in all. Where
    /// there were any, it is pass number `pass` from now on.
    ///
    /// What a redirect of theirs led to is forgotten: otherwise it would be taken for seen, and the redirect not be followed.
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
        let pass = known.pass.saturating_add(1);
        let mut superseded = known.superseded;
        let path = self.database.path().unwrap_or_default().to_owned();
        let failed = |error: rusqlite::Error| super::sqlite::broken(path.as_ref(), &error);
        let transaction = self.database.transaction().map_err(failed)?;
        transaction
            .execute_batch("CREATE TEMP TABLE again(id INTEGER PRIMARY KEY)")
            .map_err(failed)?;
        let (mut back, mut all, mut last) = (0, 0, -1);
        {
            let columns = super::sqlite::COLUMNS;
            let mut read = transaction
                .prepare(&format!(
                    "SELECT {columns} FROM urls WHERE id > ?1 AND state = 2 ORDER BY id LIMIT ?2"
                ))
                .map_err(failed)?;
            let mut change = transaction
                .prepare(
                    "UPDATE urls SET state = 0, status = ?3, class = NULL, message = NULL, state_sum = ?2 WHERE id = ?1",
                )
                .map_err(failed)?;
            let mut note = transaction
                .prepare("INSERT INTO again(id) VALUES (?1)")
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
                        return Err(Error::store(&path, "damaged: a failure is none"));
                    };
                    all += 1;
                    if !wanted(*status, class) {
                        continue;
                    }
                    back += 1;
                    let id = row.id.cast_signed();
                    superseded += u64::from(matches!(row.role, Role::Page | Role::Asset));
                    let sum = check::of_state(row.id, &State::Waiting(pass));
                    change.execute(params![id, sum, pass]).map_err(failed)?;
                    note.execute([id]).map_err(failed)?;
                }
            }
        }
        if back == 0 {
            return Ok((0, all)); // and the transaction is rolled back
        }
        transaction
            .execute_batch(
                "DELETE FROM urls WHERE state = 4 AND status IN (SELECT id FROM again); DROP TABLE again",
            )
            .map_err(failed)?;
        self.commits += 1;
        write_value(&transaction, "commits", &self.commits).map_err(failed)?;
        write_value(&transaction, "pass", &pass).map_err(failed)?;
        write_value(&transaction, "superseded", &superseded).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok((back, all))
    }
}
