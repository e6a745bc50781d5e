//! A job folder as an earlier run: its rows, and the outputs that its marks name.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::kept::Kept;
use super::page::{Page, PageVisitor, Wants};
use super::reach::{Reach, Unasked};
use super::records::Sources;
use super::saved::Texts;
use super::{archive, records};
use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::frontier::{JobReader, Row, RowState};
use crate::job::Role;
use crate::past::PastPlan;
use crate::recorded::{Choice, Output};

/// The formats with whole records.
const RECORDS: [&str; 4] = ["jsonl", "csv", "sqlite", "parquet"];
/// The format of archives.
const ARCHIVE: &str = "warc";
/// Why a URL was not requested that is still to be fetched.
const WAITING: &str = "waiting";

/// A job folder.
pub(super) struct JobRun {
    folder: PathBuf,
    reader: JobReader,
    contents: Contents,
    /// The folders that relative paths may start from.
    folders: Vec<PathBuf>,
    /// What it kept of its pages for later runs.
    past: Option<PastPlan>,
}

/// What says most about the pages of a job.
enum Contents {
    /// Records, and an archive that has the texts of their pages, if the job wrote both.
    Records(Output, Option<PathBuf>),
    /// An archive, and its mark.
    Archive(PathBuf, Value),
    /// The job has no output that can be read again: its rows are all there is.
    Rows,
}

impl JobRun {
    /// Opens a job, whether or not a haul process works on it.
    ///
    /// # Errors
    /// When it is damaged, of another format, or its output is not where it was written.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let reader = JobReader::hold(folder)?;
        let known = reader.known();
        // A job that was moved, or copied, has its own outputs in it.
        let folders: Vec<_> = [
            known.directory.as_ref().map(PathBuf::from),
            Some(PathBuf::new()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let find = |path: &str| {
            let name = Path::new(path).file_name().unwrap_or_default();
            let places = folders.iter().map(|from| from.join(path));
            let mut places = [folder.join(name)].into_iter().chain(places);
            places.find(|place| place.exists()).ok_or_else(|| {
                let problem = format!(
                    "its pages were written to {path}, which is not there: run this in the folder that the job was started in"
                );
                Error::store(folder, problem)
            })
        };
        let output = |formats: &[&str]| {
            let mut outputs = known.marks.iter().filter_map(|(name, mark)| {
                let (format, path) = name.split_once(':')?;
                formats.contains(&format).then_some((path, mark))
            });
            outputs.next()
        };
        let archive = output(&[ARCHIVE]);
        let contents = match (output(&RECORDS), archive) {
            (Some((path, mark)), archive) => {
                let archive = archive.and_then(|(path, _)| find(path).ok());
                Contents::Records(Output::open(&find(path)?)?.up_to(mark), archive)
            }
            (None, Some((path, mark))) => Contents::Archive(find(path)?, mark.clone()),
            (None, None) => Contents::Rows,
        };
        Ok(Self {
            folder: folder.to_owned(),
            contents,
            past: reader.past(),
            reader,
            folders: folders.into_iter().chain([folder.to_owned()]).collect(),
        })
    }

    /// Passes the chosen pages to the visitor; returns the number of items that are not records.
    ///
    /// # Errors
    /// When an output or the job is damaged.
    pub(super) fn pages(&self, wants: Wants, visitor: &mut dyn PageVisitor) -> Result<u64> {
        match &self.contents {
            Contents::Records(output, archive) => {
                let archive = archive.iter().filter(|_| wants.text);
                let sources = Sources {
                    texts: Texts::new(&self.folders, archive)?,
                    kept: self.kept(wants.validators || wants.text)?,
                };
                records::each(output, &sources, wants, visitor)
            }
            Contents::Archive(path, mark) => {
                let number = |name| mark.get(name).and_then(Value::as_u64);
                let mut archive = Archive::open(path).map_err(archive::damaged)?;
                if let Some(bytes) = number("bytes") {
                    let file = number("file").and_then(|file| file.try_into().ok());
                    archive = archive.up_to(file.unwrap_or(0), bytes);
                }
                let pages = archive::each(archive, wants, visitor)?;
                self.rows(wants, pages, &|state| !has_response(state), visitor)?;
                Ok(0)
            }
            Contents::Rows => {
                self.rows(wants, 0, &|_| true, visitor)?;
                Ok(0)
            }
        }
    }

    /// What the job kept of its pages, if that is wanted.
    fn kept(&self, is_wanted: bool) -> Result<Option<Kept>> {
        let past = self.past.clone().filter(|_| is_wanted);
        past.map(Kept::open).transpose()
    }

    /// Passes the rows of settled pages, with numbers after `before`.
    fn rows(
        &self,
        wants: Wants,
        before: u64,
        is_wanted: &dyn Fn(&RowState) -> bool,
        visitor: &mut dyn PageVisitor,
    ) -> Result<()> {
        let kept = self.kept(wants.response || wants.validators || wants.text || wants.values)?;
        let (mut number, mut is_over) = (before, false);
        self.reader.each_row(&mut |row| {
            let has_page = row.role.has_record() && row.state.is_settled();
            if is_over || !has_page || !is_wanted(&row.state) {
                return Ok(());
            }
            number += 1;
            is_over = match visitor.choose(number) {
                Choice::Read => {
                    let mut page = page(row);
                    if let Some(kept) = &kept {
                        kept.fill_all(&mut page, wants);
                    }
                    visitor.take(number, page).is_break()
                }
                Choice::Skip => false,
                Choice::Stop => true,
            };
            Ok(())
        })?;
        self.reader.check(&self.folder)
    }

    /// Passes the URLs that it knew and did not request to `take`, and returns how far it got.
    ///
    /// # Errors
    /// When the job is damaged.
    pub(super) fn unasked(&self, take: &mut dyn FnMut(Unasked<'_>)) -> Result<Reach> {
        let mut waiting = 0;
        self.reader.each_row(&mut |row| {
            let why = match &row.state {
                RowState::Waiting(_) | RowState::Reread(_) => {
                    waiting += 1;
                    WAITING
                }
                RowState::Skipped { class, .. } => class,
                RowState::Done(_) | RowState::Failed { .. } => return Ok(()),
            };
            if row.role.has_record() {
                take(Unasked { url: &row.url, why });
            }
            Ok(())
        })?;
        self.reader.check(&self.folder)?;
        Ok(match (waiting, self.reader.known().list.done) {
            (0, true) => Reach::Complete,
            (waiting, _) => Reach::Unfinished(waiting),
        })
    }
}

fn has_response(state: &RowState) -> bool {
    match state {
        RowState::Done(_) => true,
        RowState::Failed { status, .. } => status.is_some(),
        RowState::Waiting(_) | RowState::Skipped { .. } | RowState::Reread(_) => false,
    }
}

/// The page of a settled row.
fn page(row: Row) -> Page {
    let (status, error) = match row.state {
        RowState::Done(status) => (status, None),
        RowState::Failed { status, class, .. } => (status, Some(class)),
        RowState::Skipped { class, .. } => (None, Some(class)),
        RowState::Waiting(_) | RowState::Reread(_) => (None, None),
    };
    Page {
        row: row.row,
        url: row.url.into_string(),
        status,
        error,
        depth: Some(row.depth),
        external: row.role == Role::External,
        ..Page::default()
    }
}
