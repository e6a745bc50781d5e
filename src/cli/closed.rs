//! Standard output that was closed when haul was started (`>&-`): what is written to it is lost.
//!
//! Before any code of ours runs, Rust opens `/dev/null` in the place of a closed descriptor, for reading and writing; a
//! shell that is told to write to `/dev/null` opens it for writing alone. But Python's and Node's own way of dropping output
//! opens it for both, too, so this cannot be an error: it is a warning.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

/// Warns when what is written to standard output is lost. A service whose three descriptors all are `/dev/null` was given
/// them on purpose.
pub(crate) fn check_stdout() {
    if is_replaced(std::io::stdout()) && !is_replaced(std::io::stderr()) {
        // Nobody is left to be told when this cannot be written.
        let _ = std::io::stderr().write_all(
            b"haul: standard output is closed, so records would be lost; write to a file with -o\n",
        );
    }
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
