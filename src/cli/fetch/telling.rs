//! The flags that say what people are told, and where settings come from.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::progress::{Style, Voice};

/// What people are told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Telling")]
pub(super) struct Telling {
    /// Show no progress and no summary; twice for nothing but records
    #[arg(short, long, action = ArgAction::Count, visible_alias = "silent")]
    quiet: u8,

    /// Tell retries and hosts on hold; twice for every failure
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    /// How progress is shown, on standard error
    #[arg(long, value_name = "STYLE", default_value = "auto")]
    progress: ProgressChoice,

    /// When text is coloured; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

/// Where settings come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct Origins {
    /// Read settings from this TOML file [default: $HAUL_CONFIG, or haul/config.toml in the configuration folder]
    ///
    /// Its keys are the long flags; tables named [profile.NAME] hold more for --profile. A flag wins over the
    /// environment variable of its name (HAUL_PER_HOST for --per-host), and that over the file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Read no configuration file
    #[arg(long)]
    no_config: bool,

    /// Take the settings of [profile.NAME] in the configuration file too
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProgressChoice {
    /// A bar on a terminal that records do not go to, a line every few seconds elsewhere
    Auto,
    /// A bar
    Bar,
    /// A line every few seconds
    Plain,
    /// A JSON object every second
    Json,
    /// Not at all
    None,
}

/// When text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What standard output and standard error are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminals {
    /// Standard input is a terminal: nobody sent a list.
    pub(crate) stdin: bool,
    /// Standard output is a terminal.
    pub(crate) stdout: bool,
    /// Standard error is a terminal.
    pub(crate) stderr: bool,
    /// Nothing forbids colour: NO_COLOR, or a terminal that knows none.
    pub(crate) color: bool,
}

impl Terminals {
    /// What they are now.
    pub(crate) fn here() -> Self {
        use std::io::IsTerminal;
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            color: set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

impl Telling {
    /// How much is told.
    pub(super) fn voice(&self) -> Voice {
        match (self.quiet, self.verbose) {
            (0, 0) => Voice::Usual,
            (0, 1) => Voice::Retries,
            (0, _) => Voice::Failures,
            (1, _) => Voice::Quiet,
            _ => Voice::Silent,
        }
    }

    /// How progress is shown. A bar and records on the same terminal would tear each other; whole lines do not.
    pub(super) fn style(&self, terminals: Terminals, records_on_stdout: bool) -> Style {
        let bar = if terminals.stderr && terminals.color {
            Style::Bar
        } else if terminals.stderr {
            Style::PlainBar
        } else {
            Style::Lines
        };
        match self.progress {
            _ if self.quiet > 0 => Style::None,
            ProgressChoice::Auto if records_on_stdout && terminals.stdout => Style::Lines,
            ProgressChoice::Auto | ProgressChoice::Bar => bar,
            ProgressChoice::Plain => Style::Lines,
            ProgressChoice::Json => Style::Json,
            ProgressChoice::None => Style::None,
        }
    }

    /// Whether records are coloured.
    pub(super) fn color(&self, terminals: Terminals, records_on_stdout: bool) -> bool {
        match self.color {
            ColorChoice::Auto => records_on_stdout && terminals.stdout && terminals.color,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TELLING: Telling = Telling {
        quiet: 0,
        verbose: 0,
        progress: ProgressChoice::Auto,
        color: ColorChoice::Auto,
    };

    const TERMINALS: Terminals = Terminals {
        stdin: true,
        stdout: true,
        stderr: true,
        color: true,
    };

    #[test]
    fn there_are_lines_and_no_bar_where_records_are_printed() {
        assert_eq!(TELLING.style(TERMINALS, true), Style::Lines);
        assert_eq!(TELLING.style(TERMINALS, false), Style::Bar);
        let piped = Terminals {
            stdout: false,
            ..TERMINALS
        };
        assert_eq!(TELLING.style(piped, true), Style::Bar);
        let logged = Terminals {
            stderr: false,
            ..piped
        };
        assert_eq!(TELLING.style(logged, true), Style::Lines);
    }

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        assert!(TELLING.color(TERMINALS, true));
        let plain = Terminals {
            color: false,
            ..TERMINALS
        };
        assert!(!TELLING.color(plain, true) && !TELLING.color(TERMINALS, false));
        assert_eq!(TELLING.style(plain, false), Style::PlainBar);
    }
}
