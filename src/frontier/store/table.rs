//! The tables of a job, read: rows and hosts, each verified by its check sum.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::Connection;

use super::database::broken;
use super::row::{reach_of, role_of, via_of};
use super::{Row, State, check};
use crate::error::{Error, Result};
use crate::url::HostKey;

pub(super) const COLUMNS: &str = "id, host, fingerprint, url, role, via, depth, row, found_on, reach, request, sum, state, status, \
     class, message, state_sum";

/// A row as it was read from the table, not verified yet.
pub(super) struct Kept {
    pub(super) row: Row,
    pub(super) host: i64,
    reach: String,
    sum: i64,
    state: Option<State>,
    state_sum: i64,
}

pub(super) fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    let reach: String = row.get(9)?;
    Ok(Kept {
        host: row.get(1)?,
        sum: row.get(11)?,
        state: State::from_columns(row.get(12)?, row.get(13)?, row.get(14)?, row.get(15)?),
        state_sum: row.get(16)?,
        row: Row {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            host: HostKey::placeholder(),
            fingerprint: row.get::<_, i64>(2)?.cast_unsigned(),
            url: row.get::<_, String>(3)?.into(),
            role: role_of(row.get(4)?),
            via: via_of(row.get(5)?),
            depth: row.get(6)?,
            row: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned),
            found_on: row.get::<_, i64>(8)?.cast_unsigned(),
            found_on_url: None,
            reach: reach_of(&reach),
            request: row.get::<_, Option<String>>(10)?.map(Into::into),
            state: State::Waiting(0),
        },
        reach,
    })
}

impl Kept {
    /// The row without its host; `None` if it does not match its check sums.
    pub(super) fn sound(self) -> Option<Row> {
        let mut row = self.row;
        row.state = self.state?;
        let sound = self.sum == check::of_row(&row, self.host, &self.reach)
            && self.state_sum == check::of_state(row.id, &row.state);
        sound.then_some(row)
    }

    pub(super) fn into_row(self, host: &HostKey, path: &Path) -> Result<Row> {
        let id = self.row.id;
        let Some(mut row) = self.sound() else {
            let problem = format!(
                "damaged: row {id} of urls does not match its check sum; nothing was changed",
            );
            return Err(Error::damaged(path, problem));
        };
        row.host = host.clone();
        Ok(row)
    }
}

/// Passes every row of a database to `take`, oldest first.
pub(super) fn each_row(
    database: &Connection,
    path: &Path,
    take: &mut dyn FnMut(Row) -> Result<()>,
) -> Result<()> {
    let failed = |error| broken(path, &error);
    let by_host = read_hosts(database, path)?;
    let hosts: HashMap<i64, HostKey> = by_host.into_iter().map(|(key, id)| (id, key)).collect();
    let mut statement = database
        .prepare(&format!("SELECT {COLUMNS} FROM urls ORDER BY id"))
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let kept = kept(row).map_err(failed)?;
        let Some(host) = hosts.get(&kept.host) else {
            let problem = format!("damaged: row {} of urls has no host", kept.row.id);
            return Err(Error::damaged(path, problem));
        };
        take(kept.into_row(host, path)?)?;
    }
    Ok(())
}

pub(super) fn read_hosts(database: &Connection, path: &Path) -> Result<HashMap<HostKey, i64>> {
    let failed = |error| broken(path, &error);
    let mut hosts = HashMap::new();
    let mut statement = database
        .prepare("SELECT id, host, sum FROM hosts")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let id: i64 = row.get(0).map_err(failed)?;
        let text: String = row.get(1).map_err(failed)?;
        let sum: i64 = row.get(2).map_err(failed)?;
        let key = HostKey::kept(&text).filter(|_| sum == check::of_text(&id.to_string(), &text));
        let Some(key) = key else {
            let problem =
                format!("damaged: host {id} does not match its check sum; nothing was changed");
            return Err(Error::damaged(path, problem));
        };
        hosts.insert(key, id);
    }
    Ok(hosts)
}
