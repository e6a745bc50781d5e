//! The summary of a run, for people.
//!
//! A pure function of the [`Tally`]: every number comes from there. Remote text is cleaned.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use haul::{Broken, ByteSize, Tally, clean, spelled};

use super::advice;

/// Characters shown of an example's URL, and of its message.
const SHOWN: usize = 60;
/// Characters shown of a broken URL, and of a page that links to it.
const WHOLE: usize = 500;
/// Classes of failure that are shown, the most frequent first.
const CLASSES: usize = 12;

/// The summary of a run, with the CPU time that it used.
pub(crate) fn summary(tally: &Tally, processor: Option<Duration>) -> String {
    let mut text = headline(tally, processor);
    if tally.visited < 2 && tally.failed == 0 {
        line(&mut text, "ignored", ignored(tally));
        broken(&mut text, &tally.broken); // from an earlier session
        return text; // the record itself says the rest
    }
    line(&mut text, "statuses", statuses(tally));
    line(&mut text, "failed", failed(tally));
    for (class, failures) in by_count(tally).into_iter().take(CLASSES) {
        let (example, message) = (cut(&failures.example), cut(&failures.message));
        let example = format!("{example}  {message}{}", advice::of_class(class));
        let _ = writeln!(text, "{:>8} × {class:<11} {example}", failures.count);
    }
    line(&mut text, "changed", changed(tally));
    line(&mut text, "other", other(tally));
    line(&mut text, "skipped", skipped(tally));
    line(&mut text, "ignored", ignored(tally));
    line(&mut text, "latency", latency(tally));
    line(&mut text, "hosts", hosts(tally));
    broken(&mut text, &tally.broken);
    text
}

/// The summary of a job that had nothing left to do; `done` is the sentence that says so.
pub(crate) fn summary_of_done(tally: &Tally, done: String) -> String {
    let mut text = done;
    broken(&mut text, &tally.broken);
    text
}

/// The line that names the start page of a mirror.
pub(crate) fn mirror_summary(begins: &Path) -> String {
    let mut text = String::new();
    line(
        &mut text,
        "mirror",
        format!("starts at {}", clean(&begins.display().to_string())),
    );
    text
}

/// The broken links of a crawl, with the pages that link there. URLs are shown in full, because somebody has to fix
/// them.
fn broken(text: &mut String, broken: &Broken) {
    if broken.count == 0 {
        return;
    }
    let known = match broken.complete {
        true => "",
        false => "; --broken FILE names every page that links there",
    };
    line(
        text,
        "broken",
        format!("{}{known}", counted(broken.count, "URL")),
    );
    for url in &broken.urls {
        let status = url.status.map(|status| status.to_string());
        let what = status.as_ref().unwrap_or(&url.class);
        let _ = writeln!(text, "    {what}  {}", whole(&url.url));
        for holder in &url.holders {
            let _ = writeln!(text, "      on  {}", whole(holder));
        }
        let more = url.held.saturating_sub(url.holders.len() as u64);
        if more > 0 {
            let _ = writeln!(text, "      and {more} more");
        }
    }
    let more = broken.count.saturating_sub(broken.urls.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "    and {more} more");
    }
}

fn headline(tally: &Tally, processor: Option<Duration>) -> String {
    let seconds = tally.elapsed.as_secs_f64();
    let mut text = format!(
        "{} in {}",
        counted(tally.visited, "record"),
        brief(tally.elapsed)
    );
    // A rate over a shorter time is only noise.
    let has_rate = tally.visited > 1 && seconds >= 0.01;
    if has_rate {
        let _ = write!(text, ", {}/s", figure(tally.visited as f64 / seconds));
    }
    if tally.wire_bytes > 0 {
        let _ = write!(text, "; {} received", ByteSize(tally.wire_bytes));
    }
    if tally.wire_bytes > 0 && has_rate {
        let _ = write!(
            text,
            ", {}/s",
            ByteSize((tally.wire_bytes as f64 / seconds) as u64)
        );
    }
    if let Some(processor) = processor.filter(|time| !time.is_zero()) {
        let _ = write!(text, "; CPU {}", spelled(processor));
    }
    text.push('\n');
    text
}

