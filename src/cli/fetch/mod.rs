//! `haul fetch`: its flags, and how they become settings.
//!
//! Each file is one group of flags as `--help` shows them, and knows which part of [`Config`] they fill in. After
//! [`FetchArguments::plan`] no flag is read any more.

mod connection;
mod cookies;
mod environment;
mod fields;
pub(super) mod for_host;
mod given;
mod job;
mod list;
mod netrc;
mod pace;
mod patience;
mod records;
mod request;
pub(super) mod robots;
pub(super) mod secret;
mod shared;
mod stdin;
pub(super) mod stored;
pub(super) mod targets;
mod telling;

use std::num::NonZeroUsize;
use std::path::Path;

use clap::Args;
use haul::parse::Wants;
use haul::seeds::{Failures, SeedSettings, SeedSource};
use haul::sink::Format;
use haul::{Config, Error};

use super::exit::FailureScope;
use super::layers::Settings;
use super::paths;
use super::plan::Plan;
use super::serving::Serving;
use super::spelling;
use crate::progress::Verbosity;
use stdin::{lists_on_stdin, stdin_twice};
pub(crate) use telling::{Terminals, asks_for_json};

/// The flags of `haul fetch`.
#[derive(Debug, Args)]
pub(crate) struct FetchArguments {
    #[command(flatten)]
    list: list::List,
    #[command(flatten)]
    robots: robots::RobotsTxt,
    #[command(flatten)]
    common: Common,
}

/// The flags that fetch and crawl share.
#[derive(Debug, Args)]
pub(in crate::cli) struct Common {
    #[command(flatten)]
    records: records::Records,
    #[command(flatten)]
    fields: fields::Fields,
    #[command(flatten)]
    job: job::Keeping,
    #[command(flatten)]
    conditions: Conditions,
    #[command(flatten)]
    body: request::JsonBody,
    #[command(flatten)]
    cookies: cookies::CookieFlags,
    #[command(flatten)]
    running: pace::Running,
    #[command(flatten)]
    metrics: telling::Metrics,
}

/// The flags about requests, which compare has too.
#[derive(Debug, Args)]
pub(in crate::cli) struct Conditions {
    #[command(flatten)]
    pace: pace::Pace,
    #[command(flatten)]
    patience: patience::Patience,
    #[command(flatten)]
    request: request::Sending,
    #[command(flatten)]
    connection: connection::Connection,
    #[command(flatten)]
    for_hosts: for_host::ForHosts,
    #[command(flatten)]
    telling: telling::Telling,
    #[command(flatten)]
    origins: telling::Origins,
}

impl FetchArguments {
    /// The run that these flags ask for.
    ///
    /// # Errors
    /// When they contradict each other, or a file that they name cannot be read.
    pub(super) fn plan(self, settings: Settings, terminals: Terminals) -> haul::Result<Plan> {
        paths::refuse_urls(&settings)?;
        let seeds = self.list.seeds(terminals.stdin)?;
        self.plan_of(seeds, settings, terminals)
    }

    /// The run that retries the failures of an earlier one, with these flags.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub(super) fn plan_retry(
        self,
        failures: Failures,
        settings: Settings,
        terminals: Terminals,
    ) -> haul::Result<Plan> {
        let seeds = self
            .list
            .chosen(SeedSettings::of(vec![SeedSource::Failures(failures)]))?;
        self.plan_of(seeds, settings, terminals)
    }

    fn plan_of(
        self,
        seeds: SeedSettings,
        settings: Settings,
        terminals: Terminals,
    ) -> haul::Result<Plan> {
        let mut config = Config::new(seeds);
        self.list.apply(&mut config.frontier);
        self.robots.apply(&mut config.frontier);
        let mut plan = self.common.plan("fetch", config, settings, terminals)?;
        paths::check(&mut plan)?;
        Ok(plan)
    }
}

