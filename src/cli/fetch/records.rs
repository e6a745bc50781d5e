//! The flags that say what becomes of the answers: records, files, and when the run counts as failed.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use haul::fetch::{FetchSettings, MediaTypes};
use haul::parse::ParseSettings;
use haul::sink::{
    Destination, FORMATS, FilesSettings, Format, SinkSettings, Template, TemplateSettings,
    TextSettings,
};
use haul::{ByteSize, Error, Statuses};
use http::HeaderName;

use super::given::{Given, given};
use crate::cli::exit::Share;

/// Header fields that records hold at the most.
const KEPT_HEADERS: usize = 64;

/// What becomes of the answers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(super) struct Records {
    /// Write the records to FILE instead of standard output; may be repeated
    ///
    /// Its suffix says the format: .jsonl, .csv or .txt, each also packed as .gz or .zst; .sqlite; .parquet; .warc, .warc.gz or .wacz.
    /// Several are written side by side. - is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,

    /// Keep what is in the output file and write after it
    #[arg(long)]
    append: bool,

    /// Begin another WARC file where one has this many bytes, as in 1G; 0 for one file
    #[arg(long, value_name = "SIZE", default_value = "0")]
    rotate: ByteSize,

    /// Save each body to a file of its own in DIR, and list them in DIR/index.jsonl
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// The format of the records [default: by the output file's suffix, or else text]
    #[arg(short, long, value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(FORMATS).try_map(|name| name.parse::<Format>()))]
    format: Option<Format>,

    /// Write this for each record instead, as in '%{status} %{url}\n'; @FILE reads it
    #[arg(short, long, value_name = "TEMPLATE", value_parser = given::<Template>, allow_hyphen_values = true)]
    write_out: Option<Given<Template>>,

    /// Put the decoded text of each page in its record (jsonl, csv, sqlite and parquet)
    #[arg(long)]
    body: bool,

    /// Keep these header fields of each answer in its record, as in etag,cache-control
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    keep_headers: Vec<HeaderName>,

    /// Give up on a body that is larger than this as received; 0 for no limit
    #[arg(long, value_name = "SIZE", default_value = "32M")]
    max_size: ByteSize,

    /// Take the bodies of these media types alone, as in text/html,image/*; what is of another has a record without
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<MediaTypes>,

    /// Write a report of the run to FILE when it ends: one HTML page with charts, without a network
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    /// Statuses that are no failure, as in 403,429,500-599 or 4xx
    ///
    /// Separated by commas or repeated. Records keep the status and have no error; the URL is not tried again, counts neither
    /// as failed nor as broken, and the exit code does not tell of it. A host that asks for a wait with Retry-After gets it.
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    accept: Vec<Statuses>,

    /// Exit with 0 while no more than this share of the URLs failed, as in 5%
    ///
    /// Without it no URL of a list may fail. A crawl is forgiven what its pages lead to; with this flag every page
    /// counts as a seed does.
    #[arg(long, value_name = "PERCENT")]
    pub(super) fail_over: Option<Share>,
}

impl Records {
    /// Where records go, the first place first; `None` is standard output.
    ///
    /// A job's records go to a file in its folder where nobody says otherwise: what was printed cannot be taken back.
    fn outputs(&self, job: Option<&Path>) -> Vec<Option<PathBuf>> {
        if !self.output.is_empty() {
            let named = self.output.iter();
            return named
                .map(|path| (path.as_os_str() != "-").then(|| path.clone()))
                .collect();
        }
        let in_job = job.map(|job| {
            // However the folder is spelled, the name that the job knows its records by is the same.
            let whole = std::path::absolute(job).unwrap_or_else(|_| job.to_owned());
            whole.join(in_job(self.format.as_ref()))
        });
        vec![in_job]
    }

    /// The file that records go to, the first where there are several.
    pub(super) fn file(&self, job: Option<&Path>) -> Option<PathBuf> {
        self.outputs(job).into_iter().flatten().next()
    }

    /// Whether records go to standard output.
    pub(super) fn on_stdout(&self, job: Option<&Path>) -> bool {
        self.outputs(job).contains(&None)
    }

    /// How many of these flags read standard input.
    pub(super) fn stdin_readers(&self) -> usize {
        usize::from(self.write_out.as_ref().is_some_and(Given::reads_stdin))
    }

    /// Fills in how much of a body is taken, and which statuses are no failure.
    pub(super) fn apply(&self, fetch: &mut FetchSettings, parse: &mut ParseSettings) {
        fetch.body_limit = match self.max_size {
            ByteSize(0) => ByteSize(u64::MAX),
            limit => limit,
        };
        self.types.iter().for_each(|types| fetch.types.merge(types));
        self.accept.iter().for_each(|few| parse.accept.merge(few));
    }

    /// Where records go and what they look like.
    ///
    /// # Errors
    /// When two flags contradict each other.
    pub(super) fn sinks(&self, job: Option<&Path>, color: bool) -> haul::Result<Vec<SinkSettings>> {
        let contradiction = |text: &str| Err(Error::Setting(text.into()));
        let outputs = self.outputs(job);
        if self.format.is_some() && self.write_out.is_some() {
            return contradiction(
                "--format and --write-out contradict each other: a template is a format",
            );
        }
        if outputs.len() > 1 && (self.format.is_some() || self.write_out.is_some()) {
            return contradiction(
                "--format and --write-out are for one --output: of several, each suffix says the format",
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
                    "--output {}: its suffix names no format (.jsonl, .csv, .txt, .sqlite, .parquet, .warc, .wacz; packed .gz \
                     or .zst): say it with --format",
                    path.display()
                ));
            }
            if let Some(problem) = output.as_deref().and_then(|path| self.contradiction(path)) {
                return contradiction(&problem);
            }
            if outputs[..index].contains(output) {
                let name = output.as_deref().unwrap_or(Path::new("-")).display();
                return contradiction(&format!("--output {name} is there twice"));
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
                "--body needs records that hold text: --format jsonl, csv, sqlite or parquet",
            );
        }
        Ok(sinks)
    }

    /// Whether a file has a suffix, and nobody says what it means.
    fn is_unclear(&self, path: &Path) -> bool {
        let said = self.format.is_some() || self.write_out.is_some();
        !said && path.extension().is_some() && Format::of_path(path).is_none()
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

    /// What is wrong with a file whose suffix says another format than the flags do. Lines are lines, whatever their file is
    /// called.
    fn contradiction(&self, path: &Path) -> Option<String> {
        let meant = Format::of_path(path)?;
        let are_lines =
            |format: &Format| matches!(format, Format::Text(_) | Format::Jsonl(_) | Format::Csv(_));
        let path = path.display();
        match (&self.format, &self.write_out) {
            (Some(said), _) if *said != meant && !(are_lines(&meant) && are_lines(said)) => {
                Some(format!(
                    "--format {} and --output {path} contradict each other: the suffix says {}",
                    said.name(),
                    meant.name()
                ))
            }
            (None, Some(_)) if !are_lines(&meant) => Some(format!(
                "--write-out and --output {path} contradict each other: the suffix says {}, and a template writes text",
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
    pub(super) fn files(&self) -> Option<FilesSettings> {
        self.output_dir.as_ref().map(FilesSettings::folder)
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
        Some(_) => "records.txt",
    }
}
