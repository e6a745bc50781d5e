//! A human-readable line: status, time, size, URL, and any further message.
//!
//! Columns are aligned; all text from a server is [cleaned](crate::clean) first, so that a page cannot control a
//! terminal. The other formats are for programs.

use std::fmt;
use std::time::Duration;

use super::lines::Render;
use super::value::put;
use crate::error::Result;
use crate::page::failure::FetchError;
use crate::parse::Wants;
use crate::text::clean::clean;
use crate::text::size::{ByteSize, spelled};
use crate::visit::Visit;

/// The width of the longest error class, `tls-expired`.
const STATUS_WIDTH: usize = 11;
const TIME_WIDTH: usize = 9;
const SIZE_WIDTH: usize = 9;

const GREEN: &str = "\u{1b}[32m";
const CYAN: &str = "\u{1b}[36m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// Renders records as human-readable lines.
pub(super) struct Text {
    /// Whether lines are coloured.
    pub(super) color: bool,
}

impl Render for Text {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn add(&mut self, visit: &Visit, out: &mut Vec<u8>) -> Result<()> {
        line(visit, self.color, out);
        Ok(())
    }
}

fn line(visit: &Visit, color: bool, out: &mut Vec<u8>) {
    let (start, end) = if color {
        (color_of(visit), RESET)
    } else {
        ("", "")
    };
    match &visit.outcome {
        Ok(page) => {
            let size = visit.parsed.decoded_bytes.unwrap_or(page.wire_bytes);
            put(
                out,
                format_args!(
                    "{start}{:<STATUS_WIDTH$}{end}{:>TIME_WIDTH$} {:>SIZE_WIDTH$}  ",
                    page.status,
                    Took(page.timing.total).to_string(),
                    ByteSize(size).to_string()
                ),
            );
        }
        Err(error) => put(
            out,
            format_args!(
                "{start}{:<STATUS_WIDTH$}{end}{:>TIME_WIDTH$} {:>SIZE_WIDTH$}  ",
                error.class(),
                "-",
                "-"
            ),
        ),
    }
    let url = match &visit.outcome {
        Err(FetchError::Malformed { text, .. }) => text,
        _ => visit.job.first_url().as_str(),
    };
    put(out, format_args!("{}", clean(url)));
    if !visit.job.hops.is_empty() {
        put(out, format_args!(" -> {}", clean(visit.job.url.as_str())));
    }
    match &visit.outcome {
        Err(FetchError::Duplicate { of }) => put(out, format_args!("  duplicate of line {of}")),
        Err(error) => put(out, format_args!("  {}", clean(&error.to_string()))),
        Ok(_) => {}
    }
    if let Some(fault) = &visit.parsed.fault {
        put(out, format_args!("  body not decoded: {}", clean(fault)));
    }
    out.push(b'\n');
}

fn color_of(visit: &Visit) -> &'static str {
    match &visit.outcome {
        Ok(_) if visit.failure() == Some("decode") => RED,
        Ok(page) => match page.status {
            200..=299 => GREEN,
            300..=399 => CYAN,
            400..=499 => YELLOW,
            _ => RED,
        },
        Err(FetchError::Duplicate { .. } | FetchError::Skipped(_)) => DIM,
        Err(_) => RED,
    }
}

/// A duration that is easy to compare in a column: `0.4 ms`, `12.3 ms`, `1.25 s`, `2m5s`.
struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 0.99995 {
            write!(f, "{:.1} ms", seconds * 1000.0)
        } else if seconds < 59.995 {
            write!(f, "{seconds:.2} s")
        } else {
            f.write_str(&spelled(self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn lines(visits: &[Visit], color: bool) -> Vec<String> {
        let mut out = Vec::new();
        for visit in visits {
            line(visit, color, &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_columns_of_all_lines_are_aligned() {
        let lines = lines(&samples::every(), false);
        for line in &lines {
            let url = line
                .char_indices()
                .nth(STATUS_WIDTH + TIME_WIDTH + 1 + SIZE_WIDTH + 2);
            let (at, _) = url.unwrap();
            assert!(
                line[..at].ends_with("  ") && !line[at..].starts_with(' '),
                "{line}"
            );
        }
        assert_eq!(
            lines[0],
            "200          12.3 ms   4.1 KiB  https://example.org/a"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.ends_with("http://example.org/old -> https://example.org/new"))
        );
        assert!(
            lines
                .iter()
                .any(|line| line.ends_with("  duplicate of line 1"))
        );
        assert!(lines.iter().any(|line| line.starts_with("tls-expired ")));
    }

    #[test]
    fn no_control_character_of_a_server_reaches_a_terminal() {
        let mut visit = samples::failed(FetchError::Protocol("\u{1b}]0;x\u{7}\u{202e}\n".into()));
        visit.parsed.fault = Some("\u{9b}2J".into());
        let line = &lines(&[visit], true)[0];
        assert!(
            line.contains("␛]0;x␇\u{fffd}␊") && line.contains("\u{fffd}2J"),
            "{line}"
        );
        assert_eq!(line.matches('\u{1b}').count(), 2, "only its own colour");
    }

    #[test]
    fn lines_are_coloured_only_on_request() {
        let visits = samples::every();
        assert!(
            lines(&visits, false)
                .iter()
                .all(|line| !line.contains('\u{1b}'))
        );
        let painted = |status| lines(&[samples::page(status)], true)[0].clone();
        for (status, color) in [(200, GREEN), (304, CYAN), (404, YELLOW), (503, RED)] {
            assert!(painted(status).starts_with(color), "{status}");
        }
    }

    #[test]
    fn times_are_short_at_every_scale() {
        for (micros, text) in [
            (400, "0.4 ms"),
            (12_340, "12.3 ms"),
            (999_960, "1.00 s"),
            (1_254_000, "1.25 s"),
            (125_000_000, "2m5s"),
        ] {
            assert_eq!(Took(Duration::from_micros(micros)).to_string(), text);
        }
    }
}