fn line(text: &mut String, name: &str, content: String) {
    if !content.is_empty() {
        let _ = writeln!(text, "  {name:<9} {content}");
    }
}

fn statuses(tally: &Tally) -> String {
    let each: Vec<_> = tally
        .statuses
        .iter()
        .map(|(status, count)| format!("{status} × {count}"))
        .collect();
    each.join(", ")
}

/// What changed since the earlier run.
fn changed(tally: &Tally) -> String {
    let each = tally.changes.iter();
    let each = each.map(|(change, count)| format!("{change} × {count}"));
    let cached =
        (tally.cached > 0).then(|| format!("not asked, as still fresh × {}", tally.cached));
    let each: Vec<_> = each.chain(cached).collect();
    each.join(", ")
}

fn failed(tally: &Tally) -> String {
    if tally.failed == 0 {
        return String::new();
    }
    format!(
        "{} ({}%)",
        tally.failed,
        figure(tally.failed_share() * 100.0)
    )
}

fn by_count(tally: &Tally) -> Vec<(&'static str, &haul::Failures)> {
    let mut classes: Vec<_> = tally
        .failures
        .iter()
        .map(|(class, failures)| (*class, failures))
        .collect();
    classes.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
    classes
}

/// Counts of what is neither a response nor a failure.
fn other(tally: &Tally) -> String {
    let counts = [
        (tally.redirects, "redirect"),
        (tally.retries, "retry"),
        (tally.duplicates, "duplicate"),
        (tally.skipped, "skipped"),
        (tally.robots, "robots.txt"),
        (tally.sitemaps, "sitemap"),
        (tally.sitemaps_failed, "unread sitemap"),
    ];
    let parts: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| counted(*count, name))
        .collect();
    parts.join(", ")
}

