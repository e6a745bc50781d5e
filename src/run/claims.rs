//! The files that a run reads and writes: no output may overwrite an input or another output.
//!
//! Paths are compared by device and inode, so hard and symbolic links are seen through, and before anything is
//! opened. Two names of a file that does not exist yet are the same file too. Devices such as `/dev/null` and
//! terminals may be read and written at the same time.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The most symbolic links that are followed to a missing file; as many as Linux follows.
const LINKS: usize = 40;

/// The files and folders that a run uses.
#[derive(Debug, Default)]
pub struct Claims(Vec<Claim>);

/// One file or folder, and how it is used.
#[derive(Debug)]
struct Claim {
    /// Its name in error messages: `--output out.jsonl`.
    name: String,
    usage: Usage,
    target: Target,
}

/// How a file or folder is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    /// A file is read, or a folder with everything in it.
    Read,
    /// Files of a folder are read on request: writing other files into it does no harm.
    Serve,
    /// A file is written.
    Write,
    /// Files are written into a folder, with names that the run chooses.
    Fill,
}

/// Where a path leads: the nearest ancestor that exists, and the missing rest below it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    device: u64,
    inode: u64,
    missing: PathBuf,
    /// The absolute path with symbolic links resolved.
    path: PathBuf,
}

impl Claims {
    /// Claims a file that is read, or a folder that is read with everything in it.
    pub fn read(&mut self, name: impl Into<String>, path: &Path) {
        self.add(name.into(), Usage::Read, Target::of(path));
    }

    /// Claims a folder that is served.
    pub fn serve(&mut self, name: impl Into<String>, path: &Path) {
        self.add(name.into(), Usage::Serve, Target::of(path));
    }

    /// Claims a file that is written.
    pub fn write(&mut self, name: impl Into<String>, path: &Path) {
        self.add(name.into(), Usage::Write, Target::of(path));
    }

    /// Claims a folder that files are written into.
    pub fn fill(&mut self, name: impl Into<String>, path: &Path) {
        self.add(name.into(), Usage::Fill, Target::of(path));
    }

    /// Claims an open file that is read, such as standard input.
    pub fn read_open(&mut self, name: impl Into<String>, file: impl AsFd) {
        self.add(name.into(), Usage::Read, Target::of_open(file));
    }

    /// Claims an open file that is written, such as standard output.
    pub fn write_open(&mut self, name: impl Into<String>, file: impl AsFd) {
        self.add(name.into(), Usage::Write, Target::of_open(file));
    }

    fn add(&mut self, name: String, usage: Usage, target: Option<Target>) {
        if let Some(target) = target {
            self.0.push(Claim {
                name,
                usage,
                target,
            });
        }
    }

    /// Checks that no two claims conflict.
    ///
    /// # Errors
    /// When two do; the message names both.
    pub fn check(&self) -> Result<()> {
        for (index, one) in self.0.iter().enumerate() {
            for other in &self.0[..index] {
                if let Some(problem) = other.against(one) {
                    return Err(Error::Setting(problem));
                }
            }
        }
        Ok(())
    }
}

impl Claim {
    /// The conflict between two claims, if there is one.
    fn against(&self, other: &Self) -> Option<String> {
        let (one, two) = (&self.name, &other.name);
        let same = self.target.is(&other.target);
        match (self.usage, other.usage) {
            (Usage::Read | Usage::Serve, Usage::Read | Usage::Serve) => None,
            (Usage::Write, Usage::Write) => same
                .then(|| format!("{one} and {two} are the same file: two outputs cannot share it")),
            // A file may be written into a folder that is filled, as long as it is not the folder itself.
            (Usage::Write, Usage::Fill) | (Usage::Fill, Usage::Write) => same.then(|| {
                format!("{one} and {two} are the same path: one is a file, the other a folder")
            }),
            (Usage::Fill, Usage::Fill) => {
                same.then(|| format!("{one} and {two} are the same folder: each needs its own"))
            }
            (Usage::Write | Usage::Fill, Usage::Read | Usage::Serve) => other.against(self),
            (Usage::Serve, Usage::Write | Usage::Fill) => {
                same.then(|| format!("{two} would overwrite {one}, which is served"))
            }
            (Usage::Read, Usage::Write) => (same || other.target.is_below(&self.target))
                .then(|| format!("{two} would overwrite {one}, which is read")),
            (Usage::Read, Usage::Fill) => {
                let overlap = same
                    || other.target.is_below(&self.target)
                    || self.target.path.is_dir() && self.target.is_below(&other.target);
                overlap.then(|| format!("{two} would be written into {one}, which is read"))
            }
        }
    }
}

