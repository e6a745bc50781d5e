//! A dataset: one folder per table, and the parts in them.
//!
//! A file next to them marks them as haul's, and lists the columns of the tables: nothing without it is ever
//! emptied, and nothing is added to a table with different columns. Invariant: the only files ever removed are
//! those named like parts, in folders of the dataset; the parts of a table that a run wrote are numbered without
//! gaps.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::growing::sync_entry;
use super::journal;
use super::part::{self, OPEN};
use super::rows::Rows;
use super::tables::Tables;
use crate::error::{Error, Result};
use crate::recorded::Layout;
use crate::visit::fields::Value;

/// The folders of a dataset.
pub(super) struct Dataset {
    pub(super) path: PathBuf,
    layout: Layout,
    /// The parts of each table.
    pub(super) parts: Vec<Parts>,
}

/// The parts of a table that a run wrote, as recorded in a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parts {
    /// The number of the first part.
    pub(super) first: u64,
    /// The number of the last part; one less than the first if there are none.
    pub(super) last: u64,
    /// The total size of the parts.
    pub(super) bytes: u64,
}

/// What exists at the dataset's path.
enum Existing {
    Nothing,
    Ours(Note, Layout),
    Other(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Note {
    haul: u32,
    /// The columns of the tables, for people, and for comparison.
    tables: BTreeMap<String, String>,
}

impl Dataset {
    /// Creates a new dataset, emptying an existing one.
    ///
    /// # Errors
    /// If there is something else, or the system reports an error.
    pub(super) fn create(path: &Path, tables: &Tables) -> Result<Self> {
        match existing(path)? {
            Existing::Nothing => {}
            Existing::Ours(note, layout) => {
                remove_parts(path, layout, &note).map_err(|source| Error::output(path, source))?;
            }
            Existing::Other(problem) => return Err(refused(path, problem)),
        }
        Self::begin(path, Layout::Beside, tables, BTreeMap::new())
    }

    /// Appends to an existing dataset, or creates a new one.
    ///
    /// # Errors
    /// If there is something else, if a table of that name has other columns, if a job has rows waiting there, or
    /// if the system reports an error.
    pub(super) fn append(path: &Path, tables: &Tables) -> Result<Self> {
        let (known, layout) = match existing(path)? {
            Existing::Nothing => (BTreeMap::new(), Layout::Beside),
            Existing::Ours(note, layout) => (note.tables, layout),
            Existing::Other(problem) => return Err(refused(path, problem)),
        };
        // A killed job left rows that are in no part yet; what is written now would come before them.
        let count = journal::pending_rows(&layout.aside(path))?;
        if count > 0 {
            let problem = format!(
                "a job that was killed left {count} rows in its journal that are in no part yet: resume that job \
                 first, or remove the journal"
            );
            return Err(refused(path, &problem));
        }
        check(path, layout, tables, &known)?;
        Self::begin(path, layout, tables, known)
    }

    /// The dataset that a job resumes, with the parts of its mark. Nothing is changed.
    ///
    /// # Errors
    /// If it is not as the job left it.
    pub(super) fn check(path: &Path, tables: &Tables, parts: Vec<Parts>) -> Result<Self> {
        let (note, layout) = match existing(path)? {
            Existing::Ours(note, layout) => (note, layout),
            Existing::Nothing if !path.exists() => {
                let problem = "it is gone, and the job left pages in it: put it back";
                return Err(Error::not_as_left(path, problem));
            }
            Existing::Nothing | Existing::Other(_) => {
                let problem = "it is not the dataset that the job left: put that back";
                return Err(Error::not_as_left(path, problem));
            }
        };
        check(path, layout, tables, &note.tables)?;
        let dataset = Self {
            path: path.to_owned(),
            layout,
            parts,
        };
        for (index, name) in tables.names.iter().enumerate() {
            dataset.check_parts(index, name)?;
        }
        Ok(dataset)
    }

    fn check_parts(&self, index: usize, name: &str) -> Result<()> {
        let parts = self.parts[index];
        let mut bytes = 0;
        for number in parts.first..=parts.last {
            let part = self.part(name, number);
            match fs::metadata(&part) {
                Ok(metadata) if metadata.is_file() => bytes += metadata.len(),
                Ok(_) => {
                    let problem = "it is not the part that the job left: put that back";
                    return Err(Error::not_as_left(part, problem));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let problem = "it is gone, and the job left rows in it: put it back";
                    return Err(Error::not_as_left(part, problem));
                }
                Err(source) => return Err(Error::output(part, source)),
            }
        }
        if bytes != parts.bytes {
            let problem = format!(
                "its parts have {bytes} bytes, and the job left {} in them: somebody changed them; put them back as they \
                 were",
                parts.bytes
            );
            return Err(Error::not_as_left(self.table(name), problem));
        }
        Ok(())
    }

    fn begin(
        path: &Path,
        layout: Layout,
        tables: &Tables,
        mut known: BTreeMap<String, String>,
    ) -> Result<Self> {
        let failed = |source| Error::output(path, source);
        for name in tables
            .names
            .iter()
            .filter(|name| !known.contains_key(*name))
        {
            let table = layout.table(path, name);
            if table != path && is_occupied(&table).map_err(failed)? {
                let problem = "something else is there, in place of a table of the dataset: choose another output";
                return Err(refused(&table, problem));
            }
        }
        create_folder(path).map_err(failed)?;
        create_folder(&layout.aside(path)).map_err(failed)?;
        for (name, shape) in tables.names.iter().zip(&tables.shapes) {
            known.insert(name.clone(), shape.to_string());
        }
        write_note(&layout.note(path), layout.version(), known).map_err(failed)?;
        let mut parts = Vec::new();
        for name in &tables.names {
            let table = layout.table(path, name);
            create_folder(&table).map_err(failed)?;
            remove_unfinished(&table).map_err(failed)?;
            let last = numbers(&table).map_err(failed)?.into_iter().max();
            let last = last.unwrap_or(0);
            parts.push(Parts {
                first: last + 1,
                last,
                bytes: 0,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            layout,
            parts,
        })
    }

    /// The folder of files that are not parts.
    pub(super) fn aside(&self) -> PathBuf {
        self.layout.aside(&self.path)
    }

    fn table(&self, name: &str) -> PathBuf {
        self.layout.table(&self.path, name)
    }

    /// The number of the last part of each table.
    pub(super) fn last_parts(&self) -> Vec<u64> {
        self.parts.iter().map(|parts| parts.last).collect()
    }

    /// Writes a part.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn add(&mut self, index: usize, tables: &Tables, rows: Rows) -> Result<()> {
        let path = self.part(&tables.names[index], self.parts[index].last + 1);
        let written = part::write(&path, &tables.shapes[index], rows);
        let bytes = written.map_err(|source| Error::output(path, source))?;
        let parts = &mut self.parts[index];
        parts.last += 1;
        parts.bytes += bytes;
        Ok(())
    }

    /// The first rows of each table from the part that follows the known parts.
    ///
    /// # Errors
    /// If a part does not exist, or has fewer rows.
    pub(super) fn next_rows(
        &self,
        tables: &Tables,
        counts: &[usize],
    ) -> Result<Vec<Vec<Vec<Value>>>> {
        let mut all = Vec::new();
        for (index, count) in counts.iter().enumerate() {
            if *count == 0 {
                all.push(Vec::new());
                continue;
            }
            let part = self.part(&tables.names[index], self.parts[index].last + 1);
            let rows = part::read(&part, &tables.shapes[index], *count);
            all.push(rows.map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => Error::not_as_left(
                    self.aside().join(journal::NAME),
                    format!(
                        "it no longer has the {count} rows of {} that the job left in it: put it back",
                        tables.names[index]
                    ),
                ),
                _ => Error::output(part, source),
            })?);
        }
        Ok(all)
    }

