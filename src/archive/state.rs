//! The state of an archive as one line, which changes whenever the archive does.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use xxhash_rust::xxh3::Xxh3Default;

use super::{folder, series};
use crate::error::{Error, Result};
use crate::text::moment;

/// The totals of an archive's files.
struct Count {
    files: u64,
    bytes: u64,
    changed: SystemTime,
    /// A hash of the name, size and modification time of each file.
    sum: Xxh3Default,
}

/// Returns the state of an archive: its file count, size, last modification, and a hash.
///
/// # Errors
/// When it does not exist, or cannot be read.
pub(crate) fn state(path: &Path) -> Result<String> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut count = Count {
        files: 0,
        bytes: 0,
        changed: SystemTime::UNIX_EPOCH,
        sum: Xxh3Default::new(),
    };
    count.all(path).map_err(unreadable)?;
    Ok(format!(
        "{}: {} files of {} bytes, the last of {}, {:016x}",
        path.display(),
        count.files,
        count.bytes,
        moment::to_second(count.changed),
        count.sum.digest()
    ))
}

impl Count {
    fn all(&mut self, path: &Path) -> io::Result<()> {
        if !fs::metadata(path)?.is_dir() {
            let mut numbers = 0..=series::last(path, 0);
            return numbers.try_for_each(|number| self.add(&series::numbered(path, number)));
        }
        match folder::archives(path)? {
            files if files.is_empty() => folder::files(path, &mut |file| self.add(file)),
            files => files.iter().try_for_each(|file| self.add(file)),
        }
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let found = fs::metadata(path)?;
        let changed = found.modified()?;
        let since = changed.duration_since(SystemTime::UNIX_EPOCH);
        self.files += 1;
        self.bytes += found.len();
        self.changed = self.changed.max(changed);
        self.sum.update(path.as_os_str().as_encoded_bytes());
        self.sum.update(&found.len().to_le_bytes());
        self.sum
            .update(&since.unwrap_or_default().as_nanos().to_le_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_added_changed_or_touched_makes_another_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let mut states = vec![state(&path).unwrap()];
        fs::create_dir(path.join("h.example")).unwrap();
        fs::write(path.join("h.example/a.html"), "a").unwrap();
        states.push(state(&path).unwrap());
        assert_eq!(state(&path).unwrap(), states[1]);
        fs::write(path.join("h.example/a.html"), "ab").unwrap();
        states.push(state(&path).unwrap());
        let file = fs::OpenOptions::new()
            .write(true)
            .open(path.join("h.example/a.html"))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        states.push(state(&path).unwrap());
        fs::write(path.join("pages.warc"), "").unwrap();
        states.push(state(&path).unwrap());
        fs::write(path.join("pages-00001.warc"), "").unwrap();
        states.push(state(&path).unwrap());
        states.push(state(&path.join("pages.warc")).unwrap());
        let mut told = states.clone();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), states.len(), "{states:#?}");
    }
}
