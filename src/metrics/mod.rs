//! The figures of a run as metrics, for Prometheus: `--metrics`.
//!
//! In the text format 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>), which every collector reads.
//! Served from a thread of its own. Invariant: whatever a client does, the run neither waits for it nor pays for it:
//! once a second it leaves a copy of its figures here, and that is all.

mod server;
mod snapshot;
mod text;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use haul::{Error, Tally};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use snapshot::Snapshot;

/// How often the figures are copied.
const COPY: Duration = Duration::from_secs(1);

/// Serves metrics until it is dropped.
#[derive(Debug)]
pub(crate) struct Metrics {
    address: SocketAddr,
    latest: Arc<Mutex<Snapshot>>,
    due: Duration,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Metrics {
    /// Listens at an address; port 0 is a free one.
    ///
    /// # Errors
    /// When that is not possible.
    pub(crate) fn start(address: SocketAddr) -> haul::Result<Self> {
        let refused = |source: std::io::Error| {
            Error::Setting(format!("--metrics: cannot listen at {address}: {source}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(refused)?;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let latest = Arc::new(Mutex::new(Snapshot::of(&Tally::default())));
        let (end, ended) = oneshot::channel();
        let served = latest.clone();
        let answer = move || text::of(&locked(&served));
        let thread = thread::Builder::new()
            .name("metrics".into())
            .spawn(move || runtime.block_on(server::serve(listener, answer, ended)))
            .map_err(refused)?;
        Ok(Self {
            address,
            latest,
            due: Duration::ZERO,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// Where the metrics are.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// Copies the figures, if it is time.
    pub(crate) fn note(&mut self, tally: &Tally) {
        if tally.elapsed >= self.due {
            self.due = tally.elapsed + COPY;
            let fresh = Snapshot::of(tally);
            *locked(&self.latest) = fresh;
        }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It does not matter whether the thread panicked.
            let _ = thread.join();
        }
    }
}

/// Locks a snapshot. It is valid even after a panic, as it is only ever replaced as a whole.
fn locked(snapshot: &Mutex<Snapshot>) -> MutexGuard<'_, Snapshot> {
    snapshot.lock().unwrap_or_else(PoisonError::into_inner)
}
