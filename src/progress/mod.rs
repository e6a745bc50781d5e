//! Progress: what the loop tells, for people. The only room that knows indicatif.
//!
//! The loop's callback copies a few figures; one thread redraws them a few times a second, so a request costs nothing
//! here. Invariant: whatever is written to standard error during a run goes through [`Progress::say`], so that a line
//! and the bar never tear each other. Every figure comes from the [`Tally`].

mod stage;
mod terminal;
mod wait;

use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use haul::{ByteSize, Event, FetchError, Tally, Waits, clean, spelled};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
pub(crate) use stage::StageLine;
use terminal::Terminal;

/// How often a bar is redrawn.
const REDRAW: Duration = Duration::from_millis(125);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(5);
/// How often a JSON object is written.
const OBJECT: Duration = Duration::from_secs(1);
/// Over how long the rate of now is measured.
const NOW: Duration = Duration::from_secs(4);
/// How often that is looked at.
const SAMPLE: Duration = Duration::from_millis(250);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A coloured bar.
    Bar,
    /// A bar without colour.
    PlainBar,
    /// A line every few seconds.
    Lines,
    /// A JSON object every second.
    Json,
    /// Not at all.
    None,
}

/// How much is told beside progress, from nothing to everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Voice {
    /// Records, and the error that ends a run.
    Silent,
    /// Notices too.
    Quiet,
    /// And a summary.
    Usual,
    /// And each retry and each host on hold.
    Retries,
    /// And each failure.
    Failures,
}

/// Shows how a run goes until it is [finished](Self::finish) or dropped.
pub(crate) struct Progress {
    view: Arc<Mutex<View>>,
    bar: Option<ProgressBar>,
    style: Style,
    voice: Voice,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The figures that are shown, copied from the tally.
#[derive(Debug, Clone, Default)]
struct View {
    visited: u64,
    failed: u64,
    in_flight: usize,
    wire_bytes: u64,
    total: Option<u64>,
    /// Whether the total is only what the list's size suggests.
    is_estimate: bool,
    slowest: Option<(String, Duration)>,
    waits: Waits,
    elapsed: Duration,
}

/// How fast it goes now: visits and bytes a second over the last few seconds.
#[derive(Debug, Default)]
struct Speed {
    samples: VecDeque<(Duration, u64, u64)>,
}

impl Progress {
    /// Starts to show.
    ///
    /// # Errors
    /// When the thread that redraws cannot be started.
    pub(crate) fn start(style: Style, voice: Voice) -> haul::Result<Self> {
        let view = Arc::new(Mutex::new(View::default()));
        let bar = matches!(style, Style::Bar | Style::PlainBar).then(|| bar(style));
        let (end, ended) = channel();
        let thread = (style != Style::None)
            .then(|| {
                let (view, bar) = (view.clone(), bar.clone());
                let redraw = move || match bar {
                    Some(bar) => redraw(&bar, &view, &ended),
                    None => write_lines(style, &view, &ended),
                };
                thread::Builder::new().name("progress".into()).spawn(redraw)
            })
            .transpose()
            .map_err(|source| haul::Error::Setup {
                what: "a thread",
                source: source.into(),
            })?;
        Ok(Self {
            view,
            bar,
            style,
            voice,
            end: Some(end),
            thread,
        })
    }

