//! The flags that keep a run in a folder, so that it survives its process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use haul::{Error, JobSettings};

use super::secret;
use crate::cli::layers::{Kind, Settings};

/// Flags that say nothing of what a job does: they may be others each time.
const NOT_OF_THE_JOB: [&str; 11] = [
    "report",
    "job",
    "fresh",
    "change",
    "quiet",
    "verbose",
    "progress",
    "color",
    "config",
    "no-config",
    "profile",
];
/// Flags that a job may go on with in another way: how fast, how patient, how far, and with which credentials.
const MAY_CHANGE: [&str; 33] = [
    "concurrency",
    "per-host",
    "per-ip",
    "adaptive",
    "rate",
    "delay",
    "max-time",
    "max-memory",
    "engine",
    "retries",
    "retry-on",
    "max-retry-after",
    "pause-after",
    "max-host-down",
    "max-crawl-delay",
    "timeout",
    "connect-timeout",
    "first-byte-timeout",
    "read-timeout",
    "min-rate",
    "min-rate-time",
    "limit",
    "depth",
    "max-per-host",
    "fail-over",
    "header",
    "user",
    "bearer-file",
    "cookie",
    "proxy",
    "resolve",
    "allow-private",
    "max-size",
];

/// Where a run is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "The job")]
pub(super) struct Keeping {
    /// Keep the run in DIR: after a crash or an interrupt the same command goes on, with each record once
    ///
    /// The records go to DIR/records.jsonl where --output names no file.
    #[arg(long, value_name = "DIR")]
    job: Option<PathBuf>,

    /// Forget what is in the job folder, and start over
    #[arg(long, requires = "job")]
    fresh: bool,

    /// Go on with the settings of this command line where they are not those that the job was begun with
    #[arg(long, requires = "job", conflicts_with = "fresh")]
    change: bool,
}

impl Keeping {
    /// The folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.job.as_deref()
    }

    /// The job that these flags ask for, with the settings that belong to it.
    ///
    /// # Errors
    /// When a value is no text: it could not be told from another.
    pub(super) fn settings(
        &self,
        command: &str,
        settings: &Settings,
    ) -> haul::Result<Option<JobSettings>> {
        let Some(folder) = &self.job else {
            return Ok(None);
        };
        let mut kept = BTreeMap::from([("command".to_owned(), command.to_owned())]);
        for setting in &settings.0 {
            let flag = setting.flag.as_str();
            if setting.values.is_empty() || NOT_OF_THE_JOB.contains(&flag) {
                continue;
            }
            let mut values = Vec::new();
            for value in &setting.values {
                let text = value.to_str().ok_or_else(|| {
                    Error::Setting(format!(
                        "--{flag} of a job has to be text: {}",
                        value.display()
                    ))
                })?;
                // A secret is not kept: of it only matters that there is one.
                values.push(secret::shown(flag, text).into_owned());
            }
            let text = match setting.kind {
                Kind::Many => values.join("\n"),
                Kind::Switch | Kind::Count | Kind::One => values.concat(),
            };
            kept.insert(flag.to_owned(), text);
        }
        Ok(Some(JobSettings {
            folder: folder.clone(),
            fresh: self.fresh,
            settings: kept,
            may_change: match self.change {
                true => MAY_CHANGE.map(str::to_owned).to_vec(),
                false => Vec::new(),
            },
        }))
    }
}
