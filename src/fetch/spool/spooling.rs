//! Bodies that are written to files by threads that may wait for the disk.

use std::io;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::file::SpoolFile;
use crate::page::body::Spool;

/// The most chunks of a download that may wait for the disk.
const CHUNKS_WAITING: usize = 32;

/// A body that is written to a file by a thread that may wait for the disk.
pub(crate) struct Spooling {
    chunks: mpsc::Sender<Chunk>,
    thread: JoinHandle<io::Result<Option<Spool>>>,
}

enum Chunk {
    Bytes(Bytes),
    End,
}

impl Spooling {
    /// Starts writing to the file that `open` opens, on a thread of the runtime's blocking pool.
    pub(crate) fn start(open: impl FnOnce() -> io::Result<SpoolFile> + Send + 'static) -> Self {
        let (chunks, mut waiting) = mpsc::channel(CHUNKS_WAITING);
        let thread = tokio::task::spawn_blocking(move || {
            let mut file = open()?;
            while let Some(chunk) = waiting.blocking_recv() {
                match chunk {
                    Chunk::Bytes(bytes) => file.write(&bytes)?,
                    Chunk::End => return Ok(file.finish()),
                }
            }
            Err(io::Error::other("given up"))
        });
        Self { chunks, thread }
    }

    /// Sends a chunk to the thread, and waits while the disk is behind.
    ///
    /// The reason of a failure is in [`finish`](Self::finish).
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), ()> {
        self.chunks.send(Chunk::Bytes(bytes)).await.map_err(drop)
    }

    /// Completes the body after its last chunk. Returns its file, unless it is a segment.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(crate) async fn finish(self) -> io::Result<Option<Spool>> {
        // If the thread is gone, the error comes from the next line.
        let _ = self.chunks.send(Chunk::End).await;
        self.thread.await.map_err(io::Error::other)?
    }

    /// Gives the body up: waits until the chunks so far are in the file, and closes it.
    pub(crate) async fn give_up(self) {
        drop(self.chunks);
        // A file that could not be written is not resumed, so its error does not matter.
        let _ = self.thread.await;
    }
}
