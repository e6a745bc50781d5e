//! A store on a thread of its own, and the two queues to it.
//!
//! The loop sends requests without waiting; replies come back in the same order. Only the thread waits for the
//! disk.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::{Batch, Row, Store, Want};
use crate::error::{Error, Result};
use crate::url::HostKey;

/// A request to the store.
enum StoreRequest {
    Commit(Box<Batch>),
    Lease(Want),
}

/// A reply of the store.
#[derive(Debug)]
pub(crate) enum StoreReply {
    /// A batch is written.
    Committed,
    /// Waiting rows of a host; fewer than `wanted` means that no more were committed.
    Leased {
        host: HostKey,
        rows: Vec<Row>,
        wanted: usize,
    },
}

/// A store on a thread of its own.
#[derive(Debug)]
pub(crate) struct StoreThread {
    // Unbounded by type, bounded by use: one commit, and one lease per host, at a time.
    requests: Option<mpsc::UnboundedSender<StoreRequest>>,
    replies: mpsc::UnboundedReceiver<Result<StoreReply>>,
    thread: Option<JoinHandle<()>>,
    outstanding: usize,
}

impl StoreThread {
    /// Starts the thread of a store.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(mut store: impl Store + 'static) -> Result<Self> {
        let (requests, mut received) = mpsc::unbounded_channel();
        let (sender, replies) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                while let Some(request) = received.blocking_recv() {
                    let reply = match request {
                        StoreRequest::Commit(batch) => {
                            store.commit(&batch).map(|()| StoreReply::Committed)
                        }
                        StoreRequest::Lease(want) => {
                            store.lease(&want).map(|rows| StoreReply::Leased {
                                host: want.host,
                                rows,
                                wanted: want.count,
                            })
                        }
                    };
                    let failed = reply.is_err();
                    if sender.send(reply).is_err() || failed {
                        return;
                    }
                }
            })
            .map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            requests: Some(requests),
            replies,
            thread: Some(thread),
            outstanding: 0,
        })
    }

    /// Requests a commit.
    pub(crate) fn commit(&mut self, batch: Batch) {
        self.request(StoreRequest::Commit(Box::new(batch)));
    }

    /// Requests rows.
    pub(crate) fn lease(&mut self, want: Want) {
        self.request(StoreRequest::Lease(want));
    }

    fn request(&mut self, request: StoreRequest) {
        self.outstanding += 1;
        if let Some(requests) = &self.requests {
            // If the thread is gone, its last reply says why.
            let _ = requests.send(request);
        }
    }

    /// Whether replies are outstanding.
    pub(crate) fn is_busy(&self) -> bool {
        self.outstanding > 0
    }

    /// The next reply. Cancel-safe.
    ///
    /// # Errors
    /// Any failure of the store.
    pub(crate) async fn next(&mut self) -> Result<StoreReply> {
        let reply = self.replies.recv().await;
        self.outstanding = self.outstanding.saturating_sub(1);
        reply.unwrap_or_else(|| Err(Error::Engine("the thread of the store is gone".into())))
    }
}

impl Drop for StoreThread {
    /// Waits until all requests are done, and then lets the database close.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a thread that panicked has nothing to report
        }
    }
}
