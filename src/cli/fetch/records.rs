//! The flags about output: records, files, and when the run counts as failed.

use std::num::NonZeroU8;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use haul::fetch::{FetchSettings, MediaTypes};
use haul::parse::ParseSettings;
use haul::sink::{
    Destination, FORMATS, FilesSettings, Format, Layout, Modified, SinkSettings, Template,
    TemplateSettings, TextSettings,
};
use haul::{ByteSize, Error, Statuses};
use http::HeaderName;

use super::given::{ValueOrFile, value_or_file};
use crate::cli::exit::Share;

/// Most header fields that a record may hold.
const KEPT_HEADERS: usize = 64;

/// What is written, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(super) struct Records {
    /// Write the records to FILE instead of standard output; may be repeated
    ///
    /// The suffix selects the format: .jsonl, .csv or .txt, each also compressed as .gz or .zst; .sqlite; .parquet; .arrow; .warc,
    /// .warc.gz or .wacz. With several, every record goes to each of them. - is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,

    /// Append to the output file instead of replacing it
    #[arg(long)]
    append: bool,

    /// Start a new WARC file after this many bytes, as in 1G; 0 for a single file
    #[arg(long, value_name = "SIZE", default_value = "0")]
    rotate: ByteSize,

    /// Save each body to its own file in DIR, and list them in DIR/index.jsonl
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// Name the files in --output-dir after their URLs, or as the Content-Disposition header of their response says
    ///
    /// If two responses have the same name, the second file gets a hash. A file that exists already is not replaced. A
    /// response without a name in that header is named after its URL.
    #[arg(long, value_name = "WHAT", default_value = "url")]
    name_by: NameBy,

    /// Give the files in --output-dir the time that the Last-Modified header of their response says
    ///
    /// A header that is no date, or a date in the future, is ignored.
    #[arg(long)]
    remote_time: bool,

    /// Receive each large file in --output-dir in up to N segments at the same time
    ///
    /// Each is a request to its host, and counts against --per-host. Files of less than 2 MiB, and those of servers that
    /// announce no ranges or no validator, are received as a whole; so is a file whose segments do not fit together.
    #[arg(long, value_name = "N", default_value = "1")]
    segments: NonZeroU8,

    /// Format of the records [default: from the output file's suffix, or text]
    #[arg(short, long, value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(FORMATS).try_map(|name| name.parse::<Format>()))]
    format: Option<Format>,

    /// Write each record by this template instead, as in '%{status} %{url}\n'; @FILE reads it from a file
    #[arg(short, long, value_name = "TEMPLATE", value_parser = value_or_file::<Template>, allow_hyphen_values = true)]
    write_out: Option<ValueOrFile<Template>>,

    /// Include the decoded text of each page in its record (jsonl, csv, sqlite and parquet)
    #[arg(long)]
    body: bool,

    /// Include these response headers in each record, as in etag,cache-control
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    keep_headers: Vec<HeaderName>,

    /// Fail when a body is larger than this as received; 0 for no limit
    #[arg(long, value_name = "SIZE", default_value = "32M")]
    max_size: ByteSize,

    /// Download only bodies of these media types, as in text/html,image/*; other pages get a record without their body
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<MediaTypes>,

    /// Write a report of the run to FILE when it ends: one self-contained HTML page with charts
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    /// Do not count these statuses as failures, as in 403,429,500-599 or 4xx
    ///
    /// Separate them by commas or repeat the flag. Records keep the status and have no error; the URL is not retried, does
    /// not count as failed or broken, and does not affect the exit code. Retry-After is still obeyed.
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    accept: Vec<Statuses>,

    /// Exit with 0 if at most this share of the URLs failed, as in 5%
    ///
    /// By default any failed URL of a list makes the exit code 3; in a crawl, only failed seeds do. With this flag every
    /// page of a crawl counts.
    #[arg(long, value_name = "PERCENT", alias = "fail-over")]
    pub(super) max_failed: Option<Share>,
}

/// What saved bodies are named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NameBy {
    /// Their URLs
    Url,
    /// The Content-Disposition header of their responses
    Header,
}

impl Records {
    /// Where records go, in order; `None` is standard output.
    ///
    /// By default a job's records go to a file in its folder: printed records could not be undone after a crash.
    fn outputs(&self, job: Option<&Path>) -> Vec<Option<PathBuf>> {
        if !self.output.is_empty() {
            let named = self.output.iter();
            return named
                .map(|path| (path.as_os_str() != "-").then(|| path.clone()))
                .collect();
        }
        let in_job = job.map(|job| {
            // However the folder is spelled, the job stores the mark of its records under the same name.
            let whole = std::path::absolute(job).unwrap_or_else(|_| job.to_owned());
            whole.join(in_job(self.format.as_ref()))
        });
        vec![in_job]
    }

