//! The writer: the single thread that writes all records.
//!
//! The loop sends batches and waits when the queue is full, so the backlog for the disk is bounded. Whenever the queue
//! is empty, everything written is flushed, so a reader of a pipe sees each record promptly. A record that names a
//! file is written after that file has its name. A checkpoint waits its turn in the queue: its marks cover everything
//! that was sent before it. Nothing here blocks the event loop, except dropping a writer that was not finished.
//!
//! When a sink fails, all of them are taken back to the last flush, so that every output has the same whole records,
//! and the rows of the lost records are [reported](Writer::unwritten).

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::Sinks;
use super::sinks::Marks;
use crate::error::{Error, Result};
use crate::visit::Visit;

/// The number of batches that may wait for the disk.
const BATCHES: usize = 8;
/// The most visits written without a flush: if the disk runs full, they are fetched again.
const MAX_UNFLUSHED: usize = 4096;

/// The queue to the writing thread.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Order>>,
    spent: mpsc::Receiver<Vec<Box<Visit>>>,
    /// Closed when the thread is about to end.
    ending: oneshot::Receiver<()>,
    thread: Option<JoinHandle<Result<Marks, Stopped>>>,
    /// Once a sink has failed, the rows that were sent but are in no output; `None` if unknown.
    unwritten: Option<Vec<u64>>,
    /// When the thread was last woken to flush.
    woken: Instant,
}

/// Why the thread stopped, and the rows that it did not write; `None` if unknown.
struct Stopped {
    error: Error,
    unwritten: Option<Vec<u64>>,
}

/// How often the thread is woken to flush what is due.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

enum Order {
    Write(Vec<Box<Visit>>),
    /// Nothing to write, but something written may be due for a flush.
    Flush,
    Checkpoint(oneshot::Sender<Marks>),
}

impl Writer {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(sinks: Sinks) -> Result<Self> {
        let (queue, orders) = mpsc::channel(BATCHES);
        let (back, spent) = mpsc::channel(BATCHES);
        let (end, ending) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("write".into())
            .spawn(move || {
                let outcome = run(sinks, orders, &back);
                drop(end);
                outcome
            })
            .map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            queue: Some(queue),
            spent,
            ending,
            thread: Some(thread),
            unwritten: None,
            woken: Instant::now(),
        })
    }

    /// Sends a batch to the thread, and empties it; waits while the queue is full.
    ///
    /// # Errors
    /// Why the writing thread stopped.
    pub(crate) async fn write(&mut self, batch: &mut Vec<Box<Visit>>) -> Result<()> {
        let fresh = self.spent.try_recv().unwrap_or_default();
        let full = std::mem::replace(batch, fresh);
        self.send(Order::Write(full)).await
    }

    /// Wakes the thread now and then, so that sinks write their buffers even without new records.
    pub(crate) fn tick(&mut self, now: Instant) {
        if now.duration_since(self.woken) < FLUSH_EVERY {
            return;
        }
        self.woken = now;
        if let Some(queue) = &self.queue {
            // A full queue keeps the thread awake anyway.
            let _ = queue.try_send(Order::Flush);
        }
    }

    /// Requests marks that cover everything sent so far, without waiting for them.
    ///
    /// Waits only while the queue is full. Batches sent meanwhile are written after the marks are made. The receiver
    /// gets an error if the thread stopped first: [`failure`](Self::failure) returns the reason.
    ///
    /// # Errors
    /// Why the writing thread stopped.
    pub(crate) async fn checkpoint(&mut self) -> Result<oneshot::Receiver<Marks>> {
        let (reply, marks) = oneshot::channel();
        self.send(Order::Checkpoint(reply)).await?;
        Ok(marks)
    }

    /// Returns why the writing thread stopped. Ends the thread if it is still running.
    pub(crate) async fn failure(&mut self) -> Error {
        let gone = || Error::Engine("the writing thread is gone".into());
        self.end().await.err().unwrap_or_else(gone)
    }

    /// Writes everything that waits, syncs it to disk, and ends.
    ///
    /// Returns the marks of the sinks that have one.
    ///
    /// # Errors
    /// Why the writing thread could not write everything.
    pub(crate) async fn finish(&mut self) -> Result<Marks> {
        self.end().await
    }

    /// After an error: the rows that were sent but are in no output; `None` if unknown.
    pub(crate) fn unwritten(&mut self) -> Option<Vec<u64>> {
        self.unwritten.take()
    }

    async fn send(&mut self, order: Order) -> Result<()> {
        let unsent = match &self.queue {
            Some(queue) => queue.send(order).await.err().map(|unsent| unsent.0),
            None => Some(order),
        };
        let Some(order) = unsent else {
            return Ok(());
        };
        let failure = self.failure().await;
        if let (Some(unwritten), Order::Write(batch)) = (&mut self.unwritten, order) {
            unwritten.extend(rows(&batch));
        }
        Err(failure)
    }

    async fn end(&mut self) -> Result<Marks> {
        self.queue = None;
        if self.thread.is_some() {
            // Nothing is ever sent: the channel is closed.
            let _ = (&mut self.ending).await;
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(marks))) => Ok(marks),
            Some(Ok(Err(stopped))) => {
                self.unwritten = stopped.unwritten;
                Err(stopped.error)
            }
            Some(Err(_)) => Err(Error::Engine("the writing thread panicked".into())),
            None => Err(Error::Engine("the writing thread is gone".into())),
        }
    }
}

