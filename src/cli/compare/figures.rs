//! A comparison as text for people: bars, figures, verdict, diagnosis, recommendation.
//!
//! A pure function of the [`Comparison`]; only widths are computed here. Remote text is cleaned.

use std::fmt::Write;

use haul::clean;
use haul::compare::statistics::Interval;
use haul::compare::verdict::Ranking;
use haul::compare::{Agreement, ArchiveResult, Comparison, EngineResult};

use super::curves;
use super::layout::{aligned, counted, fitted, grouped, paragraph, short};
use super::words::Words;

/// The placeholder for an unknown figure.
const UNKNOWN: &str = "-";
/// The heading of the relative times.
const HEAD: &str = "time vs best";

/// The whole text, wrapped to `columns`.
pub(super) fn text(comparison: &Comparison, words: &Words, columns: usize, color: bool) -> String {
    if comparison.engines.is_empty() {
        let mut text = "nothing to report: no round was completed by every engine\n".to_owned();
        for warning in &words.warnings {
            paragraph(&mut text, "warning", &clean(warning), columns);
        }
        return text;
    }
    let mut text = headline(comparison);
    text.push('\n');
    bars(&mut text, &comparison.engines, columns, color);
    text.push('\n');
    figures(&mut text, &comparison.engines, columns);
    text.push('\n');
    if !comparison.answers.agree {
        differences(&mut text, &comparison.answers, columns);
        return text;
    }
    paragraph(&mut text, "responses", &proof(comparison), columns);
    if let Some(verdict) = &words.verdict {
        paragraph(&mut text, "verdict", verdict, columns);
    }
    if let Some(why) = &words.why {
        let told = format!("bound by {}. {}", why.bound, why.sentences.join(" "));
        paragraph(&mut text, "why", &told, columns);
        for unknown in &why.unknown {
            paragraph(&mut text, "unknown", unknown, columns);
        }
    }
    for warning in &words.warnings {
        paragraph(&mut text, "warning", &clean(warning), columns);
    }
    if let Some(sweep) = &comparison.sweep {
        curves::sweep(&mut text, sweep, columns);
    }
    if let Some(map) = &comparison.map {
        curves::map(&mut text, map, columns);
    }
    if let Some(next) = &words.next {
        paragraph(&mut text, "next", &next.because, columns);
        let _ = writeln!(text, "            {}", next.command);
    }
    let _ = writeln!(text, "rerun       {}", comparison.command);
    text
}

fn headline(comparison: &Comparison) -> String {
    let workload = &comparison.workload;
    let hosts = counted(workload.hosts, "host");
    let target = match &workload.practice {
        Some(practice) if practice.jitter_ms > 0.0 => format!(
            "practice server, {} to {} ms latency",
            practice.latency_ms,
            practice.latency_ms + practice.jitter_ms
        ),
        Some(practice) => format!("practice server, {} ms latency", practice.latency_ms),
        None => hosts,
    };
    let target = match &workload.archive {
        Some(archive) => format!("{target} of {}", clean(&served(archive))),
        None => target,
    };
    let rounds = comparison
        .engines
        .first()
        .map_or(0, |engine| engine.rounds.len());
    format!(
        "{} · {target} · work: {} · {rounds} rounds in {:.0} s · {}\n",
        counted(workload.urls, "URL"),
        clean(&workload.work),
        comparison.took_s,
        counted(comparison.machine.cores, "core")
    )
}

/// An archive in place of other people's servers, and its latency.
fn served(archive: &ArchiveResult) -> String {
    let latency = match archive.jitter_ms {
        _ if archive.as_recorded => "latency as recorded".to_owned(),
        jitter if jitter > 0.0 => {
            format!(
                "{} to {} ms latency",
                archive.latency_ms,
                archive.latency_ms + jitter
            )
        }
        _ => format!("{} ms latency", archive.latency_ms),
    };
    format!("{}, served here, {latency}", archive.path)
}

