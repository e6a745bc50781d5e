//! The flags about messages and progress, and about where settings come from.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::cli::subcommands::with_fetch;
use crate::progress::{Style, Verbosity};

/// Messages and progress.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub(super) struct Telling {
    /// Print no progress and no summary; twice for records only
    #[arg(short, long, action = ArgAction::Count, visible_alias = "silent")]
    quiet: u8,

    /// Print retries and paused hosts; twice for every failure
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    /// How to show progress on standard error
    #[arg(long, value_name = "STYLE", default_value = "auto")]
    progress: ProgressChoice,

    /// When to use colours; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

/// Metrics, for a run that is watched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub(super) struct Metrics {
    /// Serve metrics for Prometheus at http://ADDR/metrics during the run: a port of this machine, or an address with a port
    ///
    /// A port alone means 127.0.0.1, and 0 a free one, which is printed. Anybody who can reach the address can read the
    /// metrics; they contain the names of the busiest hosts.
    #[arg(long = "metrics", value_name = "ADDR", value_parser = metrics_address)]
    pub(super) address: Option<SocketAddr>,
}

/// An address to listen at; a port alone is one of this machine, for nobody else.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let here = |port: &str| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let address = here(port).or_else(|| text.parse().ok());
    address.ok_or_else(|| {
        format!("{text:?} is neither a port nor an IP address with a port, as in 127.0.0.1:9100 or [::1]:9100")
    })
}

/// Where settings come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct Origins {
    /// Read settings from this TOML file [default: $HAUL_CONFIG, or haul/config.toml in the configuration folder]
    ///
    /// Its keys are the long flags; tables named [profile.NAME] hold settings for --profile. A flag overrides its
    /// environment variable (HAUL_PER_HOST for --per-host), which overrides the file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Read no configuration file
    #[arg(long)]
    no_config: bool,

    /// Also use the settings in [profile.NAME] of the configuration file
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProgressChoice {
    /// A bar if standard error is a terminal and records go elsewhere, or else a line every few seconds
    Auto,
    /// A bar
    Bar,
    /// A line every few seconds
    Plain,
    /// A JSON object every second, and one that says how the run ended; messages are objects too
    Json,
    /// No progress
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

/// Which of the standard streams are terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminals {
    /// Standard input is a terminal, so no list is piped in.
    pub(crate) stdin: bool,
    /// Standard output is a terminal.
    pub(crate) stdout: bool,
    /// Standard error is a terminal.
    pub(crate) stderr: bool,
    /// Colour is allowed: NO_COLOR is not set, and the terminal can show it.
    pub(crate) color: bool,
}

impl Terminals {
    /// Looks at the streams of this process.
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

/// Whether a command line asks for progress as JSON. It may be one that cannot be used: then its failure is told as JSON.
///
/// Looks at the flag and its environment variable only.
pub(crate) fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let words = with_fetch(arguments.collect());
    let is_run = |command: &OsString| {
        ["fetch", "crawl", "retry"]
            .iter()
            .any(|name| command == name)
    };
    if !words.get(1).is_some_and(is_run) {
        return false;
    }
    let pairs = words
        .iter()
        .zip(words.iter().skip(1).map(Some).chain([None]));
    let values = pairs.filter_map(|(word, next)| match word.to_str()? {
        "--progress" => next?.to_str(),
        word => word.strip_prefix("--progress="),
    });
    let from_environment = std::env::var("HAUL_PROGRESS").ok();
    values.last().or(from_environment.as_deref()) == Some("json")
}

impl Telling {
    /// How much is printed.
    pub(super) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (0, 0) => Verbosity::Usual,
            (0, 1) => Verbosity::Retries,
            (0, _) => Verbosity::Failures,
            (1, _) => Verbosity::Quiet,
            _ => Verbosity::Silent,
        }
    }

    /// How progress is shown. A bar and records on the same terminal would garble each other; whole lines do not.
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
    fn progress_is_lines_rather_than_a_bar_if_records_go_to_the_terminal() {
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
    fn metrics_are_served_to_this_machine_unless_an_address_says_otherwise() {
        for (text, address) in [
            ("9100", "127.0.0.1:9100"),
            ("0", "127.0.0.1:0"),
            ("localhost:9100", "127.0.0.1:9100"),
            ("0.0.0.0:9100", "0.0.0.0:9100"),
            ("[::1]:9100", "[::1]:9100"),
        ] {
            assert_eq!(metrics_address(text), Ok(address.parse().unwrap()));
        }
        for text in ["", "host:9100", "70000", "127.0.0.1", ":9100", "-1"] {
            assert!(metrics_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn colour_is_used_only_on_terminals_that_allow_it() {
        assert!(TELLING.color(TERMINALS, true));
        let plain = Terminals {
            color: false,
            ..TERMINALS
        };
        assert!(!TELLING.color(plain, true) && !TELLING.color(TERMINALS, false));
        assert_eq!(TELLING.style(plain, false), Style::PlainBar);
    }
}