impl Target {
    /// Where a path leads; `None` for devices, which may be shared.
    fn of(path: &Path) -> Option<Self> {
        let mut path = std::path::absolute(path).ok()?;
        // A symbolic link to a missing file is followed too.
        for _ in 0..LINKS {
            match fs::read_link(&path) {
                Ok(target) if fs::metadata(&path).is_err() => {
                    path = path.parent()?.join(target);
                }
                _ => break,
            }
        }
        let mut missing: Vec<OsString> = Vec::new();
        let mut there = path.as_path();
        loop {
            if let Ok(metadata) = fs::metadata(there) {
                let missing: PathBuf = missing.iter().rev().collect();
                let whole = fs::canonicalize(there).unwrap_or_else(|_| there.to_owned());
                return Self::new(&metadata, whole.join(&missing), missing);
            }
            missing.push(there.file_name()?.to_owned());
            there = there.parent()?;
        }
    }

    fn of_open(file: impl AsFd) -> Option<Self> {
        let file = File::from(file.as_fd().try_clone_to_owned().ok()?);
        Self::new(&file.metadata().ok()?, PathBuf::new(), PathBuf::new())
    }

    fn new(metadata: &Metadata, path: PathBuf, missing: PathBuf) -> Option<Self> {
        let kind = metadata.file_type();
        (!kind.is_char_device() && !kind.is_socket()).then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            missing,
            path,
        })
    }

    fn is(&self, other: &Self) -> bool {
        (self.device, self.inode, &self.missing) == (other.device, other.inode, &other.missing)
    }

    /// Whether it is in a folder, at any depth.
    fn is_below(&self, folder: &Self) -> bool {
        !folder.path.as_os_str().is_empty()
            && self.path != folder.path
            && self.path.starts_with(&folder.path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn problem(make: impl FnOnce(&mut Claims)) -> Option<String> {
        let mut claims = Claims::default();
        make(&mut claims);
        claims.check().err().map(|error| error.to_string())
    }

    #[test]
    fn an_output_that_is_an_input_is_found_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("list"), "x").unwrap();
        fs::create_dir(at("sub")).unwrap();
        symlink(at("list"), at("link")).unwrap();
        symlink(folder.path(), at("round")).unwrap();
        fs::hard_link(at("list"), at("hard")).unwrap();
        for name in [
            "list",
            "link",
            "hard",
            "./list",
            "sub/../list",
            "round/list",
        ] {
            let problem = problem(|claims| {
                claims.read("--input list", &at("list"));
                claims.write("--output it", &at(name));
            });
            let expected = "--output it would overwrite --input list, which is read";
            assert_eq!(problem.as_deref(), Some(expected), "{name}");
        }
        let fine = problem(|claims| {
            claims.read("--input list", &at("list"));
            claims.read("--cacert list", &at("hard"));
            claims.write("--output", &at("other"));
            claims.fill("--output-dir", folder.path());
        });
        assert_eq!(fine, None);
    }

    #[test]
    fn two_names_of_a_file_that_is_not_there_yet_are_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("new", at("link")).unwrap();
        for (name, is_one) in [
            ("new", true),
            ("./new", true),
            ("link", true),
            ("new2", false),
            ("new/new", false),
        ] {
            let problem = problem(|claims| {
                claims.write("--output", &at("new"));
                claims.write("--report", &at(name));
            });
            assert_eq!(problem.is_some(), is_one, "{name}: {problem:?}");
        }
    }

    #[test]
    fn a_folder_that_is_read_is_not_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("pages/deep")).unwrap();
        for (name, is_wrong) in [
            ("pages", true),
            ("pages/deep", true),
            ("pages/new", true),
            ("", true),
            ("pages2", false),
        ] {
            let problem = problem(|claims| {
                claims.read("--from", &at("pages"));
                claims.fill("--output-dir", &at(name));
            });
            assert_eq!(problem.is_some(), is_wrong, "{name}: {problem:?}");
        }
        let inside = problem(|claims| {
            claims.read("--from", &at("pages"));
            claims.write("--output", &at("pages/out.jsonl"));
        });
        assert!(inside.is_some());
        let beside = problem(|claims| {
            claims.serve("--serve", &at("pages"));
            claims.write("--output", &at("pages/out.jsonl"));
        });
        assert_eq!(beside, None);
    }

    #[test]
    fn devices_may_be_read_and_written() {
        let fine = problem(|claims| {
            claims.read("--input", Path::new("/dev/null"));
            claims.write("--output", Path::new("/dev/null"));
            claims.write("--report", Path::new("/dev/null"));
        });
        assert_eq!(fine, None);
    }
}
