//! The arguments that say where URLs come from: URLs themselves, and files that list them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use haul::seeds::{ListFormat, SeedSettings, SeedSource};
use haul::{Error, PageUrl, without_password};

use super::given;
use crate::cli::pages;
use crate::cli::subcommands::SUBCOMMANDS;

/// Suffixes that show that an argument was meant as a file: no host name ends in one of them.
const LIST_SUFFIXES: [&str; 9] = [
    "txt", "csv", "tsv", "jsonl", "ndjson", "json", "gz", "zst", "list",
];

/// Where URLs come from.
#[derive(Debug, Args)]
pub(in crate::cli) struct Targets {
    /// URLs to fetch, and files that list URLs
    ///
    /// An argument without `scheme://` that names an existing file is read as a list. With no arguments and no -i, the
    /// list is read from standard input.
    #[arg(value_name = "URL|FILE", help_heading = clap::builder::Resettable::Reset)]
    pub(in crate::cli) targets: Vec<OsString>,

    /// Read URLs from FILE, - for standard input; may be repeated
    ///
    /// Text has one URL per line; several may be separated by white space, " #" starts a comment, and text after a tab
    /// becomes the column "note". JSONL has one object per line with "url" and optionally "method", "headers" and
    /// "body". CSV (separated by , ; tab or |) and TSV may start with a header line. Other columns are copied to the
    /// records. Gzip, zstd and UTF-16 are detected from the content.
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) input: Vec<PathBuf>,

    /// Format of the lists; auto goes by the file suffix, or else by the first line
    #[arg(long, value_name = "FORMAT", default_value = "auto",
          value_parser = PossibleValuesParser::new(["auto", "text", "csv", "tsv", "jsonl"])
              .try_map(|name| name.parse::<ListFormat>()))]
    input_format: ListFormat,

    /// Column that holds the URL, by name or by number from 1 [default: url, or the first with URLs in it]
    #[arg(long, value_name = "COLUMN")]
    url_column: Option<String>,
}

impl Targets {
    /// Replaces a folder among the arguments by the URLs of its pages, and returns that folder.
    ///
    /// # Errors
    /// When the folder has no pages, or more than one folder is given.
    pub(in crate::cli) fn open_folder(&mut self) -> haul::Result<Option<PathBuf>> {
        let mut folder = None;
        let mut targets = Vec::with_capacity(self.targets.len());
        for target in self.targets.drain(..) {
            let path = Path::new(&target);
            if target.to_string_lossy().contains("://") || !path.is_dir() {
                targets.push(target);
                continue;
            }
            if folder.is_some() {
                return Err(Error::Setting(format!(
                    "{}: only one folder can be crawled at a time",
                    path.display()
                )));
            }
            targets.extend(pages::urls(path)?);
            folder = Some(path.to_owned());
        }
        self.targets = targets;
        Ok(folder)
    }

    /// The seeds that these flags ask for.
    ///
    /// # Errors
    /// When there is nothing to read, an argument is neither a URL nor a file, or standard input would be read twice.
    pub(in crate::cli) fn seeds(&self, stdin_is_terminal: bool) -> haul::Result<SeedSettings> {
        let mut sources = Vec::new();
        for target in &self.targets {
            match source(target)? {
                SeedSource::Urls(url) => match sources.last_mut() {
                    Some(SeedSource::Urls(urls)) => urls.extend(url),
                    _ => sources.push(SeedSource::Urls(url)),
                },
                other => sources.push(other),
            }
        }
        sources.extend(self.input.iter().map(|path| file_or_stdin(path)));
        if sources.is_empty() && stdin_is_terminal {
            let problem =
                "nothing to fetch: give URLs or a file that lists them, as in haul fetch urls.txt";
            return Err(Error::Setting(problem.into()));
        }
        if sources.is_empty() {
            sources.push(SeedSource::Stdin);
        }
        for (index, source) in sources.iter().enumerate() {
            let can_be_read_again = match source {
                SeedSource::Urls(_) | SeedSource::Failures(_) | SeedSource::Archive(_) => true,
                // A pipe that is named twice is empty the second time.
                SeedSource::File(path) => path.metadata().is_ok_and(|folder| folder.is_file()),
                SeedSource::Stdin => false,
            };
            if !can_be_read_again && sources[..index].contains(source) {
                let name = match source {
                    SeedSource::File(path) => path.display().to_string(),
                    _ => "standard input".to_owned(),
                };
                return Err(Error::Setting(format!("{name} can only be read once")));
            }
        }
        Ok(SeedSettings {
            format: self.input_format,
            url_column: self.url_column.clone(),
            ..SeedSettings::of(sources)
        })
    }
}

fn file_or_stdin(path: &Path) -> SeedSource {
    if given::is_stdin(path) {
        SeedSource::Stdin
    } else {
        SeedSource::File(path.to_owned())
    }
}

/// What an argument refers to.
fn source(target: &OsString) -> haul::Result<SeedSource> {
    let path = Path::new(target);
    let text = target.to_string_lossy();
    if given::is_stdin(path) {
        return Ok(SeedSource::Stdin);
    }
    // A pipe such as /dev/fd/63 of <(command) is a list too.
    if !text.contains("://") && path.metadata().is_ok_and(|folder| !folder.is_dir()) {
        return Ok(SeedSource::File(path.to_owned()));
    }
    if !text.contains("://") && path.is_dir() {
        return Err(Error::Setting(format!(
            "{text} is a folder: a list is a file, --serve serves a folder, and haul crawl {text} crawls it"
        )));
    }
    let suffix = path
        .extension()
        .and_then(|suffix| suffix.to_str())
        .unwrap_or_default();
    if !text.contains("://") && LIST_SUFFIXES.contains(&suffix) {
        return Err(Error::Setting(format!(
            "there is no file {shown} here; if it is a host, write http://{shown}",
            shown = without_password(&text)
        )));
    }
    let is_word = !text.contains(['.', ':', '/']);
    if is_word && PageUrl::parse(&text).is_err() {
        let meant = haul::nearest(&text, &SUBCOMMANDS)
            .map_or(String::new(), |name| format!("; did you mean haul {name}?"));
        return Err(Error::Setting(format!(
            "{text:?} is neither a URL, nor a file, nor a command{meant}"
        )));
    }
    Ok(SeedSource::Urls(vec![text.into_owned()]))
}
