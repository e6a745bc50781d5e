//! `haul retry`: fetches failures again.
//!
//! The failures of a job are put back to waiting, and the command that started it fetches them. The failures in an
//! output of a run without a job are read from its records, and the new records are appended to it.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Args, Command, FromArgMatches};
use haul::Error;
use haul::frontier::{RetryOn, inspect, is_job, put_back};
use haul::seeds::Failures;
use haul::sink::is_dataset;

use super::crawl::CrawlArguments;
use super::exit::Failure;
use super::fetch::{FetchArguments, Terminals};
use super::kept::{self, Secrets};
use super::layers;
use super::paths::refuse_url;
use super::plan::Plan;

/// The arguments of `haul retry`.
#[derive(Debug, Args)]
pub(super) struct RetryArguments {
    /// A job folder, or the output of a run without a job: .jsonl, .csv, .sqlite, .parquet or .arrow
    #[arg(value_name = "JOB|FILE")]
    failed: PathBuf,

    /// Only failures with these causes, separated by commas: statuses (503, 5xx) and error classes (timeout, dns)
    #[arg(long, value_name = "CAUSE,…", value_delimiter = ',')]
    cause: Vec<String>,

    /// More flags: for a job its secrets, and with --allow-changes other settings; for an output any flag of fetch
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<OsString>,
}

/// Failures to fetch again.
#[derive(Debug)]
pub(crate) struct Retry {
    /// The run that fetches them.
    pub(crate) plan: Plan,
    of: Failed,
}

/// The place where failures are stored.
#[derive(Debug)]
enum Failed {
    /// The job in this folder, and the causes to retry; `None` for all.
    Job(PathBuf, Option<RetryOn>),
    /// An output of a run without a job.
    Output(Failures),
}

/// The outcome of planning a retry.
pub(super) enum Again {
    /// There are failures to retry.
    Retry(Box<Retry>),
    /// There is nothing to retry; the text says so.
    Nothing(String),
}

impl RetryArguments {
    /// Plans the retry. Nothing is changed yet.
    ///
    /// # Errors
    /// When there is no such job, a cause is unknown, or the job's command cannot be reconstructed.
    pub(super) fn plan(self, command: &Command) -> Result<Again, Failure> {
        refuse_url("the job", &self.failed)?;
        if is_output(&self.failed) {
            return self.plan_for_output(command);
        }
        let causes = causes(&self.cause)?;
        let job = inspect(&self.failed, 0)?;
        if job.failed == 0 {
            return Ok(Again::Nothing(nothing_failed(job.waiting)));
        }
        let limit = job
            .settings
            .get("limit")
            .and_then(|limit| limit.parse().ok());
        let seeds_read = job.list.done || limit.is_some_and(|limit: u64| job.list.taken >= limit);
        let secrets = Secrets::Given {
            words: &self.flags,
            seeds_read,
        };
        let words = kept::words(command, &job.settings, &self.failed, secrets)?;
        let (matches, settings) = layers::matches(command, &words, &kept::environment)?;
        let mut terminals = Terminals::here();
        // A list that was read as far as the job needs is not needed again.
        terminals.stdin &= !seeds_read;
        let plan = if words.get(1).is_some_and(|name| name == "crawl") {
            CrawlArguments::from_arg_matches(&matches)?.plan(settings, terminals)
        } else {
            FetchArguments::from_arg_matches(&matches)?.plan(settings, terminals)
        };
        Ok(Again::Retry(Box::new(Retry {
            plan: plan?,
            of: Failed::Job(self.failed, causes),
        })))
    }

    /// Plans a retry of the failures in an output. Records go to the same output unless a flag names another.
    fn plan_for_output(self, command: &Command) -> Result<Again, Failure> {
        belongs_to_no_job(&self.failed)?;
        let causes = causes(&self.cause)?;
        let wanted = |status: Option<u16>, class: &str| {
            causes.as_ref().is_none_or(|causes| {
                causes.class(class) || status.is_some_and(|status| causes.status(status))
            })
        };
        let failures = Failures::read(&self.failed, &wanted)?;
        if failures.of == 0 {
            return Ok(Again::Nothing(format!(
                "nothing failed\n{}",
                foreign_lines(&failures)
            )));
        }
        let mut words: Vec<OsString> = vec!["haul".into(), "fetch".into()];
        words.extend_from_slice(&self.flags);
        let typed = command
            .clone()
            .try_get_matches_from(&words)?
            .remove_subcommand();
        let typed = typed.map(|(_, matches)| matches).unwrap_or_default();
        let on_command_line = |id: &str| typed.value_source(id) == Some(ValueSource::CommandLine);
        if let Some(flag) = NOT_ALLOWED.iter().find(|flag| on_command_line(flag)) {
            let flag = match *flag {
                "targets" => "URLs".to_owned(),
                flag => format!("--{flag}"),
            };
            let problem = format!("{flag} cannot be used here: the failures say what to fetch");
            return Err(Error::Setting(problem).into());
        }
        if !on_command_line("output") {
            let mut output = OsString::from("--output=");
            output.push(&self.failed);
            let format = format!("--format={}", failures.format());
            words.splice(2..2, [output, "--append".into(), format.into()]);
        }
        let environment = |name: &str| std::env::var_os(name);
        let (matches, settings) = layers::matches(command, &words, &environment)?;
        let arguments = FetchArguments::from_arg_matches(&matches)?;
        let plan = arguments.plan_retry(failures.clone(), settings, Terminals::here())?;
        Ok(Again::Retry(Box::new(Retry {
            plan,
            of: Failed::Output(failures),
        })))
    }
}

