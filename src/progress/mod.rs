//! Progress of a run, for people and for programs. The only room that uses indicatif.
//!
//! The loop's callback copies a few figures, and one thread redraws them a few times a second, so a request costs
//! nothing here. Invariant: everything that is written to standard error during a run goes through [`Progress::say`],
//! so that lines and the bar never garble each other. Every figure comes from the [`Tally`].

mod figures;
mod object;
mod stage;
mod style;
mod terminal;
mod view;
mod wait;

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(crate) use figures::Figures;
use haul::{Event, FetchError, Tally, clean, spelled};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use object::{Content, Rates};
pub(crate) use object::{Ending, OfJob, Reason};
pub(crate) use stage::StageLine;
pub(crate) use style::Style;
use terminal::Terminal;
use view::{SAMPLE, Speed, View};
pub(crate) use wait::reason;

/// How often a bar is redrawn.
const REDRAW: Duration = Duration::from_millis(125);
/// How often a line is written if there is no terminal.
const LINE: Duration = Duration::from_secs(5);
/// How often a JSON object is written.
const OBJECT: Duration = Duration::from_secs(1);
/// Cells of the bar, if there is room.
const CELLS: usize = 20;
/// The fewest cells of a bar; a shorter one shows nothing.
const LEAST_CELLS: usize = 8;

/// How much is printed besides progress, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Only records, and the error that ends a run.
    Silent,
    /// Also notices.
    Quiet,
    /// Also a summary.
    Usual,
    /// Also each retry and each paused host.
    Retries,
    /// Also each failure.
    Failures,
}

/// Shows the progress of a run until it is [finished](Self::finish) or dropped.
pub(crate) struct Progress {
    view: Arc<Mutex<View>>,
    bar: Option<ProgressBar>,
    style: Style,
    verbosity: Verbosity,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts the thread that shows progress.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(style: Style, verbosity: Verbosity) -> haul::Result<Self> {
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
            verbosity,
            end: Some(end),
            thread,
        })
    }

    /// Shows an event of the run, if the settings ask for it.
    pub(crate) fn show(&self, event: &Event<'_>) {
        match event {
            Event::Tick(tally) => {
                let fresh = View::of(tally, self.style);
                *self.view() = fresh;
            }
            Event::Notice(notice) if self.verbosity >= Verbosity::Quiet => self.say(notice),
            Event::Draining if self.verbosity >= Verbosity::Quiet => {
                let in_flight = self.view().in_flight;
                let requests = match in_flight {
                    1 => "1 request".to_owned(),
                    count => format!("{count} requests"),
                };
                self.say(&format!(
                    "finishing {requests} in flight; press Ctrl-C again to abort"
                ));
            }
            Event::Retried { host, cause, after } if self.verbosity >= Verbosity::Retries => {
                self.say(&format!("{host}: {cause}; retrying in {}", spelled(*after)));
            }
            Event::GivenUp {
                host,
                failures,
                cause,
            } if self.verbosity >= Verbosity::Quiet => {
                self.say(&format!(
                    "{host}: giving up after {failures} failures in a row, the last one: {cause}; its remaining URLs fail"
                ));
            }
            Event::Unread { url, problem } if self.verbosity >= Verbosity::Retries => {
                self.say(&format!("{url}: {problem}"));
            }
            Event::Slowed { host, asked, kept } if self.verbosity >= Verbosity::Retries => {
                let asked = match asked > kept {
                    true => format!(" (it asks for {}; see --max-crawl-delay)", spelled(*asked)),
                    false => String::new(),
                };
                let kept = spelled(*kept);
                self.say(&format!(
                    "{host}: robots.txt asks for a delay: {kept} between requests{asked}"
                ));
            }
            Event::Held { host, until, cause } if self.verbosity >= Verbosity::Retries => {
                let after = until.saturating_duration_since(Instant::now());
                // Rounded up, so that the moment since the pause began does not show: 1s, not 999ms.
                let tenths = after.as_millis().div_ceil(100) as u64;
                let after = Duration::from_millis(tenths * 100);
                self.say(&format!("{host}: paused for {} ({cause})", spelled(after)));
            }
            Event::Visited(visit)
                if self.verbosity >= Verbosity::Failures && visit.failure().is_some() =>
            {
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

    /// Writes a line to standard error, with remote text cleaned.
    pub(crate) fn say(&self, text: &str) {
        if self.is_json() {
            return object::write(Content::Notice { text: &clean(text) });
        }
        let write = || {
            // If this cannot be written, there is nobody left to report it to.
            let _ = writeln!(std::io::stderr(), "haul: {}", clean(text));
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Whether progress is JSON, so that nothing else may be written to standard error.
    pub(crate) fn is_json(&self) -> bool {
        self.style == Style::Json
    }

    /// Writes text for people to standard error. If progress is JSON, the last object has it in another form.
    pub(crate) fn print(&self, text: &str) {
        if !self.is_json() {
            // If this cannot be written, there is nobody left to report it to.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }

    /// Writes how the run ended, if progress is JSON. `tally` has the last figures, if the run got that far.
    pub(crate) fn end(mut self, ending: &Ending, tally: Option<&Tally>) {
        self.finish();
        if self.is_json() {
            let seen = || self.view().figures.clone();
            let figures = tally.map(Figures::of).or_else(seen);
            write_end(ending, figures);
        }
    }

    /// Stops showing progress, and clears the bar.
    pub(crate) fn finish(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It does not matter whether the thread panicked.
            let _ = thread.join();
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        locked(&self.view)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Writes the last object of a run; `figures` are `None` if it never began.
pub(crate) fn write_end(ending: &Ending, figures: Option<Figures>) {
    let figures = figures.unwrap_or_else(|| Figures::of(&Tally::default()));
    object::write(Content::End {
        ending,
        rates: Rates::of(&figures),
        figures: &figures,
    });
}

fn bar(style: Style) -> ProgressBar {
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::stderr()), 8);
    ProgressBar::with_draw_target(Some(1), target).with_style(drawn(style, CELLS))
}

/// The style of a bar with this many cells, and the figures after it.
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

/// The number of cells left for the bar next to a line of figures. The figures take precedence.
fn cells(columns: usize, line: &str) -> usize {
    match columns.saturating_sub(line.chars().count() + 1) {
        0..LEAST_CELLS => 0,
        free => free.min(CELLS) / 4 * 4, // so that the width does not change with each digit
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
        if Instant::now() >= due && !is_over {
            due += every;
            write_figures(style, &view, &speed);
        }
        if is_over {
            return;
        }
    }
}

/// Writes the figures so far, as a line for people or for programs.
fn write_figures(style: Style, view: &View, speed: &Speed) {
    if style == Style::Json {
        // Also before the run has any: whoever watches sees that the process is alive.
        let none = || Figures::of(&Tally::default());
        return object::write(Content::Progress {
            figures: &view.figures.clone().unwrap_or_else(none),
            rates: Rates::new(speed.now()),
            eta_s: view.remaining(speed.now().0).map(|left| left.as_secs()),
        });
    }
    let line = view.line(speed, usize::MAX);
    // If this cannot be written, there is nobody left to report it to.
    let _ = writeln!(std::io::stderr(), "{:>6}  {line}", spelled(view.elapsed));
}

/// Locks a view. It is valid even after a panic, as it is only ever replaced as a whole.
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
