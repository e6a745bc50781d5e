//! The flags that say what becomes of the answers: records, files, and when the run counts as failed.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use haul::fetch::{FetchSettings, MediaTypes};
use haul::sink::{Destination, FORMATS, Format, Layout, SinkSettings, Template};
use haul::{ByteSize, Error};

use crate::cli::exit::Share;

/// What becomes of the answers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(super) struct Records {
    /// Write the records to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Keep what is in the output file and write after it
    #[arg(long)]
    append: bool,

    /// Save each body to a file of its own in DIR
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// The format of the records [default: by the output file's suffix, or else text]
    #[arg(short, long, value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(FORMATS).try_map(|name| name.parse::<Format>()))]
    format: Option<Format>,

    /// Write this for each record instead, as in '%{status} %{url}\n'; @FILE reads it
    #[arg(short, long, value_name = "TEMPLATE", value_parser = template, allow_hyphen_values = true)]
    write_out: Option<Template>,

    /// Put the decoded text of each page in its record (jsonl and csv)
    #[arg(long)]
    body: bool,

    /// Give up on a body that is larger than this as received; 0 for no limit
    #[arg(long, value_name = "SIZE", default_value = "32M")]
    max_size: ByteSize,

    /// Take the bodies of these media types alone, as in text/html,image/*; what is of another has a record without
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = media_type)]
    types: Vec<String>,

    /// Write a report of the run to FILE when it ends: one HTML page with charts, without a network
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    /// Exit with 0 while no more than this share of the URLs failed, as in 5%
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    pub(super) fail_over: Share,
}

impl Records {
    /// The file that records go to, where it is one.
    ///
    /// A job's records go to a file in its folder where nobody says otherwise: what was printed cannot be taken back.
    pub(super) fn file(&self, job: Option<&Path>) -> Option<PathBuf> {
        let named = self.output.clone().filter(|path| path.as_os_str() != "-");
        let format = self.format.unwrap_or(Format::Jsonl);
        let in_job = || {
            // However the folder is spelled, the name that the job knows its records by is the same.
            job.filter(|_| self.output.is_none()).map(|job| {
                let whole = std::path::absolute(job).unwrap_or_else(|_| job.to_owned());
                whole.join(in_job(format))
            })
        };
        named.or_else(in_job)
    }

    /// Fills in how much of a body is taken.
    pub(super) fn apply(&self, fetch: &mut FetchSettings) {
        fetch.body_limit = match self.max_size {
            ByteSize(0) => ByteSize(u64::MAX),
            limit => limit,
        };
        for text in &self.types {
            // Each was tried when it was read.
            let _ = fetch.types.add(text);
        }
    }

    /// Where records go and what they look like.
    ///
    /// # Errors
    /// When two flags contradict each other.
    pub(super) fn sink(&self, file: Option<&Path>, color: bool) -> haul::Result<SinkSettings> {
        let contradiction = |text: &str| Err(Error::Setting(text.into()));
        if self.format.is_some() && self.write_out.is_some() {
            return contradiction(
                "--format and --write-out contradict each other: a template is a format",
            );
        }
        if self.append && file.is_none() {
            return contradiction("--append needs a file to write to: --output FILE");
        }
        let format = self
            .format
            .or_else(|| file.and_then(Format::of_path))
            .unwrap_or(Format::Text);
        if self.body && (self.write_out.is_some() || matches!(format, Format::Text | Format::Warc))
        {
            return contradiction("--body needs records that hold text: --format jsonl or csv");
        }
        let destination = match file {
            Some(path) => Destination::File {
                path: path.to_owned(),
                append: self.append,
            },
            None => Destination::Stdout,
        };
        Ok(SinkSettings {
            format,
            destination,
            template: self.write_out.clone(),
            body: self.body,
            folder: self.output_dir.clone(),
            layout: Layout::AsSent,
            color,
            ..SinkSettings::default()
        })
    }
}

/// The name of the records in a job's folder.
fn in_job(format: Format) -> &'static str {
    match format {
        Format::Jsonl => "records.jsonl",
        Format::Csv => "records.csv",
        Format::Warc => "records.warc.gz",
        Format::Text | Format::Edges | Format::Dot => "records.txt",
    }
}

fn media_type(text: &str) -> Result<String, String> {
    MediaTypes::default().add(text).map(|()| text.to_owned())
}

fn template(text: &str) -> Result<Template, String> {
    match text.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {path}: {error}"))?
            .parse(),
        None => text.parse(),
    }
}
