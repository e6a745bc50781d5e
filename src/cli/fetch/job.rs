//! The flags that keep a run in a folder, so that it can be resumed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use haul::{ByteSize, CacheSettings, Error, JobSettings};

use super::secret;
use crate::cli::layers::{Kind, Settings};

/// Flags that do not affect what a job does: they may differ each time.
const NOT_OF_THE_JOB: [&str; 15] = [
    "cache",
    "cache-size",
    "report",
    "job",
    "fresh",
    "allow-changes",
    "quiet",
    "verbose",
    "progress",
    "metrics",
    "color",
    "config",
    "no-config",
    "no-share",
    "profile",
];
/// Flags that may change when a job is resumed: speed, timeouts, limits, credentials.
const MAY_CHANGE: [&str; 43] = [
    "concurrency",
    "per-host",
    "per-ip",
    "adaptive",
    "rate",
    "delay",
    "limit-rate",
    "limit-rate-per-host",
    "segments",
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
    "max-failed",
    "header",
    "user",
    "bearer-file",
    "cookie",
    "cookies",
    "no-cookies",
    "cookie-jar",
    "no-hsts",
    "proxy",
    "noproxy",
    "for-host",
    "unix-socket",
    "resolve",
    "allow-private",
    "max-size",
];

/// Where the state of a run is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "The job")]
pub(super) struct Keeping {
    /// Keep the run in DIR: after a crash or an interrupt, the same command resumes it, and writes each record once
    ///
    /// Without --output, the records go to DIR/records.jsonl.
    #[arg(long, value_name = "DIR")]
    job: Option<PathBuf>,

    /// Ask only for what changed since the run OLD, and say in each record what changed
    ///
    /// Pages are requested with the validators that their server sent then. A page that did not change (304) keeps its
    /// title, fields, items and links without being sent again. OLD is the folder of a finished job that was started with
    /// the same selectors and recipes, or an archive (WARC, WACZ or a folder of them), which has the bodies and so can be
    /// read with any. For a list without selectors, OLD can be an output with records too. With --job, this run can be the
    /// OLD of the next.
    #[arg(long, value_name = "OLD")]
    since: Option<PathBuf>,

    /// Use pages of OLD without asking, as long as their servers said that they are fresh
    ///
    /// That is by Cache-Control and Expires (RFC 9111), as a browser's cache does; nothing is guessed from the age of a page.
    /// Its record has "cached", its links are followed, and its host is not asked. Not for requests with a login, a cookie
    /// or a header of your own that may be a secret.
    #[arg(long, requires = "since")]
    fresh_ok: bool,

    /// Keep responses in DIR for later runs, and use those of earlier ones as a browser does (RFC 9111)
    ///
    /// What is still fresh is not asked (the record has "cached"); what is stale is asked whether it changed, and if not
    /// (304) its body is read from DIR. Several runs may share DIR at the same time. Nothing is kept that no-store forbids,
    /// or that was asked with a login, a cookie, or a header of your own that may be a secret.
    #[arg(long, value_name = "DIR", conflicts_with = "since")]
    cache: Option<PathBuf>,

    /// Keep no more than this in the cache: what was not used for longest goes first
    #[arg(long, value_name = "SIZE", default_value = "1G")]
    cache_size: ByteSize,

    /// Delete what is in the job folder, and start over
    #[arg(long, requires = "job")]
    fresh: bool,

    /// Resume the job even if some settings differ from those that it was started with
    #[arg(long, requires = "job", conflicts_with = "fresh", alias = "change")]
    allow_changes: bool,
}

impl Keeping {
    /// The folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.job.as_deref()
    }

    /// The earlier run that this one compares with.
    pub(super) fn since(&self) -> Option<PathBuf> {
        self.since.clone()
    }

    /// The cache.
    pub(super) fn cache(&self) -> Option<CacheSettings> {
        let folder = self.cache.clone()?;
        Some(CacheSettings {
            folder,
            size: self.cache_size,
        })
    }

    /// Whether its pages are used without asking while they are fresh.
    pub(super) fn fresh_ok(&self) -> bool {
        self.fresh_ok
    }

    /// The settings of the job, if one is asked for.
    ///
    /// # Errors
    /// When a value is not valid text: it could not be compared with an earlier one.
    pub(super) fn settings(
        &self,
        command: &str,
        settings: &Settings,
    ) -> haul::Result<Option<JobSettings>> {
        let Some(folder) = &self.job else {
            return Ok(None);
        };
        let mut stored = BTreeMap::from([("command".to_owned(), command.to_owned())]);
        for setting in &settings.0 {
            let flag = setting.flag.as_str();
            if setting.values.is_empty() || NOT_OF_THE_JOB.contains(&flag) {
                continue;
            }
            let mut values = Vec::new();
            for value in &setting.values {
                let text = value.to_str().ok_or_else(|| {
                    Error::Setting(format!(
                        "--{flag} of a job has to be valid UTF-8: {}",
                        value.display()
                    ))
                })?;
                // Secrets are not stored, only that there was one.
                values.push(secret::shown(flag, text).into_owned());
            }
            let text = match setting.kind {
                Kind::Many => values.join("\n"),
                Kind::Switch | Kind::Count | Kind::One => values.concat(),
            };
            stored.insert(flag.to_owned(), text);
        }
        Ok(Some(JobSettings {
            folder: folder.clone(),
            fresh: self.fresh,
            settings: stored,
            may_change: match self.allow_changes {
                true => MAY_CHANGE.map(str::to_owned).to_vec(),
                false => Vec::new(),
            },
        }))
    }
}
