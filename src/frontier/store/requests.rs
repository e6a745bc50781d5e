//! The tables of sessions, requests and robots.txt: what whoever checks the politeness of a job needs to know.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use xxhash_rust::xxh3::Xxh3;

use crate::error::Result;
use crate::frontier::requests::{Block, RequestLog, read_block};
use crate::frontier::terms::Terms;
use crate::robots::Rules;
use crate::url::HostKey;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sessions(
    id INTEGER PRIMARY KEY, begun INTEGER NOT NULL, commits INTEGER NOT NULL, terms TEXT NOT NULL, ended INTEGER,
    sum INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS requests(
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, log BLOB NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS robots(
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, at INTEGER NOT NULL, host TEXT NOT NULL, rules TEXT NOT NULL,
    sum INTEGER NOT NULL
) STRICT;
";

const INSERT_SESSION: &str =
    "INSERT INTO sessions(begun, commits, terms, sum) VALUES (?1, ?2, ?3, ?4)";
const INSERT_REQUESTS: &str = "INSERT INTO requests(session, log, sum) VALUES (?1, ?2, ?3)";
const INSERT_ROBOTS: &str =
    "INSERT INTO robots(session, at, host, rules, sum) VALUES (?1, ?2, ?3, ?4, ?5)";

/// The latest blocks that are searched for waits: those of a quarter of an hour.
const RECENT: i64 = 1000;

/// A session of a job: one process that worked on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Session {
    /// Its number, from 1.
    pub(crate) id: i64,
    /// When it began, in microseconds since 1970.
    pub(crate) begun: i64,
    /// The commits of the job before it.
    pub(crate) commits: u64,
    /// The limits that it had to keep.
    pub(crate) terms: Terms,
    /// When it ended, in microseconds since 1970; `None` if it still runs, or was killed.
    pub(crate) ended: Option<i64>,
}

/// A host's robots.txt, as a run obeyed it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObeyedRobots {
    /// When it was known, in microseconds from the begin of the session.
    pub(crate) at: u64,
    /// The host.
    pub(crate) host: HostKey,
    /// The rules. They forbid everything if it was unreachable.
    pub(crate) rules: Rules,
}

/// Creates the tables if there are none, as in jobs of earlier versions, and checks that they can be written to.
///
/// # Errors
/// When the definition of one is damaged, so that a run notices before it has begun.
pub(super) fn create(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(SCHEMA)?;
    for insert in [INSERT_SESSION, INSERT_REQUESTS, INSERT_ROBOTS] {
        database.prepare_cached(insert)?;
    }
    Ok(())
}

/// Whether a database has the tables.
pub(super) fn exist(database: &Connection) -> rusqlite::Result<bool> {
    let query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sessions'";
    Ok(database
        .query_row(query, [], |_| Ok(()))
        .optional()?
        .is_some())
}

/// Notes that a session begins, and returns its number.
pub(super) fn begin(
    database: &Connection,
    begun: i64,
    commits: u64,
    terms: &Terms,
) -> rusqlite::Result<i64> {
    let terms = json(terms)?;
    let sum = sum_of_session(begun, commits, &terms, None);
    database.prepare_cached(INSERT_SESSION)?.execute(params![
        begun,
        commits.cast_signed(),
        terms,
        sum
    ])?;
    Ok(database.last_insert_rowid())
}

/// Writes the requests that came back.
pub(super) fn write(
    database: &Connection,
    session: i64,
    requests: &RequestLog,
    robots: &[ObeyedRobots],
) -> rusqlite::Result<()> {
    if !requests.is_empty() {
        let log = requests.block();
        let sum = sum_of(session, &[&log]);
        let mut insert = database.prepare_cached(INSERT_REQUESTS)?;
        insert.execute(params![session, log, sum])?;
    }
    for robots in robots {
        let rules = json(&robots.rules)?;
        let host = robots.host.as_str();
        let at = robots.at.cast_signed();
        let sum = sum_of(
            session,
            &[&at.to_le_bytes(), host.as_bytes(), rules.as_bytes()],
        );
        let mut insert = database.prepare_cached(INSERT_ROBOTS)?;
        insert.execute(params![session, at, host, rules, sum])?;
    }
    Ok(())
}

/// Notes that a session has ended, in microseconds since 1970.
pub(super) fn end(database: &Connection, session: i64, ended: i64) -> rusqlite::Result<()> {
    let sessions = read_sessions(database)?;
    if let Some(known) = sessions.and_then(|mut all| all.remove(&session)) {
        let terms = json(&known.terms)?;
        let sum = sum_of_session(known.begun, known.commits, &terms, Some(ended));
        database
            .prepare_cached("UPDATE sessions SET ended = ?2, terms = ?3, sum = ?4 WHERE id = ?1")?
            .execute(params![session, ended, terms, sum])?;
    }
    Ok(())
}

