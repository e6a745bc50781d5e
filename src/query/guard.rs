//! What a statement may do, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

use super::limits::{QueryEnd, QueryLimits};
use crate::run::stop::Stop;

/// Instructions of SQLite's machine between two looks at the clock: about a tenth of a millisecond.
const EVERY: i32 = 10_000;
/// The largest value or row, in bytes.
const LARGEST: i32 = 64 << 20;
/// The memory that SQLite may use, in bytes. What does not fit there, as for a large sort, goes to temporary files.
const MEMORY: u64 = 256 << 20;
/// The longest statement, in bytes.
const LONGEST: i32 = 1 << 20;
/// Pragmas that only describe tables.
const DESCRIBE: [&str; 5] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
];

/// Watches over a statement.
pub(super) struct Guard {
    started: Instant,
    stop: Stop,
    limit: Duration,
    clock: Arc<Clock>,
}

/// When SQLite must have ended, in microseconds since the guard was set.
#[derive(Debug, Default)]
struct Clock {
    spent: AtomicU64,
    since: AtomicU64,
}

impl Guard {
    /// Refuses everything but reading from now on, and ends what takes too long.
    pub(super) fn set(database: &mut Connection, limits: QueryLimits) -> rusqlite::Result<Self> {
        let memory = format!("PRAGMA hard_heap_limit = {MEMORY}");
        database.query_row(&memory, [], |_| Ok(()))?;
        database.pragma_update(None, "query_only", true)?;
        database.pragma_update(None, "trusted_schema", false)?;
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_LENGTH, LARGEST),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, LONGEST),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
        ] {
            database.set_limit(limit, value)?;
        }
        let guard = Self {
            started: Instant::now(),
            stop: limits.stop,
            limit: limits.time,
            clock: Arc::default(),
        };
        let (stop, clock) = (guard.stop.clone(), guard.clock.clone());
        let (started, limit) = (guard.started, guard.limit);
        database.progress_handler(
            EVERY,
            Some(move || stop.drain.is_cancelled() || clock.is_over(started, limit)),
        )?;
        database.authorizer(Some(|context: AuthContext<'_>| judge(&context.action)))?;
        Ok(guard)
    }

    /// SQLite works from now on.
    pub(super) fn begin(&self) {
        self.clock
            .since
            .store(micros(self.started), Ordering::Relaxed);
    }

    /// SQLite waits for whoever takes the rows.
    pub(super) fn rest(&self) {
        let took = micros(self.started).saturating_sub(self.clock.since.load(Ordering::Relaxed));
        self.clock.spent.fetch_add(took, Ordering::Relaxed);
    }

    /// Why it was interrupted.
    pub(super) fn verdict(&self) -> QueryEnd {
        match self.stop.drain.is_cancelled() {
            true => QueryEnd::Stopped,
            false => QueryEnd::TimeUp,
        }
    }
}

impl Clock {
    fn is_over(&self, started: Instant, limit: Duration) -> bool {
        let now = micros(started).saturating_sub(self.since.load(Ordering::Relaxed));
        let spent = self.spent.load(Ordering::Relaxed) + now;
        Duration::from_micros(spent) > limit
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Allows what only reads.
fn judge(action: &AuthAction<'_>) -> Authorization {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if !is_outward(function_name) => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_name, .. } if DESCRIBE.contains(pragma_name) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

/// Whether a function reaches out of the database.
fn is_outward(name: &str) -> bool {
    [
        "load_extension",
        "fts3_tokenizer",
        "readfile",
        "writefile",
        "edit",
    ]
    .iter()
    .any(|outward| name.eq_ignore_ascii_case(outward))
}