    /// The path of a part.
    pub(super) fn part(&self, table: &str, number: u64) -> PathBuf {
        self.table(table).join(format!("part-{number:05}.parquet"))
    }

    /// The highest page number in the dataset; 0 if there are no pages.
    ///
    /// # Errors
    /// If a part cannot be read.
    pub(super) fn last_page(&self, pages: &str) -> Result<i64> {
        let folder = self.table(pages);
        let mut last = 0;
        for number in numbers(&folder).map_err(|source| Error::output(&folder, source))? {
            let part = self.part(pages, number);
            let page = part::max_page(&part).map_err(|source| Error::output(&part, source))?;
            last = last.max(page.unwrap_or(0));
        }
        Ok(last)
    }

    /// Removes the parts that follow the known parts, last one first.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn remove_later_parts(&self, tables: &Tables) -> Result<()> {
        for (name, parts) in tables.names.iter().zip(&self.parts) {
            let folder = self.table(name);
            remove_unfinished(&folder).map_err(|source| Error::output(&folder, source))?;
            let mut later = numbers(&folder).map_err(|source| Error::output(&folder, source))?;
            later.retain(|number| *number > parts.last);
            later.sort_unstable();
            for number in later.into_iter().rev() {
                let part = self.part(name, number);
                fs::remove_file(&part).map_err(|source| Error::output(&part, source))?;
            }
        }
        Ok(())
    }
}

