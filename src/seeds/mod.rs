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
use entry::Maker;
pub use failures::Failures;

/// Entries handed over at a time.
const BATCH: usize = 512;
/// Bytes of stored pages handed over at a time, but for the page that goes beyond.
const BATCH_BYTES: u64 = 1 << 20;
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
    /// The last row that an earlier session has read: it and those before it are passed over.
    pub after: u64,
    /// How many rows that session took.
    pub taken: u64,
    /// Rows that it took and left without a record: those are read again, and not passed over.
    pub again: Rows,
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
    /// The pages of an archive, which come with their jobs: nothing is asked of a network.
    Archive(PathBuf),
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

/// Records of archives that hold no page, by their kind.
pub(crate) type LeftOut = BTreeMap<&'static str, u64>;

/// The list being read.
pub(crate) struct Seeds {
    batches: mpsc::Receiver<Batch>,
    thread: Option<JoinHandle<Result<LeftOut>>>,
    left_out: LeftOut,
}

impl SeedSettings {
    /// These URLs, each asked once.
    pub fn urls<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        Self::of(vec![Source::Urls(
            urls.into_iter().map(Into::into).collect(),
        )])
    }

    /// The pages of these archives.
    pub fn stored<T: Into<PathBuf>>(archives: impl IntoIterator<Item = T>) -> Self {
        let archives = archives.into_iter().map(Into::into);
        Self::of(archives.map(Source::Archive).collect())
    }

    /// These inputs, all of them.
    pub fn of(sources: Vec<Source>) -> Self {
        Self {
            sources,
            format: ListFormat::BySuffix,
            url_column: None,
            rows: None,
            limit: None,
            after: 0,
            taken: 0,
            again: Rows::default(),
        }
    }
}

impl SeedSettings {
    /// Passes over what an earlier session has read: all up to this row, so many of them taken, but for those of `again`.
    pub(crate) fn skip(&mut self, row: u64, taken: u64, again: Rows) {
        self.after = row;
        self.taken = taken;
        self.again = again;
    }

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
                "no list format {other:?}: auto, text, csv, tsv, jsonl"
            )),
        }
    }
}

impl Seeds {
    /// Looks at the inputs, so that a missing file is told at once, and starts to read.
    ///
    /// # Errors
    /// When an input cannot be opened.
    pub(crate) fn start(settings: SeedSettings) -> Result<Self> {
        for source in &settings.sources {
            if let Source::File(path) = source {
                source::check(path, settings.format, settings.url_column.as_deref())?;
            }
        }
        let archives = stored::open(&settings)?;
        let (sender, batches) = mpsc::channel(BATCHES);
        let thread = thread::Builder::new()
            .name("read".into())
            .spawn(move || read(&settings, archives, sender))
            .map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            batches,
            thread: Some(thread),
            left_out: LeftOut::new(),
        })
    }

    /// What the archives held beside pages, once there are no more batches.
    pub(crate) fn left_out(&self) -> &LeftOut {
        &self.left_out
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
            Some(Ok(result)) => {
                self.left_out = result?;
                Ok(None)
            }
            Some(Err(_)) => Err(Error::Engine("the reading thread panicked".into())),
            None => Ok(None),
        }
    }
}

/// Hands entries over in batches, and says when nobody wants more.
struct Feeder<'a> {
    settings: &'a SeedSettings,
    sender: mpsc::Sender<Batch>,
    batch: Vec<Entry>,
    /// Bytes of the stored pages in it.
    bytes: u64,
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
        if self.row <= self.settings.after {
            return Ok(self.settings.again.contains(self.row));
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

    /// The entries of one row. They are handed over together: a job that goes on begins behind the last row that it has.
    fn feed_row(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<(), Enough> {
        let before = self.batch.len();
        self.batch.extend(entries);
        let is_new = self.row > self.settings.after;
        if is_new {
            self.read += (self.batch.len() - before) as u64;
        }
        let full = is_new && self.is_full();
        if full || self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.hand_over()?;
        }
        if full { Err(Enough) } else { Ok(()) }
    }

    /// Whether as many rows were taken as are wanted.
    fn is_full(&self) -> bool {
        self.settings.limit.is_some_and(|limit| self.read >= limit)
    }

    /// A slow pipe's lines are handed over as they come.
    fn hand_over(&mut self) -> Result<(), Enough> {
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
                last_row: self.row.max(self.settings.after),
                estimate,
            })
            .map_err(|_| Enough)
    }
}

fn read(
    settings: &SeedSettings,
    archives: Vec<Archive>,
    sender: mpsc::Sender<Batch>,
) -> Result<LeftOut> {
    let progress = source::Progress::new(&settings.sources);
    let mut feeder = Feeder {
        settings,
        sender,
        batch: Vec::with_capacity(BATCH),
        bytes: 0,
        read: settings.taken,
        rows_before: 0,
        row: 0,
        progress,
    };
    let mut maker = Maker::default();
    let (mut archives, mut left_out) = (archives.into_iter(), LeftOut::new());
    if feeder.is_full() && settings.again.is_empty() {
        return Ok(left_out);
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
            Source::Archive(_) => match archives.next() {
                Some(archive) => stored::feed(archive, &mut maker, &mut feeder, &mut left_out),
                None => Ok(()), // all of them were opened
            },
        };
        if ended.is_err() {
            break;
        }
        feeder.rows_before = feeder.row;
    }
    // The last row that is wanted may be far from a full batch. Nobody may be waiting any more: then it is not wanted.
    let _ = feeder.hand_over();
    Ok(left_out)
}
