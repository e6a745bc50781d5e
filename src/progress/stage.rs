//! The stage of a comparison, as one line that is redrawn. Only shown on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the elapsed time is redrawn.
const REDRAW: Duration = Duration::from_millis(250);

/// A line that shows the current stage.
pub(crate) struct StageLine {
    line: ProgressBar,
}

impl StageLine {
    /// A line on standard error; hidden unless it is wanted and standard error is a terminal.
    pub(crate) fn start(wanted: bool) -> Self {
        let line = match wanted && std::io::stderr().is_terminal() {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        };
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {wide_msg}") {
            line.set_style(style);
        }
        line.enable_steady_tick(REDRAW);
        Self { line }
    }

    /// Shows the stage that begins now.
    pub(crate) fn show(&self, what: String) {
        self.line.set_message(what);
    }
}

impl Drop for StageLine {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
