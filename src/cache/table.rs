//! The table of the cache: an entry for each URL.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use xxhash_rust::xxh3::Xxh3;

use crate::page::freshness::Freshness;
use crate::page::headers::Headers;

/// The layout of the table.
const LAYOUT: i64 = 1;
/// Identifies a cache among SQLite files: `hlch`.
const APPLICATION: i64 = 0x686c_6368;
/// How long another process may hold the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of a body, unpacked.
const MOST: usize = 64 << 20;

const SCHEMA: &str = "
CREATE TABLE entries(
    id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, sent INTEGER NOT NULL, until INTEGER, names TEXT NOT NULL,
    request INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL, body_sum INTEGER NOT NULL,
    size INTEGER NOT NULL, used INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_by_use ON entries(used, size);
";

/// What is known about a stored response, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sent: SystemTime,
    pub(super) fresh: Option<Freshness>,
    pub(super) headers: Headers,
    /// The check sum of its body, which identifies it.
    pub(super) body_sum: i64,
}

/// Opens the database to write to it; creates it if there is none.
///
/// # Errors
/// When it cannot be opened, or is no cache of this layout.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let mut database = Connection::open(path)?;
    database.busy_timeout(PATIENCE)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    let change = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let is_new = !change.prepare("SELECT 1 FROM sqlite_schema")?.exists([])?;
    if is_new {
        change.execute_batch(SCHEMA)?;
        change.pragma_update(None, "application_id", APPLICATION)?;
        change.pragma_update(None, "user_version", LAYOUT)?;
    }
    change.commit()?;
    check(&database)?;
    Ok(database)
}

/// Opens the database to read from it.
///
/// # Errors
/// When it cannot be opened, or is no cache of this layout.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)?;
    database.busy_timeout(PATIENCE)?;
    check(&database)?;
    Ok(database)
}

fn check(database: &Connection) -> rusqlite::Result<()> {
    let number = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let is_ours = number("application_id")? == APPLICATION && number("user_version")? == LAYOUT;
    // Its columns, too.
    database.prepare(SELECT).map(drop)?;
    match is_ours {
        true => Ok(()),
        false => Err(rusqlite::Error::InvalidQuery),
    }
}

const SELECT: &str =
    "SELECT sent, until, names, request, headers, body_sum, sum FROM entries WHERE url = ?1";

/// The entry of a URL; `None` if there is none, or it is damaged.
pub(super) fn find(database: &Connection, url: &str) -> rusqlite::Result<Option<Entry>> {
    let mut select = database.prepare_cached(SELECT)?;
    let found = select.query_row([url], |row| entry(url, row)).optional()?;
    Ok(found.flatten())
}

fn entry(url: &str, row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let (sent, until): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
    let names: String = row.get(2)?;
    let request: i64 = row.get(3)?;
    let headers: Vec<u8> = row.get(4)?;
    let body_sum: i64 = row.get(5)?;
    let numbers = [sent, until.unwrap_or(-1), request, body_sum];
    if row.get::<_, i64>(6)? != sum(url, &numbers, &names, &headers) {
        return Ok(None);
    }
    let unpacked = postcard::from_bytes(&headers).ok();
    Ok(moment(sent).zip(unpacked).map(|(sent, headers)| Entry {
        sent,
        fresh: until.and_then(moment).map(|until| Freshness {
            until,
            names,
            request: request.cast_unsigned(),
        }),
        headers,
        body_sum,
    }))
}

/// The body of a URL's entry, if it is still the one with this check sum.
pub(super) fn body(database: &Connection, url: &str, body_sum: i64) -> Option<Vec<u8>> {
    let mut select = database
        .prepare_cached("SELECT body FROM entries WHERE url = ?1 AND body_sum = ?2")
        .ok()?;
    let packed: Vec<u8> = select
        .query_row(params![url, body_sum], |row| row.get(0))
        .ok()?;
    let body = zstd::bulk::decompress(&packed, MOST).ok()?;
    (sum_of(&body) == body_sum).then_some(body)
}

