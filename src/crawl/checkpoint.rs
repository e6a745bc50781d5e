//! Checkpoints: settled jobs are made durable, first in the sinks, then in the store.
//!
//! Invariant: the jobs that a commit settles were sent to the writer before its marks were requested. So a kill at any
//! moment leaves the sinks ahead of their marks and the store exactly at them: once cut back, both agree.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::run::{Checkpoint, Run};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::run::event::Event;
use crate::sink::{FilesSettings, Mark, Marks, index_name, name};

/// The time between checkpoints in the long run: a crash repeats at most this much work.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// The time to the first checkpoint, which then doubles.
///
/// It is short, so that a job that is killed repeatedly still makes progress.
pub(super) const FIRST_CHECKPOINT: Duration = Duration::from_millis(50);

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// In a job, requests more work from the store, and takes a checkpoint when it is due.
    pub(super) async fn keep(&mut self) -> Result<()> {
        if !self.frontier.is_stored() {
            return Ok(());
        }
        self.frontier.lease();
        let due = self.may_checkpoint() && self.committed.elapsed() >= self.checkpoint_after;
        if due || self.frontier.wants_commit() {
            self.begin_checkpoint().await?;
        }
        Ok(())
    }

    pub(super) fn may_checkpoint(&self) -> bool {
        self.checkpoint.is_none() && self.frontier.may_commit()
    }

    /// Sends all settled visits to the writer, and requests the marks of the sinks.
    pub(super) async fn begin_checkpoint(&mut self) -> Result<()> {
        if !self.frontier.is_stored() {
            return Ok(());
        }
        self.settled_bytes = 0;
        if !self.settled.is_empty() {
            self.writer.write(&mut self.settled).await?;
        }
        self.committed = Instant::now();
        self.checkpoint_after = (self.checkpoint_after * 2).min(CHECKPOINT_EVERY);
        self.note_cookies();
        if let Some(gathered) = self.frontier.gather() {
            self.checkpoint = Some((gathered, self.writer.checkpoint().await?));
        }
        Ok(())
    }

    /// Adds the cookies of the run to the next commit, if they changed.
    pub(super) fn note_cookies(&mut self) {
        if self.frontier.is_stored()
            && let Some(changed) = self.cookies.changes()
        {
            self.frontier.note_cookies(changed);
        }
    }

    /// Commits the gathered jobs to the store, now that the sinks are durable.
    pub(super) async fn commit(&mut self, marks: Option<Marks>) -> Result<()> {
        let Some((gathered, _)) = self.checkpoint.take() else {
            return Ok(());
        };
        match marks {
            Some(marks) => self.frontier.commit(gathered, by_name(marks)),
            None => return Err(self.writer.failure().await),
        }
        Ok(())
    }
}

/// Checks that a resumed job knows all outputs by name: an unknown one would be emptied.
///
/// # Errors
/// When one is unknown, with the known ones.
pub(super) fn check_names(config: &Config, marks: &BTreeMap<String, Mark>) -> Result<()> {
    let records = config.sinks.iter();
    let records = records.filter(|sink| sink.destination.path().is_some());
    let index = config.files.as_ref().and_then(FilesSettings::index);
    let mut names = records.map(name).chain(index.as_ref().map(index_name));
    match names.find(|name| !marks.contains_key(name)) {
        Some(other) if !marks.is_empty() => {
            let known: Vec<_> = marks.keys().map(String::as_str).collect();
            let problem = format!(
                "the job writes to {} and not to {other}: name its files as before, and from the same folder",
                known.join(", ")
            );
            Err(Error::Setting(problem))
        }
        _ => Ok(()),
    }
}

pub(super) fn by_name(marks: Marks) -> BTreeMap<String, Mark> {
    marks.into_iter().collect()
}

/// Waits for the marks of the sinks; `None` if the writer stopped first.
pub(super) async fn marks(checkpoint: &mut Option<Checkpoint>) -> Option<Marks> {
    match checkpoint {
        Some((_, marks)) => marks.await.ok(),
        None => std::future::pending().await,
    }
}
