//! A run, ready to start.

use std::net::SocketAddr;
use std::path::PathBuf;

use haul::Config;

use super::exit::{FailureScope, Share};
use super::layers::Settings;
use super::serving::Serving;
use crate::progress::{Style, Verbosity};

/// A run, ready to start, and how to report it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The name of its subcommand.
    pub(crate) command: &'static str,
    /// The run.
    pub(crate) config: Config,
    /// How progress is shown.
    pub(crate) style: Style,
    /// Where to serve metrics during the run.
    pub(crate) metrics: Option<SocketAddr>,
    /// How much is printed.
    pub(crate) verbosity: Verbosity,
    /// The share of failures that still counts as success; `None` if the user named none.
    pub(crate) max_failed: Option<Share>,
    /// The URLs that the exit code depends on.
    pub(crate) failure_scope: FailureScope,
    /// The first file that records go to.
    pub(crate) output: Option<PathBuf>,
    /// What to serve during the run.
    pub(crate) serve: Option<Serving>,
    /// The file for the HTML report.
    pub(crate) report: Option<PathBuf>,
    /// Every setting with its origin.
    pub(crate) settings: Settings,
    /// The error if standard input was read by default and was empty: a flag may have taken the URL as its value.
    pub(crate) if_empty: Option<String>,
    /// What the user should know before the run.
    pub(crate) notices: Vec<String>,
}
