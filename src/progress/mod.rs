//! Progress: what the loop tells, for people. The only room that knows indicatif.
//!
//! The loop's callback copies a few figures; one thread redraws them a few times a second, so a request costs nothing
//! here. Invariant: whatever is written to standard error during a run goes through [`Progress::say`], so that a line
//! and the bar never tear each other. Every figure comes from the [`Tally`].

mod stage;
mod terminal;
mod view;
mod wait;

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use haul::{Event, FetchError, clean, spelled};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
pub(crate) use stage::StageLine;
use terminal::Terminal;
use view::{SAMPLE, Speed, View};
pub(crate) use wait::reason;

/// How often a bar is redrawn.
const REDRAW: Duration = Duration::from_millis(125);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(5);
/// How often a JSON object is written.
const OBJECT: Duration = Duration::from_secs(1);
/// Cells of the bar, where there is room.
const CELLS: usize = 20;
/// A bar of fewer cells says nothing.
const LEAST_CELLS: usize = 8;

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
                    Some(bar) => redraw(style, &bar, &view, &ended),
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
                let requests = match in_flight {
                    1 => "1 request".to_owned(),
                    count => format!("{count} requests"),
                };
                self.say(&format!(
                    "finishing {requests} in flight; press Ctrl-C again to abort"
                ));
            }
            Event::Retried { host, cause, after } if self.voice >= Voice::Retries => {
                self.say(&format!("{host}: {cause}; retrying in {}", spelled(*after)));
            }
            Event::GivenUp {
                host,
                failures,
                cause,
            } if self.voice >= Voice::Quiet => {
                self.say(&format!(
                    "{host}: giving up after {failures} failures in a row, the last one: {cause}; its remaining URLs fail"
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

fn bar(style: Style) -> ProgressBar {
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::stderr()), 8);
    ProgressBar::with_draw_target(Some(1), target).with_style(drawn(style, CELLS))
}

/// A bar of so many cells, and the figures behind it.
fn drawn(style: Style, cells: usize) -> ProgressStyle {
    let template = match (cells, style) {
        (0, _) => "{wide_msg}".to_owned(),
        (cells, Style::Bar) => format!("{{bar:{cells}.cyan/blue}} {{wide_msg}}"),
        (cells, _) => format!("{{bar:{cells}}} {{wide_msg}}"),
    };
    let drawn =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    drawn.progress_chars("━╸─")
}

/// How many cells are left for the bar beside a line of figures. The figures go first.
fn cells(columns: usize, line: &str) -> usize {
    match columns.saturating_sub(line.chars().count() + 1) {
        0..LEAST_CELLS => 0,
        free => free.min(CELLS) / 4 * 4, // not another width for each digit
    }
}

fn redraw(style: Style, bar: &ProgressBar, view: &Mutex<View>, ended: &Receiver<()>) {
    let terminal = Terminal::stderr();
    let mut speed = Speed::default();
    let mut shown = CELLS;
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(REDRAW) {
        let view = locked(view).clone();
        speed.note(&view);
        let columns = usize::from(terminal.width());
        let line = view.line(&speed, columns);
        let cells = cells(columns, &line);
        if cells != shown {
            shown = cells;
            bar.set_style(drawn(style, cells));
        }
        bar.set_length(view.total.unwrap_or(0).max(view.visited).max(1));
        bar.set_position(view.visited);
        bar.set_message(line);
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
                _ => format!(
                    "{:>6}  {}",
                    spelled(view.elapsed),
                    view.line(&speed, usize::MAX)
                ),
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

    #[test]
    fn the_bar_gives_up_its_cells_for_the_figures() {
        let line = "12345/200000  1250/s  64 in flight  ETA 2m30s";
        assert_eq!(cells(115, line), CELLS);
        assert_eq!(cells(75, line), CELLS);
        assert_eq!(cells(60, line), 12);
        assert_eq!(cells(53, line), 0);
    }
}
