//! `haul job`: the state of a job, for people and for scripts.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use haul::frontier::{Cause, HostCounts, Inspection, inspect};
use haul::{ByteSize, clean, spelled};

use super::advice;
use super::output::{columns, json_text, wait_text};
use super::paths::refuse_url;

/// Characters shown of a URL or message from elsewhere.
const SHOWN: usize = 60;
/// Width of the labels, in columns.
const NAMES: usize = 9;
/// Waits that are shown.
const WAITS: usize = 3;

/// The arguments of `haul job`.
#[derive(Debug, Args)]
pub(super) struct JobArguments {
    /// The folder of the job
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,

    /// Show at most N hosts, those with the most waiting URLs first
    #[arg(long, value_name = "N", default_value = "10")]
    hosts: usize,
}

impl JobArguments {
    /// The state of the job, as text or JSON.
    ///
    /// # Errors
    /// When there is no such job, or it is damaged.
    pub(super) fn text(&self) -> haul::Result<String> {
        refuse_url("the job", &self.folder)?;
        let job = inspect(&self.folder, self.hosts)?;
        Ok(match self.json {
            true => json_text(&job),
            false => table(&job, SystemTime::now(), columns()),
        })
    }
}

fn table(job: &Inspection, now: SystemTime, columns: usize) -> String {
    let mut text = String::new();
    line(&mut text, "command", &command(job), columns);
    line(&mut text, "list", &list(job), columns);
    line(&mut text, "urls", &urls(job), columns);
    line(&mut text, "waits", &waits(job, now), columns);
    line(&mut text, "statuses", &statuses(job), columns);
    line(&mut text, "records", &records(job), columns);
    line(&mut text, "disk", &disk(job, now), columns);
    causes(&mut text, "failed", &job.failures, columns);
    causes(&mut text, "skipped", &job.skips, columns);
    hosts(&mut text, &job.hosts, job.hosts_beyond, columns);
    text
}

/// Writes a label and its content, wrapped between words if the line is too long.
fn line(text: &mut String, name: &str, content: &str, columns: usize) {
    let mut line = format!("{name:<9}");
    let mut taken = line.chars().count();
    for word in content.split(' ').filter(|_| !content.is_empty()) {
        let width = word.chars().count();
        if taken > NAMES && taken + 1 + width > columns {
            line.push('\n');
            line.push_str(&" ".repeat(NAMES));
            taken = NAMES;
        }
        line.push(' ');
        line.push_str(word);
        taken += 1 + width;
    }
    if !content.is_empty() {
        let _ = writeln!(text, "{line}");
    }
}

