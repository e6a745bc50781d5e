//! The words that say where URLs come from: themselves, and files that list them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use haul::seeds::{ListFormat, SeedSettings, Source};
use haul::{Error, PageUrl, without_password};

use super::given;
use crate::cli::pages;

/// Suffixes that say of a word that it was meant as a file: no host's name ends in one of them.
const LIST_SUFFIXES: [&str; 9] = [
    "txt", "csv", "tsv", "jsonl", "ndjson", "json", "gz", "zst", "list",
];

/// Where URLs come from.
#[derive(Debug, Args)]
pub(in crate::cli) struct Targets {
    /// URLs to fetch, and files that list URLs
    ///
    /// A word that is the name of a file and has no `scheme://` is read as a list. Without any, and without -i, the
    /// list is read from standard input.
    #[arg(value_name = "URL|FILE", help_heading = clap::builder::Resettable::Reset)]
    pub(in crate::cli) targets: Vec<OsString>,

    /// Read URLs from FILE, - for standard input; may be repeated
    ///
    /// Text has a URL on each line. White space separates several, " #" begins a comment, and what follows a tab is
    /// carried as the column "note". JSONL has an object on each line with "url" and optionally "method", "headers" and
    /// "body". CSV (with any of , ; tab |) and TSV have a header line or none. Other columns come back in the records.
    /// Gzip, zstd and UTF-16 are recognized by their content.
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) input: Vec<PathBuf>,

    /// The format of the lists; auto goes by the suffix, and without one by the first line
    #[arg(long, value_name = "FORMAT", default_value = "auto",
          value_parser = PossibleValuesParser::new(["auto", "text", "csv", "tsv", "jsonl"])
              .try_map(|name| name.parse::<ListFormat>()))]
    input_format: ListFormat,

    /// The column that holds the URL, by name or number from 1 [default: url, or the one that holds URLs]
    #[arg(long, value_name = "COLUMN")]
    url_column: Option<String>,
}

impl Targets {
    /// Puts the URLs of its pages in the place of a folder, and answers which folder that is.
    ///
    /// # Errors
    /// When it has no pages, or there are two.
    pub(in crate::cli) fn open_folder(&mut self) -> haul::Result<Option<PathBuf>> {
        let mut found = None;
        let mut targets = Vec::with_capacity(self.targets.len());
        for target in self.targets.drain(..) {
            let path = Path::new(&target);
            if target.to_string_lossy().contains("://") || !path.is_dir() {
                targets.push(target);
                continue;
            }
            if found.is_some() {
                return Err(Error::Setting(format!(
                    "{}: one folder can be crawled at a time",
                    path.display()
                )));
            }
            targets.extend(pages::urls(path)?);
            found = Some(path.to_owned());
        }
        self.targets = targets;
        Ok(found)
    }

    /// The seeds that these flags ask for.
    ///
    /// # Errors
    /// When there is nothing to read, a word is neither URL nor file, or standard input would be read twice.
    pub(in crate::cli) fn seeds(&self, stdin_is_terminal: bool) -> haul::Result<SeedSettings> {
        let mut sources = Vec::new();
        for target in &self.targets {
            match source(target)? {
                Source::Urls(url) => match sources.last_mut() {
                    Some(Source::Urls(urls)) => urls.extend(url),
                    _ => sources.push(Source::Urls(url)),
                },
                other => sources.push(other),
            }
        }
        sources.extend(self.input.iter().map(|path| file_or_stdin(path)));
        if sources.is_empty() && stdin_is_terminal {
            let problem =
                "nothing to fetch: name URLs or a file that lists them, as in haul fetch urls.txt";
            return Err(Error::Setting(problem.into()));
        }
        if sources.is_empty() {
            sources.push(Source::Stdin);
        }
        for (index, source) in sources.iter().enumerate() {
            let can_be_read_again = match source {
                Source::Urls(_) | Source::Failures(_) => true,
                // A pipe that is named twice has nothing to say the second time.
                Source::File(path) => path.metadata().is_ok_and(|found| found.is_file()),
                Source::Stdin => false,
            };
            if !can_be_read_again && sources[..index].contains(source) {
                let name = match source {
                    Source::File(path) => path.display().to_string(),
                    _ => "standard input".to_owned(),
                };
                return Err(Error::Setting(format!("{name} can be read once only")));
            }
        }
        Ok(SeedSettings {
            format: self.input_format,
            url_column: self.url_column.clone(),
            ..SeedSettings::of(sources)
        })
    }
}

fn file_or_stdin(path: &Path) -> Source {
    if given::is_stdin(path) {
        Source::Stdin
    } else {
        Source::File(path.to_owned())
    }
}

/// What a word of the command line stands for.
fn source(target: &OsString) -> haul::Result<Source> {
    let path = Path::new(target);
    let text = target.to_string_lossy();
    if given::is_stdin(path) {
        return Ok(Source::Stdin);
    }
    // A pipe such as /dev/fd/63 of <(command) is a list too.
    if !text.contains("://") && path.metadata().is_ok_and(|found| !found.is_dir()) {
        return Ok(Source::File(path.to_owned()));
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
        let meant = haul::nearest(&text, &super::super::SUBCOMMANDS)
            .map_or(String::new(), |name| format!("; did you mean haul {name}?"));
        return Err(Error::Setting(format!(
            "{text:?} is neither a URL, nor a file, nor a command{meant}"
        )));
    }
    Ok(Source::Urls(vec![text.into_owned()]))
}
