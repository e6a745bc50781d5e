//! Reading and writing files of cookies.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::jar::Jar;
use super::netscape;
use crate::error::{Error, Result};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 32 << 20;

/// The cookies of a file, and when it was last written.
#[derive(Debug)]
pub(crate) struct CookieFile {
    path: PathBuf,
    parsed: netscape::Parsed,
    pub(crate) changed: Option<SystemTime>,
}

impl CookieFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or is not a file of cookies; the message has the number of the line.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let wrong = |problem: String| {
            Error::Setting(format!("the cookie file {}: {problem}", path.display()))
        };
        let unreadable = |error: io::Error| wrong(error.to_string());
        let file = File::open(path).map_err(unreadable)?;
        let changed = file.metadata().and_then(|about| about.modified()).ok();
        let mut text = Vec::new();
        file.take(LARGEST + 1)
            .read_to_end(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > LARGEST {
            return Err(wrong(format!("longer than {} MiB", LARGEST >> 20)));
        }
        Ok(Self {
            path: path.to_owned(),
            parsed: netscape::parse(&text).map_err(wrong)?,
            changed,
        })
    }

    /// Puts the cookies into a jar. Returns a message if some were left out.
    pub(crate) fn pour(self, jar: &mut Jar, now: i64) -> Option<String> {
        let all = self.parsed.cookies.len() + self.parsed.refused;
        let crowded = jar.put(self.parsed.cookies, now);
        let left_out = self.parsed.refused + crowded;
        (left_out > 0).then(|| {
            format!(
                "{left_out} of the {all} cookies in {} were left out: they are longer than 4096 bytes, for a public \
                 suffix, or too many",
                self.path.display()
            )
        })
    }
}

/// Checks that a file of cookies can be written at the end of a run.
///
/// # Errors
/// When it cannot.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() && !path.is_file() {
        let problem = io::Error::other("it exists and is not a file");
        return Err(Error::output(path, problem));
    }
    draft(path).map(drop)
}

/// Writes the cookies of a jar to a file, which only its owner can read.
///
/// # Errors
/// When it cannot be written; then the file that was there before is unchanged.
pub(crate) fn write(jar: &Jar, path: &Path, now: i64) -> Result<()> {
    let failed = |source| Error::output(path, source);
    let mut draft = draft(path)?;
    draft
        .write_all(&netscape::text_of(jar.cookies(now)))
        .and_then(|()| draft.as_file().sync_all())
        .map_err(failed)?;
    draft.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file next to the one to be written, which only its owner can read.
fn draft(path: &Path) -> Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".haul-cookies-")
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(|source| Error::output(path, source))
}
