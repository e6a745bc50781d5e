//! Locks on files: one haul at a time.
//!
//! A lock is the system's own (`flock`): it ends with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// How long a lock may outlive its owner: a child process that is just being started has a copy of every descriptor until
/// its program is loaded, the lock's among them.
const PATIENCE: Duration = Duration::from_millis(500);

/// Locks a file for as long as it is open. Answers whether that could be done: otherwise another process has it.
///
/// # Errors
/// What the system said.
pub(crate) fn lock(file: &File) -> io::Result<bool> {
    let patient_until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < patient_until => {
                std::thread::sleep(PATIENCE / 50);
            }
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
}

/// Whether this says that a file system has no locks.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let no_locks = Some(rustix::io::Errno::NOLCK.raw_os_error());
    matches!(
        error.kind(),
        ErrorKind::Unsupported | ErrorKind::InvalidInput
    ) || error.raw_os_error() == no_locks
}