impl Drop for Writer {
    /// Waits for the thread: another session may open the same files next.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Whoever aborted the run reports another error.
            let _ = thread.join();
        }
    }
}

fn run(
    mut sinks: Sinks,
    mut orders: mpsc::Receiver<Order>,
    spent: &mpsc::Sender<Vec<Box<Visit>>>,
) -> Result<Marks, Stopped> {
    let mut unflushed = Vec::new();
    match write_all(&mut sinks, &mut orders, spent, &mut unflushed) {
        // All records were flushed: a failure from here on loses none.
        Ok(()) => sinks.finish().map_err(|error| Stopped {
            error,
            unwritten: Some(Vec::new()),
        }),
        Err(error) => {
            orders.close();
            while let Ok(order) = orders.try_recv() {
                if let Order::Write(batch) = order {
                    unflushed.extend(rows(&batch));
                }
            }
            let unwritten = sinks.take_back().then_some(unflushed);
            Err(Stopped { error, unwritten })
        }
    }
}

fn write_all(
    sinks: &mut Sinks,
    orders: &mut mpsc::Receiver<Order>,
    spent: &mpsc::Sender<Vec<Box<Visit>>>,
    unflushed: &mut Vec<u64>,
) -> Result<()> {
    loop {
        let order = match orders.try_recv() {
            Ok(order) => Some(order),
            Err(_) => {
                sinks.flush()?;
                unflushed.clear();
                orders.blocking_recv()
            }
        };
        match order {
            Some(Order::Write(mut batch)) => {
                unflushed.extend(rows(&batch));
                sinks.write(&mut batch)?;
                if unflushed.len() >= MAX_UNFLUSHED {
                    sinks.flush()?;
                    unflushed.clear();
                }
                // If nobody takes the empty batch back, it is freed.
                let _ = spent.try_send(batch);
            }
            Some(Order::Flush) => {} // the flush happens when the queue is empty
            Some(Order::Checkpoint(reply)) => {
                // The requester may be gone; what is on disk stays there.
                let _ = reply.send(sinks.checkpoint()?);
                unflushed.clear();
            }
            None => {
                sinks.flush()?;
                unflushed.clear();
                return Ok(());
            }
        }
    }
}

