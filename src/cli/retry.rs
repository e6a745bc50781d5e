//! `haul retry`: the failures of a job wait again, and the command that began it goes on with them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches};
use haul::Error;
use haul::frontier::{RetryOn, inspect, put_back};

use super::crawl::CrawlArguments;
use super::exit::Failure;
use super::fetch::{FetchArguments, Plan, Terminals};
use super::kept::{self, Secrets};
use super::layers;

/// The arguments of `haul retry`.
#[derive(Debug, Args)]
pub(super) struct RetryArguments {
    /// The folder of the job
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Only failures of these causes: statuses (503, 5xx) and classes of errors (timeout, dns), with commas between
    #[arg(long, value_name = "CAUSE,…", value_delimiter = ',')]
    cause: Vec<String>,

    /// Flags of the job's command for this pass: its secrets, and with --change what may change
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<OsString>,
}

/// A job whose failures are to be tried again.
#[derive(Debug)]
pub(crate) struct Retry {
    /// The run that goes on.
    pub(crate) plan: Plan,
    folder: PathBuf,
    causes: Option<RetryOn>,
}

/// What became of the wish.
pub(super) enum Again {
    /// It can be done.
    Retry(Box<Retry>),
    /// There is nothing to do, which this tells.
    Nothing(String),
}

impl RetryArguments {
    /// The run that tries again; nothing is changed yet.
    ///
    /// # Errors
    /// When there is no such job, a cause is unknown, or the job's command cannot be had again.
    pub(super) fn plan(self, command: &Command) -> Result<Again, Failure> {
        let causes = causes(&self.cause)?;
        let job = inspect(&self.folder, 0)?;
        if job.failed == 0 {
            return Ok(Again::Nothing(nothing(job.waiting)));
        }
        let secrets = Secrets::Given {
            words: &self.flags,
            seeds_read: job.list.done,
        };
        let words = kept::words(command, &job.settings, &self.folder, secrets)?;
        let (matches, settings) = layers::matches(command, &words, &kept::environment)?;
        let mut terminals = Terminals::here();
        // A list that was read to its end is not wanted again.
        terminals.stdin &= !job.list.done;
        let plan = if words.get(1).is_some_and(|name| name == "crawl") {
            CrawlArguments::from_arg_matches(&matches)?.plan(settings, terminals)
        } else {
            FetchArguments::from_arg_matches(&matches)?.plan(settings, terminals)
        };
        Ok(Again::Retry(Box::new(Retry {
            plan: plan?,
            folder: self.folder,
            causes,
        })))
    }
}

impl Retry {
    /// Puts the failures back to waiting. Answers what to tell, and whether there is anything to go on with.
    ///
    /// # Errors
    /// When the job is damaged, or another haul works on it.
    pub(crate) fn put_back(&self) -> haul::Result<(String, bool)> {
        let back = put_back(&self.folder, self.causes.as_ref())?;
        Ok(match back.count {
            0 => (
                format!("none of {} failures has such a cause\n", back.of),
                false,
            ),
            count => (
                format!(
                    "{count} of {} failures wait again; the last record of a URL counts\n",
                    back.of
                ),
                true,
            ),
        })
    }
}

/// # Errors
/// Which cause is none, and what is known.
fn causes(items: &[String]) -> haul::Result<Option<RetryOn>> {
    if items.is_empty() {
        return Ok(None);
    }
    let mut causes = RetryOn::nothing();
    for item in items {
        // In --retry-on this word clears the list; of a cause it says nothing.
        let known = match item.trim() {
            "none" => causes.add("\"none\""),
            item => causes.add(item),
        };
        known.map_err(|problem| Error::Setting(format!("--cause: {problem}")))?;
    }
    Ok(Some(causes))
}

fn nothing(waiting: u64) -> String {
    match waiting {
        0 => "nothing failed\n".to_owned(),
        1 => "nothing failed; 1 URL waits, and the command that began the job goes on\n".to_owned(),
        waiting => format!(
            "nothing failed; {waiting} URLs wait, and the command that began the job goes on\n"
        ),
    }
}