    /// The first file that records go to.
    pub(super) fn file(&self, job: Option<&Path>) -> Option<PathBuf> {
        self.outputs(job).into_iter().flatten().next()
    }

    /// Whether records go to standard output.
    pub(super) fn on_stdout(&self, job: Option<&Path>) -> bool {
        self.outputs(job).contains(&None)
    }

    /// How many of these flags read standard input.
    pub(super) fn stdin_readers(&self) -> usize {
        usize::from(
            self.write_out
                .as_ref()
                .is_some_and(ValueOrFile::reads_stdin),
        )
    }

    /// Applies how bodies are received, their limit, the media types, and the statuses that are not failures.
    pub(super) fn apply(&self, fetch: &mut FetchSettings, parse: &mut ParseSettings) {
        fetch.spool.segments = self.segments;
        fetch.body_limit = match self.max_size {
            ByteSize(0) => ByteSize(u64::MAX),
            limit => limit,
        };
        self.types.iter().for_each(|types| fetch.types.merge(types));
        self.accept.iter().for_each(|few| parse.accept.merge(few));
    }

    /// The sinks for the records.
    ///
    /// # Errors
    /// When two flags contradict each other.
    pub(super) fn sinks(&self, job: Option<&Path>, color: bool) -> haul::Result<Vec<SinkSettings>> {
        let contradiction = |text: &str| Err(Error::Setting(text.into()));
        let outputs = self.outputs(job);
        if self.format.is_some() && self.write_out.is_some() {
            return contradiction(
                "--format and --write-out cannot be combined: a template is a format",
            );
        }
        if outputs.len() > 1 && (self.format.is_some() || self.write_out.is_some()) {
            return contradiction(
                "--format and --write-out work with a single --output; with several, each suffix selects the format",
            );
        }
        if self.keep_headers.len() > KEPT_HEADERS {
            return contradiction(&format!(
                "--keep-headers takes at most {KEPT_HEADERS} names: a WARC output has all header fields"
            ));
        }
        if self.append && outputs.contains(&None) {
            return contradiction("--append needs a file to write to: --output FILE");
        }
        for (index, output) in outputs.iter().enumerate() {
            if let Some(path) = output.as_deref().filter(|path| self.is_unclear(path)) {
                return contradiction(&format!(
                    "--output {}: its suffix names no format (.jsonl, .csv, .txt, .sqlite, .parquet, .arrow, .warc, .wacz; \
                     compressed .gz or .zst): choose one with --format",
                    path.display()
                ));
            }
            if let Some(problem) = output.as_deref().and_then(|path| self.contradiction(path)) {
                return contradiction(&problem);
            }
            if outputs[..index].contains(output) {
                let name = output.as_deref().unwrap_or(Path::new("-")).display();
                return contradiction(&format!("--output {name} is given twice"));
            }
        }
        let template = self.write_out.as_ref();
        let template = template.map(|text| text.value("--write-out")).transpose()?;
        let sinks: Vec<_> = outputs
            .into_iter()
            .map(|file| self.sink(file, template.clone(), color))
            .collect();
        let is_folder = |sink: &SinkSettings| {
            matches!(sink.format, Format::Parquet(_)) && sink.destination == Destination::Stdout
        };
        if sinks.iter().any(is_folder) {
            return contradiction(
                "--format parquet needs a folder to write to: --output out.parquet",
            );
        }
        let holds_text = |sink: &SinkSettings| sink.format.records().is_some();
        if self.body && !sinks.iter().any(holds_text) {
            return contradiction(
                "--body needs records that hold text: --format jsonl, csv, sqlite, parquet or arrow",
            );
        }
        Ok(sinks)
    }

    /// Whether a file has a suffix that names no format, and no --format is given.
    fn is_unclear(&self, path: &Path) -> bool {
        let named = self.format.is_some() || self.write_out.is_some();
        !named && path.extension().is_some() && Format::of_path(path).is_none()
    }