fn rows(batch: &[Box<Visit>]) -> impl Iterator<Item = u64> {
    batch.iter().filter_map(|visit| visit.job.row)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::{Files, Mark, Sink, samples};
    use super::*;
    use crate::parse::Wants;

    /// Notes whether the file of each record exists, and the number of records at each mark.
    #[derive(Default)]
    struct Witness {
        seen: Arc<Mutex<Vec<bool>>>,
        /// The message that its checkpoint fails with.
        fails: Option<&'static str>,
    }

    impl Witness {
        fn mark(&self) -> Mark {
            Mark(self.seen.lock().unwrap().len().into())
        }
    }

    impl Sink for Witness {
        fn wants(&self) -> Wants {
            Wants::NOTHING
        }

        fn write(&mut self, visit: &Visit) -> Result<()> {
            let saved = visit.parsed.saved.as_ref();
            let exists = saved.is_some_and(|path| path.is_file());
            self.seen.lock().unwrap().push(exists);
            Ok(())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }

        fn checkpoint(&mut self) -> Result<Mark> {
            match self.fails {
                Some(message) => Err(Error::Setting(message.into())),
                None => Ok(self.mark()),
            }
        }

        fn finish(self: Box<Self>) -> Result<Option<Mark>> {
            Ok(Some(self.mark()))
        }
    }

    fn writer(witness: Witness, files: Option<Files>) -> Writer {
        Writer::start(Sinks {
            notices: Vec::new(),
            files: files.map(|files| ("files".into(), files)),
            records: vec![("witness".into(), Box::new(witness))],
            ..Sinks::default()
        })
        .unwrap()
    }

    fn batch(number: usize) -> Vec<Box<Visit>> {
        let url = |page| format!("http://h.example/{number}/{page}");
        (0..40)
            .map(|page| Box::new(samples::saved_from(&url(page), 200, "x")))
            .collect()
    }

    #[tokio::test]
    async fn a_record_is_written_after_the_file_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::default();
        let seen = Arc::clone(&witness.seen);
        let mut writer = writer(witness, Some(Files::open(folder.path()).unwrap()));
        for number in 0..4 {
            writer.write(&mut batch(number)).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [true; 160]);
    }

    #[tokio::test]
    async fn marks_cover_everything_sent_before_them_and_nothing_after() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let out = folder.path().join("out");
        let files = Files::with_journal(&out, super::super::Start::Over, &journal).unwrap();
        let mut writer = writer(Witness::default(), Some(files));
        let mut requested = Vec::new();
        for number in 0..4 {
            writer.write(&mut batch(number)).await.unwrap();
            requested.push(writer.checkpoint().await.unwrap());
        }
        let mut lengths = Vec::new();
        for (number, marks) in requested.into_iter().enumerate() {
            let marks = marks.await.unwrap();
            lengths.push(marks[0].1.length().unwrap());
            assert_eq!(marks[0].0, "files");
            let expected = Mark((40 * (number + 1)).into());
            assert_eq!(marks[1], ("witness".into(), expected));
        }
        assert!(lengths.is_sorted_by(|a, b| a < b), "{lengths:?}");
        let last = writer.finish().await.unwrap();
        assert_eq!(last[0].1.length(), lengths.pop());
        assert_eq!(last[1].1, Mark(160.into()));
    }

    #[tokio::test]
    async fn a_sink_that_fails_at_a_checkpoint_stops_the_writer_with_its_error() {
        let fails = Some("the disk is full");
        let witness = Witness {
            fails,
            ..Witness::default()
        };
        let seen = Arc::clone(&witness.seen);
        let mut writer = writer(witness, None);
        writer.write(&mut batch(0)).await.unwrap();
        let marks = writer.checkpoint().await.unwrap();
        assert!(marks.await.is_err());
        assert_eq!(writer.failure().await.to_string(), "the disk is full");
        assert!(writer.write(&mut batch(1)).await.is_err());
        assert!(writer.checkpoint().await.is_err());
        assert_eq!(seen.lock().unwrap().len(), 40);
    }

    #[tokio::test]
    async fn everything_sent_is_written_when_the_writer_is_dropped() {
        let witness = Witness::default();
        let seen = Arc::clone(&witness.seen);
        let mut writer = writer(witness, None);
        for number in 0..BATCHES {
            writer.write(&mut batch(number)).await.unwrap();
        }
        drop(writer);
        assert_eq!(seen.lock().unwrap().len(), 40 * BATCHES);
        assert_eq!(Arc::strong_count(&seen), 1, "the thread has ended");
    }
}
