//! An audit as JSON: an object on a line for each host, and one for the whole run. Times are milliseconds.

use haul::audit::{Audit, Breach, HostAudit, SessionAudit, moment};
use haul::earlier::RunKind;
use serde_json::{Value, json};

/// The line of a host.
pub(super) fn host(host: &HostAudit) -> String {
    let limit = |limit: u64| (limit > 0).then_some(limit);
    let value = json!({
        "host": host.host.as_str(),
        "requests": host.requests,
        "shortest_gap_ms": host.shortest_gap.map(milliseconds),
        "delay_ms": (host.delay > 0).then(|| milliseconds(host.delay)),
        "most_in_flight": host.most_in_flight,
        "per_host": limit(host.per_host),
        "robots": host.robots.name(),
        "waits": host.waits,
        "long_waits": host.long_waits,
        "broken": host.broken,
        "breaches": host.breaches.iter().map(breach).collect::<Vec<_>>(),
    });
    format!("{value}\n")
}

/// The line of the whole run, the last one.
pub(super) fn run(audit: &Audit) -> String {
    let kind = match audit.kind {
        RunKind::Job => "job",
        RunKind::Records => "records",
        RunKind::Archive => "archive",
    };
    let value = json!({
        "verdict": audit.verdict.name(),
        "kind": kind,
        "hosts": audit.hosts,
        "requests": audit.requests,
        "broken": audit.broken,
        "broken_hosts": audit.broken_hosts,
        "breaches": audit.breaches.iter().map(breach).collect::<Vec<_>>(),
        "unknown": audit.unknown.iter().map(|unknown| unknown.name()).collect::<Vec<_>>(),
        "precision_ms": milliseconds(audit.precision),
        "sessions": audit.sessions.iter().map(session).collect::<Vec<_>>(),
    });
    format!("{value}\n")
}

fn breach(breach: &Breach) -> Value {
    json!({
        "kind": breach.kind.name(),
        "at": moment(breach.at),
        "limit": breach.limit,
        "found": breach.found,
        "url": breach.url,
    })
}

fn session(session: &SessionAudit) -> Value {
    json!({
        "number": session.number,
        "begun": moment(session.begun),
        "ended": session.ended.map(moment),
        "delay_ms": session.terms.delay.as_secs_f64() * 1e3,
        "per_host": session.terms.per_host,
        "per_ip": session.terms.per_ip,
        "rate": session.terms.rate.map(|rate| rate.to_string()),
        "robots": session.terms.robots,
    })
}

fn milliseconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1e3
}
