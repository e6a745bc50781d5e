//! Reports: `--report` of a run, and `haul report`, which creates the page from JSON.

use std::path::{Path, PathBuf};

use clap::Args;
use haul::report::{RunReport, page};
use haul::{Error, Event, Outcome};
use serde_json::Value;

use super::layers::{Origin, Setting};
use super::plan::Plan;
use super::spelling;

/// The largest JSON that is read: a comparison with everything in it has a few MiB.
const LARGEST: u64 = 256 << 20;

/// The report of a run, while it is gathered.
pub(crate) struct Reporting {
    path: PathBuf,
    run: RunReport,
}

/// The arguments of `haul report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// JSON written by haul compare --json, or a report that contains it
    #[arg(value_name = "FILE")]
    data: PathBuf,

    /// Write the page to this file [default: FILE with the suffix .html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Reporting {
    /// Starts the report of a run; `None` if no flag asks for one.
    pub(crate) fn begin(plan: &Plan) -> Option<Self> {
        let path = plan.report.clone()?;
        let flags = |setting: &&Setting| setting.origin == Origin::Flag;
        let flags: Vec<Setting> = plan.settings.0.iter().filter(flags).cloned().collect();
        let mut command = format!("haul {}", plan.command);
        spelling::flags(&mut command, &flags, &[]);
        spelling::targets(&mut command, &flags);
        Some(Self {
            path,
            run: RunReport::begin(command, spelling::in_force(&plan.settings)),
        })
    }

    /// Adds an event to the report.
    pub(crate) fn add(&mut self, event: &Event<'_>) {
        self.run.add(event);
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(self, outcome: &Outcome) -> haul::Result<()> {
        let json = self.run.json(&outcome.tally, outcome.ended);
        written(&self.path, &page(&json, "haul"))
    }
}

impl ReportArguments {
    /// Creates the page, and returns its path as a line.
    ///
    /// # Errors
    /// When the data cannot be read or is not that of a report, or the page cannot be written.
    pub(super) fn draw(self) -> haul::Result<String> {
        let unreadable =
            |error| Error::Setting(format!("cannot read {}: {error}", self.data.display()));
        let size = std::fs::metadata(&self.data).map_err(unreadable)?.len();
        let refuse = |why: &str| Error::Setting(format!("{}: {why}", self.data.display()));
        if size > LARGEST {
            return Err(refuse("too large to be the data of a report"));
        }
        let text = std::fs::read_to_string(&self.data).map_err(unreadable)?;
        let data: Value = serde_json::from_str(&text)
            .map_err(|error| refuse(&format!("not valid JSON: {error}")))?;
        let kind = data["kind"].as_str().unwrap_or_default();
        if !["comparison", "run"].contains(&kind) {
            return Err(refuse(
                "not the data of a report, as haul compare --json writes it",
            ));
        }
        if data["format"] != 1 {
            return Err(refuse(&format!(
                "data of format {}, but this version of haul reads format 1",
                data["format"]
            )));
        }
        let path = self
            .output
            .clone()
            .unwrap_or_else(|| self.data.with_extension("html"));
        written(&path, &page(&text, "haul"))?;
        Ok(format!("{}\n", path.display()))
    }
}

fn written(path: &Path, page: &str) -> haul::Result<()> {
    std::fs::write(path, page).map_err(|source| Error::output(path, source))
}
