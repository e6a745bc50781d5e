//! Waiting for the readers of named pipes.
//!
//! A run starts when every pipe that it writes to has a reader.
//! Opening a pipe without a reader blocks in the system, where no signal ends it. So a run polls for a reader, and can
//! be stopped meanwhile.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::run::stop::Stop;
use crate::sink::SinkSettings;

/// How often to check for a reader.
const EVERY: Duration = Duration::from_millis(50);

/// Waits until every pipe among the outputs has a reader.
///
/// Returns the open pipes, to be kept until the outputs are open, so that a reader sees no end of file in between;
/// `None` if the run was stopped first.
///
/// # Errors
/// When one cannot be written.
pub(super) async fn with_readers(sinks: &[SinkSettings], stop: &Stop) -> Result<Option<Vec<File>>> {
    let mut pipes = Vec::new();
    for sink in sinks {
        let Some(path) = sink.destination.path() else {
            continue;
        };
        if !path
            .metadata()
            .is_ok_and(|found| found.file_type().is_fifo())
        {
            continue;
        }
        loop {
            match without_waiting(path) {
                Ok(pipe) => {
                    pipes.push(pipe);
                    break;
                }
                Err(error) if error.raw_os_error() == Some(NO_READER) => {}
                Err(source) => return Err(Error::output(path, source)),
            }
            tokio::select! {
                () = stop.drain.cancelled() => return Ok(None),
                () = stop.abort.cancelled() => return Ok(None),
                () = sleep(EVERY) => {}
            }
        }
    }
    Ok(Some(pipes))
}

/// The error number of the system for a pipe without a reader.
const NO_READER: i32 = rustix::io::Errno::NXIO.raw_os_error();

fn without_waiting(path: &Path) -> std::io::Result<File> {
    let at_once = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    OpenOptions::new()
        .write(true)
        .custom_flags(at_once)
        .open(path)
}
