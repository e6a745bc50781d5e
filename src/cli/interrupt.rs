//! Ctrl-C and SIGTERM: the first drains, the second aborts, the third ends the process where it stands.
//!
//! A thread of its own listens, so that an interrupt is heard even while the run's thread is busy or stuck.

use std::thread::{self, JoinHandle};

use haul::{Error, Stop};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::exit::Exit;

/// Its number on Linux, macOS and the BSDs.
const SIGXFSZ: i32 = 25;

/// Listens for interrupts until it is dropped.
#[derive(Debug)]
pub(crate) struct Interrupts {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Interrupts {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn watch(stop: Stop) -> haul::Result<Self> {
        let failed = |source: std::io::Error| Error::Setup {
            what: "the interrupt handler",
            source: source.into(),
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(failed)?;
        // Both are caught before the run starts: from here on an interrupt never tears a file.
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            let caught = |kind| signal(kind).map_err(failed);
            // A file that reaches `ulimit -f` is an error to be told (EFBIG) and not a sudden end, as on a full disk.
            drop(caught(SignalKind::from_raw(SIGXFSZ))?);
            (
                caught(SignalKind::interrupt())?,
                caught(SignalKind::terminate())?,
            )
        };
        let (end, mut ended) = oneshot::channel();
        let listen = async move {
            for heard in 1_u8.. {
                // Cancel-safe: a signal that is not received now is received later.
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = &mut ended => return,
                }
                match heard {
                    1 => stop.drain.cancel(),
                    2 => stop.abort.cancel(),
                    _ => leave(),
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
        })
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

#[expect(
    clippy::exit,
    reason = "whoever interrupts three times is not kept waiting"
)]
fn leave() {
    std::process::exit(Exit::Interrupted.code().into());
}