fn command(job: &Inspection) -> String {
    let of = |name: &str| job.settings.get(name).map(String::as_str);
    let seeds = of("urls").or(of("input")).unwrap_or("-");
    let mut words: Vec<_> = seeds.split('\n').take(3).map(cut).collect();
    let more = seeds.split('\n').count() - words.len();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    let mut text = format!(
        "haul {} {}",
        of("command").map_or("fetch".into(), cut),
        words.join(" ")
    );
    if job.pass > 0 {
        let _ = write!(text, ", retried {}", times(job.pass));
    }
    text
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn list(job: &Inspection) -> String {
    let rows = match job.list.taken {
        1 => "1 row".to_owned(),
        taken => format!("{taken} rows"),
    };
    match job.list.done {
        true => format!("fully read, {rows}"),
        false => format!("read up to row {}, {rows}", job.list.row),
    }
}

fn urls(job: &Inspection) -> String {
    format!(
        "{}: {} waiting, {} done, {} failed, {} skipped",
        job.urls, job.waiting, job.done, job.failed, job.skipped
    )
}

/// The first few waits of the haul that is working on the job.
fn waits(job: &Inspection, now: SystemTime) -> String {
    let waits = job.waits.first.iter();
    let waits: Vec<_> = waits.filter_map(|wait| wait_text(wait, now)).collect();
    let more = (job.waits.count as usize).saturating_sub(waits.len().min(WAITS));
    let mut text = waits[..waits.len().min(WAITS)].join("; ");
    if more > 0 && !text.is_empty() {
        let _ = write!(text, "; and {more} more");
    }
    text
}

fn statuses(job: &Inspection) -> String {
    let each = job.statuses.iter();
    let each: Vec<_> = each
        .map(|(status, count)| format!("{status} × {count}"))
        .collect();
    each.join(", ")
}

fn records(job: &Inspection) -> String {
    let mut text = job.records.to_string();
    if job.superseded > 0 {
        let _ = write!(
            text,
            ", {} of them superseded by later ones",
            job.superseded
        );
    }
    // Marks of outputs are named `format:place`; others are internal.
    for (name, mark) in job.marks.iter().filter(|(name, _)| name.contains(':')) {
        let bytes = mark.get("bytes").and_then(serde_json::Value::as_u64);
        let _ = write!(text, "; {}", cut(name));
        if let Some(bytes) = bytes {
            let _ = write!(text, ", {}", ByteSize(bytes));
        }
    }
    text
}

fn disk(job: &Inspection, now: SystemTime) -> String {
    let mut text = ByteSize(job.disk_bytes).to_string();
    let written = job
        .last_commit
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    if let Some(ago) = written.and_then(|written| now.duration_since(written).ok()) {
        let ago = Duration::from_secs(ago.as_secs());
        let _ = match ago.is_zero() {
            true => write!(text, "; last written just now"),
            false => write!(text, "; last written {} ago", spelled(ago)),
        };
    }
    text
}

fn causes(
    text: &mut String,
    name: &str,
    causes: &std::collections::BTreeMap<String, Cause>,
    columns: usize,
) {
    if causes.is_empty() {
        return;
    }
    let mut causes: Vec<_> = causes.iter().collect();
    causes.sort_by_key(|(_, cause)| std::cmp::Reverse(cause.count));
    let digits = causes
        .iter()
        .map(|(_, cause)| cause.count.to_string().len())
        .max();
    let width = causes
        .iter()
        .map(|(class, _)| cut(class).chars().count())
        .max();
    let (digits, width) = (digits.unwrap_or(1).max(5), width.unwrap_or(1));
    let _ = writeln!(text, "\n{name}");
    for (class, cause) in causes {
        let head = format!("{:>digits$} × {:<width$}", cause.count, cut(class));
        let (example, message) = (cut(&cause.example), cut(&cause.message));
        let message = format!("{message}{}", advice::of_class(class));
        let line = format!("{head}  {example}  {message}");
        if line.chars().count() <= columns {
            let _ = writeln!(text, "{line}");
            continue;
        }
        let _ = writeln!(text, "{}", head.trim_end());
        let room = columns.saturating_sub(digits + 3);
        for line in [example, message] {
            let _ = writeln!(text, "{:digits$}   {}", "", cut_to(&line, room));
        }
    }
}

fn hosts(text: &mut String, hosts: &[HostCounts], beyond: u64, columns: usize) {
    if hosts.is_empty() {
        return;
    }
    let room = columns.saturating_sub(40).max(15);
    let name = |host: &HostCounts| cut_to(host.host.as_str(), room.min(SHOWN));
    let width = hosts
        .iter()
        .map(|host| name(host).chars().count())
        .chain(["hosts".len()])
        .max()
        .unwrap_or_default();
    let _ = writeln!(
        text,
        "\n{:<width$} {:>9} {:>9} {:>9} {:>9}",
        "hosts", "waiting", "done", "failed", "skipped"
    );
    for host in hosts {
        let _ = writeln!(
            text,
            "{:<width$} {:>9} {:>9} {:>9} {:>9}",
            name(host),
            host.waiting,
            host.done,
            host.failed,
            host.skipped
        );
    }
    if beyond > 0 {
        let _ = writeln!(text, "and {beyond} more");
    }
}

/// A text from elsewhere, cleaned and cut.
fn cut(text: &str) -> String {
    cut_to(text, SHOWN)
}

fn cut_to(text: &str, shown: usize) -> String {
    let clean = clean(text);
    if clean.chars().count() <= shown {
        return clean.into_owned();
    }
    clean
        .chars()
        .take(shown.saturating_sub(1))
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_what_servers_said_is_cleaned() {
        let mut job = Inspection {
            urls: 12,
            failed: 11,
            ..Inspection::default()
        };
        let cause = |count| Cause {
            count,
            example: "http://a.example/\u{1b}[2J".into(),
            message: "HTTP\n503".into(),
        };
        job.failures.insert("http-5xx".into(), cause(10));
        job.failures.insert("dns".into(), cause(1));
        let text = table(&job, SystemTime::now(), 200);
        assert!(!text.contains('\u{1b}'), "{text}");
        let at: Vec<_> = text
            .lines()
            .filter_map(|line| line.find("http://"))
            .collect();
        assert_eq!(at.len(), 2);
        assert_eq!(at[0], at[1], "{text}");
        assert!(text.find("10 × http-5xx") < text.find("1 × dns"), "{text}");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let mut job = Inspection {
            urls: 123_456_789,
            ..Inspection::default()
        };
        let cause = Cause {
            count: 10,
            example: format!("http://a.example/{}", "x".repeat(90)),
            message: "cannot connect: ".repeat(9),
        };
        job.failures.insert("http-5xx".to_owned(), cause);
        job.statuses = (200..220).map(|status| (status, 12_345)).collect();
        job.hosts.push(HostCounts {
            host: haul::PageUrl::parse(&format!("http://{}.example/", "long".repeat(15)))
                .unwrap()
                .host_key(),
            waiting: 1,
            done: 2,
            failed: 3,
            skipped: 4,
        });
        for columns in [60, 80] {
            let text = table(&job, SystemTime::now(), columns);
            for line in text.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
        }
    }
}
