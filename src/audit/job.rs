//! The requests of a job: its own log has all of them.

use std::path::Path;

use super::queue::Queue;
use super::request::{Request, RobotsFrom};
use super::source::Source;
use super::verdict::{SessionAudit, Unknown};
use crate::earlier::RunKind;
use crate::error::Result;
use crate::frontier::{JobReader, LoggedRequest, Peer};

/// The clock that the log uses has microseconds, and each moment is cut to one.
const PRECISION: i64 = 2;

/// Reads the log of a job.
///
/// # Errors
/// When the job is damaged, or of another format.
pub(super) fn read(folder: &Path, queue: &mut Queue) -> Result<Source> {
    let reader = JobReader::hold(folder)?;
    let mut unknown = Vec::new();
    let sessions = reader.sessions()?;
    let has_earlier = match &sessions {
        None => true,
        // The first session that kept a log may not be the first of the job.
        Some(sessions) => sessions
            .values()
            .next()
            .is_none_or(|first| first.commits > 0),
    };
    if has_earlier {
        unknown.push(Unknown::EarlierVersion);
    }
    let sessions = sessions.unwrap_or_default();
    if sessions.values().any(|session| session.ended.is_none()) {
        unknown.push(Unknown::Unfinished);
    }
    if !sessions.is_empty() {
        let begun = |session: i64| sessions.get(&session).map_or(0, |session| session.begun);
        reader.each_block(&mut |session, block| {
            let (begun, peers) = (begun(session), &block.peers);
            let mut requests = block.requests.into_iter();
            requests.try_for_each(|logged| queue.add(&request(session, begun, peers, logged)))
        })?;
        reader.each_robots(&mut |session, robots| {
            let at = begun(session).saturating_add_unsigned(robots.at);
            let from = RobotsFrom {
                session,
                at,
                rules: robots.rules,
            };
            queue.add_robots(&robots.host, &from)
        })?;
    }
    reader.check(folder)?;
    let sessions = sessions.into_values().map(|session| {
        let audit = SessionAudit {
            number: session.id,
            begun: session.begun,
            ended: session.ended,
            terms: session.terms,
        };
        (session.id, audit)
    });
    Ok(Source {
        kind: RunKind::Job,
        sessions: sessions.collect(),
        unknown,
        precision: PRECISION,
        job: Some(reader),
    })
}

fn request(session: i64, epoch: i64, peers: &[Peer], logged: LoggedRequest) -> Request {
    let (host, address) = peers[logged.peer as usize].clone();
    let begun = epoch.saturating_add_unsigned(logged.begun);
    let sent = begun.saturating_add_unsigned(logged.until_ready);
    let ended = sent.saturating_add_unsigned(logged.took);
    let (wait, noticed) = logged.wait.unzip();
    let wait = wait.map(|wait| i64::try_from(wait).unwrap_or(i64::MAX).saturating_mul(1000));
    Request {
        session,
        sent,
        ended: Some(ended),
        heeds_robots: logged.role.heeds_robots(),
        status: logged.status,
        wait,
        known: ended.saturating_add_unsigned(noticed.unwrap_or(0)),
        id: logged.id,
        url: logged.url,
        address: address.map(|address| address.to_string()),
        ..Request::at(host, begun)
    }
}
