//! The requests of an archive: each response has the moment at which it was requested.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::demands::Demands;
use super::queue::Queue;
use super::request::{Request, RobotsFrom};
use super::rules::NOTICED;
use super::source::Source;
use super::verdict::Unknown;
use crate::archive::{Archive, Damage, Stored};
use crate::earlier::RunKind;
use crate::error::{Error, Result};
use crate::parse;
use crate::robots::Rules;

const SECOND: i64 = 1_000_000;
/// Archives that say more than whole seconds have at least milliseconds.
const PRECISION: i64 = 2_000;

/// Reads the requests of an archive.
///
/// # Errors
/// When it is damaged.
pub(super) fn read(path: &Path, demands: &Demands, queue: &mut Queue) -> Result<Source> {
    let mut unknown = vec![Unknown::Durations, Unknown::Unrecorded];
    let (mut is_fine, mut has_robots) = (false, false);
    for stored in Archive::open(path).map_err(damaged)? {
        let stored = stored.map_err(damaged)?;
        let sent = stored.page.timing.sent;
        let since = sent.and_then(|sent| sent.duration_since(UNIX_EPOCH).ok());
        let Some(sent) = since.and_then(|since| i64::try_from(since.as_micros()).ok()) else {
            unknown.push(Unknown::Times);
            continue;
        };
        is_fine |= sent % SECOND != 0;
        let host = stored.url.host_key();
        let is_robots = stored.url.target() == "/robots.txt";
        let now = sent_at(sent);
        let wait = stored.page.retry_after(now);
        let wait = wait.map(|wait| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
        queue.add(&Request {
            heeds_robots: !is_robots,
            status: stored.page.status,
            wait,
            known: sent.saturating_add(NOTICED),
            url: Some(stored.url.as_str().to_owned()),
            address: stored.page.remote.map(|remote| remote.ip().to_string()),
            ..Request::at(host.clone(), sent)
        })?;
        if is_robots {
            has_robots = true;
            let rules = rules(&stored, &demands.agent);
            let from = RobotsFrom {
                session: 0,
                at: sent,
                rules,
            };
            queue.add_robots(&host, &from)?;
        }
    }
    if !has_robots {
        unknown.push(Unknown::Robots);
    }
    Ok(Source {
        kind: RunKind::Archive,
        sessions: BTreeMap::new(),
        unknown,
        precision: if is_fine { PRECISION } else { SECOND },
        job: None,
    })
}

fn sent_at(microseconds: i64) -> std::time::SystemTime {
    let since = std::time::Duration::from_micros(microseconds.cast_unsigned());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// The rules that follow from a stored robots.txt (RFC 9309 2.3.1). A redirect is judged by where it leads, which is not
/// followed here: it allows everything.
fn rules(stored: &Stored, agent: &str) -> Rules {
    match stored.page.status {
        200..=299 => parse::robots_of(&stored.page, agent).unwrap_or_else(Rules::disallow_all),
        429 | 500.. => Rules::disallow_all(),
        _ => Rules::allow_all(),
    }
}

fn damaged(damage: Damage) -> Error {
    Error::Table {
        name: damage.path.display().to_string(),
        problem: format!("damaged: {}, at byte {}", damage.problem, damage.offset),
    }
}
