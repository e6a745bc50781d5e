//! The two halves of one job: fetching, which waits, and parsing, which computes.
//!
//! The fetch half is [`Fetcher::fetch`](crate::fetch); the parse half is [`parse`], a plain function that runs wherever
//! the engine has a core to spare. A [`Plan`] is all that an engine needs to know to do both.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Result;
use crate::fetch::{self, FetchSettings};
use crate::job::Job;
use crate::page::Page;
use crate::parse;
pub(crate) use crate::parse::ParseSettings;
use crate::visit::{FetchError, Parsed};

/// What the lanes of an engine share.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) shared: Arc<fetch::Shared>,
    pub(crate) parse: ParseSettings,
    /// The binary that a child process is started from.
    pub(crate) program: PathBuf,
}

impl Plan {
    /// # Errors
    /// When a setting cannot hold, or TLS cannot be set up.
    pub(crate) fn new(
        fetch: FetchSettings,
        parse: ParseSettings,
        program: Option<PathBuf>,
    ) -> Result<Self> {
        let this_one = || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("haul"));
        Ok(Self {
            shared: fetch::Shared::new(fetch)?,
            parse,
            program: program.unwrap_or_else(this_one),
        })
    }
}

/// The parse half.
pub(crate) fn parse(
    job: &Job,
    outcome: &Result<Page, FetchError>,
    settings: &ParseSettings,
) -> Parsed {
    match outcome {
        Ok(page) => parse::parse(job, page, settings),
        Err(_) => Parsed::default(),
    }
}
