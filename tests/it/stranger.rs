//! A server that nobody here wrote, for one test: nginx, Apache, tinyproxy, squid.
//!
//! Its log is complete only when it has ended by itself: each of them writes the line of a request after its response.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{iter, thread};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, with its files in a temporary folder. Dropping it ends it.
pub(crate) struct Stranger {
    child: Child,
    folder: TempDir,
    /// The signal on which it finishes what it is doing, logs it, and ends.
    ends_on: Signal,
}

impl Stranger {
    /// Starts a server, which is up as soon as something listens on this port.
    pub(crate) fn start(
        folder: TempDir,
        command: &mut Command,
        port: u16,
        ends_on: Signal,
    ) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the server does not start", || {
            assert_eq!(child.try_wait().unwrap(), None, "{command:?} ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            child,
            folder,
            ends_on,
        }
    }

    /// The path of one of its files.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of its log `access.log`, after it has ended.
    pub(crate) fn log(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), self.ends_on).unwrap();
        wait_until("the server does not end", || {
            self.child.try_wait().unwrap().is_some()
        });
        let log = fs::read_to_string(self.file("access.log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Not killed outright: Apache ends its children.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// Waits until something is true of another process.
pub(crate) fn wait_until(otherwise: &str, mut is_true: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < PATIENCE, "{otherwise}");
        thread::yield_now();
    }
}

/// A folder for a server, which is not searched for secrets: it may know some.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Ports for a server that cannot be told to choose its own.
///
/// They are below those that Linux gives to whoever asks for port 0, and this process uses each once: a port that was
/// only free a moment ago may belong to another test's server when this one starts.
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    static USED: AtomicU32 = AtomicU32::new(0);
    // Other processes that run tests begin elsewhere.
    let start = process::id().wrapping_mul(997);
    let numbers = iter::repeat_with(|| start.wrapping_add(USED.fetch_add(1, Ordering::Relaxed)));
    let ports = numbers.map(|number| u16::try_from(FIRST + number % COUNT).unwrap());
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.filter(is_free).take(count).collect()
}

/// An address at which nobody listens, nor will as long as the tests run.
pub(crate) fn nobody() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_ports(1)[0]))
}
