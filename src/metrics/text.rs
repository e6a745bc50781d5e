//! Metrics as text, in Prometheus' format 0.0.4.

use std::fmt::{Display, Write};

use super::snapshot::{BOUNDS, Snapshot, Times};

/// The label of all hosts that have none of their own.
const OTHER: &str = "other";

/// All metrics of a run.
pub(super) fn of(now: &Snapshot) -> String {
    let figures = &now.figures;
    let mut text = Text(String::new());
    text.family("haul_build_info", "gauge", "The version of haul; always 1.");
    let version = env!("CARGO_PKG_VERSION");
    text.sample("haul_build_info", &[("version", version)], 1);
    text.single(
        "haul_elapsed_seconds",
        "gauge",
        "Time since the run began.",
        figures.elapsed.as_secs_f64(),
    );

    text.family(
        "haul_records_total",
        "counter",
        "Finished URLs, one for each record, by outcome.",
    );
    for (outcome, count) in [
        ("fetched", figures.fetched),
        ("failed", figures.failed),
        ("duplicate", figures.duplicates),
        ("skipped", figures.skipped),
    ] {
        text.sample("haul_records_total", &[("outcome", outcome)], count);
    }
    if let Some(total) = figures.total {
        text.single(
            "haul_expected_records",
            "gauge",
            "The number of records that the run will have; an estimate until the list is read.",
            total,
        );
    }
    text.family(
        "haul_final_responses_total",
        "counter",
        "Finished URLs that got a response, by its status.",
    );
    for (status, count) in &figures.statuses {
        text.sample(
            "haul_final_responses_total",
            &[("status", &status.to_string())],
            count,
        );
    }
    text.family(
        "haul_failures_total",
        "counter",
        "URLs that failed, by the class of the failure.",
    );
    for (class, count) in &figures.failures {
        text.sample("haul_failures_total", &[("class", class)], count);
    }
    text.single(
        "haul_responses_total",
        "counter",
        "Responses over the wire, including redirects and retries.",
        figures.responses,
    );
    text.single(
        "haul_retries_total",
        "counter",
        "Requests that failed and were, or will be, sent again.",
        figures.retries,
    );
    text.single(
        "haul_redirects_total",
        "counter",
        "Redirects that were followed.",
        figures.redirects,
    );
    text.single(
        "haul_wire_bytes_total",
        "counter",
        "Body bytes over the wire.",
        figures.wire_bytes,
    );
    text.times(&now.times);

    text.single(
        "haul_in_flight",
        "gauge",
        "URLs whose request was sent and whose response is not complete.",
        figures.in_flight,
    );
    text.single(
        "haul_waiting",
        "gauge",
        "URLs that wait for their request.",
        figures.waiting,
    );
    text.single(
        "haul_held_hosts",
        "gauge",
        "Hosts that may not be contacted for a few seconds or more.",
        figures.held_hosts,
    );
    if let Some(age) = figures.checkpoint_age {
        text.single(
            "haul_checkpoint_age_seconds",
            "gauge",
            "Time since the last checkpoint of the job.",
            age.as_secs_f64(),
        );
    }
    let loads = &now.loads;
    text.family(
        "haul_host_waiting",
        "gauge",
        "URLs that wait, of the busiest hosts, and of all others together.",
    );
    for load in &loads.first {
        text.sample(
            "haul_host_waiting",
            &[("host", load.host.as_str())],
            load.waiting,
        );
    }
    text.sample(
        "haul_host_waiting",
        &[("host", OTHER)],
        loads.others_waiting,
    );
    text.family(
        "haul_host_in_flight",
        "gauge",
        "URLs in flight, of the busiest hosts, and of all others together.",
    );
    for load in &loads.first {
        text.sample(
            "haul_host_in_flight",
            &[("host", load.host.as_str())],
            load.in_flight,
        );
    }
    text.sample(
        "haul_host_in_flight",
        &[("host", OTHER)],
        loads.others_in_flight,
    );
    text.0
}

/// The text so far.
struct Text(String);

impl Text {
    /// Begins a metric; its samples follow.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // The help is ours: it has no backslash and no line break.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            self.0.push(if place == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// A metric with one sample.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn times(&mut self, times: &Times) {
        self.family(
            "haul_response_seconds",
            "histogram",
            "Times from sending a request to the last byte of its response.",
        );
        for (bound, count) in BOUNDS.iter().zip(&times.within) {
            let bound = (f64::from(*bound) / 1000.0).to_string();
            self.sample("haul_response_seconds_bucket", &[("le", &bound)], count);
        }
        self.sample(
            "haul_response_seconds_bucket",
            &[("le", "+Inf")],
            times.count,
        );
        self.sample("haul_response_seconds_sum", &[], times.sum);
        self.sample("haul_response_seconds_count", &[], times.count);
    }
}

/// A label value as the format wants it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use haul::Tally;

    use super::*;

    #[test]
    fn a_label_value_cannot_end_its_line_or_its_quotes() {
        let mut text = Text(String::new());
        text.sample("haul_x", &[("a", "x\"} 1\nhaul_y 2\\"), ("b", "é")], 3);
        assert_eq!(text.0, "haul_x{a=\"x\\\"} 1\\nhaul_y 2\\\\\",b=\"é\"} 3\n");
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample_of_the_metric_before_it() {
        let mut tally = Tally::default();
        tally.statuses.insert(200, 3);
        let text = of(&Snapshot::of(&tally));
        let mut family = "";
        for line in text.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(rest) => family = rest.split(' ').next().unwrap(),
                None if line.starts_with("# HELP ") => {}
                None => assert!(line.starts_with(family), "{line}"),
            }
        }
        assert!(
            text.contains("haul_final_responses_total{status=\"200\"} 3\n"),
            "{text}"
        );
        assert!(!text.contains("checkpoint"), "there is no job: {text}");
    }
}
