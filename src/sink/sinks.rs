//! All outputs of a run: first the files, then the records that name them.

use std::fs::File;
use std::path::Path;

use tokio::sync::mpsc;

use super::hold::hold;
use super::opener::{open, open_files, open_index};
use super::{
    Files, FilesSettings, Format, Mark, Sink, SinkPlan, SinkSettings, Start, files_name,
    index_name, name, tail,
};
use crate::error::Result;
use crate::page::memory::Held;
use crate::visit::Visit;

/// Marks with the names of their sinks.
pub(crate) type Marks = Vec<(String, Mark)>;

/// The sinks of a run, each with the [name](name()) that its mark is stored by.
#[derive(Default)]
pub(crate) struct Sinks {
    /// The folder that bodies are saved to.
    pub(super) files: Option<(String, Files)>,
    /// What the user should know about files that already existed.
    pub(crate) notices: Vec<String>,
    /// The record sinks, one per requested output.
    pub(super) records: Vec<(String, Box<dyn Sink>)>,
    /// Receives the visits once they are written.
    pub(super) taker: Option<mpsc::Sender<Box<Visit>>>,
    /// Whether a sink has flushed records for good that a later sink has not flushed yet.
    pub(super) is_ahead: bool,
    /// Locks on the outputs, so that no other run writes to them.
    pub(super) locks: Vec<File>,
}

impl Sinks {
    /// Opens all sinks.
    ///
    /// `start` returns by name where each starts; `journal` is the file with the names of a job's saved files.
    ///
    /// # Errors
    /// When one cannot be opened, or does not match its mark.
    pub(crate) fn open<'a>(
        settings: &[SinkSettings],
        files: Option<&FilesSettings>,
        plan: &SinkPlan,
        journal: Option<&Path>,
        start: impl Fn(&str) -> Start<'a>,
    ) -> Result<Self> {
        let mut sinks = Self::default();
        if let Some(files) = files {
            let name = files_name(files);
            let opened = open_files(files, start(&name), journal)?;
            sinks.files = Some((name, opened));
        }
        for settings in settings {
            let name = name(settings);
            let (to, start) = (settings.destination.path(), start(&name));
            // SQLite output replaces this file with another one, and locks that itself.
            let is_replaced = matches!(settings.format, Format::Sqlite(_));
            let repair = || tail::repair_end(settings, &plan.tables);
            let open = || open(settings, plan, start);
            sinks.add_file(name, (to, is_replaced), start, repair, open)?;
        }
        if let Some(list) = files.and_then(FilesSettings::index) {
            let name = index_name(&list);
            let start = start(&name);
            let repair = || tail::repair_index_end(&list);
            let open = || open_index(&list, start);
            sinks.add_file(name, (list.path(), false), start, repair, open)?;
        }
        if let Some((_, files)) = &mut sinks.files
            && sinks.records.iter().any(|(_, sink)| sink.wants().raw)
        {
            files.leave_bodies();
        }
        Ok(sinks)
    }

    /// Adds a sink, with a lock on its file.
    fn add_file(
        &mut self,
        name: String,
        (path, is_replaced): (Option<&Path>, bool),
        start: Start<'_>,
        repair: impl FnOnce() -> Result<Option<String>>,
        open: impl FnOnce() -> Result<Box<dyn Sink>>,
    ) -> Result<()> {
        // Lock the file before it is emptied; one that does not exist yet is locked once it does.
        let lock = path.map(hold).transpose()?.flatten();
        if !matches!(start, Start::At(_)) {
            self.notices.extend(repair()?);
        }
        let records = if is_replaced {
            drop(lock);
            open()?
        } else {
            let records = open()?;
            let lock = match (lock, path) {
                (None, Some(path)) => hold(path)?,
                (lock, _) => lock,
            };
            self.locks.extend(lock);
            records
        };
        self.records.push((name, records));
        Ok(())
    }

    /// Adds a sink that is not described by settings.
    pub(crate) fn add(&mut self, name: &str, sink: Box<dyn Sink>) {
        self.records.push((name.to_owned(), sink));
    }

    /// Sends each visit to `taker` once it is written; waits while its queue is full.
    pub(crate) fn hand_to(&mut self, taker: mpsc::Sender<Box<Visit>>) {
        self.taker = Some(taker);
    }

    /// Writes a batch of visits, and empties it.
    ///
    /// # Errors
    /// When a sink fails.
    pub(super) fn write(&mut self, batch: &mut Vec<Box<Visit>>) -> Result<()> {
        if let Some((_, files)) = &mut self.files {
            for visit in batch.iter_mut() {
                files.save(visit)?;
            }
            files.commit()?;
        }
        for mut visit in batch.drain(..) {
            for (_, sink) in &mut self.records {
                sink.write(&visit)?;
            }
            if let Some(taker) = &self.taker {
                // From here on its memory no longer counts for the run: a taker that keeps visits must not stall it.
                visit.parsed.held = Held::default();
                // If the taker is gone, the run was dropped too.
                let _ = taker.blocking_send(visit);
            }
        }
        Ok(())
    }

    /// Passes everything to the system.
    ///
    /// # Errors
    /// When a sink fails.
    pub(super) fn flush(&mut self) -> Result<()> {
        if let Some((_, files)) = &mut self.files {
            files.flush()?;
        }
        for is_final in [false, true] {
            let sinks = self.records.iter_mut().map(|(_, sink)| sink);
            for sink in sinks.filter(|sink| sink.is_final() == is_final) {
                sink.flush()?;
                self.is_ahead |= is_final;
            }
        }
        self.records.iter_mut().for_each(|(_, sink)| sink.keep());
        self.is_ahead = false;
        Ok(())
    }

    /// After an error: drops what every sink wrote since the last complete flush.
    ///
    /// Returns whether that succeeded in all of them.
    pub(super) fn take_back(&mut self) -> bool {
        let sinks = self.records.iter_mut();
        sinks.fold(!self.is_ahead, |all, (_, sink)| sink.take_back() && all)
    }

    /// Waits until everything is on disk, and returns the marks.
    ///
    /// # Errors
    /// When a sink fails.
    pub(super) fn checkpoint(&mut self) -> Result<Marks> {
        let mut marks = Marks::with_capacity(1 + self.records.len());
        if let Some((name, files)) = &mut self.files {
            marks.push((name.clone(), files.checkpoint()?));
        }
        for (name, sink) in &mut self.records {
            marks.push((name.clone(), sink.checkpoint()?));
        }
        Ok(marks)
    }

    /// Finishes all sinks, and waits until everything is on disk.
    ///
    /// Returns the marks of the sinks that have one.
    ///
    /// # Errors
    /// When a sink fails.
    pub(super) fn finish(self) -> Result<Marks> {
        let mut marks = Marks::with_capacity(1 + self.records.len());
        if let Some((name, files)) = self.files {
            marks.extend(files.finish()?.map(|mark| (name, mark)));
        }
        for (name, sink) in self.records {
            marks.extend(sink.finish()?.map(|mark| (name, mark)));
        }
        Ok(marks)
    }
}
