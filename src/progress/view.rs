//! The figures of a run, as one line for people.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use haul::{ByteSize, Tally, Waits, clean, spelled};

use super::figures::Figures;
use super::style::Style;
use super::wait;

/// The period over which the current rate is measured.
const NOW: Duration = Duration::from_secs(4);
/// The time between two samples of the figures.
pub(super) const SAMPLE: Duration = Duration::from_millis(250);

/// The figures that progress shows, copied from the tally.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) visited: u64,
    failed: u64,
    pub(super) in_flight: usize,
    wire_bytes: u64,
    pub(super) total: Option<u64>,
    /// Whether the total is estimated from the size of the list.
    is_estimate: bool,
    slowest: Option<(String, Duration)>,
    /// The time that the slowest host still needs.
    slowest_host: Duration,
    waits: Waits,
    pub(super) elapsed: Duration,
    /// The figures for programs, if they are shown.
    pub(super) figures: Option<Figures>,
}

/// The current speed: visits and bytes per second over the last few seconds.
#[derive(Debug, Default)]
pub(super) struct Speed {
    samples: VecDeque<(Duration, u64, u64)>,
}

impl View {
    pub(super) fn of(tally: &Tally, style: Style) -> Self {
        // Finding the slowest host takes a pass over all hosts, so it is done only if it is shown.
        let slowest = if style == Style::None {
            None
        } else {
            tally.slowest_host()
        };
        Self {
            visited: tally.visited,
            failed: tally.failed,
            in_flight: tally.in_flight,
            wire_bytes: tally.wire_bytes,
            total: tally.total,
            is_estimate: tally.total.is_some_and(|total| total != tally.rows),
            slowest: slowest
                .filter(|(_, mean)| !mean.is_zero())
                .map(|(host, mean)| (clean(host.as_str()).into_owned(), mean)),
            slowest_host: tally.slowest_host,
            waits: tally.waits.clone(),
            elapsed: tally.elapsed,
            figures: (style == Style::Json).then(|| Figures::of(tally)),
        }
    }

    /// The count of finished URLs, and the total if it is known.
    fn done(&self) -> String {
        match self.total {
            Some(total) if self.is_estimate => format!("{}/~{total}", self.visited),
            Some(total) => format!("{}/{total}", self.visited),
            None => self.visited.to_string(),
        }
    }

    /// The time until the end at this rate, but at least what the slowest host still needs.
    pub(super) fn remaining(&self, rate: f64) -> Option<Duration> {
        let left = self.total?.checked_sub(self.visited)?;
        let seconds = (left as f64 / rate).max(self.slowest_host.as_secs_f64());
        (left > 0 && rate > 0.0)
            .then(|| Duration::try_from_secs_f64(seconds.ceil()).ok())
            .flatten()
    }

    /// The figures as one line. If it is wider than `columns`, the least important figures are dropped.
    pub(super) fn line(&self, speed: &Speed, columns: usize) -> String {
        let (visits, bytes) = speed.now();
        let rate = if visits < 10.0 {
            format!("{visits:.1}")
        } else {
            format!("{visits:.0}")
        };
        // Each part with its rank: the highest is dropped first, and 0 never.
        let mut parts = vec![
            (0, format!("{}  {rate}/s", self.done())),
            (3, format!("{}/s", ByteSize(bytes as u64))),
            (0, format!("{} in flight", self.in_flight)),
        ];
        if let Some(remaining) = self.remaining(visits) {
            parts.push((0, format!("ETA {}", spelled(remaining))));
        }
        if self.failed > 0 {
            parts.push((1, format!("{} failed", self.failed)));
        }
        if let Some(wait) = wait::text(&self.waits, SystemTime::now()) {
            parts.push((2, wait));
        }
        if let Some((host, mean)) = &self.slowest {
            parts.push((4, format!("slowest {host} {}", spelled(*mean))));
        }
        loop {
            let texts: Vec<_> = parts.iter().map(|(_, text)| text.as_str()).collect();
            let line = texts.join("  ");
            let least = (0..parts.len()).max_by_key(|at| parts[*at].0);
            match least.filter(|at| parts[*at].0 > 0) {
                Some(at) if line.chars().count() > columns => drop(parts.remove(at)),
                _ => return line,
            }
        }
    }
}

