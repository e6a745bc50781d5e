//! The keeper: a store on a thread of its own, and the two queues to it.
//!
//! The loop asks and goes on; answers come in the order of the questions. Nothing here waits for a disk but the thread.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::{Batch, Row, Store, Want};
use crate::error::{Error, Result};
use crate::url::HostKey;

/// A question to the store.
enum Ask {
    Commit(Batch),
    Lease(Want),
}

/// What the store answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A batch is in.
    Committed,
    /// Rows of a host that wait: all that it has where there are fewer than were asked for.
    Leased {
        host: HostKey,
        rows: Vec<Row>,
        asked: usize,
    },
}

/// A store on a thread of its own.
#[derive(Debug)]
pub(crate) struct Keeper {
    // Unbounded by type, bounded by use: one commit and one lease for each host at a time.
    questions: Option<mpsc::UnboundedSender<Ask>>,
    answers: mpsc::UnboundedReceiver<Result<Answer>>,
    thread: Option<JoinHandle<()>>,
    open: usize,
}

impl Keeper {
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

    /// Asks for a commit.
    pub(crate) fn commit(&mut self, batch: Batch) {
        self.ask(Ask::Commit(batch));
    }

    /// Asks for rows.
    pub(crate) fn lease(&mut self, want: Want) {
        self.ask(Ask::Lease(want));
    }

    fn ask(&mut self, ask: Ask) {
        self.open += 1;
        if let Some(questions) = &self.questions {
            // A thread that is gone has said why: the next answer tells.
            let _ = questions.send(ask);
        }
    }

    /// Whether answers are due.
    pub(crate) fn is_busy(&self) -> bool {
        self.open > 0
    }

    /// The next answer. Cancel-safe.
    ///
    /// # Errors
    /// Why the store failed.
    pub(crate) async fn next(&mut self) -> Result<Answer> {
        let answer = self.answers.recv().await;
        self.open = self.open.saturating_sub(1);
        answer.unwrap_or_else(|| Err(Error::Engine("the thread of the store is gone".into())))
    }
}

impl Drop for Keeper {
    /// What was asked is done before the database is closed.
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // one that panicked has nothing more to say
        }
    }
}