/// Requests per second, as bars that end in the interval of the median.
fn bars(text: &mut String, engines: &[EngineResult], columns: usize, color: bool) {
    let name = engines
        .iter()
        .map(|engine| engine.name.len())
        .max()
        .unwrap_or(0)
        .max(6);
    let is_tied = engines
        .iter()
        .any(|engine| engine.place == Ranking::NoDifferenceShown);
    let against = |engine: &EngineResult| against_best(engine.place, engine.ratio, is_tied);
    let ratios: Vec<String> = engines.iter().map(against).collect();
    let told = ratios.iter().map(|ratio| ratio.chars().count()).max();
    let told = told.unwrap_or(0).max(HEAD.len());
    let room = columns.saturating_sub(name + told + 15).max(4);
    let most = engines
        .iter()
        .map(|engine| engine.per_second.high)
        .fold(0.0, f64::max);
    let _ = writeln!(
        text,
        "{:name$}  {:>9}  {:room$}  {HEAD}",
        "engine", "req/s", ""
    );
    for (engine, ratio) in engines.iter().zip(&ratios) {
        let bar = bar(engine.per_second, most, room);
        let line = format!(
            "{:name$}  {:>9}  {bar}  {ratio}",
            engine.name,
            short(engine.per_second.median)
        );
        let line = line.trim_end();
        let _ = match engine.place {
            Ranking::Best if color => writeln!(text, "\u{1b}[1;32m{line}\u{1b}[0m"),
            Ranking::NoDifferenceShown if color => writeln!(text, "\u{1b}[32m{line}\u{1b}[0m"),
            _ => writeln!(text, "{line}"),
        };
    }
    for engine in engines.iter().filter(|engine| engine.subset) {
        let _ = writeln!(
            text,
            "  {} is slow, so it ran only {} in each round",
            engine.name,
            counted(engine.urls, "URL")
        );
    }
}

/// How long an engine took relative to the best one. If another engine ties with that, neither is called the best.
fn against_best(place: Ranking, ratio: Interval, is_tied: bool) -> String {
    match place {
        Ranking::Best if !is_tied => "best".to_owned(),
        Ranking::Best => "no clear difference".to_owned(),
        Ranking::NoDifferenceShown => "no clear difference".to_owned(),
        Ranking::Slower => format!(
            "{}x ({} to {})",
            short(ratio.median),
            short(ratio.low),
            short(ratio.high)
        ),
    }
}

/// A bar as long as the median, with its interval marked: `████├─┤`.
fn bar(of: Interval, most: f64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if most <= 0.0 {
        return " ".repeat(room);
    }
    let cells = of.median / most * room as f64;
    let whole = cells as usize;
    let mut bar = "█".repeat(whole);
    bar.push_str(EIGHTHS[((cells - whole as f64) * 8.0) as usize % 8]);
    if bar.is_empty() {
        bar.push_str(EIGHTHS[1]);
    }
    let spread = ((of.high - of.low) / most * room as f64).round() as usize;
    if spread >= 1 {
        bar.push_str(&"╌".repeat(spread));
    }
    let taken = bar.chars().count();
    bar.extend(std::iter::repeat_n(' ', room.saturating_sub(taken)));
    bar.chars().take(room).collect()
}

