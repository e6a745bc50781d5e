//! `haul diff`: what changed between two runs.

mod text;
mod write;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use haul::diff::{ChangeKind, Diff, DiffSettings};
use haul::report::page;
use haul::{Claims, Error};

use super::exit::Exit;
use super::paths::refuse_url;
use super::spelling;

/// The arguments of `haul diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The old run: a job folder, an output or an archive
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The new run
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Compare items by this field, wherever they are on the site; without it, by their places on the same page
    #[arg(long, value_name = "FIELD")]
    key: Option<String>,

    /// Only these kinds of changes, separated by commas: broken, gone, moved, added, status, content, bytes, title, value,
    /// item-added, item-gone, shell, not-asked, not-asked-before
    ///
    /// content: the text differs widely, by more than 3 of the 64 bits of its fingerprint. shell: only the bytes differ, as
    /// nonces, counters and navigation do. bytes: the bytes differ, and the text is not known: it is in archives, and in records
    /// with --body or --output-dir.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = ChangeKind::from_str)]
    only: Vec<ChangeKind>,

    /// Format of the changes: text, jsonl or csv [default: by the suffix of --output, or else text]
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<Format>,

    /// Write the changes to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also write an HTML page, with changed texts side by side where they are known
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// In text, show at most N changes of each kind; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    show: u64,

    /// Exit with 8 if the site changed, as far as --only selects: other bytes with the same text do not count
    #[arg(long)]
    fail_on_change: bool,
}

/// The format of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Jsonl,
    Csv,
}

impl DiffArguments {
    /// Compares the runs, writes what changed, and returns how the process ends.
    ///
    /// # Errors
    /// When a run cannot be read, they are not of the same site, or an output cannot be written.
    pub(crate) fn run(&self) -> haul::Result<Exit> {
        refuse_url("the old run", &self.old)?;
        refuse_url("the new run", &self.new)?;
        self.check_paths()?;
        let settings = DiffSettings {
            key: self.key.clone(),
            only: self.only.clone(),
            texts: self.report.is_some(),
        };
        let diff = Diff::between(&self.old, &self.new, &settings)?;
        crate::write_stderr(&text::notices(&diff));
        match self.format() {
            Format::Text => write::text(&diff, self.output.as_deref(), self.show)?,
            Format::Jsonl => write::jsonl(&diff, self.output.as_deref())?,
            Format::Csv => write::csv(&diff, self.output.as_deref())?,
        }
        if self.format() != Format::Text || self.output.is_some() {
            crate::write_stderr(&text::summary(&diff));
        }
        if let Some(path) = &self.report {
            let json = haul::report::diff(&diff, &self.command())?;
            std::fs::write(path, page(&json, "haul diff"))
                .map_err(|source| Error::output(path, source))?;
        }
        Ok(match self.fail_on_change && diff.counts.is_changed() {
            true => Exit::Changed,
            false => Exit::Success,
        })
    }

    fn format(&self) -> Format {
        let suffix = self.output.as_deref().and_then(Path::extension);
        let by_suffix = match suffix.and_then(|suffix| suffix.to_str()) {
            Some("jsonl" | "ndjson" | "json") => Format::Jsonl,
            Some("csv") => Format::Csv,
            _ => Format::Text,
        };
        self.format.unwrap_or(by_suffix)
    }

    /// # Errors
    /// When an output would overwrite one of the runs, or another output.
    fn check_paths(&self) -> haul::Result<()> {
        let mut claims = Claims::default();
        for path in [&self.old, &self.new] {
            claims.read(path.display().to_string(), path);
        }
        for (flag, path) in [("--output", &self.output), ("--report", &self.report)] {
            if let Some(path) = path {
                refuse_url(flag, path)?;
                claims.write(format!("{flag} {}", path.display()), path);
            }
        }
        claims.check()
    }

    /// The command, for the report.
    fn command(&self) -> String {
        let quoted = |path: &Path| spelling::quoted(&path.as_os_str().to_owned());
        let mut command = format!("haul diff {} {}", quoted(&self.old), quoted(&self.new));
        if let Some(key) = &self.key {
            command.push_str(&format!(" --key {}", spelling::quoted(&key.into())));
        }
        if !self.only.is_empty() {
            let kinds: Vec<_> = self.only.iter().map(|kind| kind.name()).collect();
            command.push_str(&format!(" --only {}", kinds.join(",")));
        }
        command
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Format::Text),
            "jsonl" => Ok(Format::Jsonl),
            "csv" => Ok(Format::Csv),
            other => Err(format!(
                "unknown format {other:?}; the formats are text, jsonl, csv"
            )),
        }
    }
}