/// Counts of links that were not followed, by reason.
fn skipped(tally: &Tally) -> String {
    let mut reasons: Vec<(&str, u64)> = tally
        .passed_over
        .iter()
        .map(|(class, count)| (*class, *count))
        .collect();
    if tally.forbidden > 0 {
        reasons.push(("robots", tally.forbidden));
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let parts: Vec<_> = reasons
        .iter()
        .map(|(class, count)| format!("{class} × {count}"))
        .collect();
    parts.join(", ")
}

/// Counts of archive records that are not pages.
fn ignored(tally: &Tally) -> String {
    let each: Vec<_> = tally
        .left_out
        .iter()
        .map(|(kind, count)| format!("{kind} × {count}"))
        .collect();
    match tally.left_out.values().sum() {
        0 => String::new(),
        1 => format!("1 archive record without a page: {}", each.join(", ")),
        count => format!(
            "{count} archive records without a page: {}",
            each.join(", ")
        ),
    }
}

fn latency(tally: &Tally) -> String {
    if tally.answers == 0 {
        return String::new();
    }
    let at = |quantile| {
        brief(Duration::from_micros(
            tally.latency.value_at_quantile(quantile),
        ))
    };
    let longest = brief(Duration::from_micros(tally.latency.max()));
    format!(
        "p50 {}, p90 {}, p99 {}, max {longest}",
        at(0.5),
        at(0.9),
        at(0.99)
    )
}

fn hosts(tally: &Tally) -> String {
    let count = tally.hosts.len() as u64 + tally.hosts_beyond;
    if count < 2 {
        return String::new();
    }
    let mut text = if tally.hosts_beyond > 0 {
        format!("more than {}", tally.hosts.len())
    } else {
        count.to_string()
    };
    if let Some((host, mean)) = tally.slowest_host().filter(|(_, mean)| !mean.is_zero()) {
        let _ = write!(
            text,
            "; slowest {} (mean {})",
            cut(host.as_str()),
            brief(mean)
        );
    }
    let failing = tally
        .hosts
        .iter()
        .filter(|(_, host)| host.failed > 0)
        .max_by_key(|(_, host)| host.failed);
    if let Some((name, host)) = failing {
        let _ = write!(
            text,
            "; most failures {} ({} of {})",
            cut(name.as_str()),
            host.failed,
            host.visited
        );
    }
    text
}

/// `1 record`, `2 records`, `2 retries`.
fn counted(count: u64, name: &str) -> String {
    match (count, name) {
        (1, _) | (_, "skipped" | "robots.txt") => format!("{count} {name}"),
        (_, "retry") => format!("{count} retries"),
        _ => format!("{count} {name}s"),
    }
}

/// A number with as many digits as people need.
fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A latency; below 10 ms with fractions of a millisecond.
fn brief(duration: Duration) -> String {
    match duration.as_micros() {
        micros @ 0..=9_999 => format!("{}ms", figure(micros as f64 / 1000.0)),
        _ => spelled(duration),
    }
}

fn cut(text: &str) -> String {
    cut_to(text, SHOWN)
}

/// A URL in full, unless it is too long to have been typed by anybody.
fn whole(url: &str) -> String {
    cut_to(url, WHOLE)
}

fn cut_to(text: &str, shown: usize) -> String {
    let clean = clean(text);
    if clean.chars().count() <= shown {
        return clean.into_owned();
    }
    clean.chars().take(shown - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use haul::Failures;

    #[test]
    fn a_summary_tells_statuses_failures_and_times() {
        let mut tally = Tally::default();
        (tally.visited, tally.failed, tally.answers) = (100, 4, 97);
        (tally.retries, tally.redirects) = (1, 2);
        tally.wire_bytes = 3 << 20;
        tally.elapsed = Duration::from_millis(2_000);
        tally.statuses.extend([(200, 96), (404, 1)]);
        let failure = |count, message: &str| Failures {
            count,
            example: "http://a.example/x\u{1b}[2J".into(),
            message: message.into(),
        };
        tally.failures.insert("http-4xx", failure(1, "HTTP 404"));
        tally
            .failures
            .insert("connect", failure(3, "cannot connect: refused"));
        tally.latency.record_n(12_000, 97).unwrap();
        let text = summary(&tally, Some(Duration::from_millis(350)));
        assert!(!text.contains('\u{1b}'), "{text}");
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        assert_eq!(
            lines[0],
            "100 records in 2s, 50.0/s; 3 MiB received, 1.5 MiB/s; CPU 350ms"
        );
        assert_eq!(lines[1], "statuses  200 × 96, 404 × 1");
        assert_eq!(lines[2], "failed    4 (4.0%)");
        assert!(
            lines[3].starts_with("3 × connect"),
            "the commonest first: {text}"
        );
        assert_eq!(lines[5], "other     2 redirects, 1 retry");
        assert_eq!(lines[6], "latency   p50 12ms, p90 12ms, p99 12ms, max 12ms");
    }

    #[test]
    fn broken_urls_are_named_with_their_holders_and_the_rest_is_counted() {
        let url = |url: &str, status, holders: &[&str], held| haul::BrokenUrl {
            url: url.into(),
            class: "connect".into(),
            status,
            holders: holders.iter().map(ToString::to_string).collect(),
            held,
        };
        let broken = Broken {
            count: 3,
            urls: vec![
                url(
                    "http://h/\u{1b}[2Jx",
                    Some(404),
                    &["http://h/a", "http://h/b"],
                    9,
                ),
                url("http://h/y", None, &[], 0),
            ],
            complete: true,
        };
        let mut tally = Tally::default();
        tally.broken = broken;
        let text = summary(&tally, None);
        let expected = "  broken    3 URLs\n    404  http://h/�[2Jx\n      on  http://h/a\n      on  http://h/b\n      \
                        and 7 more\n    connect  http://h/y\n    and 1 more\n";
        let rest = text.split_once('\n').unwrap().1;
        assert_eq!(
            rest.replace(|c: char| !c.is_ascii(), "�"),
            expected,
            "{text}"
        );
        tally.broken.complete = false;
        assert!(summary(&tally, None).contains("3 URLs; --broken FILE"));
    }

    #[test]
    fn one_record_needs_one_line() {
        let mut tally = Tally::default();
        (tally.visited, tally.elapsed) = (1, Duration::from_millis(80));
        assert_eq!(summary(&tally, None), "1 record in 80ms\n");
    }
}
