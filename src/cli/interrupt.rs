//! Signals that end a run: the first drains, the second aborts, the third ends the process where it stands.
//!
//! Ctrl-C (INT), a service manager (TERM), a terminal that is gone (HUP) and Ctrl-\ (QUIT) are the same wish. A signal
//! that was ignored when haul was started stays ignored: that is what `nohup` does, and a shell with a job in the
//! background. A thread of its own listens, so that a signal is heard even while the run's thread is busy or stuck.

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

/// The signals that end a run, with the exit code that tells of each.
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
    heard: Arc<Heard>,
}

/// What was heard so far.
#[derive(Debug, Default)]
struct Heard {
    /// The place in [`SIGNALS`] of the first signal, from 1; 0 before it.
    first: AtomicU8,
    /// Whether the run is over, and nothing is left to drain.
    over: AtomicBool,
}

impl Interrupts {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn watch(stop: Stop) -> haul::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(failed)?;
        // They are caught before the run starts: from here on a signal never tears a file.
        let mut signals = {
            let _inside = runtime.enter();
            // A file that reaches `ulimit -f` is an error to be told (EFBIG) and not a sudden end, as on a full disk.
            drop(signal(SignalKind::from_raw(SIGXFSZ)).map_err(failed)?);
            Signals::catch()?
        };
        let (end, mut ended) = oneshot::channel();
        let heard = Arc::new(Heard::default());
        let noted = heard.clone();
        let listen = async move {
            for count in 1_u8.. {
                // Cancel-safe: a signal that is not received now is received later.
                let place = tokio::select! {
                    place = signals.next() => place,
                    _ = &mut ended => return,
                };
                let first = place as u8 + 1;
                // A later signal does not change which one ended the run.
                let _ = noted
                    .first
                    .compare_exchange(0, first, Ordering::SeqCst, Ordering::SeqCst);
                match count {
                    _ if noted.over.load(Ordering::SeqCst) => leave(SIGNALS[place].1),
                    1 => stop.drain.cancel(),
                    2 => stop.abort.cancel(),
                    _ => leave(SIGNALS[place].1),
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
            heard,
        })
    }

    /// The run is over: what is still written is not worth waiting for, and the next signal ends the process.
    pub(crate) fn run_is_over(&self) {
        self.heard.over.store(true, Ordering::SeqCst);
    }

    /// How a run ends that would end so: one that was interrupted says by which signal.
    pub(crate) fn tell(&self, exit: Exit) -> Exit {
        let first = usize::from(self.heard.first.load(Ordering::SeqCst));
        match (exit, first.checked_sub(1)) {
            (Exit::Interrupted, Some(place)) => SIGNALS[place].1,
            (exit, _) => exit,
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A listener that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// The signals that end a run and are not ignored, caught.
pub(super) struct Signals([Option<Signal>; 4]);

impl Signals {
    /// Catches them; call it inside a runtime.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) fn catch() -> haul::Result<Self> {
        let ignored = ignored();
        let mut caught = [const { None }; 4];
        for (place, (kind, _)) in SIGNALS.iter().enumerate() {
            let kind = kind();
            if ignored & (1 << (kind.as_raw_value() - 1)) == 0 {
                caught[place] = Some(signal(kind).map_err(failed)?);
            }
        }
        Ok(Self(caught))
    }

    /// The place of the next signal. Cancel-safe.
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

/// Never, for a signal that is ignored.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that this process was started to ignore, a bit each from the lowest. Systems without `/proc` do not say.
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

#[expect(
    clippy::exit,
    reason = "whoever interrupts three times is not kept waiting"
)]
fn leave(exit: Exit) {
    std::process::exit(exit.code().into());
}
