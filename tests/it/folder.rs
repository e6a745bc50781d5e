//! A temporary folder for a test; in the end, its files are searched for secrets, and its jobs have to have been polite.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;

use haul::audit::{Demands, Unknown, Verdict, audit};
use tempfile::TempDir;

use crate::leaks;

/// The most bytes of a compressed file that are looked at.
const UNPACKED: u64 = 64 << 20;

/// A temporary folder, deleted when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: TempDir,
    secret: &'static [&'static str],
    /// What the test does to its jobs, so that their politeness cannot be proved.
    excuse: Option<Excuse>,
}

/// Why the jobs of a test are not audited, or not all is known about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excuse {
    /// The test damages them, or has other programs write them.
    Damaged,
    /// The test makes them look like those of earlier versions, which kept no log.
    EarlierVersion,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self::with_secrets_in(&[])
    }

    /// A folder in which these files are meant to have a secret: the test writes them, or haul keeps secrets there.
    ///
    /// They are given by their names, or as `*.` and the end of their names.
    pub(crate) fn with_secrets_in(secret: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            secret,
            excuse: None,
        }
    }

    /// The same folder, whose jobs the test damages on purpose.
    pub(crate) fn with_damaged_jobs(mut self) -> Self {
        self.excuse = Some(Excuse::Damaged);
        self
    }

    /// The same folder, whose jobs the test makes look like those of earlier versions.
    pub(crate) fn with_jobs_of_earlier_versions(mut self) -> Self {
        self.excuse = Some(Excuse::EarlierVersion);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let files = files(self.path());
        if self.excuse != Some(Excuse::Damaged) {
            let jobs = files.iter().filter(|path| path.ends_with("frontier.db"));
            jobs.filter_map(|path| path.parent())
                .for_each(|job| assert_polite(job, self.excuse));
        }
        for path in files {
            let is_secret = self
                .secret
                .iter()
                .any(|name| match name.strip_prefix("*.") {
                    Some(end) => path.extension().is_some_and(|extension| extension == end),
                    None => path.ends_with(name),
                });
            let is_program = path.ends_with("haul");
            if !is_secret && !is_program {
                leaks::search(&format!("the file {}", path.display()), &bytes(&path));
            }
        }
    }
}

/// Asserts that a job kept its own limits: every job of every test is audited.
fn assert_polite(job: &Path, excuse: Option<Excuse>) {
    let mut broken = Vec::new();
    let audit = audit(job, &Demands::default(), &mut |host| {
        broken.extend((host.broken > 0).then_some(host));
        Ok(())
    });
    let audit = audit.unwrap_or_else(|error| panic!("{}: {error}", job.display()));
    let is_excused = |unknown: &Unknown| match unknown {
        // Nothing was asked for, or nothing that has a limit.
        Unknown::Requests | Unknown::Limits => true,
        Unknown::EarlierVersion => excuse == Some(Excuse::EarlierVersion),
        _ => false,
    };
    let is_fine = match audit.verdict {
        Verdict::Kept => true,
        Verdict::Broken => false,
        Verdict::NotProved => audit.unknown.iter().any(is_excused),
    };
    assert!(
        is_fine,
        "{} was not polite: {audit:?} {broken:?}",
        job.display()
    );
}

/// All files below a folder that can be read.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files(&entry.path()),
        Ok(kind) if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    let mut files: Vec<_> = below.collect();
    files.sort();
    files
}

/// What is in a file, unpacked; nothing if another user may not read it, or as far as it is whole.
fn bytes(path: &Path) -> Vec<u8> {
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    let unpacked: io::Result<Box<dyn Read>> = match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => Ok(Box::new(flate2::read::MultiGzDecoder::new(file))),
        Some("zst") => zstd::Decoder::new(file).map(|decoder| Box::new(decoder) as _),
        _ => Ok(Box::new(file)),
    };
    if let Ok(unpacked) = unpacked {
        let _ = unpacked.take(UNPACKED).read_to_end(&mut bytes); // a killed run leaves an unfinished file
    }
    bytes
}