/// Flags that say what to fetch, which the failures do here.
const NOT_ALLOWED: [&str; 4] = ["targets", "input", "from", "job"];

/// Whether a path is an output of a run, not a job: a file, or the folder of a Parquet output.
fn is_output(path: &Path) -> bool {
    match path.metadata() {
        Ok(found) if found.is_dir() => !is_job(path) && is_dataset(path),
        found => found.is_ok(),
    }
}

/// # Errors
/// When the output is in a job folder: the job knows where its records end, and nobody else may write after them.
fn belongs_to_no_job(output: &Path) -> haul::Result<()> {
    let whole = std::path::absolute(output).unwrap_or_else(|_| output.to_owned());
    match whole.parent().filter(|folder| is_job(folder)) {
        Some(folder) => Err(Error::Setting(format!(
            "{} belongs to a job: haul retry {} fetches its failures again",
            output.display(),
            folder.display()
        ))),
        None => Ok(()),
    }
}

/// A message about the failures in an output: how many are retried, how many are not, and why.
fn message_about(failures: &Failures, output: Option<&Path>) -> String {
    let mut message = String::new();
    let left_out = failures.with_bodies_count + failures.malformed;
    if failures.count > 0 {
        let output = output.map_or("standard output".into(), |path| path.display().to_string());
        let _ = writeln!(
            message,
            "{} of {} failures will be fetched again; their records go to {output}\n\
             records do not contain the headers, bodies and flags of their run: give those after --",
            failures.count, failures.of
        );
    } else if left_out == 0 {
        let _ = writeln!(message, "none of {} failures has this cause", failures.of);
    }
    if failures.with_bodies_count > 0 {
        let _ = writeln!(
            message,
            "{}: their method needs a request body, which records do not contain; with the list in place of LIST, this command fetches them:\n  \
             haul fetch LIST --rows {} --append -o {}",
            not_retried(failures.with_bodies_count),
            failures.with_bodies,
            failures.path().display()
        );
    }
    if failures.malformed > 0 {
        let _ = writeln!(message, "{}: not a URL", not_retried(failures.malformed));
    }
    message.push_str(&foreign_lines(failures));
    message
}

fn not_retried(count: u64) -> String {
    match count {
        1 => "1 failure cannot be retried".to_owned(),
        count => format!("{count} failures cannot be retried"),
    }
}

fn foreign_lines(failures: &Failures) -> String {
    let path = failures.path().display();
    match failures.foreign {
        0 => String::new(),
        1 => format!("1 line of {path} is not a record\n"),
        count => format!("{count} lines of {path} are not records\n"),
    }
}

impl Retry {
    /// Puts the failures of a job back to waiting. Returns a message, and whether there is anything to fetch.
    ///
    /// # Errors
    /// When the job is damaged, or another haul is working on it.
    pub(crate) fn put_back(&self) -> haul::Result<(String, bool)> {
        let (folder, causes) = match &self.of {
            Failed::Job(folder, causes) => (folder, causes),
            Failed::Output(failures) => {
                let message = message_about(failures, self.plan.output.as_deref());
                return Ok((message, failures.count > 0));
            }
        };
        let back = put_back(folder, causes.as_ref())?;
        Ok(match back.count {
            0 => (
                format!("none of {} failures has this cause\n", back.of),
                false,
            ),
            count => (
                format!(
                    "{count} of {} failures will be fetched again; the last record of a URL counts\n",
                    back.of
                ),
                true,
            ),
        })
    }

    /// Whether some failures cannot be retried, because their records do not contain enough.
    pub(crate) fn leaves_some(&self) -> bool {
        match &self.of {
            Failed::Job(..) => false,
            Failed::Output(failures) => failures.with_bodies_count + failures.malformed > 0,
        }
    }
}

/// # Errors
/// When an item is not a cause; the message lists what is known.
fn causes(items: &[String]) -> haul::Result<Option<RetryOn>> {
    if items.is_empty() {
        return Ok(None);
    }
    let mut causes = RetryOn::nothing();
    for item in items {
        // In --retry-on this word clears the list; here it is not a cause.
        let known = match item.trim() {
            "none" => causes.add("\"none\""),
            item => causes.add(item),
        };
        known.map_err(|problem| Error::Setting(format!("--cause: {problem}")))?;
    }
    Ok(Some(causes))
}

fn nothing_failed(waiting: u64) -> String {
    match waiting {
        0 => "nothing failed\n".to_owned(),
        1 => "nothing failed; 1 URL is waiting: resume the job with the command that started it\n"
            .to_owned(),
        waiting => format!(
            "nothing failed; {waiting} URLs are waiting: resume the job with the command that started it\n"
        ),
    }
}
