//! An audit as text for people: a line for each host, and what it says in the end.

use std::fmt::Write;

use haul::audit::{Audit, Breach, HostAudit, SessionAudit, Verdict, moment, spelled};
use haul::frontier::Terms;
use haul::{clean, spelled as duration};

/// The columns beside the name of the host.
const REST: usize = 50;
/// The least columns of the name of the host.
const LEAST: usize = 12;

/// A line for each host, under one heading.
pub(super) struct Table {
    columns: usize,
    has_head: bool,
}

impl Table {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            has_head: false,
        }
    }

    /// The line of a host, and one for each breach that is described.
    pub(super) fn host(&mut self, host: &HostAudit) -> String {
        let mut text = String::new();
        let width = self.columns.saturating_sub(REST).max(LEAST);
        let mut line =
            |name: &str, requests: &str, gap: &str, flight: &str, robots: &str, waits: &str| {
                let name = cut(name, width);
                let _ = writeln!(
                    text,
                    "{name:<width$} {requests:>8} {gap:>16} {flight:>7} {robots:>8} {waits:>6}"
                );
            };
        if !self.has_head {
            self.has_head = true;
            line(
                "host",
                "requests",
                "shortest gap",
                "at once",
                "robots",
                "waits",
            );
        }
        let gap = host.shortest_gap.map_or("-".to_owned(), spelled);
        let gap = match host.delay {
            0 => gap,
            delay => format!("{gap}/{}", short(delay)),
        };
        let flight = host
            .most_in_flight
            .map_or("?".to_owned(), |most| most.to_string());
        let flight = match host.per_host {
            0 => flight,
            limit => format!("{flight}/{limit}"),
        };
        let robots = host.robots.name();
        line(
            &clean(host.host.as_str()),
            &host.requests.to_string(),
            &gap,
            &flight,
            robots,
            &host.waits.to_string(),
        );
        for breach in &host.breaches {
            let _ = writeln!(text, "{}", cut(&breach_line(breach), self.columns));
        }
        let more = host.broken - host.breaches.len() as u64;
        if more > 0 {
            let _ = writeln!(text, "  and {more} more");
        }
        if host.long_waits > 0 {
            let _ = writeln!(
                text,
                "  {} longer than the run respects: not checked",
                match host.long_waits {
                    1 => "1 wait is".to_owned(),
                    count => format!("{count} waits are"),
                }
            );
        }
        text
    }
}

/// A delay without what is zero, as `1s`.
fn short(microseconds: i64) -> String {
    duration(std::time::Duration::from_micros(
        u64::try_from(microseconds).unwrap_or(0),
    ))
}

fn breach_line(breach: &Breach) -> String {
    let url = breach.url.as_deref().map(clean).unwrap_or_default();
    let (limit, found) = (clean(&breach.limit), clean(&breach.found));
    let line = format!(
        "  ! {} {}: {found} ({limit}) {url}",
        time(breach.at),
        breach.kind
    );
    line.trim_end().to_owned()
}

/// The time of day of a moment, to the millisecond; the date is that of its session.
fn time(microseconds: i64) -> String {
    moment(microseconds).chars().skip(11).take(12).collect()
}

/// What it says in the end.
pub(super) fn summary(audit: &Audit, columns: usize) -> String {
    let mut text = String::new();
    for session in &audit.sessions {
        let _ = writeln!(
            text,
            "{}",
            wrapped("session", &of_session(session), columns)
        );
    }
    for breach in &audit.breaches {
        let _ = writeln!(text, "{}", cut(&breach_line(breach), columns));
    }
    for unknown in &audit.unknown {
        let _ = writeln!(text, "{}", wrapped("unknown", unknown.meaning(), columns));
    }
    let of = format!(
        "{}, {}",
        count(audit.requests, "request"),
        count(audit.hosts, "host")
    );
    let verdict = match audit.verdict {
        Verdict::Kept if audit.unknown.is_empty() => format!("every limit was kept ({of})"),
        Verdict::Kept => format!("every limit was kept, as far as is known ({of})"),
        Verdict::Broken => format!("limits were broken {} ({of})", times(audit.broken)),
        Verdict::NotProved => format!("neither proved nor refuted ({of})"),
    };
    let _ = writeln!(text, "{}", wrapped("verdict", &verdict, columns));
    match text.is_empty() {
        true => text,
        false => format!("\n{text}"),
    }
}

fn of_session(session: &SessionAudit) -> String {
    let ended = match session.ended {
        Some(ended) => time(ended),
        None => "?".to_owned(),
    };
    let begun: String = moment(session.begun).chars().take(19).collect();
    format!(
        "{} {begun}Z to {ended}: {}",
        session.number,
        of_terms(&session.terms)
    )
}

fn of_terms(terms: &Terms) -> String {
    let mut words = Vec::new();
    if !terms.delay.is_zero() {
        words.push(format!("{} apart", duration(terms.delay)));
    }
    if terms.per_host > 0 {
        words.push(format!("{} at once per host", terms.per_host));
    }
    if terms.per_ip > 0 {
        words.push(format!("{} at once per address", terms.per_ip));
    }
    words.extend(terms.rate.map(|rate| format!("{rate} in all")));
    if !terms.hosts.is_empty() {
        words.push("own limits for some hosts".to_owned());
    }
    words.push(match terms.robots {
        true => "robots.txt obeyed".to_owned(),
        false => "robots.txt ignored".to_owned(),
    });
    words.join(", ")
}

/// Writes a label and its content, wrapped between words.
fn wrapped(name: &str, content: &str, columns: usize) -> String {
    let mut lines = vec![format!("{name:<8}")];
    for word in content.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line + 1 + word.chars().count() > columns && line > 9 {
            lines.push(" ".repeat(8));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n")
}

fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn cut(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let kept = line.chars().take(columns.saturating_sub(1));
    kept.chain(['…']).collect()
}