/// Writes the entry of a URL with its body, in place of an earlier one.
pub(super) fn write(
    database: &Connection,
    url: &str,
    entry: &Entry,
    body: &[u8],
    now: SystemTime,
) -> rusqlite::Result<()> {
    let packed = zstd::bulk::compress(body, 1).unwrap_or_default();
    let fields = fields(url, entry);
    let mut insert = database.prepare_cached(
        "INSERT OR REPLACE INTO entries(url, sent, until, names, request, headers, body, body_sum, size, used, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    insert.execute(params![
        url,
        fields.sent,
        fields.until,
        fields.names,
        fields.request,
        fields.headers,
        packed,
        entry.body_sum,
        (packed.len() + fields.headers.len() + url.len()) as u64 as i64,
        microseconds(now),
        fields.sum,
    ])?;
    Ok(())
}

/// Writes what is known about a URL's response anew; its body stays.
pub(super) fn refresh(
    database: &Connection,
    url: &str,
    entry: &Entry,
    now: SystemTime,
) -> rusqlite::Result<()> {
    let fields = fields(url, entry);
    let mut update = database.prepare_cached(
        "UPDATE entries SET sent = ?2, until = ?3, names = ?4, request = ?5, headers = ?6, used = ?7, sum = ?8
         WHERE url = ?1",
    )?;
    update.execute(params![
        url,
        fields.sent,
        fields.until,
        fields.names,
        fields.request,
        fields.headers,
        microseconds(now),
        fields.sum,
    ])?;
    Ok(())
}

/// Notes that the entry of a URL was used.
pub(super) fn touch(database: &Connection, url: &str, now: SystemTime) -> rusqlite::Result<()> {
    let mut update = database.prepare_cached("UPDATE entries SET used = ?2 WHERE url = ?1")?;
    update.execute(params![url, microseconds(now)]).map(drop)
}

/// Removes the entry of a URL.
pub(super) fn remove(database: &Connection, url: &str) -> rusqlite::Result<()> {
    let mut delete = database.prepare_cached("DELETE FROM entries WHERE url = ?1")?;
    delete.execute([url]).map(drop)
}

/// Removes the entries that were not used for longest, until no more than `most` bytes are left.
pub(super) fn shrink(database: &Connection, most: u64) -> rusqlite::Result<()> {
    let total: i64 = database
        .prepare_cached("SELECT ifnull(sum(size), 0) FROM entries")?
        .query_row([], |row| row.get(0))?;
    let mut over = total.saturating_sub(i64::try_from(most).unwrap_or(i64::MAX));
    let mut oldest =
        database.prepare_cached("SELECT id, size FROM entries ORDER BY used LIMIT 64")?;
    let mut delete = database.prepare_cached("DELETE FROM entries WHERE id = ?1")?;
    while over > 0 {
        let found = oldest.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found = found.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
        if found.is_empty() {
            return Ok(());
        }
        for (id, size) in found {
            if over > 0 {
                delete.execute([id])?;
                over -= size.max(1);
            }
        }
    }
    Ok(())
}

/// The columns of an entry.
struct Fields<'e> {
    sent: i64,
    until: Option<i64>,
    names: &'e str,
    request: i64,
    headers: Vec<u8>,
    sum: i64,
}

fn fields<'e>(url: &str, entry: &'e Entry) -> Fields<'e> {
    let fresh = entry.fresh.as_ref();
    let (sent, until) = (
        microseconds(entry.sent),
        fresh.map(|fresh| microseconds(fresh.until)),
    );
    let names = fresh.map_or("", |fresh| fresh.names.as_str());
    let request = fresh.map_or(0, |fresh| fresh.request.cast_signed());
    let headers = postcard::to_stdvec(&entry.headers).unwrap_or_default();
    let numbers = [sent, until.unwrap_or(-1), request, entry.body_sum];
    Fields {
        sum: sum(url, &numbers, names, &headers),
        sent,
        until,
        names,
        request,
        headers,
    }
}

fn sum(url: &str, numbers: &[i64], names: &str, headers: &[u8]) -> i64 {
    let mut hash = Xxh3::new();
    for number in numbers {
        hash.update(&number.to_le_bytes());
    }
    for part in [url.as_bytes(), names.as_bytes(), headers] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.digest().cast_signed()
}

/// The check sum of a body.
pub(super) fn sum_of(body: &[u8]) -> i64 {
    xxhash_rust::xxh3::xxh3_64(body).cast_signed()
}

fn microseconds(moment: SystemTime) -> i64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn moment(microseconds: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_micros(u64::try_from(microseconds).ok()?))
}
