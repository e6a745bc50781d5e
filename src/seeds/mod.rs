//! Seeds: the user's list, read as needed and never loaded as a whole.
//!
//! A thread reads lines, turns them into jobs, and waits while the frontier has enough; so a list of 30 million
//! lines, or an endless pipe, is read in constant memory. Invariant: each line that is not blank or a comment
//! becomes exactly one entry, either a job or a visit that says what is wrong with the line; no line stops the run.

mod batch;
mod channel;
mod entry;
mod failures;
mod feeder;
mod json;
mod position;
mod progress;
mod repair;
#[cfg(feature = "parquet")]
mod rows;
#[cfg(not(feature = "parquet"))]
#[path = "rows/without.rs"]
mod rows;
mod settings;
mod shard;
mod source;
mod stored;
mod table;
mod text;
mod words;

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use crate::archive::Archive;
use crate::error::{Error, Result};
use batch::BATCH;
pub(crate) use batch::Batch;
pub use channel::{RunEnded, Seed, SeedReceiver, SeedSender, channel};
pub(crate) use entry::Entry;
use entry::JobBuilder;
pub use failures::Failures;
use feeder::Feeder;
pub(crate) use position::Position;
use progress::Progress;
pub use settings::{ListFormat, SeedSettings, SeedSource};
pub use shard::Shard;
pub(crate) use stored::LeftOut;

/// The number of batches that may wait for the frontier.
const BATCHES: usize = 4;

/// A list that is being read.
pub(crate) struct Seeds {
    batches: mpsc::Receiver<Batch>,
    thread: Option<JoinHandle<Result<LeftOut>>>,
    left_out: LeftOut,
    /// The seeds that a program sends, after the inputs.
    feed: Option<channel::Feed>,
}

impl Seeds {
    /// Checks the files, so that a missing one is reported at once, and starts reading after `from`.
    ///
    /// # Errors
    /// If an input cannot be opened.
    pub(crate) fn start(settings: SeedSettings, from: Position) -> Result<Self> {
        for source in &settings.sources {
            if let SeedSource::File(path) = source {
                source::check(path, settings.format, settings.url_column.as_deref())?;
            }
        }
        let archives = stored::open(&settings)?;
        let (sender, batches) = mpsc::channel(BATCHES);
        let thread = thread::Builder::new()
            .name("read".into())
            .spawn(move || read(&settings, from, archives, sender))
            .map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            batches,
            thread: Some(thread),
            left_out: LeftOut::new(),
            feed: None,
        })
    }

    /// What the archives contain besides pages, once there are no more batches.
    pub(crate) fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Also reads what a program sends, after the inputs and `from`. `in_job`: whether each seed needs a number.
    pub(crate) fn and_then(
        mut self,
        receiver: SeedReceiver,
        settings: SeedSettings,
        from: &Position,
        in_job: bool,
    ) -> Self {
        self.feed = Some(channel::Feed::new(receiver, settings, from, in_job));
        self
    }

    /// Whether all inputs were read, so that only a program may send more.
    pub(crate) fn is_live(&self) -> bool {
        self.feed.is_some() && self.thread.is_none()
    }

    /// The next batch; `None` at the end of the list. Cancel-safe.
    ///
    /// # Errors
    /// If an input cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Batch>> {
        if let Some(batch) = self.batches.recv().await {
            if let Some(feed) = &mut self.feed {
                feed.follows(&batch);
            }
            return Ok(Some(batch));
        }
        match (self.thread.take().map(JoinHandle::join), &mut self.feed) {
            (Some(Ok(left_out)), feed) => {
                self.left_out = left_out?;
                Ok(feed.as_mut().map(|feed| feed.begin()))
            }
            (Some(Err(_)), _) => Err(Error::Engine("the reading thread panicked".into())),
            (None, Some(feed)) => feed.next().await,
            (None, None) => Ok(None),
        }
    }
}

fn read(
    settings: &SeedSettings,
    from: Position,
    archives: Vec<Archive>,
    sender: mpsc::Sender<Batch>,
) -> Result<LeftOut> {
    let progress = Progress::new(&settings.sources);
    let mut feeder = Feeder {
        settings,
        sender,
        batch: Vec::with_capacity(BATCH),
        bytes: 0,
        read: from.taken,
        from,
        rows_before: 0,
        row: 0,
        progress,
    };
    let mut jobs = JobBuilder::new(settings.checksum);
    let (mut archives, mut left_out) = (archives.into_iter(), LeftOut::new());
    if feeder.is_full() && feeder.from.again.is_empty() {
        return Ok(left_out);
    }
    for source in &settings.sources {
        // Opening a pipe may block until somebody writes to it.
        if feeder.send_batch().is_err() {
            break;
        }
        let ended = match source {
            SeedSource::Urls(urls) => text::arguments(urls, &mut jobs, &mut feeder),
            SeedSource::File(_) | SeedSource::Stdin => {
                source::read(source, &mut jobs, &mut feeder)?
            }
            SeedSource::Failures(failures) => failures.feed(&mut jobs, &mut feeder)?,
            SeedSource::Archive(_) => match archives.next() {
                Some(archive) => stored::feed(archive, &mut jobs, &mut feeder, &mut left_out),
                None => Ok(()), // all of them were opened
            },
        };
        if ended.is_err() {
            break;
        }
        feeder.rows_before = feeder.row;
    }
    // The last wanted row may not have filled a batch. If the receiver is gone, the entries are not needed.
    let _ = feeder.send_batch();
    Ok(left_out)
}
