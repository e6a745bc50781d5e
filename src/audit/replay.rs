//! The replay: every host in turn, and then what holds for all hosts together.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::breach::{Breach, BreachKind, spelled};
use super::demands::Demands;
use super::flight::Flight;
use super::host::{HostAudit, Replay};
use super::open;
use super::queue::{Order, Queue};
use super::request::Request;
use super::rules::{HostRules, MADE_UP};
use super::source::Source;
use super::standing::Standing;
use super::verdict::{Audit, SessionAudit, Unknown, Verdict};
use super::window::Window;
use crate::earlier::RunKind;
use crate::error::Result;
use crate::frontier::{Rate, microseconds};
use crate::url::HostKey;

/// The breaches of limits of the whole run that are described.
const DESCRIBED: usize = 5;
/// Periods below this may be made up for.
const TIMER: i64 = 5_000;

/// Audits a job folder, an output with records, or an archive, and passes each host to `take`, in the order of their names.
///
/// # Errors
/// When it cannot be read, or is damaged; and the errors of `take`.
pub fn audit(
    path: &Path,
    demands: &Demands,
    take: &mut dyn FnMut(HostAudit) -> Result<()>,
) -> Result<Audit> {
    let mut queue = Queue::new()?;
    let source = open::read(path, demands, &mut queue)?;
    let mut audit = Audit {
        kind: source.kind,
        sessions: source.sessions.values().cloned().collect(),
        hosts: 0,
        requests: 0,
        broken: 0,
        broken_hosts: 0,
        breaches: Vec::new(),
        unknown: source.unknown.clone(),
        precision: source.precision,
        verdict: Verdict::NotProved,
    };
    let mut is_checked = false;
    let mut add = |audit: &mut Audit, host: HostAudit| {
        audit.hosts += 1;
        audit.requests += host.requests;
        audit.broken += host.broken;
        audit.broken_hosts += u64::from(host.broken > 0);
        is_checked |= host.is_checked;
        if host.unnamed > 0 {
            audit.unknown.push(Unknown::Urls);
        }
        if host.is_vague {
            audit.unknown.push(Unknown::WholeSeconds);
        }
        take(host)
    };
    let mut replay: Option<Replay> = None;
    let mut rules: HashMap<i64, HostRules> = HashMap::new();
    queue.each(Order::Host, &mut |request| {
        if replay
            .as_ref()
            .is_none_or(|of| of.audit.host != request.host)
        {
            if let Some(over) = replay.take() {
                add(&mut audit, over.audit)?;
            }
            rules.clear();
        }
        let replay = match &mut replay {
            Some(replay) => replay,
            none => {
                let robots = Standing::of(&request.host, &queue)?;
                let has_terms = source.kind == RunKind::Job;
                let host = request.host.clone();
                none.insert(Replay::new(host, robots, source.precision, has_terms))
            }
        };
        let of_session = rules
            .entry(request.session)
            .or_insert_with(|| host_rules(&request.host, &source, request.session, demands));
        let moment = (request.session, request.begun);
        replay.robots.find(&request.host, moment, &queue)?;
        let mut failure = None;
        replay.add(&request, of_session, || {
            let job = source.job.as_ref().filter(|_| request.id > 0)?;
            match job.row(request.id) {
                Ok(row) => row.map(|row| row.url.to_string()),
                Err(error) => {
                    failure = Some(error);
                    None
                }
            }
        });
        failure.map_or(Ok(()), Err)
    })?;
    if let Some(over) = replay.take() {
        add(&mut audit, over.audit)?;
    }
    is_checked |= rates(&queue, &source, demands, &mut audit)?;
    is_checked |= addresses(&queue, &source, &mut audit)?;
    finish(&mut audit, demands, is_checked);
    Ok(audit)
}

fn host_rules(host: &HostKey, source: &Source, session: i64, demands: &Demands) -> HostRules {
    let terms = source.sessions.get(&session).map(|session| &session.terms);
    HostRules::of(host, terms, demands)
}

/// Decides the verdict.
fn finish(audit: &mut Audit, demands: &Demands, is_checked: bool) {
    if audit.requests == 0 {
        audit.unknown.push(Unknown::Requests);
    } else if !is_checked {
        audit.unknown.push(Unknown::Limits);
    }
    audit.unknown = BTreeSet::from_iter(audit.unknown.drain(..))
        .into_iter()
        .collect();
    let is_known = audit
        .unknown
        .iter()
        .all(|unknown| unknown.is_aside(demands));
    audit.verdict = match (audit.broken, is_checked && is_known) {
        (1.., _) => Verdict::Broken,
        (0, true) => Verdict::Kept,
        (0, false) => Verdict::NotProved,
    };
}

/// Checks the rates over all hosts, and returns whether there was any.
fn rates(queue: &Queue, source: &Source, demands: &Demands, audit: &mut Audit) -> Result<bool> {
    let of_terms = |session: &SessionAudit| session.terms.rate;
    let has_own = source.sessions.values().any(|one| of_terms(one).is_some());
    if demands.rate.is_none() && !has_own {
        return Ok(false);
    }
    let mut session = None;
    let mut windows: Vec<(Rate, Window)> = Vec::new();
    queue.each(Order::Time, &mut |request| {
        if session != Some(request.session) {
            session = Some(request.session);
            let own = source.sessions.get(&request.session).and_then(of_terms);
            let all = [own, demands.rate].into_iter().flatten();
            windows = all.filter_map(|rate| Some((rate, window(rate)?))).collect();
        }
        for (rate, window) in &mut windows {
            if let Some(during) = window.add(request.begun)
                && during + source.precision < windows_length(*rate)
            {
                let found = format!("one more in {}", spelled(during));
                broken(audit, BreachKind::Rate, &request, rate.to_string(), found);
            }
        }
        Ok(())
    })?;
    Ok(true)
}

/// The shortest time in which one request more than a rate allows may be sent.
fn windows_length(rate: Rate) -> i64 {
    let every = microseconds(rate.every).cast_signed();
    match every / i64::from(rate.count.get()) < TIMER {
        true => every - MADE_UP,
        false => every,
    }
}

fn window(rate: Rate) -> Option<Window> {
    Window::new(rate.count.get().into(), windows_length(rate))
}

/// Checks the limit for each address, and returns whether there was one.
fn addresses(queue: &Queue, source: &Source, audit: &mut Audit) -> Result<bool> {
    let limit = |session: i64| {
        source
            .sessions
            .get(&session)
            .map_or(0, |one| one.terms.per_ip)
    };
    if !source
        .sessions
        .values()
        .any(|session| session.terms.per_ip > 0)
    {
        return Ok(false);
    }
    let mut address = None;
    let mut flight = Flight::default();
    queue.each(Order::Address, &mut |request| {
        if address != request.address {
            address.clone_from(&request.address);
            flight = Flight::default();
        }
        let limit = limit(request.session) as u64;
        let Some(ended) = request.ended.filter(|_| limit > 0) else {
            return Ok(());
        };
        let count = flight.add(request.session, request.begun, ended);
        if count > limit {
            let limit = format!("{limit} at once");
            let found = format!(
                "{count} at once to {}",
                request.address.as_deref().unwrap_or_default()
            );
            broken(audit, BreachKind::PerIp, &request, limit, found);
        }
        Ok(())
    })?;
    Ok(true)
}

fn broken(audit: &mut Audit, kind: BreachKind, request: &Request, limit: String, found: String) {
    audit.broken += 1;
    if audit.breaches.len() < DESCRIBED {
        audit.breaches.push(Breach {
            kind,
            at: request.begun,
            limit,
            found,
            url: request.url.clone(),
        });
    }
}
