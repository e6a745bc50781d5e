//! What the rounds of a workload come to, as a table in Markdown.

use crate::counts::Counts;
use crate::workload::URLS;

/// One run of a contestant.
pub(crate) struct Round {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds, of user and system.
    pub(crate) cpu: f64,
    pub(crate) is_success: bool,
    pub(crate) counts: Counts,
}

impl Round {
    /// What was not as it should be.
    fn remark(&self) -> Option<String> {
        let Counts {
            responses,
            urls,
            strange,
            failed,
            ..
        } = self.counts;
        let mut remarks = Vec::new();
        let mut remark = |count: u64, what: &str| {
            if count > 0 {
                remarks.push(format!("{count} {what}"));
            }
        };
        remark(URLS as u64 - urls, "URLs missing");
        remark(responses - urls, "fetched again");
        remark(strange, "other requests");
        remark(failed, "failed handshakes");
        if !self.is_success {
            remarks.push("reports a failure".to_owned());
        }
        (!remarks.is_empty()).then(|| remarks.join(", "))
    }
}

/// Prints the rounds of each contestant; that of the first is what the others are divided by.
pub(crate) fn print(contestants: &[(&str, Vec<Round>)]) {
    println!(
        "| | wall s | divided by haul | CPU us a request | divided by haul | handshakes: full, resumed | connections |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    let figures = |rounds: &[Round]| {
        let wall = median(rounds.iter().map(|round| round.wall).collect());
        let cpu = median(rounds.iter().map(|round| round.cpu).collect());
        (wall, cpu * 1e6 / URLS as f64)
    };
    let (haul_wall, haul_cpu) = figures(&contestants[0].1);
    for (name, rounds) in contestants {
        let (wall, cpu) = figures(rounds);
        let count = |of: fn(&Counts) -> u64| {
            let counts = rounds.iter().map(|round| of(&round.counts) as f64);
            grouped(median(counts.collect()))
        };
        let name = match *name {
            "haul" => "**haul**, with records written",
            other => other,
        };
        let remark = rounds.iter().find_map(Round::remark);
        let remark = remark.map_or(String::new(), |remark| format!(" ({remark})"));
        println!(
            "| {name}{remark} | {wall:.3} | {:.2} | {cpu:.0} | {:.2} | {}, {} | {} |",
            wall / haul_wall,
            cpu / haul_cpu,
            count(|counts| counts.full),
            count(|counts| counts.resumed),
            count(|counts| counts.connections),
        );
    }
    println!();
}

/// A whole number below a million, with a comma at the thousands.
fn grouped(number: f64) -> String {
    let number = number as u64;
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{thousands},{:03}", number % 1000),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