    /// Takes an event of the loop.
    pub(crate) fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Tick(tally) => {
                let fresh = View::of(tally, self.style);
                *self.view() = fresh;
            }
            Event::Notice(notice) if self.voice >= Voice::Quiet => self.say(notice),
            Event::Draining if self.voice >= Voice::Quiet => {
                let in_flight = self.view().in_flight;
                self.say(&format!(
                    "finishing {in_flight} in flight; Ctrl-C again to abort"
                ));
            }
            Event::Retried { host, cause, after } if self.voice >= Voice::Retries => {
                self.say(&format!("{host}: {cause}, again in {}", spelled(*after)));
            }
            Event::GivenUp {
                host,
                failures,
                cause,
            } if self.voice >= Voice::Quiet => {
                self.say(&format!(
                    "{host}: given up after {failures} failures in a row, the last one: {cause}; what is left of it fails"
                ));
            }
            Event::Unread { url, problem } if self.voice >= Voice::Retries => {
                self.say(&format!("{url}: {problem}"));
            }
            Event::Slowed { host, asked, kept } if self.voice >= Voice::Retries => {
                let asked = match asked > kept {
                    true => format!(" (it asks for {}; see --max-crawl-delay)", spelled(*asked)),
                    false => String::new(),
                };
                let kept = spelled(*kept);
                self.say(&format!(
                    "{host}: robots.txt asks for a delay: {kept} between requests{asked}"
                ));
            }
            Event::Held { host, until, cause } if self.voice >= Voice::Retries => {
                let after = until.saturating_duration_since(Instant::now());
                // The moment since it was held is nobody's business: 1s, not 999ms.
                let tenths = after.as_millis().div_ceil(100) as u64;
                let after = Duration::from_millis(tenths * 100);
                self.say(&format!("{host}: paused for {} ({cause})", spelled(after)));
            }
            Event::Visited(visit) if self.voice >= Voice::Failures && visit.failure().is_some() => {
                let url = match &visit.outcome {
                    Err(FetchError::Malformed { text, .. }) => text,
                    _ => visit.job.first_url().as_str(),
                };
                let why = match &visit.outcome {
                    Ok(page) if page.status >= 400 => format!("HTTP {}", page.status),
                    Ok(_) => visit.parsed.fault.clone().unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                let row = visit
                    .job
                    .row
                    .map_or(String::new(), |row| format!("row {row}: "));
                self.say(&format!("{row}{url}: {why}"));
            }
            _ => {}
        }
    }