/// The other figures, one line per engine.
fn figures(text: &mut String, engines: &[EngineResult], columns: usize) {
    let head = [
        "engine",
        "in flight",
        "p50 ms",
        "p99 ms",
        "CPU us/req",
        "MiB",
        "KiB/req",
        "threads",
        "switches/req",
        "conns",
        "failed",
    ];
    let optional = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for engine in engines {
        let threads = engine.threads.map(|threads| match engine.processes {
            1 => threads.to_string(),
            processes => format!("{threads} in {processes}"),
        });
        rows.push(vec![
            engine.name.clone(),
            engine.in_flight.to_string(),
            short(engine.latency_ms.p50),
            short(engine.latency_ms.p99),
            short(engine.cpu_us.user + engine.cpu_us.system),
            optional(
                engine
                    .peak_memory_bytes
                    .map(|bytes| short(bytes as f64 / 1_048_576.0)),
            ),
            optional(
                engine
                    .memory_per_in_flight_bytes
                    .map(|bytes| short(bytes as f64 / 1024.0)),
            ),
            optional(threads),
            short(engine.switches.voluntary + engine.switches.involuntary),
            engine.connections.to_string(),
            engine.failed.to_string(),
        ]);
    }
    // Columns without a known value are left out, and the failures if there are none.
    let says = |column: usize| {
        rows[1..]
            .iter()
            .any(|row| row[column] != UNKNOWN && (column != 10 || row[column] != "0"))
    };
    let shown: Vec<usize> = (0..head.len())
        .filter(|column| *column == 0 || says(*column))
        .collect();
    for rows in fitted(&rows, &shown, columns) {
        aligned(text, &rows);
    }
}

/// How many responses were proved equal, and how.
fn proof(comparison: &Comparison) -> String {
    let answers = &comparison.answers;
    if comparison.engines.len() == 1 {
        return "only one engine ran: there is nothing to compare its responses with".to_owned();
    }
    let mut proof = format!(
        "proved equal: {} of {}",
        grouped(answers.proved as f64),
        grouped(answers.compared as f64)
    );
    if answers.by_text > 0 {
        let _ = write!(
            proof,
            ", {} of them by status, media type and text because their bytes change",
            grouped(answers.by_text as f64)
        );
    }
    if !comparison.is_proved() {
        proof.push_str("; no winner is named");
    }
    proof
}

fn differences(text: &mut String, answers: &Agreement, columns: usize) {
    if answers.different > 0 {
        let _ = writeln!(
            text,
            "no winner: the engines got different responses for {} of {}",
            answers.different,
            counted(answers.compared, "URL")
        );
    }
    for rate in answers.failure_rates.iter().filter(|rate| rate.differs) {
        let share = rate.failed as f64 / rate.asked.max(1) as f64 * 100.0;
        let told = format!(
            "{share:.1} % of the requests of {} failed ({} of {}), unlike those of the other engines: they did \
             not do the same work",
            rate.engine,
            grouped(rate.failed as f64),
            grouped(rate.asked as f64)
        );
        paragraph(text, "no winner", &told, columns);
    }
    for difference in &answers.differences {
        let _ = writeln!(text, "  {}", clean(&difference.url));
        for (engine, answer) in &difference.answers {
            let _ = writeln!(text, "    {engine:12} {}", clean(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_wider_than_its_column() {
        let of = |median: f64, low: f64, high: f64| Interval { median, low, high };
        assert_eq!(bar(of(50.0, 50.0, 50.0), 100.0, 10), "█████     ");
        assert_eq!(bar(of(100.0, 90.0, 100.0), 100.0, 10), "██████████");
        assert_eq!(bar(of(50.0, 40.0, 60.0), 100.0, 10), "█████╌╌   ");
        assert_eq!(bar(of(0.01, 0.0, 0.02), 100.0, 4), "▏   ");
        assert_eq!(bar(of(0.0, 0.0, 0.0), 0.0, 4), "    ");
    }

    #[test]
    fn no_engine_is_called_the_best_if_another_ties_with_it() {
        let told = |place: Ranking, is_tied: bool| {
            let (median, low, high) = (1.5, 1.25, 2.0);
            against_best(place, Interval { median, low, high }, is_tied)
        };
        assert_eq!(told(Ranking::Best, false), "best");
        for place in [Ranking::Best, Ranking::NoDifferenceShown] {
            assert_eq!(told(place, true), "no clear difference");
        }
        assert_eq!(told(Ranking::Slower, true), "1.50x (1.25 to 2.00)");
    }
}
