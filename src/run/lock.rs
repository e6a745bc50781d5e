//! Locks on files, so that only one haul uses them at a time.
//!
//! They are system locks (`flock`), which end with the process, however it ends.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// How long a lock may outlive its owner. A child process that is being started has a copy of every file descriptor,
/// including that of the lock, until its program is loaded.
const GRACE: Duration = Duration::from_millis(500);

/// Locks a file for as long as it is open. Returns false if another process has locked it.
///
/// # Errors
/// The error of the system.
pub(crate) fn lock(file: &File) -> io::Result<bool> {
    let deadline = Instant::now() + GRACE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(GRACE / 50);
            }
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
}

/// Whether an error means that the file system does not support locks.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let no_locks = Some(rustix::io::Errno::NOLCK.raw_os_error());
    matches!(
        error.kind(),
        ErrorKind::Unsupported | ErrorKind::InvalidInput
    ) || error.raw_os_error() == no_locks
}
