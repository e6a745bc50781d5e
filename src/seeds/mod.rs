//! Seeds: the user's list, read as it is needed and never loaded.
//!
//! A thread reads lines, makes jobs of them, and waits while the frontier has enough; so a list of 30 million lines,
//! or a pipe that never ends, is read in flat memory. Invariant: each line that is not blank or a comment becomes
//! exactly one entry, a job or a visit that says what is wrong with the line; nothing in a line stops the run.

mod encoding;
mod entry;
mod failures;
mod foreign;
mod json;
mod lines;
mod mended;
mod source;
mod table;
mod text;
mod words;

use std::path::PathBuf;
use std::str::FromStr;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::job::Job;
use crate::rows::Rows;
use crate::visit::Visit;
use entry::Maker;
pub use failures::Failures;

/// Entries handed over at a time.
const BATCH: usize = 512;
/// Batches that may wait for the frontier.
const BATCHES: usize = 4;

/// Where seeds come from and which of them are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedSettings {
    /// The inputs, in order.
    pub sources: Vec<Source>,
    /// How files and standard input are read.
    pub format: ListFormat,
    /// The column that holds the URL, by name or by number from 1; where it is `None`, `url`, or else the first.
    pub url_column: Option<String>,
    /// The rows to take; all where it is `None`.
    pub rows: Option<Rows>,
    /// How many entries to take at the most.
    pub limit: Option<u64>,
}

/// How far an earlier session has read the list: what it took is passed over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Position {
    /// The last row that was read.
    pub(crate) row: u64,
    /// How many rows were taken.
    pub(crate) taken: u64,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// URLs, as arguments.
    Urls(Vec<String>),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The failures in an output of an earlier run.
    Failures(Failures),
}

/// How a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// By the file's suffix, below `.gz` and `.zst`; without a known one as text.
    BySuffix,
    /// One URL a line; `#` begins a comment.
    Text,
    /// RFC 4180, a header line first.
    Csv,
    /// The same with tabs.
    Tsv,
    /// A JSON object a line, with `url`.
    Jsonl,
}

/// A line that was read.
#[derive(Debug)]
pub(crate) enum Entry {
    /// One that can be asked for.
    Job(Box<Job>),
    /// One that cannot.
    Bad(Box<Visit>),
}

/// Some entries, and how far the reading has come.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    /// Entries so far, these included.
    pub(crate) read: u64,
    /// The row of the last of them.
    pub(crate) last_row: u64,
    /// Entries in all, by the bytes read so far; `None` where the inputs' sizes are not known.
    pub(crate) estimate: Option<u64>,
}

/// The list being read.
pub(crate) struct Seeds {
    batches: mpsc::Receiver<Batch>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl SeedSettings {
    /// These URLs, each asked once.
    pub fn urls<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        Self::of(vec![Source::Urls(
            urls.into_iter().map(Into::into).collect(),
        )])
    }

    /// These inputs, all of them.
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
                "no list format {other:?}: auto, text, csv, tsv, jsonl"
            )),
        }
    }
}

impl Seeds {
    /// Opens the first input, so that a missing file is told at once, and starts to read behind `from`.
    ///
    /// # Errors
    /// When an input cannot be opened.
    pub(crate) fn start(settings: SeedSettings, from: Position) -> Result<Self> {
        for source in &settings.sources {
            if let Source::File(path) = source {
                source::check(path, settings.format, settings.url_column.as_deref())?;
            }
        }
        let (sender, batches) = mpsc::channel(BATCHES);
        let thread = thread::Builder::new()
            .name("read".into())
            .spawn(move || read(&settings, from, sender))
            .map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            batches,
            thread: Some(thread),
        })
    }

    /// The next batch; `None` when the list is at its end. Cancel-safe.
    ///
    /// # Errors
    /// When an input cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Batch>> {
        if let Some(batch) = self.batches.recv().await {
            return Ok(Some(batch));
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result.map(|()| None),
            Some(Err(_)) => Err(Error::Engine("the reading thread panicked".into())),
            None => Ok(None),
        }
    }
}

/// Hands entries over in batches, and says when nobody wants more.
struct Feeder<'a> {
    settings: &'a SeedSettings,
    from: Position,
    sender: mpsc::Sender<Batch>,
    batch: Vec<Entry>,
    read: u64,
    /// Rows of the inputs before this one.
    rows_before: u64,
    /// The last row of this one so far.
    row: u64,
    progress: source::Progress,
}

/// The reading is over: enough was taken, or the run has ended.
struct Enough;

impl Feeder<'_> {
    /// Whether a row is to be taken. `line` counts from 1 in its own input.
    fn wants(&mut self, line: u64) -> Result<bool, Enough> {
        self.row = self.rows_before + line;
        if self.row <= self.from.row {
            return Ok(false);
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

    /// The entries of one row. They are handed over together: a job that goes on begins behind the last row that it has.
    fn feed_row(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<(), Enough> {
        let before = self.batch.len();
        self.batch.extend(entries);
        self.read += (self.batch.len() - before) as u64;
        let full = self.settings.limit.is_some_and(|limit| self.read >= limit);
        if full || self.batch.len() >= BATCH {
            self.hand_over()?;
        }
        if full { Err(Enough) } else { Ok(()) }
    }

    /// A slow pipe's lines are handed over as they come.
    fn hand_over(&mut self) -> Result<(), Enough> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let entries = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        let estimate = self.progress.estimate(self.read);
        self.sender
            .blocking_send(Batch {
                entries,
                read: self.read,
                last_row: self.row,
                estimate,
            })
            .map_err(|_| Enough)
    }
}

fn read(settings: &SeedSettings, from: Position, sender: mpsc::Sender<Batch>) -> Result<()> {
    let progress = source::Progress::new(&settings.sources);
    let mut feeder = Feeder {
        settings,
        from,
        sender,
        batch: Vec::with_capacity(BATCH),
        read: from.taken,
        rows_before: 0,
        row: 0,
        progress,
    };
    let mut maker = Maker::default();
    if settings.limit.is_some_and(|limit| from.taken >= limit) {
        return Ok(());
    }
    for source in &settings.sources {
        // To open a pipe may mean to wait for who writes to it.
        if feeder.hand_over().is_err() {
            break;
        }
        let ended = match source {
            Source::Urls(urls) => text::arguments(urls, &mut maker, &mut feeder),
            Source::File(_) | Source::Stdin => source::read(source, &mut maker, &mut feeder)?,
            Source::Failures(failures) => failures.feed(&mut maker, &mut feeder)?,
        };
        if ended.is_err() {
            break;
        }
        feeder.rows_before = feeder.row;
    }
    // The last row that is wanted may be far from a full batch. Nobody may be waiting any more: then it is not wanted.
    let _ = feeder.hand_over();
    Ok(())
}