    /// The header fields that are kept, each once.
    fn headers(&self) -> Vec<HeaderName> {
        let mut names = Vec::new();
        for name in &self.keep_headers {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// What is wrong with a file whose suffix means another format than the flags. Formats of lines may have any
    /// suffix.
    fn contradiction(&self, path: &Path) -> Option<String> {
        let meant = Format::of_path(path)?;
        let are_lines =
            |format: &Format| matches!(format, Format::Text(_) | Format::Jsonl(_) | Format::Csv(_));
        let path = path.display();
        match (&self.format, &self.write_out) {
            (Some(named), _) if *named != meant && !(are_lines(&meant) && are_lines(named)) => {
                Some(format!(
                    "--format {} and --output {path} cannot be combined: the suffix means {}",
                    named.name(),
                    meant.name()
                ))
            }
            (None, Some(_)) if !are_lines(&meant) => Some(format!(
                "--write-out and --output {path} cannot be combined: the suffix means {}, and a template writes text",
                meant.name()
            )),
            _ => None,
        }
    }

    /// The sink of one output.
    fn sink(&self, file: Option<PathBuf>, template: Option<Template>, color: bool) -> SinkSettings {
        let named = || {
            self.format
                .clone()
                .or_else(|| Format::of_path(file.as_deref()?))
        };
        let mut format = match template {
            Some(template) => Format::Template(TemplateSettings {
                template,
                headers: self.headers(),
            }),
            None => named().unwrap_or(Format::Text(TextSettings::default())),
        };
        match &mut format {
            Format::Text(text) => text.color = color,
            Format::Warc(archive) => archive.rotate = self.rotate,
            format => {
                if let Some(records) = format.records_mut() {
                    records.body = self.body;
                    records.headers = self.headers();
                }
            }
        }
        let append = self.append;
        SinkSettings {
            format,
            destination: file.map_or(Destination::Stdout, |path| Destination::File {
                path,
                append,
            }),
        }
    }

    /// The folder that bodies are saved to.
    ///
    /// # Errors
    /// When a flag is about saved bodies, and none are saved.
    pub(super) fn files(&self) -> haul::Result<Option<FilesSettings>> {
        let Some(folder) = &self.output_dir else {
            let flag = match (self.name_by, self.remote_time, self.segments.get()) {
                (NameBy::Header, ..) => "--name-by header",
                (NameBy::Url, true, _) => "--remote-time",
                (NameBy::Url, false, 2..) => "--segments",
                (NameBy::Url, false, _) => return Ok(None),
            };
            return Err(Error::Setting(format!(
                "{flag} is about saved bodies, so it needs --output-dir DIR"
            )));
        };
        Ok(Some(FilesSettings {
            layout: match self.name_by {
                NameBy::Url => Layout::AsSent,
                NameBy::Header => Layout::NamedByServer,
            },
            modified: match self.remote_time {
                true => Modified::AsServerSays,
                false => Modified::WhenSaved,
            },
            ..FilesSettings::folder(folder)
        }))
    }
}

/// The name of the records in a job's folder.
fn in_job(format: Option<&Format>) -> &'static str {
    match format {
        None | Some(Format::Jsonl(_)) => "records.jsonl",
        Some(Format::Csv(_)) => "records.csv",
        Some(Format::Warc(_)) => "records.warc.gz",
        Some(Format::Sqlite(_)) => "records.sqlite",
        Some(Format::Parquet(_)) => "records.parquet",
        Some(Format::Arrow(_)) => "records.arrow",
        Some(_) => "records.txt",
    }
}

/// Refuses to write a binary format to a terminal.
///
/// # Errors
/// When one of the sinks would.
pub(super) fn refuse_bytes(sinks: &[SinkSettings]) -> haul::Result<()> {
    let shows_bytes =
        |sink: &&SinkSettings| sink.destination == Destination::Stdout && sink.format.is_binary();
    match sinks.iter().find(shows_bytes) {
        None => Ok(()),
        Some(sink) => Err(Error::Setting(format!(
            "--format {}: a terminal cannot show it: name a file with --output, or pipe it to a program",
            sink.format.name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_written_to_a_terminal() {
        for (format, is_refused) in [
            ("arrow", true),
            ("warc", true),
            ("jsonl", false),
            ("text", false),
        ] {
            let format: Format = format.parse().unwrap();
            let to_terminal = SinkSettings {
                format: format.clone(),
                ..SinkSettings::default()
            };
            assert_eq!(refuse_bytes(&[to_terminal]).is_err(), is_refused);
            assert!(refuse_bytes(&[SinkSettings::file("out", format)]).is_ok());
        }
    }
}
