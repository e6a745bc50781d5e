//! The writer: the one thread that all records go through.
//!
//! The loop hands batches over and waits when the queue is full: what waits for the disk is bounded. While nothing
//! waits, what was written is flushed, so a reader of a pipe sees each record when it is there.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::{Files, Sink};
use crate::error::{Error, Result};
use crate::visit::Visit;

/// Batches that may wait for the disk.
const BATCHES: usize = 64;

/// The queue to the writing thread.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Vec<Box<Visit>>>>,
    spent: mpsc::Receiver<Vec<Box<Visit>>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Writer {
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(sinks: Vec<Box<dyn Sink>>, files: Option<Files>) -> Result<Self> {
        let (queue, batches) = mpsc::channel(BATCHES);
        let (back, spent) = mpsc::channel(BATCHES);
        let thread = thread::Builder::new()
            .name("write".into())
            .spawn(move || run(sinks, files, batches, &back))
            .map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            queue: Some(queue),
            spent,
            thread: Some(thread),
        })
    }

    /// Hands a batch over, and empties it; waits while the queue is full.
    ///
    /// # Errors
    /// Why the writing thread stopped.
    pub(crate) async fn write(&mut self, batch: &mut Vec<Box<Visit>>) -> Result<()> {
        let fresh = self.spent.try_recv().unwrap_or_default();
        let full = std::mem::replace(batch, fresh);
        let sent = match &self.queue {
            Some(queue) => queue.send(full).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { self.join() }
    }

    /// Writes what waits, and ends.
    ///
    /// # Errors
    /// Why the writing thread could not write everything.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.queue = None;
        self.join()
    }

    fn join(&mut self) -> Result<()> {
        self.queue = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::Engine("the writing thread panicked".into())),
            None => Ok(()),
        }
    }
}

fn run(
    mut sinks: Vec<Box<dyn Sink>>,
    mut files: Option<Files>,
    mut batches: mpsc::Receiver<Vec<Box<Visit>>>,
    spent: &mpsc::Sender<Vec<Box<Visit>>>,
) -> Result<()> {
    loop {
        let batch = match batches.try_recv() {
            Ok(batch) => Some(batch),
            Err(_) => {
                for sink in &mut sinks {
                    sink.flush()?;
                }
                batches.blocking_recv()
            }
        };
        let Some(mut batch) = batch else { break };
        for mut visit in batch.drain(..) {
            if let Some(files) = &mut files {
                files.save(&mut visit)?;
            }
            for sink in &mut sinks {
                sink.write(&visit)?;
            }
        }
        // Nobody may want the empty batch back; then it is freed.
        let _ = spent.try_send(batch);
    }
    for sink in sinks {
        sink.finish()?;
    }
    Ok(())
}
