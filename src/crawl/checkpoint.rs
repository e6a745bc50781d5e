//! Checkpoints: what is settled is made final, the sinks first, then the store.
//!
//! Invariant: what a commit calls settled was handed to the writer before the marks in it were asked for. So a kill at any
//! instant leaves the sinks ahead of their marks and the store at them: cut back, both say the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::run::{Checkpoint, Run};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::sink::{FilesSettings, Mark, Marks, index_name, name};

/// How often what is settled is made final, in the long run: a crash repeats at most so much work.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// How soon for the first time; the time doubles from there. Who is killed again and again still comes forward.
pub(super) const FIRST_CHECKPOINT: Duration = Duration::from_millis(50);

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Keeps the run, where a job folder does: asks the store for more to do, and takes a checkpoint when it is time.
    pub(super) async fn keep(&mut self) -> Result<()> {
        if !self.frontier.is_kept() {
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

    /// Hands all that is settled to the writer and asks how far the sinks are durable.
    pub(super) async fn begin_checkpoint(&mut self) -> Result<()> {
        if !self.frontier.is_kept() {
            return Ok(());
        }
        self.settled_bytes = 0;
        if !self.settled.is_empty() {
            self.writer.write(&mut self.settled).await?;
        }
        self.committed = Instant::now();
        self.checkpoint_after = (self.checkpoint_after * 2).min(CHECKPOINT_EVERY);
        if let Some(gathered) = self.frontier.gather() {
            self.checkpoint = Some((gathered, self.writer.checkpoint().await?));
        }
        Ok(())
    }

    /// The sinks are durable: what was gathered is final.
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

/// A job that goes on knows its outputs by their names. One that it does not know would be emptied: it is refused.
///
/// # Errors
/// Which one, and which are known.
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

/// The marks of the sinks; `None` where the writer stopped before it had them.
pub(super) async fn marks(checkpoint: &mut Option<Checkpoint>) -> Option<Marks> {
    match checkpoint {
        Some((_, marks)) => marks.await.ok(),
        None => std::future::pending().await,
    }
}