impl Common {
    /// The run with these flags; `config` already has the seeds and the settings of the crawl.
    ///
    /// # Errors
    /// When they contradict each other, or a file that they name cannot be read.
    pub(in crate::cli) fn plan(
        mut self,
        command: &'static str,
        mut config: Config,
        settings: Settings,
        terminals: Terminals,
    ) -> haul::Result<Plan> {
        // Pages are parsed only for what the records contain; the sinks say what that is.
        config.parse.wants = Wants::NOTHING;
        config.engine = self.running.engine(&self.conditions.pace, &settings)?;
        config.max_time = self.running.max_time();
        config.share = self.running.share();
        if let Some(memory) = self.running.max_memory() {
            config.parse.memory = memory;
        }
        config.job = self.job.settings(command, &settings)?;
        config.since = self.job.since();
        config.fresh_ok = self.job.fresh_ok();
        config.cache = self.job.cache();
        self.conditions.request.json = self.body.json.take();
        let notices = self.conditions.apply(&mut config, &settings)?;
        let files = self.conditions.request.cookie_files();
        self.cookies.apply(files, &mut config)?;
        config.cookies.own = self.conditions.request.own_cookies(&config.fetch);
        self.records.apply(&mut config.fetch, &mut config.parse);
        let readers = self.conditions.request.stdin_readers() + self.records.stdin_readers();
        if lists_on_stdin(&config) + readers > 1 {
            return Err(stdin_twice());
        }
        config.parse.extract = self.fields.settings()?;

        let telling = &self.conditions.telling;
        let job = self.job.folder();
        let on_stdout = self.records.on_stdout(job);
        let sinks = self
            .records
            .sinks(job, telling.color(terminals, on_stdout))?;
        if terminals.stdout {
            records::refuse_bytes(&sinks)?;
        }
        config.sinks.extend(sinks);
        config.files = self.records.files()?;
        for sink in &mut config.sinks {
            if let Format::Warc(archive) = &mut sink.format {
                archive.command = Some(spelling::command(command, &settings));
            }
        }
        Ok(Plan {
            command,
            config,
            style: telling.style(terminals, on_stdout),
            metrics: self.metrics.address,
            verbosity: telling.verbosity(),
            max_failed: self.records.max_failed,
            failure_scope: FailureScope::List,
            output: self.records.file(job),
            serve: (self.conditions.connection.serve)
                .map(Serving::of)
                .transpose()?,
            report: self.records.report,
            if_empty: paths::swallowed_url(&settings),
            notices,
            settings,
        })
    }
}

impl Conditions {
    /// Applies these flags to the settings of politeness, timeouts, requests and connections.
    ///
    /// Returns what the user should know before the run.
    ///
    /// # Errors
    /// When they contradict each other, or a file that they name cannot be read.
    pub(in crate::cli) fn apply(
        &self,
        config: &mut Config,
        settings: &Settings,
    ) -> haul::Result<Vec<String>> {
        if lists_on_stdin(config) + self.request.stdin_readers() > 1 {
            return Err(stdin_twice());
        }
        self.pace.apply(&mut config.frontier);
        self.patience.apply(&mut config.frontier);
        self.request.apply_to_frontier(&mut config.frontier);
        config.fetch.deadlines = self.patience.deadlines(settings)?;
        config.fetch.bandwidth = self.pace.bandwidth();
        self.request.apply(&mut config.fetch)?;
        self.for_hosts
            .apply(&mut config.fetch, &mut config.frontier)?;
        self.connection.apply(&mut config.fetch)
    }

    /// Checks that -b names no files, for a command that does not read them.
    ///
    /// # Errors
    /// When it names one.
    pub(in crate::cli) fn refuse_cookie_files(&self) -> haul::Result<()> {
        match self.request.cookie_files().is_empty() {
            true => Ok(()),
            // What it says may be a secret that was given without its name.
            false => Err(Error::Setting(
                "--cookie has a value that is not name=value; a comparison reads no files of cookies".into(),
            )),
        }
    }

    /// Requests in flight, for an engine that was given no size.
    pub(in crate::cli) fn in_flight(&self) -> NonZeroUsize {
        self.pace.in_flight()
    }

    /// A folder to serve during the run.
    pub(in crate::cli) fn serve(&self) -> Option<&Path> {
        self.connection.serve.as_deref()
    }

    /// How much is printed.
    pub(in crate::cli) fn verbosity(&self) -> Verbosity {
        self.telling.verbosity()
    }

    /// Whether text on standard output is coloured.
    pub(in crate::cli) fn color(&self, terminals: Terminals) -> bool {
        self.telling.color(terminals, true)
    }
}
