//! A warning if standard output was closed when haul was started (`>&-`): everything written to it is lost.
//!
//! Before any code of ours runs, Rust opens `/dev/null` in place of a closed descriptor, for reading and writing. A
//! shell that redirects to `/dev/null` opens it for writing only. But Python and Node open it for both when they
//! discard output, so this is only a warning and not an error.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

/// The warning.
pub(super) const CLOSED: &str =
    "standard output is closed, so records would be lost; write to a file with -o";

/// Warns if writes to standard output are lost.
pub(crate) fn check_stdout() {
    if is_stdout_lost() {
        // If this cannot be written, there is nobody left to report it to.
        let _ = writeln!(std::io::stderr(), "haul: {CLOSED}");
    }
}

/// Whether writes to standard output are lost. If standard error is `/dev/null` too, as in a service, that is on purpose.
pub(super) fn is_stdout_lost() -> bool {
    is_replaced(std::io::stdout()) && !is_replaced(std::io::stderr())
}

fn is_replaced(file: impl AsFd) -> bool {
    let both_ways = fcntl_getfl(&file).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDWR);
    let null = std::fs::metadata("/dev/null").ok();
    let null = null.filter(|null| null.file_type().is_char_device());
    both_ways
        && fstat(&file).is_ok_and(|found| {
            FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice
                && null.is_some_and(|null| null.rdev() == found.st_rdev)
        })
}
