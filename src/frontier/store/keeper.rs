//! The keeper: a store on a thread of its own, and the two queues to it.
//!
//! The loop sends requests without waiting; replies come back in the same order. Only the thread waits for the
//! disk.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::{Batch, Row, Store, Want};
use crate::error::{Error, Result};
use crate::url::HostKey;

/// A request to the store.
enum Ask {
    Commit(Batch),
    Lease(Want),
}

/// A reply of the store.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A batch is written.
    Committed,
    /// Waiting rows of a host; fewer than `asked` means that the store has no more.
    Leased {
        host: HostKey,
        rows: Vec<Row>,
        asked: usize,
    },
}

/// A store on a thread of its own.
#[derive(Debug)]
pub(crate) struct Keeper {
    // Unbounded by type, bounded by use: one commit, and one lease per host, at a time.
    questions: Option<mpsc::UnboundedSender<Ask>>,
    answers: mpsc::UnboundedReceiver<Result<Answer>>,
    thread: Option<JoinHandle<()>>,
    open: usize,
}

impl Keeper {
    /// Starts the thread of a store.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(mut store: impl Store + 'static) -> Result<Self> {
        let (questions, mut asked) = mpsc::unbounded_channel();
        let (answer, answers) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                while let Some(ask) = asked.blocking_recv() {
                    let answered = match ask {
                        Ask::Commit(batch) => store.commit(&batch).map(|()| Answer::Committed),
                        Ask::Lease(want) => store.lease(&want).map(|rows| Answer::Leased {
                            host: want.host,
                            rows,
                            asked: want.count,
                        }),
                    };
                    let failed = answered.is_err();
                    if answer.send(answered).is_err() || failed {
                        return;
                    }
                }
            })
            .map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            questions: Some(questions),
            answers,
            thread: Some(thread),
            open: 0,
        })
    }

    /// Requests a commit.
    pub(crate) fn commit(&mut self, batch: Batch) {
        self.ask(Ask::Commit(batch));
    }

    /// Requests rows.
    pub(crate) fn lease(&mut self, want: Want) {
        self.ask(Ask::Lease(want));
    }

    fn ask(&mut self, ask: Ask) {
        self.open += 1;
        if let Some(questions) = &self.questions {
            // If the thread is gone, its last reply says why.
            let _ = questions.send(ask);
        }
    }

    /// Whether replies are outstanding.
    pub(crate) fn is_busy(&self) -> bool {
        self.open > 0
    }

    /// The next reply. Cancel-safe.
    ///
    /// # Errors
    /// Any failure of the store.
    pub(crate) async fn next(&mut self) -> Result<Answer> {
        let answer = self.answers.recv().await;
        self.open = self.open.saturating_sub(1);
        answer.unwrap_or_else(|| Err(Error::Engine("the thread of the store is gone".into())))
    }
}

impl Drop for Keeper {
    /// Waits until all requests are done, and then lets the database close.
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a thread that panicked has nothing to report
        }
    }
}