impl Speed {
    pub(super) fn note(&mut self, view: &View) {
        let is_due = |(at, ..): &(Duration, u64, u64)| view.elapsed >= *at + SAMPLE;
        if self.samples.back().is_none_or(is_due) {
            self.samples
                .push_back((view.elapsed, view.visited, view.wire_bytes));
        }
        while self
            .samples
            .get(1)
            .is_some_and(|(at, ..)| *at + NOW <= view.elapsed)
        {
            self.samples.pop_front();
        }
    }

    pub(super) fn now(&self) -> (f64, f64) {
        match (self.samples.front(), self.samples.back()) {
            (Some((from, visits, bytes)), Some((to, more_visits, more_bytes))) if to > from => {
                let seconds = (*to - *from).as_secs_f64();
                let per_second =
                    |before: &u64, after: &u64| after.saturating_sub(*before) as f64 / seconds;
                (
                    per_second(visits, more_visits),
                    per_second(bytes, more_bytes),
                )
            }
            _ => (0.0, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(seconds: u64, visited: u64) -> View {
        View {
            visited,
            total: Some(1000),
            elapsed: Duration::from_secs(seconds),
            wire_bytes: visited * 1024,
            in_flight: 8,
            ..View::default()
        }
    }

    #[test]
    fn the_rate_is_the_one_of_the_last_seconds() {
        let mut speed = Speed::default();
        for second in 0..=20 {
            // 10 per second, and from the tenth second on 100 per second.
            let visited = if second < 10 {
                second * 10
            } else {
                100 + (second - 10) * 100
            };
            speed.note(&view(second, visited));
        }
        assert_eq!(speed.now().0, 100.0);
    }

    #[test]
    fn a_line_tells_what_is_done_and_when_it_ends() {
        let mut speed = Speed::default();
        speed.note(&view(0, 0));
        let mut now = view(2, 100);
        speed.note(&now);
        assert_eq!(
            now.line(&speed, usize::MAX),
            "100/1000  50/s  50 KiB/s  8 in flight  ETA 18s"
        );
        (now.failed, now.is_estimate, now.slowest) =
            (3, true, Some(("http://a".into(), Duration::from_secs(1))));
        let line = now.line(&speed, usize::MAX);
        assert!(
            line.starts_with("100/~1000") && line.ends_with("3 failed  slowest http://a 1s"),
            "{line}"
        );
    }

    #[test]
    fn a_narrow_line_keeps_what_is_in_flight_and_the_end() {
        let mut speed = Speed::default();
        speed.note(&view(0, 0));
        let mut now = view(2, 100);
        speed.note(&now);
        (now.failed, now.slowest) = (3, Some(("http://a".into(), Duration::from_secs(1))));
        assert_eq!(
            now.line(&speed, 55),
            "100/1000  50/s  8 in flight  ETA 18s  3 failed"
        );
        assert_eq!(now.line(&speed, 10), "100/1000  50/s  8 in flight  ETA 18s");
    }

    #[test]
    fn the_end_is_no_sooner_than_that_of_the_slowest_host() {
        let mut now = view(2, 100);
        now.slowest_host = Duration::from_secs(600);
        assert_eq!(now.remaining(50.0), Some(Duration::from_secs(600)));
        now.slowest_host = Duration::from_secs(3);
        assert_eq!(now.remaining(50.0), Some(Duration::from_secs(18)));
    }

    #[test]
    fn nothing_is_promised_where_nothing_moves() {
        let speed = Speed::default();
        assert_eq!(view(5, 10).remaining(speed.now().0), None);
    }
}
