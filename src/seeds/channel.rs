//! Seeds that a program sends during its run.
//!
//! A bounded channel. The loop reads it after the inputs of the settings, and the run ends when every sender was
//! dropped and everything sent is settled. If the run ends first, the channel closes, and senders get an error.

use tokio::sync::mpsc;

use super::batch::{BATCH, Batch};
use super::entry::{Entry, JobBuilder};
use super::position::Position;
use super::settings::SeedSettings;
use crate::error::{Error, Result};
use crate::job::Request;
use crate::url::PageUrl;

/// A URL that a program sends to a run, with the options that a row of a list may have.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Seed {
    /// The URL. Text that is not a URL becomes a visit with that error, as a line of a list does.
    pub url: String,
    /// Its number, which is the row of its record; `None` for one more than the previous seed's.
    pub row: Option<u64>,
    /// Its own method, headers, body and columns.
    pub request: Option<Box<Request>>,
}

/// Sends seeds to a run. Clone it to send from several tasks or threads.
#[derive(Debug, Clone)]
pub struct SeedSender(mpsc::Sender<Seed>);

/// The receiving end of a channel, for [`Runner::seeds`](crate::Runner::seeds).
#[derive(Debug)]
pub struct SeedReceiver(mpsc::Receiver<Seed>);

/// The error of a seed that could not be sent because the run has ended.
#[derive(Debug, thiserror::Error)]
#[error("the run has ended and takes no more seeds")]
pub struct RunEnded(pub Seed);

/// Creates a channel for seeds, in which at most `capacity` of them wait.
///
/// # Panics
/// When `capacity` is 0.
pub fn channel(capacity: usize) -> (SeedSender, SeedReceiver) {
    let (sender, receiver) = mpsc::channel(capacity);
    (SeedSender(sender), SeedReceiver(receiver))
}

impl Seed {
    /// Creates a seed with only a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            row: None,
            request: None,
        }
    }

    /// Sets its number, by which a resumed job recognizes it.
    ///
    /// Numbers start at 1 and increase from each seed to the next.
    #[must_use]
    pub fn numbered(mut self, row: u64) -> Self {
        self.row = Some(row);
        self
    }

    /// Sets its own method, headers, body and columns.
    #[must_use]
    pub fn request(mut self, request: Request) -> Self {
        self.request = Some(Box::new(request));
        self
    }
}

impl From<&str> for Seed {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Seed {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<PageUrl> for Seed {
    fn from(url: PageUrl) -> Self {
        Self::new(url.as_str())
    }
}

impl SeedSender {
    /// Sends a seed, and waits while the channel is full.
    ///
    /// The run has to be polled meanwhile: do not send from the task or thread that receives its visits.
    ///
    /// # Errors
    /// When the run has ended: the error contains the seed. Seeds that were still in the channel are dropped.
    pub async fn send(&self, seed: impl Into<Seed>) -> Result<(), RunEnded> {
        let sent = self.0.send(seed.into()).await;
        sent.map_err(|unsent| RunEnded(unsent.0))
    }

    /// Sends a seed from a thread outside the runtime, and blocks while the channel is full.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Panics
    /// When called inside an async task.
    pub fn blocking_send(&self, seed: impl Into<Seed>) -> Result<(), RunEnded> {
        let sent = self.0.blocking_send(seed.into());
        sent.map_err(|unsent| RunEnded(unsent.0))
    }
}

/// Turns the seeds that a program sends into entries.
pub(super) struct Feed {
    seeds: mpsc::Receiver<Seed>,
    waiting: Vec<Seed>,
    jobs: JobBuilder,
    settings: SeedSettings,
    /// The last number of the job's earlier sessions.
    after: u64,
    /// Whether each seed needs a number, as a job does to be resumed.
    needs_numbers: bool,
    /// The number of the last seed.
    row: u64,
    read: u64,
}

impl Feed {
    pub(super) fn new(
        receiver: SeedReceiver,
        settings: SeedSettings,
        from: &Position,
        needs_numbers: bool,
    ) -> Self {
        Self {
            seeds: receiver.0,
            waiting: Vec::new(),
            jobs: JobBuilder::new(settings.checksum),
            read: from.taken,
            after: from.row,
            settings,
            needs_numbers,
            row: 0,
        }
    }

    /// Notes how far the inputs before the channel were read.
    pub(super) fn follows(&mut self, batch: &Batch) {
        (self.row, self.read) = (batch.last_row, batch.read);
    }

    /// Waits for the next seeds, at least one; `None` when no more can come. Cancel-safe.
    ///
    /// # Errors
    /// When a seed lacks a number that it needs, or its number does not increase.
    pub(super) async fn next(&mut self) -> Result<Option<Batch>> {
        if self.is_full() || self.seeds.recv_many(&mut self.waiting, BATCH).await == 0 {
            return Ok(None);
        }
        self.take().map(Some)
    }

    /// Returns an empty batch, after which only the channel remains to be read.
    pub(super) fn begin(&self) -> Batch {
        Batch {
            read: self.read,
            last_row: self.row.max(self.after),
            is_late: true,
            ..Batch::default()
        }
    }

    fn take(&mut self) -> Result<Batch> {
        let mut entries = Vec::with_capacity(self.waiting.len());
        for seed in std::mem::take(&mut self.waiting) {
            let row = self.number(&seed)?;
            self.row = row;
            let is_wanted = self
                .settings
                .rows
                .as_ref()
                .is_none_or(|rows| rows.contains(row));
            if row > self.after && is_wanted && !self.is_full() {
                let entry = self.entry(row, seed);
                if self.settings.shard.is_none_or(|shard| shard.has(&entry)) {
                    self.read += 1;
                    entries.push(entry);
                }
            }
        }
        Ok(Batch {
            entries,
            ..self.begin()
        })
    }

    fn is_full(&self) -> bool {
        self.settings.limit.is_some_and(|limit| self.read >= limit)
    }

    fn number(&self, seed: &Seed) -> Result<u64> {
        match seed.row {
            Some(row) if row > self.row => Ok(row),
            Some(row) => Err(Error::Setting(format!(
                "seed {row} came after seed {}: numbers of seeds have to rise",
                self.row
            ))),
            None if self.needs_numbers => Err(Error::Setting(
                "a seed without a number: a job needs one for each, to know where to go on (Seed::numbered)".into(),
            )),
            None => Ok(self.row + 1),
        }
    }

    fn entry(&mut self, row: u64, seed: Seed) -> Entry {
        let request = seed.request.map(|request| *request);
        let request = request.filter(Request::says_something);
        self.jobs.request(row, &seed.url, request)
    }
}