/// The sessions of a job, by their numbers; `None` if one is damaged.
pub(super) fn read_sessions(
    database: &Connection,
) -> rusqlite::Result<Option<BTreeMap<i64, Session>>> {
    let mut select =
        database.prepare_cached("SELECT id, begun, commits, terms, ended, sum FROM sessions")?;
    let mut rows = select.query([])?;
    let mut sessions = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (id, begun, ended) = (row.get(0)?, row.get(1)?, row.get(4)?);
        let commits = row.get::<_, i64>(2)?.cast_unsigned();
        let terms: String = row.get(3)?;
        let is_sound = row.get::<_, i64>(5)? == sum_of_session(begun, commits, &terms, ended);
        let Some(terms) = serde_json::from_str(&terms).ok().filter(|_| is_sound) else {
            return Ok(None);
        };
        let session = Session {
            id,
            begun,
            commits,
            terms,
            ended,
        };
        sessions.insert(id, session);
    }
    Ok(Some(sessions))
}

/// Passes each block of requests to `take`, in the order in which they were committed.
///
/// Returns the first error of `take`, and `None` if a block is damaged.
pub(super) fn each_block(
    database: &Connection,
    take: &mut dyn FnMut(i64, Block) -> Result<()>,
) -> rusqlite::Result<Option<Result<()>>> {
    let mut select = database.prepare("SELECT session, log, sum FROM requests ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let session: i64 = row.get(0)?;
        let log: Vec<u8> = row.get(1)?;
        let is_sound = row.get::<_, i64>(2)? == sum_of(session, &[&log]);
        let Some(block) = read_block(&log).filter(|_| is_sound) else {
            return Ok(None);
        };
        if let Err(error) = take(session, block) {
            return Ok(Some(Err(error)));
        }
    }
    Ok(Some(Ok(())))
}

/// Passes each robots.txt to `take`, with its session, in the order in which they were known.
///
/// Returns as [`each_block`] does.
pub(super) fn each_robots(
    database: &Connection,
    take: &mut dyn FnMut(i64, ObeyedRobots) -> Result<()>,
) -> rusqlite::Result<Option<Result<()>>> {
    let mut select =
        database.prepare("SELECT session, at, host, rules, sum FROM robots ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (session, at): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (host, rules): (String, String) = (row.get(2)?, row.get(3)?);
        let sum = sum_of(
            session,
            &[&at.to_le_bytes(), host.as_bytes(), rules.as_bytes()],
        );
        let is_sound = row.get::<_, i64>(4)? == sum;
        let parts = HostKey::kept(&host).zip(serde_json::from_str(&rules).ok());
        let Some((host, rules)) = parts.filter(|_| is_sound) else {
            return Ok(None);
        };
        let at = at.cast_unsigned();
        if let Err(error) = take(session, ObeyedRobots { at, host, rules }) {
            return Ok(Some(Err(error)));
        }
    }
    Ok(Some(Ok(())))
}

/// Until when hosts asked not to be contacted, in microseconds since 1970, if that is later than `now`.
///
/// Looks at the latest blocks, and at waits of at most `longest` microseconds: nobody keeps longer ones. Damage is left to
/// whoever checks the log.
pub(super) fn held_hosts(
    database: &Connection,
    now: i64,
    longest: u64,
) -> rusqlite::Result<Vec<(HostKey, i64)>> {
    let sessions = read_sessions(database)?.unwrap_or_default();
    let mut select =
        database.prepare("SELECT session, log FROM requests ORDER BY id DESC LIMIT ?1")?;
    let mut rows = select.query([RECENT])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        let session: i64 = row.get(0)?;
        let log: Vec<u8> = row.get(1)?;
        let Some((session, block)) = sessions.get(&session).zip(read_block(&log)) else {
            continue;
        };
        for request in block
            .requests
            .iter()
            .filter(|one| matches!(one.status, 429 | 503))
        {
            let wait = request
                .wait
                .map_or(0, |(wait, _)| wait.saturating_mul(1000));
            let taken = request.begun.saturating_add(request.until_ready);
            let after = taken.saturating_add(request.took).saturating_add(wait);
            let until = session.begun.saturating_add_unsigned(after);
            if wait <= longest && until > now {
                held.push((block.peers[request.peer as usize].0.clone(), until));
            }
        }
    }
    Ok(held)
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn sum_of_session(begun: i64, commits: u64, terms: &str, ended: Option<i64>) -> i64 {
    let ended = ended.unwrap_or_default().to_le_bytes();
    sum_of(begun, &[&commits.to_le_bytes(), &ended, terms.as_bytes()])
}

fn sum_of(session: i64, parts: &[&[u8]]) -> i64 {
    let mut sum = Xxh3::with_seed(session.cast_unsigned());
    for part in parts {
        sum.update(&(part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.digest().cast_signed()
}