/// Whether a dataset may be written here: there is nothing, or a dataset of haul's.
pub(super) fn is_free(path: &Path) -> bool {
    matches!(existing(path), Ok(Existing::Nothing | Existing::Ours(..)))
}

/// Whether there is a dataset of haul's here.
pub(super) fn is_ours(path: &Path) -> bool {
    matches!(existing(path), Ok(Existing::Ours(..)))
}

fn existing(path: &Path) -> Result<Existing> {
    let failed = |source| Error::output(path, source);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            return Ok(Existing::Other(
                "it is a file, but Parquet is written to a folder of files: choose another",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Nothing),
        Err(source) => return Err(failed(source)),
    }
    for layout in [Layout::Beside, Layout::Within] {
        return Ok(match fs::read(layout.note(path)) {
            Ok(text) => match serde_json::from_slice::<Note>(&text) {
                Ok(note) if note.haul == layout.version() => Existing::Ours(note, layout),
                _ => Existing::Other(
                    "the note next to it, haul.json, is from another version of haul, or damaged: choose another folder",
                ),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(failed(source)),
        });
    }
    match is_occupied(path).map_err(failed)? {
        true => Ok(Existing::Other(
            "it is a folder of something else, because there is no note of haul's next to it: choose another",
        )),
        false => Ok(Existing::Nothing),
    }
}

/// Whether there is anything other than an empty folder.
fn is_occupied(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(true),
        Err(error) => Err(error),
    }
}

/// Refuses tables whose columns differ from the known ones.
fn check(
    path: &Path,
    layout: Layout,
    tables: &Tables,
    known: &BTreeMap<String, String>,
) -> Result<()> {
    for (name, shape) in tables.names.iter().zip(&tables.shapes) {
        let now = shape.to_string();
        if let Some(existing) = known.get(name).filter(|existing| **existing != now) {
            let problem = format!(
                "its columns are ({existing}), but would be ({now}): write to another folder"
            );
            return Err(refused(&layout.table(path, name), &problem));
        }
    }
    Ok(())
}

/// Removes all parts, and the note of a dataset in the old layout.
fn remove_parts(path: &Path, layout: Layout, note: &Note) -> io::Result<()> {
    for name in note.tables.keys() {
        let table = layout.table(path, name);
        // What a symbolic link points to is not in the dataset.
        if !fs::symlink_metadata(&table).is_ok_and(|metadata| metadata.is_dir() || table == path) {
            continue;
        }
        for part in fs::read_dir(&table)? {
            let part = part?;
            if number(&part.file_name().to_string_lossy()).is_some() {
                fs::remove_file(part.path())?;
            }
        }
        remove_unfinished(&table)?;
        // A folder with other files stays, and so does the one that the user named.
        if table != path {
            let _ = fs::remove_dir(table);
        }
    }
    if layout == Layout::Within {
        // The dataset is recreated in the new layout.
        fs::remove_file(layout.note(path))?;
        let _ = fs::remove_file(layout.aside(path).join(journal::NAME));
    }
    Ok(())
}

/// Removes unfinished parts of a killed run.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let part = name
            .strip_prefix('.')
            .and_then(|name| name.strip_suffix(OPEN));
        if part.and_then(number).is_some() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The numbers of the parts in a folder.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        numbers.extend(number(&entry?.file_name().to_string_lossy()));
    }
    Ok(numbers)
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("part-")?.strip_suffix(".parquet")?;
    let is_ours = digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| digits.parse().ok())?
}

fn create_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => sync_entry(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_note(note: &Path, haul: u32, tables: BTreeMap<String, String>) -> io::Result<()> {
    let name = note.file_name().unwrap_or_default().to_string_lossy();
    let open = note.with_file_name(format!(".{name}{OPEN}"));
    let mut file = File::create(&open)?;
    serde_json::to_writer_pretty(&mut file, &Note { haul, tables })?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(open, note)?;
    sync_entry(note)
}

fn refused(path: &Path, problem: &str) -> Error {
    Error::output(path, io::Error::other(problem.to_owned()))
}
