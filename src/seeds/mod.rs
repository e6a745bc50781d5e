//! Seeds: the user's list, read as needed and never loaded as a whole.
//!
//! A thread reads lines, turns them into jobs, and waits while the frontier has enough; so a list of 30 million
//! lines, or an endless pipe, is read in constant memory. Invariant: each line that is not blank or a comment
//! becomes exactly one entry, either a job or a visit that says what is wrong with the line; no line stops the run.

mod channel;
mod encoding;
mod entry;
mod failures;
mod foreign;
mod json;
mod lines;
mod repair;
mod source;
mod stored;
mod table;
mod text;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::rows::Rows;
use crate::visit::Visit;
pub use channel::{RunEnded, Seed, SeedReceiver, SeedSender, channel};
use entry::JobBuilder;
pub use failures::Failures;

/// The number of entries sent at a time.
const BATCH: usize = 512;
/// The most bytes of stored pages sent at a time, plus the page that exceeds them.
const BATCH_BYTES: u64 = 1 << 20;
/// The number of batches that may wait for the frontier.
const BATCHES: usize = 4;

/// Where seeds come from, and which of them are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedSettings {
    /// The inputs, in order.
    pub sources: Vec<Source>,
    /// The format of files and standard input.
    pub format: ListFormat,
    /// The column with the URL, by name or by number from 1; by default `url`, or else detected.
    pub url_column: Option<String>,
    /// The rows to use; `None` for all.
    pub rows: Option<Rows>,
    /// The most entries to use.
    pub limit: Option<u64>,
}

/// How far an earlier session has read the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Position {
    /// The last row that was read: everything up to it is skipped.
    pub(crate) row: u64,
    /// The number of entries that were used.
    pub(crate) taken: u64,
    /// Rows that were used but have no record yet: they are read again.
    pub(crate) again: Rows,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// URLs given as arguments.
    Urls(Vec<String>),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The failures in the output of an earlier run.
    Failures(Failures),
    /// The pages of an archive, sent along with their jobs: the network is not used.
    Archive(PathBuf),
}

/// The format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// By the file's suffix, ignoring `.gz` and `.zst`; otherwise by its first line.
    BySuffix,
    /// One URL per line; `#` starts a comment.
    Text,
    /// RFC 4180, with a header line.
    Csv,
    /// The same, with tabs.
    Tsv,
    /// One JSON object per line, with `url`.
    Jsonl,
}

/// An entry of a list.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A valid entry.
    Job(Box<Job>),
    /// An invalid entry.
    Bad(Box<Visit>),
}

/// Some entries, and how far the reading has progressed.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    /// The number of entries so far, including these.
    pub(crate) read: u64,
    /// The row of the last of them.
    pub(crate) last_row: u64,
    /// The expected total number of entries; `None` if the input sizes are not known.
    pub(crate) estimate: Option<u64>,
    /// Whether the run may have begun before: a program sends seeds as they come.
    pub(crate) is_late: bool,
}

/// Records of archives that contain no page, by kind.
pub(crate) type LeftOut = BTreeMap<&'static str, u64>;

/// A list that is being read.
pub(crate) struct Seeds {
    batches: mpsc::Receiver<Batch>,
    thread: Option<JoinHandle<Result<LeftOut>>>,
    left_out: LeftOut,
    /// The seeds that a program sends, after the inputs.
    feed: Option<channel::Feed>,
}

impl SeedSettings {
    /// Settings for these URLs.
    pub fn urls<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        Self::of(vec![Source::Urls(
            urls.into_iter().map(Into::into).collect(),
        )])
    }

    /// Settings for the pages of these archives.
    pub fn stored<T: Into<PathBuf>>(archives: impl IntoIterator<Item = T>) -> Self {
        let archives = archives.into_iter().map(Into::into);
        Self::of(archives.map(Source::Archive).collect())
    }

    /// Settings for these inputs, with all of their rows.
    pub fn of(sources: Vec<Source>) -> Self {
        Self {
            sources,
            format: ListFormat::BySuffix,
            url_column: None,
            rows: None,
            limit: None,
        }
    }
}

impl Default for SeedSettings {
    /// No input: for a run whose seeds come from a [`channel`].
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl SeedSettings {
    /// The archives among the inputs.
    pub(crate) fn archives(&self) -> impl Iterator<Item = &PathBuf> {
        self.sources.iter().filter_map(|source| match source {
            Source::Archive(path) => Some(path),
            _ => None,
        })
    }
}

impl FromStr for ListFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(ListFormat::BySuffix),
            "text" => Ok(ListFormat::Text),
            "csv" => Ok(ListFormat::Csv),
            "tsv" => Ok(ListFormat::Tsv),
            "jsonl" => Ok(ListFormat::Jsonl),
            other => Err(format!(
                "unknown list format {other:?}: auto, text, csv, tsv, jsonl"
            )),
        }
    }
}

impl Seeds {
    /// Checks the files, so that a missing one is reported at once, and starts reading after `from`.
    ///
    /// # Errors
    /// If an input cannot be opened.
    pub(crate) fn start(settings: SeedSettings, from: Position) -> Result<Self> {
        for source in &settings.sources {
            if let Source::File(path) = source {
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

/// Sends entries in batches, and reports when no more are wanted.
struct Feeder<'a> {
    settings: &'a SeedSettings,
    from: Position,
    sender: mpsc::Sender<Batch>,
    batch: Vec<Entry>,
    /// Bytes of the stored pages in the batch.
    bytes: u64,
    read: u64,
    /// The number of rows in the inputs before the current one.
    rows_before: u64,
    /// The last row of the current input so far, counted over all inputs.
    row: u64,
    progress: source::Progress,
}

/// A signal to stop reading: the limit is reached, or the run has ended.
struct Enough;

impl Feeder<'_> {
    /// Whether a row is to be used. `line` counts from 1 within its input.
    fn wants(&mut self, line: u64) -> Result<bool, Enough> {
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

    fn feed(&mut self, entry: Entry) -> Result<(), Enough> {
        self.feed_row([entry])
    }

    /// Feeds the entries of one row.
    ///
    /// They are sent in the same batch, because a resumed job starts after the last row that it has.
    fn feed_row(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<(), Enough> {
        let before = self.batch.len();
        self.batch.extend(entries);
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
    fn is_full(&self) -> bool {
        self.settings.limit.is_some_and(|limit| self.read >= limit)
    }

    /// Sends the entries so far, so that lines from a slow pipe do not wait for a full batch.
    fn send_batch(&mut self) -> Result<(), Enough> {
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

fn read(
    settings: &SeedSettings,
    from: Position,
    archives: Vec<Archive>,
    sender: mpsc::Sender<Batch>,
) -> Result<LeftOut> {
    let progress = source::Progress::new(&settings.sources);
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
    let mut jobs = JobBuilder::default();
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
            Source::Urls(urls) => text::arguments(urls, &mut jobs, &mut feeder),
            Source::File(_) | Source::Stdin => source::read(source, &mut jobs, &mut feeder)?,
            Source::Failures(failures) => failures.feed(&mut jobs, &mut feeder)?,
            Source::Archive(_) => match archives.next() {
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
