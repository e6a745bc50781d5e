//! Standard output that was closed when haul was started (`>&-`): what is written to it is lost.
//!
//! Before any code of ours runs, Rust opens `/dev/null` in the place of a closed descriptor, for reading and writing; a
//! shell that is told to write to `/dev/null` opens it for writing alone. That is how the two are told apart. A service
//! whose three descriptors all are `/dev/null` was given them on purpose.

use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use haul::Error;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

/// Makes sure that what is written to standard output goes somewhere.
///
/// # Errors
/// When it was closed.
pub(crate) fn check_stdout() -> haul::Result<()> {
    let is_replaced = is_replaced(std::io::stdout());
    if !is_replaced || self::is_replaced(std::io::stdin()) && self::is_replaced(std::io::stderr()) {
        return Ok(());
    }
    let problem =
        "it is closed; name a file with -o, or drop the records with -o /dev/null -f text";
    Err(Error::output(
        "standard output",
        std::io::Error::other(problem),
    ))
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
