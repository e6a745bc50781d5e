//! Signals that end a run: the first drains it, the second aborts it, the third exits the process at once.
//!
//! Ctrl-C (INT), a service manager (TERM), a closed terminal (HUP) and Ctrl-\ (QUIT) all mean the same. A signal that
//! was ignored when haul was started stays ignored: `nohup` relies on that, and so do shells with background jobs. A
//! separate thread listens, so that signals are handled even while the run's thread is busy or stuck.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, JoinHandle};

use haul::{Error, Stop};
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::exit::Exit;

/// Its number on Linux, macOS and the BSDs.
const SIGXFSZ: i32 = 25;

/// The signals that end a run, each with its exit code.
const SIGNALS: [(fn() -> SignalKind, Exit); 4] = [
    (SignalKind::interrupt, Exit::Interrupted),
    (SignalKind::terminate, Exit::Terminated),
    (SignalKind::hangup, Exit::HungUp),
    (SignalKind::quit, Exit::Quit),
];

/// Listens for signals until it is dropped.
#[derive(Debug)]
pub(crate) struct Interrupts {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// The state that the listening thread shares.
#[derive(Debug, Default)]
struct Shared {
    /// The index in [`SIGNALS`] of the first signal, plus 1; 0 before it.
    first: AtomicU8,
    /// Whether the run is over, so that there is nothing left to drain.
    over: AtomicBool,
}

impl Interrupts {
    /// Starts the thread that listens.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn watch(stop: Stop) -> haul::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(failed)?;
        // Signals are caught before the run starts: from here on, none can leave a half-written file.
        let mut signals = {
            let _inside = runtime.enter();
            // A file that reaches `ulimit -f` becomes an error (EFBIG), as on a full disk, and does not kill the
            // process.
            drop(signal(SignalKind::from_raw(SIGXFSZ)).map_err(failed)?);
            Signals::catch()?
        };
        let (end, mut ended) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let listener = shared.clone();
        let listen = async move {
            for count in 1_u8.. {
                // Cancel-safe: a signal that is not received now is received later.
                let index = tokio::select! {
                    index = signals.next() => index,
                    _ = &mut ended => return,
                };
                let first = index as u8 + 1;
                // Only the first signal counts as the one that ended the run.
                let _ =
                    listener
                        .first
                        .compare_exchange(0, first, Ordering::SeqCst, Ordering::SeqCst);
                match count {
                    _ if listener.over.load(Ordering::SeqCst) => leave(SIGNALS[index].1),
                    1 => stop.drain.cancel(),
                    2 => stop.abort.cancel(),
                    _ => leave(SIGNALS[index].1),
                }
            }
        };
        let thread = thread::Builder::new()
            .name("interrupts".into())
            .spawn(move || runtime.block_on(listen))
            .map_err(failed)?;
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
            shared,
        })
    }

    /// Notes that the run is over: from now on, the next signal exits the process, whatever is still being written.
    pub(crate) fn run_is_over(&self) {
        self.shared.over.store(true, Ordering::SeqCst);
    }

    /// The final exit code: that of the signal, if the run was interrupted.
    pub(crate) fn final_exit(&self, exit: Exit) -> Exit {
        let first = usize::from(self.shared.first.load(Ordering::SeqCst));
        match (exit, first.checked_sub(1)) {
            (Exit::Interrupted, Some(index)) => SIGNALS[index].1,
            (exit, _) => exit,
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It does not matter whether the listener panicked.
            let _ = thread.join();
        }
    }
}

/// Streams of the signals that end a run; `None` for those that are ignored.
pub(super) struct Signals([Option<Signal>; 4]);

impl Signals {
    /// Starts to catch the signals; has to be called inside a runtime.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) fn catch() -> haul::Result<Self> {
        let ignored = ignored();
        let mut caught = [const { None }; 4];
        for (index, (kind, _)) in SIGNALS.iter().enumerate() {
            let kind = kind();
            if ignored & (1 << (kind.as_raw_value() - 1)) == 0 {
                caught[index] = Some(signal(kind).map_err(failed)?);
            }
        }
        Ok(Self(caught))
    }

    /// Waits for the next signal, and returns its index in [`SIGNALS`]. Cancel-safe.
    pub(super) async fn next(&mut self) -> usize {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        tokio::select! {
            () = received(interrupt) => 0,
            () = received(terminate) => 1,
            () = received(hangup) => 2,
            () = received(quit) => 3,
        }
    }
}

/// Waits for a signal; forever if it is ignored.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that this process was started to ignore. One bit each from the lowest; 0 on systems without `/proc`.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

fn failed(source: std::io::Error) -> Error {
    Error::Setup {
        what: "the interrupt handler",
        source: source.into(),
    }
}

#[expect(clippy::exit, reason = "a third interrupt ends the process at once")]
fn leave(exit: Exit) {
    std::process::exit(exit.code().into());
}
