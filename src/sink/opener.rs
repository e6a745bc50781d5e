//! Opens sinks, and names them: a job stores their marks by these names.

use std::path::Path;

use super::lines::Lines;
use super::plan::SinkPlan;
use super::{
    Destination, Files, FilesSettings, Format, Sink, SinkSettings, Start, arrow, csv, edges, index,
    jsonl, output, parquet, sqlite, template, text, wacz, warc,
};
use crate::error::{Error, Result};

/// Returns the name of a sink, the same in every session: a job stores its mark by this name.
///
/// It is the format and the path as given in the settings: the same command run in another folder finds the mark but
/// no file.
pub(crate) fn name(settings: &SinkSettings) -> String {
    named(settings.format.name(), &settings.destination)
}

/// Returns the [`name`] of the list of saved files.
pub(crate) fn index_name(list: &Destination) -> String {
    named("index", list)
}

/// Returns the [`name`] of the folder that bodies are saved to.
pub(crate) fn files_name(settings: &FilesSettings) -> String {
    format!("files:{}", path_text(&settings.folder))
}

fn named(format: &str, destination: &Destination) -> String {
    match destination {
        Destination::Stdout => format!("{format}:-"),
        Destination::File { path, .. } => format!("{format}:{}", path_text(path)),
    }
}

/// Opens the sink that the settings describe.
///
/// # Errors
/// When a file cannot be created, or does not match its mark because somebody changed it, or when a job writes to
/// standard output.
pub(crate) fn open(
    settings: &SinkSettings,
    plan: &SinkPlan,
    start: Start<'_>,
) -> Result<Box<dyn Sink>> {
    let to = &settings.destination;
    let tables = &plan.tables;
    let output = || output::Output::open_packed(to, start);
    Ok(match &settings.format {
        Format::Text(settings) => {
            let color = settings.color;
            Box::new(Lines::new(output()?, text::Text { color }, start))
        }
        Format::Jsonl(records) => {
            let render = jsonl::Jsonl {
                body: records.body,
                headers: records.headers.clone(),
            };
            Box::new(Lines::new(output()?, render, start))
        }
        Format::Template(settings) => {
            let (template, headers) = (settings.template.clone(), settings.headers.clone());
            let lines = template::TemplateLines::new(template, headers);
            Box::new(Lines::new(output()?, lines, start))
        }
        Format::Csv(records) => Box::new(csv::Csv::open(to, records, tables, start)?),
        Format::Edges => Box::new(edges::Edges::open(to, edges::EdgeFormat::Csv, start)?),
        Format::Dot => Box::new(edges::Edges::open(to, edges::EdgeFormat::Dot, start)?),
        Format::Warc(archive) if to.path().is_some_and(wacz::is_wacz) => {
            Box::new(wacz::Wacz::open(to, archive, plan, start)?)
        }
        Format::Warc(archive) => Box::new(warc::Warc::open(to, archive, plan, start)?),
        Format::Sqlite(records) => Box::new(sqlite::Sqlite::open(to, records, tables, start)?),
        Format::Parquet(records) => parquet::open(to, records, tables, start)?,
        Format::Arrow(records) => arrow::open(to, records, tables, start)?,
    })
}

/// Opens the list of saved files.
///
/// # Errors
/// As [`open`].
pub(super) fn open_index(list: &Destination, start: Start<'_>) -> Result<Box<dyn Sink>> {
    Ok(Box::new(index::Index::open(list, start)?))
}

/// Opens the folder that bodies are saved to.
///
/// A job passes the path of its journal of the files' names.
///
/// # Errors
/// When it cannot be created or written, when the journal does not match its mark, or when there is a mark but no
/// journal.
pub(super) fn open_files(
    settings: &FilesSettings,
    start: Start<'_>,
    journal: Option<&Path>,
) -> Result<Files> {
    let folder = &settings.folder;
    let files = match (journal, start) {
        (Some(journal), _) => Files::with_journal(folder, start, journal),
        (None, Start::At(_)) => Err(Error::Setting(format!(
            "the names of the files in {} were not stored: a job needs a journal of them",
            folder.display()
        ))),
        (None, Start::Fresh | Start::Over) => Files::open(folder),
    };
    let mut files = files?;
    files.set_layout(settings.layout);
    files.set_modified(settings.modified);
    Ok(files)
}

/// Returns a path as unambiguous text: unchanged if it is UTF-8, escaped otherwise.
fn path_text(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => path
            .as_os_str()
            .as_encoded_bytes()
            .escape_ascii()
            .to_string(),
    }
}
