//! The queue of requests: they arrive in any order, and are taken host by host, or in the order of sending.
//!
//! An unnamed database that SQLite keeps in a temporary file, and removes with it. Invariant: memory does not grow with
//! the number of requests or hosts.

use std::collections::HashMap;
use std::fmt::Display;

use rusqlite::{Connection, OptionalExtension, params};

use super::request::{Request, RobotsFrom};
use crate::error::{Error, Result};
use crate::url::HostKey;

const TABLES: &str = "
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768; PRAGMA temp_store = FILE;
CREATE TABLE hosts(id INTEGER PRIMARY KEY, host TEXT NOT NULL UNIQUE);
CREATE TABLE requests(
    host INTEGER NOT NULL, session INTEGER NOT NULL, begun INTEGER NOT NULL, sent INTEGER NOT NULL, ended INTEGER,
    heeds INTEGER NOT NULL, status INTEGER NOT NULL, wait INTEGER, known INTEGER NOT NULL, id INTEGER NOT NULL,
    url TEXT, address TEXT
);
CREATE TABLE robots(host INTEGER NOT NULL, session INTEGER NOT NULL, at INTEGER NOT NULL, rules TEXT NOT NULL);
CREATE INDEX robots_by_host ON robots(host, session, at);
BEGIN;
";

const COLUMNS: &str = "hosts.host, session, begun, sent, ended, heeds, status, wait, known, requests.id, url, address";

/// The hosts whose numbers are remembered.
const HOSTS: usize = 10_000;

/// The requests that were read.
pub(super) struct Queue {
    database: Connection,
    hosts: HashMap<HostKey, i64>,
}

/// The order in which requests are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Host by host, and then by when they left.
    Host,
    /// Address by address, and then by when they were begun; only those whose address is known.
    Address,
    /// By when they were begun.
    Time,
}

impl Queue {
    /// Creates an empty queue.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub(super) fn new() -> Result<Self> {
        let database = Connection::open("").map_err(failed)?;
        database.execute_batch(TABLES).map_err(failed)?;
        Ok(Self {
            database,
            hosts: HashMap::new(),
        })
    }

    /// Adds a request.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&mut self, request: &Request) -> Result<()> {
        let host = self.number(&request.host)?;
        let insert =
            "INSERT INTO requests VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let mut insert = self.database.prepare_cached(insert).map_err(failed)?;
        insert
            .execute(params![
                host,
                request.session,
                request.begun,
                request.sent,
                request.ended,
                request.heeds_robots,
                request.status,
                request.wait,
                request.known,
                request.id.cast_signed(),
                request.url,
                request.address,
            ])
            .map(|_| ())
            .map_err(failed)
    }

    /// Adds the robots.txt of a host.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add_robots(&mut self, host: &HostKey, robots: &RobotsFrom) -> Result<()> {
        let host = self.number(host)?;
        let rules = serde_json::to_string(&robots.rules).map_err(failed)?;
        let insert = "INSERT INTO robots VALUES (?1, ?2, ?3, ?4)";
        let mut insert = self.database.prepare_cached(insert).map_err(failed)?;
        insert
            .execute(params![host, robots.session, robots.at, rules])
            .map(|_| ())
            .map_err(failed)
    }

    fn number(&mut self, host: &HostKey) -> Result<i64> {
        if let Some(id) = self.hosts.get(host) {
            return Ok(*id);
        }
        if self.hosts.len() >= HOSTS {
            self.hosts.clear();
        }
        let name = host.as_str();
        let select = "SELECT id FROM hosts WHERE host = ?1";
        let known = self.database.prepare_cached(select).map_err(failed)?;
        let known = { known }
            .query_row([name], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        let id = match known {
            Some(id) => id,
            None => {
                let insert = "INSERT INTO hosts(host) VALUES (?1)";
                let mut insert = self.database.prepare_cached(insert).map_err(failed)?;
                insert.execute([name]).map_err(failed)?;
                self.database.last_insert_rowid()
            }
        };
        self.hosts.insert(host.clone(), id);
        Ok(id)
    }

    /// Whether a robots.txt of a host is known at all.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn has_robots(&self, host: &HostKey) -> Result<bool> {
        let select =
            "SELECT 1 FROM robots JOIN hosts ON hosts.id = robots.host WHERE hosts.host = ?1";
        let mut select = self.database.prepare_cached(select).map_err(failed)?;
        select.exists([host.as_str()]).map_err(failed)
    }

    /// The robots.txt of a host that was known last at a moment of a session, and until when it stood.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn robots_at(
        &self,
        host: &HostKey,
        session: i64,
        at: i64,
    ) -> Result<(Option<RobotsFrom>, i64)> {
        let of = "FROM robots JOIN hosts ON hosts.id = robots.host WHERE hosts.host = ?1 AND session = ?2";
        let last = format!("SELECT at, rules {of} AND at <= ?3 ORDER BY at DESC LIMIT 1");
        let next = format!("SELECT min(at) {of} AND at > ?3");
        let of = params![host.as_str(), session, at];
        let mut last = self.database.prepare_cached(&last).map_err(failed)?;
        let last = last
            .query_row(of, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
            .optional()
            .map_err(failed)?;
        let mut next = self.database.prepare_cached(&next).map_err(failed)?;
        let next: Option<i64> = next.query_row(of, |row| row.get(0)).map_err(failed)?;
        let robots = match last {
            None => None,
            Some((at, rules)) => Some(RobotsFrom {
                session,
                at,
                rules: serde_json::from_str(&rules).map_err(failed)?,
            }),
        };
        Ok((robots, next.unwrap_or(i64::MAX)))
    }

    /// Passes every request to `take` in this order.
    ///
    /// # Errors
    /// When they cannot be read, and the errors of `take`.
    pub(super) fn each(
        &self,
        order: Order,
        take: &mut dyn FnMut(Request) -> Result<()>,
    ) -> Result<()> {
        let order = match order {
            Order::Host => "ORDER BY hosts.host, session, sent, begun",
            Order::Address => "WHERE address IS NOT NULL ORDER BY address, session, begun",
            Order::Time => "ORDER BY session, begun",
        };
        let select = format!(
            "SELECT {COLUMNS} FROM requests JOIN hosts ON hosts.id = requests.host {order}"
        );
        let mut select = self.database.prepare(&select).map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(request(row).map_err(failed)?)?;
        }
        Ok(())
    }
}

fn request(row: &rusqlite::Row<'_>) -> rusqlite::Result<Request> {
    let host: String = row.get(0)?;
    Ok(Request {
        host: HostKey::kept(&host).unwrap_or_else(HostKey::placeholder),
        session: row.get(1)?,
        begun: row.get(2)?,
        sent: row.get(3)?,
        ended: row.get(4)?,
        heeds_robots: row.get(5)?,
        status: row.get(6)?,
        wait: row.get(7)?,
        known: row.get(8)?,
        id: row.get::<_, i64>(9)?.cast_unsigned(),
        url: row.get(10)?,
        address: row.get(11)?,
    })
}

/// The error of the temporary file.
fn failed(error: impl Display) -> Error {
    let source = std::io::Error::other(error.to_string());
    Error::output(std::env::temp_dir(), source)
}
