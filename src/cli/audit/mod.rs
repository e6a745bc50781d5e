//! `haul audit`: whether a run was polite, host by host.

mod json;
mod text;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use haul::Error;
use haul::audit::{Demands, Verdict, audit};
use haul::frontier::Rate;

use super::check_stdout;
use super::exit::Exit;
use super::output::columns;
use super::paths::refuse_url;

/// The arguments of `haul audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// The run: a job folder, an output with records, or an archive
    #[arg(value_name = "JOB|RECORDS|ARCHIVE")]
    run: PathBuf,

    /// Demand at least this time between two requests to the same host, as in 1s
    #[arg(long, value_name = "DURATION", value_parser = haul::duration)]
    delay: Option<Duration>,

    /// Demand at most N requests in flight per host
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    per_host: Option<u64>,

    /// Demand that all requests keep this rate, as in 10/s or 300/m
    #[arg(long, value_name = "N/UNIT")]
    rate: Option<Rate>,

    /// Demand that robots.txt was obeyed, even if the run was told to ignore it
    #[arg(long)]
    robots: bool,

    /// The name by which a robots.txt in an archive is read
    #[arg(long, value_name = "NAME", default_value = "haul")]
    agent: String,

    /// Print one JSON object for each host, and one for the whole run
    #[arg(long)]
    json: bool,
}

impl AuditArguments {
    /// Audits the run, prints what was found, and returns how the process ends.
    ///
    /// # Errors
    /// When the run cannot be read, or nobody reads the output.
    pub(crate) fn run(&self) -> haul::Result<Exit> {
        refuse_url("the run", &self.run)?;
        let mut demands = Demands::default();
        demands.delay = self.delay.filter(|delay| !delay.is_zero());
        demands.per_host = self.per_host;
        demands.rate = self.rate;
        demands.robots = self.robots;
        demands.agent.clone_from(&self.agent);
        check_stdout();
        let mut out = BufWriter::new(io::stdout().lock());
        let failed = |source| Error::output("standard output", source);
        let mut table = text::Table::new(columns());
        let audit = audit(&self.run, &demands, &mut |host| {
            let text = match self.json {
                true => json::host(&host),
                false => table.host(&host),
            };
            out.write_all(text.as_bytes()).map_err(failed)
        })?;
        let text = match self.json {
            true => json::run(&audit),
            false => text::summary(&audit, columns()),
        };
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(failed)?;
        Ok(match audit.verdict {
            Verdict::Kept => Exit::Success,
            Verdict::Broken => Exit::SomeFailed,
            Verdict::NotProved => Exit::NothingFetched,
        })
    }
}
