//! The writer: the one thread that all records go through.
//!
//! The loop hands batches over and waits when the queue is full: what waits for the disk is bounded. While nothing
//! waits, what was written is flushed, so a reader of a pipe sees each record when it is there. A record that names a
//! file is written after that file has its name.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::{Files, Sink};
use crate::error::{Error, Result};
use crate::visit::Visit;

/// Batches that may wait for the disk.
const BATCHES: usize = 8;

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
                if let Some(files) = &mut files {
                    files.flush()?;
                }
                for sink in &mut sinks {
                    sink.flush()?;
                }
                batches.blocking_recv()
            }
        };
        let Some(mut batch) = batch else { break };
        if let Some(files) = &mut files {
            for visit in &mut batch {
                files.save(visit)?;
            }
            files.commit()?;
        }
        for visit in batch.drain(..) {
            for sink in &mut sinks {
                sink.write(&visit)?;
            }
        }
        // Nobody may want the empty batch back; then it is freed.
        let _ = spent.try_send(batch);
    }
    if let Some(mut files) = files {
        files.flush()?;
    }
    for sink in sinks {
        sink.finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::samples;
    use super::*;
    use crate::parse::Wants;

    /// Notes for each record whether the file that it names is there.
    struct Witness(Arc<Mutex<Vec<bool>>>);

    impl Sink for Witness {
        fn wants(&self) -> Wants {
            Wants::NOTHING
        }

        fn write(&mut self, visit: &Visit) -> Result<()> {
            let there = visit
                .parsed
                .saved
                .as_ref()
                .is_some_and(|path| path.is_file());
            self.0.lock().unwrap().push(there);
            Ok(())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_record_is_written_after_the_file_that_it_names_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Arc::default();
        let witness: Box<dyn Sink> = Box::new(Witness(Arc::clone(&seen)));
        let files = Files::open(folder.path()).unwrap();
        let mut writer = Writer::start(vec![witness], Some(files)).unwrap();
        for batch in 0..4 {
            let url = |number| format!("http://h.example/{batch}/{number}");
            let mut visits = (0..40)
                .map(|number| Box::new(samples::saved_from(&url(number), 200, "x")))
                .collect();
            writer.write(&mut visits).await.unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(*seen.lock().unwrap(), [true; 160]);
    }
}
