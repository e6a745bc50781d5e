//! Sends the entries of a list to the frontier.

use tokio::sync::mpsc;

use super::batch::{BATCH, Batch};
use super::entry::Entry;
use super::position::Position;
use super::progress::Progress;
use super::settings::SeedSettings;
use crate::input::lines::BeforeWait;

/// The most bytes of stored pages sent at a time, plus the page that exceeds them.
const BATCH_BYTES: u64 = 1 << 20;

/// Sends entries in batches, and reports when no more are wanted.
pub(super) struct Feeder<'a> {
    pub(super) settings: &'a SeedSettings,
    pub(super) from: Position,
    pub(super) sender: mpsc::Sender<Batch>,
    pub(super) batch: Vec<Entry>,
    /// Bytes of the stored pages in the batch.
    pub(super) bytes: u64,
    pub(super) read: u64,
    /// The number of rows in the inputs before the current one.
    pub(super) rows_before: u64,
    /// The last row of the current input so far, counted over all inputs.
    pub(super) row: u64,
    pub(super) progress: Progress,
}

/// A signal to stop reading: the limit is reached, or the run has ended.
pub(super) struct Enough;

impl Feeder<'_> {
    /// Whether a row is to be used. `line` counts from 1 within its input.
    pub(super) fn wants(&mut self, line: u64) -> Result<bool, Enough> {
        self.row = self.rows_before + line;
        if self.row <= self.from.row {
            return Ok(self.from.again.contains(self.row));
        }
        if self.is_full() {
            return Err(Enough);
        }
        match &self.settings.rows {
            Some(rows) if rows.last().is_some_and(|last| self.row > last) => Err(Enough),
            Some(rows) => Ok(rows.contains(self.row)),
            None => Ok(true),
        }
    }

    pub(super) fn feed(&mut self, entry: Entry) -> Result<(), Enough> {
        self.feed_row([entry])
    }

    /// Feeds the entries of one row.
    ///
    /// They are sent in the same batch, because a resumed job starts after the last row that it has.
    pub(super) fn feed_row(
        &mut self,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Result<(), Enough> {
        let before = self.batch.len();
        let shard = self.settings.shard;
        let is_wanted = |entry: &Entry| shard.is_none_or(|shard| shard.has(entry));
        self.batch.extend(entries.into_iter().filter(is_wanted));
        let is_new = self.row > self.from.row;
        if is_new {
            self.read += (self.batch.len() - before) as u64;
        }
        let full = is_new && self.is_full();
        if full || self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.send_batch()?;
        }
        if full { Err(Enough) } else { Ok(()) }
    }

    /// Whether the limit of entries is reached.
    pub(super) fn is_full(&self) -> bool {
        self.settings.limit.is_some_and(|limit| self.read >= limit)
    }

    /// Sends the entries so far, so that lines from a slow pipe do not wait for a full batch.
    pub(super) fn send_batch(&mut self) -> Result<(), Enough> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let entries = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.bytes = 0;
        let estimate = self.progress.estimate(self.read);
        self.sender
            .blocking_send(Batch {
                entries,
                read: self.read,
                last_row: self.row.max(self.from.row),
                estimate,
                is_late: false,
            })
            .map_err(|_| Enough)
    }
}

impl BeforeWait for Feeder<'_> {
    /// Sends the entries of a slow pipe as they arrive.
    ///
    /// If nobody wants them, the next entry will find out.
    fn before_wait(&mut self) {
        let _ = self.send_batch();
    }
}