    /// Writes a line to standard error, cleaned.
    pub(crate) fn say(&self, text: &str) {
        let write = || {
            // Nobody is left to be told when this cannot be written.
            let _ = writeln!(std::io::stderr(), "haul: {}", clean(text));
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Shows the last figures where they are kept, and clears the bar.
    pub(crate) fn finish(mut self) {
        self.close();
    }

    fn close(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked shows nothing more.
            let _ = thread.join();
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        locked(&self.view)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.close();
    }
}

impl View {
    fn of(tally: &Tally, style: Style) -> Self {
        // Finding the slowest host looks at all of them: only where somebody will see it.
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
            waits: tally.waits.clone(),
            elapsed: tally.elapsed,
        }
    }

    /// Done, and of how many.
    fn done(&self) -> String {
        match self.total {
            Some(total) if self.is_estimate => format!("{}/~{total}", self.visited),
            Some(total) => format!("{}/{total}", self.visited),
            None => self.visited.to_string(),
        }
    }

    /// How long until the end, at this rate.
    fn remaining(&self, rate: f64) -> Option<Duration> {
        let left = self.total?.checked_sub(self.visited)?;
        let seconds = left as f64 / rate;
        (left > 0 && rate > 0.0)
            .then(|| Duration::try_from_secs_f64(seconds.ceil()).ok())
            .flatten()
    }

    fn line(&self, speed: &Speed) -> String {
        let (visits, bytes) = speed.now();
        let rate = if visits < 10.0 {
            format!("{visits:.1}")
        } else {
            format!("{visits:.0}")
        };
        let mut line = format!(
            "{}  {rate}/s  {}/s  {} in flight",
            self.done(),
            ByteSize(bytes as u64),
            self.in_flight
        );
        if let Some(remaining) = self.remaining(visits) {
            line.push_str(&format!("  ETA {}", spelled(remaining)));
        }
        if self.failed > 0 {
            line.push_str(&format!("  {} failed", self.failed));
        }
        if let Some(wait) = wait::text(&self.waits, SystemTime::now()) {
            line.push_str(&format!("  {wait}"));
        }
        if let Some((host, mean)) = &self.slowest {
            line.push_str(&format!("  slowest {host} {}", spelled(*mean)));
        }
        line
    }

    fn object(&self, speed: &Speed) -> String {
        let (visits, bytes) = speed.now();
        let rounded = |value: f64| (value * 10.0).round() / 10.0;
        serde_json::json!({
            "elapsed_s": rounded(self.elapsed.as_secs_f64()),
            "done": self.visited,
            "total": self.total,
            "total_is_estimate": self.is_estimate,
            "in_flight": self.in_flight,
            "failed": self.failed,
            "records_per_s": rounded(visits),
            "bytes_per_s": bytes as u64,
            "wire_bytes": self.wire_bytes,
            "eta_s": self.remaining(visits).map(|remaining| remaining.as_secs()),
            "waits": self.waits.count,
            "first_wait": self.waits.first.first(),
            "slowest_host": self.slowest.as_ref().map(|(host, _)| host),
        })
        .to_string()
    }
}

impl Speed {
    fn note(&mut self, view: &View) {
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

    fn now(&self) -> (f64, f64) {
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

fn bar(style: Style) -> ProgressBar {
    let template = match style {
        Style::Bar => "{bar:20.cyan/blue} {wide_msg}",
        _ => "{bar:20} {wide_msg}",
    };
    let drawn =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::stderr()), 8);
    ProgressBar::with_draw_target(Some(1), target).with_style(drawn.progress_chars("━╸─"))
}

fn redraw(bar: &ProgressBar, view: &Mutex<View>, ended: &Receiver<()>) {
    let mut speed = Speed::default();
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(REDRAW) {
        let view = locked(view).clone();
        speed.note(&view);
        bar.set_length(view.total.unwrap_or(0).max(view.visited).max(1));
        bar.set_position(view.visited);
        bar.set_message(view.line(&speed));
        bar.tick();
    }
    bar.finish_and_clear();
}

fn write_lines(style: Style, view: &Mutex<View>, ended: &Receiver<()>) {
    let mut speed = Speed::default();
    let every = if style == Style::Json { OBJECT } else { LINE };
    let mut due = Instant::now() + every;
    loop {
        let is_over = !matches!(ended.recv_timeout(SAMPLE), Err(RecvTimeoutError::Timeout));
        let view = locked(view).clone();
        speed.note(&view);
        // A reader of objects wants the last figures; a person reads the summary.
        if Instant::now() >= due || is_over && style == Style::Json {
            due += every;
            let line = match style {
                Style::Json => view.object(&speed),
                _ => format!("{:>6}  {}", spelled(view.elapsed), view.line(&speed)),
            };
            // Nobody is left to be told when this cannot be written.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        if is_over {
            return;
        }
    }
}

/// A view is whole after a panic too: it is only ever replaced.
fn locked(view: &Mutex<View>) -> MutexGuard<'_, View> {
    view.lock().unwrap_or_else(PoisonError::into_inner)
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
            // 10 a second, and 100 a second from the tenth on.
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
            now.line(&speed),
            "100/1000  50/s  50 KiB/s  8 in flight  ETA 18s"
        );
        (now.failed, now.is_estimate, now.slowest) =
            (3, true, Some(("http://a".into(), Duration::from_secs(1))));
        let line = now.line(&speed);
        assert!(
            line.starts_with("100/~1000") && line.ends_with("3 failed  slowest http://a 1s"),
            "{line}"
        );
        let object: serde_json::Value = serde_json::from_str(&now.object(&speed)).unwrap();
        assert_eq!(
            (&object["done"], &object["eta_s"]),
            (&100.into(), &18.into())
        );
    }

    #[test]
    fn nothing_is_promised_where_nothing_moves() {
        let speed = Speed::default();
        assert_eq!(view(5, 10).remaining(speed.now().0), None);
    }
}
