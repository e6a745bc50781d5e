//! The table of snapshots in the database of a job.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};
use xxhash_rust::xxh3::Xxh3;

use crate::page::freshness::Freshness;
use crate::page::snapshot::Snapshot;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS pages(
    id INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL, etag TEXT, last_modified TEXT, sent INTEGER, sha256 BLOB,
    simhash INTEGER, recipes TEXT NOT NULL, content BLOB NOT NULL, sum INTEGER NOT NULL
) STRICT;
";

/// Until when pages may be used without asking, in a table of its own: jobs of earlier versions have none.
const FRESH: &str = "
CREATE TABLE IF NOT EXISTS fresh(
    id INTEGER PRIMARY KEY, until INTEGER NOT NULL, names TEXT NOT NULL, request INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
";

const INSERT: &str = "
INSERT OR REPLACE INTO pages(id, fingerprint, etag, last_modified, sent, sha256, simhash, recipes, content, sum)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
";

/// Creates the table if there is none, as in jobs of earlier versions, and checks that it can be written to.
///
/// # Errors
/// When its definition is damaged, so that a run notices before it has begun.
pub(crate) fn create(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(SCHEMA)?;
    database.execute_batch(FRESH)?;
    database.prepare_cached(INSERT).map(drop)
}

/// Whether a database has the table.
pub(crate) fn exists(database: &Connection) -> rusqlite::Result<bool> {
    has_table(database, "pages")
}

/// Whether a database knows until when its pages may be used without asking.
pub(super) fn knows_freshness(database: &Connection) -> rusqlite::Result<bool> {
    has_table(database, "fresh")
}

fn has_table(database: &Connection, name: &str) -> rusqlite::Result<bool> {
    let query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let found = database.query_row(query, [name], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Writes the snapshot of the page that the URL with this number led to; `fingerprint` is that of the page's own URL.
pub(crate) fn write(
    database: &Connection,
    id: u64,
    fingerprint: u64,
    snapshot: &Snapshot,
) -> rusqlite::Result<()> {
    let mut insert = database.prepare_cached(INSERT)?;
    insert.execute(params![
        id.cast_signed(),
        fingerprint.cast_signed(),
        snapshot.etag,
        snapshot.last_modified,
        snapshot.sent.and_then(microseconds),
        snapshot.sha256.as_ref().map(<[u8; 32]>::as_slice),
        snapshot.simhash.map(u64::cast_signed),
        snapshot.recipes.join("\n"),
        &*snapshot.content,
        check_sum(fingerprint, snapshot),
    ])?;
    write_freshness(
        database,
        id.cast_signed(),
        fingerprint,
        snapshot.fresh.as_ref(),
    )
}

/// Writes until when the page with this number may be used without asking.
fn write_freshness(
    database: &Connection,
    id: i64,
    fingerprint: u64,
    fresh: Option<&Freshness>,
) -> rusqlite::Result<()> {
    let until = fresh.and_then(|fresh| microseconds(fresh.until));
    let Some((fresh, until)) = fresh.zip(until) else {
        let mut forget = database.prepare_cached("DELETE FROM fresh WHERE id = ?1")?;
        return forget.execute([id]).map(drop);
    };
    let mut insert =
        database.prepare_cached("INSERT OR REPLACE INTO fresh VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let sum = freshness_sum(id, fingerprint, until, fresh);
    let request = fresh.request.cast_signed();
    insert.execute(params![id, until, fresh.names, request, sum])?;
    Ok(())
}

/// Until when the page in a row may be used without asking; `None` if that is not known, or damaged.
pub(super) fn read_freshness(
    database: &Connection,
    id: i64,
    fingerprint: u64,
) -> rusqlite::Result<Option<Freshness>> {
    let mut select =
        database.prepare_cached("SELECT until, names, request, sum FROM fresh WHERE id = ?1")?;
    let found = select.query_row([id], |row| {
        let until: i64 = row.get(0)?;
        let fresh = moment(until).map(|moment| Freshness {
            until: moment,
            names: row.get(1).unwrap_or_default(),
            request: row.get::<_, i64>(2).unwrap_or_default().cast_unsigned(),
        });
        let sum: i64 = row.get(3)?;
        Ok(fresh.filter(|fresh| sum == freshness_sum(id, fingerprint, until, fresh)))
    });
    Ok(found.optional()?.flatten())
}

fn freshness_sum(id: i64, fingerprint: u64, until: i64, fresh: &Freshness) -> i64 {
    let mut hash = Xxh3::new();
    for number in [
        id,
        fingerprint.cast_signed(),
        until,
        fresh.request.cast_signed(),
    ] {
        hash.update(&number.to_le_bytes());
    }
    hash.update(fresh.names.as_bytes());
    hash.digest().cast_signed()
}

/// Removes the snapshot with this number.
pub(crate) fn remove(database: &Connection, id: u64) -> rusqlite::Result<()> {
    let mut delete = database.prepare_cached("DELETE FROM pages WHERE id = ?1")?;
    delete.execute([id.cast_signed()]).map(drop)
}

/// The fingerprints of all pages, each with the number of its row, in the order of the fingerprints.
pub(super) fn index(database: &Connection) -> rusqlite::Result<Vec<(u64, i64)>> {
    let mut rows = database.prepare("SELECT fingerprint, id FROM pages")?;
    let rows = rows.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
    })?;
    let mut index = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    index.sort_unstable();
    Ok(index)
}

/// The snapshot in a row; `None` if it does not match its check sum.
pub(super) fn read(database: &Connection, id: i64) -> rusqlite::Result<Option<Snapshot>> {
    let mut select = database.prepare_cached(
        "SELECT fingerprint, etag, last_modified, sent, sha256, simhash, recipes, content, sum FROM pages WHERE id = ?1",
    )?;
    let found = select.query_row([id], |row| {
        let snapshot = Snapshot {
            etag: row.get(1)?,
            last_modified: row.get(2)?,
            sent: row.get::<_, Option<i64>>(3)?.and_then(moment),
            sha256: row.get(4)?,
            simhash: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
            recipes: row
                .get::<_, String>(6)?
                .lines()
                .map(str::to_owned)
                .collect(),
            content: row.get::<_, Vec<u8>>(7)?.into(),
            fresh: None,
        };
        let fingerprint = row.get::<_, i64>(0)?.cast_unsigned();
        let is_sound = row.get::<_, i64>(8)? == check_sum(fingerprint, &snapshot);
        Ok(is_sound.then_some(snapshot))
    });
    Ok(found.optional()?.flatten())
}

fn check_sum(fingerprint: u64, snapshot: &Snapshot) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(&fingerprint.to_le_bytes());
    for text in [&snapshot.etag, &snapshot.last_modified] {
        let text = text.as_deref().unwrap_or("\0");
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    let sent = snapshot.sent.and_then(microseconds);
    hash.update(&sent.unwrap_or_default().to_le_bytes());
    hash.update(snapshot.sha256.as_ref().map_or(&[], <[u8; 32]>::as_slice));
    hash.update(&snapshot.simhash.unwrap_or_default().to_le_bytes());
    hash.update(snapshot.recipes.join("\n").as_bytes());
    hash.update(&snapshot.content);
    hash.digest().cast_signed()
}

/// Archives have dates to the microsecond.
fn microseconds(moment: SystemTime) -> Option<i64> {
    let since = moment.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

fn moment(microseconds: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_micros(u64::try_from(microseconds).ok()?))
}
