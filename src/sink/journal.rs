//! The names given to files, in order: what a job must know about them to be resumed.
//!
//! A line is written before the file that it names, and even before the bytes of that file: so whenever the process is
//! killed, no file exists that the journal does not list. Its mark is its length. A resumed job removes the files that
//! were named after the mark, and treats the names before it as used. A run without a job has no journal.
//!
//! A line is the fingerprint of the URL that owns the name, as in [`Names`], and the path. The first line has the seed
//! of the fingerprints.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::growing::GrowingFile;
use super::mark::{Mark, Start};
use super::names::Names;
use crate::error::{Error, NotAsLeft, Result};

/// The start of the first line; the number is the version of the format.
const FIRST_LINE: &str = "haul files 1 ";
/// The longest line, in bytes; a path has fewer than 1,500.
const MAX_LINE: u64 = 4096;

/// The journal of the names given to files.
pub(super) struct Journal {
    file: GrowingFile,
    line: String,
}

/// The names that an earlier session gave.
pub(super) struct EarlierNames {
    /// The names that were given before the mark.
    pub(super) names: Names,
    /// The paths that were given only after the mark.
    pub(super) late: BTreeSet<String>,
}

impl Journal {
    /// Starts the journal, or resumes it: lines after the mark are cut off.
    ///
    /// # Errors
    /// When it cannot be written, or does not match its mark.
    pub(super) fn open(path: &Path, start: Start<'_>, names: &Names) -> Result<Self> {
        let mut file = GrowingFile::open(path, false, start)?;
        if file.is_empty() {
            file.write(format!("{FIRST_LINE}{:016x}\n", names.seed()).as_bytes())?;
        }
        Ok(Self {
            file,
            line: String::new(),
        })
    }

    /// Records that a name is about to be used.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn note(&mut self, owner: u64, path: &str) -> Result<()> {
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = writeln!(self.line, "{owner:016x} {path}");
        self.file.write(self.line.as_bytes())
    }

    /// Waits until the whole journal is on disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn checkpoint(&mut self) -> Result<Mark> {
        self.file.checkpoint()
    }
}

impl EarlierNames {
    /// Reads the journal without changing anything.
    ///
    /// # Errors
    /// When the journal cannot be read, or does not match its mark.
    pub(super) fn read(path: &Path, start: Start<'_>) -> Result<Self> {
        let mark = match start {
            Start::Fresh => return Ok(Self::empty()),
            Start::Over => 0,
            Start::At(mark) => GrowingFile::check(path, mark)?,
        };
        match File::open(path) {
            Ok(file) => Self::from_file(file, mark),
            Err(error) if mark == 0 && error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::empty());
            }
            Err(error) => Err(error),
        }
        .map_err(|source| Error::output(path, source))
    }

    fn empty() -> Self {
        Self {
            names: Names::new(),
            late: BTreeSet::new(),
        }
    }

    fn from_file(file: File, mark: u64) -> io::Result<Self> {
        // Lines after the mark come first: names that were also given before it are removed again below.
        let mut earlier = Self::empty();
        let mut lines = Lines::starting_at(file, mark)?;
        while lines.next()? {
            // No file was created yet for a torn line.
            if let Some((_, path)) = parse_entry(&lines.line) {
                earlier.late.insert(path.to_owned());
            }
        }
        if mark == 0 {
            return Ok(earlier);
        }
        let mut lines = Lines::starting_at(lines.into_inner(), 0)?;
        let mut number = 0;
        while lines.position < mark {
            number += 1;
            let whole = lines.next()? && lines.position <= mark;
            let line = whole.then_some(&*lines.line);
            let parsed = match number {
                1 => line
                    .and_then(parse_seed)
                    .map(|seed| earlier.names = Names::seeded(seed)),
                _ => line.and_then(parse_entry).map(|(owner, path)| {
                    earlier.names.restore(path, owner);
                    earlier.late.remove(path);
                }),
            };
            parsed.ok_or_else(|| {
                io::Error::other(NotAsLeft(format!("line {number} of it is damaged")))
            })?;
        }
        Ok(earlier)
    }
}

/// The lines of a journal, starting at a position.
struct Lines {
    file: BufReader<File>,
    /// The last line read, without its newline; empty if it was not text or had no newline.
    line: String,
    /// Position after that line.
    position: u64,
    buffer: Vec<u8>,
}

impl Lines {
    fn starting_at(mut file: File, position: u64) -> io::Result<Self> {
        io::Seek::seek(&mut file, io::SeekFrom::Start(position))?;
        Ok(Self {
            file: BufReader::with_capacity(1 << 16, file),
            line: String::new(),
            position,
            buffer: Vec::new(),
        })
    }

    fn into_inner(self) -> File {
        self.file.into_inner()
    }

    /// Reads the next line. Returns whether there was one.
    fn next(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        self.line.clear();
        let read = (&mut self.file)
            .take(MAX_LINE)
            .read_until(b'\n', &mut self.buffer)?;
        self.position += read as u64;
        let whole = self.buffer.strip_suffix(b"\n");
        if let Some(text) = whole.and_then(|line| std::str::from_utf8(line).ok()) {
            self.line.push_str(text);
        }
        Ok(read > 0)
    }
}

fn parse_seed(line: &str) -> Option<u64> {
    parse_hex(line.strip_prefix(FIRST_LINE)?)
}

/// Returns the owner and the path of a line. Paths that would leave the folder are rejected.
fn parse_entry(line: &str) -> Option<(u64, &str)> {
    let (owner, path) = line.split_once(' ')?;
    let is_below = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    Some((parse_hex(owner)?, path)).filter(|_| is_below)
}

fn parse_hex(digits: &str) -> Option<u64> {
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::super::samples::{saved_from, tree};
    use super::super::{Files, Mark, Start};

    /// A job that saves files.
    struct Job {
        folder: tempfile::TempDir,
    }

    impl Job {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { folder }
        }

        fn out(&self) -> PathBuf {
            self.folder.path().join("out")
        }

        fn journal(&self) -> PathBuf {
            self.folder.path().join("journal")
        }

        fn start(&self, start: Start<'_>) -> Files {
            Files::with_journal(&self.out(), start, &self.journal()).unwrap()
        }

        /// Returns the problem that keeps the job from being resumed.
        fn problem(&self, mark: &Mark) -> String {
            let files = Files::with_journal(&self.out(), Start::At(mark), &self.journal());
            let error = files.err().unwrap();
            match error {
                crate::Error::NotAsLeft { path, problem } if path == self.journal() => problem,
                other => panic!("{other}"),
            }
        }

        fn append_to_journal(&self, lines: &str) {
            let mut journal = OpenOptions::new()
                .append(true)
                .open(self.journal())
                .unwrap();
            journal.write_all(lines.as_bytes()).unwrap();
        }

        fn names(&self) -> Vec<String> {
            tree(&self.out())
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        }
    }

    /// Saves a text as the body of a URL, and returns the file's name.
    fn save(files: &mut Files, url: &str, text: &str) -> String {
        let mut visit = saved_from(&format!("http://h.localhost/{url}"), 200, text.to_owned());
        files.save(&mut visit).unwrap();
        let path = visit.parsed.saved.unwrap();
        path.file_name().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn names_before_the_mark_stay_used_and_those_after_it_are_free_again() {
        let job = Job::new();
        let mut first = job.start(Start::Over);
        assert_eq!(save(&mut first, "page.html", "1"), "page.html");
        let mark = first.checkpoint().unwrap();
        let marked = save(&mut first, "page@x.html", "2");
        assert!(marked.starts_with("page@x~"), "{marked}");
        assert_eq!(save(&mut first, "late.html", "3"), "late.html");
        assert_eq!(save(&mut first, "LATE.html", "4"), "LATE.html");
        first.commit().unwrap();
        first.abandon();
        assert_eq!(job.names().len(), 4);

        let mut second = job.start(Start::At(&mark));
        assert_eq!(job.names(), ["h.localhost/page.html"]);
        assert_eq!(save(&mut second, "LATE.html", "4"), "LATE.html");
        assert_eq!(save(&mut second, "late.html", "3"), "late.html");
        assert_eq!(save(&mut second, "page@x.html", "2"), marked);
        second.finish().unwrap();
        let bodies: Vec<String> = tree(&job.out()).into_iter().map(|(_, text)| text).collect();
        assert_eq!(bodies, ["4", "3", "1", "2"]);
    }

    #[test]
    fn a_job_without_a_mark_starts_over() {
        let job = Job::new();
        fs::create_dir_all(job.out().join("h.localhost")).unwrap();
        fs::write(job.out().join("h.localhost/older.html"), "older").unwrap();
        let mut first = job.start(Start::Over);
        save(&mut first, "a/b/c", "1");
        first.commit().unwrap();
        save(&mut first, "d/e", "2");
        first.abandon();
        assert_eq!(job.names().len(), 3);
        job.start(Start::Over).finish().unwrap();
        assert_eq!(job.names(), ["h.localhost/older.html"]);
        assert!(
            !job.out().join("h.localhost/a").exists(),
            "no empty folder remains"
        );
    }

    #[test]
    fn a_file_saved_both_before_and_after_the_mark_stays() {
        let job = Job::new();
        let mut first = job.start(Start::Over);
        save(&mut first, "a", "1");
        let mark = first.checkpoint().unwrap();
        save(&mut first, "a", "2");
        first.commit().unwrap();
        first.abandon();
        job.start(Start::At(&mark)).finish().unwrap();
        assert_eq!(
            tree(&job.out()),
            [("h.localhost/a~.html".into(), "2".into())]
        );
    }

    #[test]
    fn temporary_files_of_a_killed_session_are_removed_and_partial_downloads_stay() {
        let job = Job::new();
        let mut first = job.start(Start::Over);
        let mark = first.checkpoint().unwrap();
        for url in ["a", "b/c", "b/d/e"] {
            save(&mut first, url, "half");
        }
        first.abandon();
        for spool in [
            ".haul-0a1b2c.tmp",
            ".haul-Zz09aa",
            ".haul-0123.part",
            ".haul-0123.note",
        ] {
            fs::write(job.out().join(spool), "").unwrap();
        }
        assert_eq!(job.names().len(), 7);
        job.start(Start::At(&mark)).finish().unwrap();
        assert_eq!(job.names(), [".haul-0123.note", ".haul-0123.part"]);
    }

    #[test]
    fn temporary_files_of_another_live_run_stay() {
        let job = Job::new();
        let mark = job.start(Start::Over).checkpoint().unwrap();
        let mut other = Files::open(&job.out()).unwrap();
        save(&mut other, "theirs", "whole");
        let half = job.names();
        job.start(Start::At(&mark)).finish().unwrap();
        assert_eq!(job.names(), half);
        other.finish().unwrap();
        let whole = ("h.localhost/theirs~.html".to_owned(), "whole".to_owned());
        assert_eq!(tree(&job.out()), [whole]);
    }

    #[test]
    fn nothing_outside_the_folder_is_removed_whatever_the_journal_says() {
        let job = Job::new();
        let outside = job.folder.path().join("precious");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "precious").unwrap();
        let mark = job.start(Start::Over).checkpoint().unwrap();
        symlink(&outside, job.out().join("linked")).unwrap();
        symlink(outside.join("file"), job.out().join("link")).unwrap();
        let absolute = outside.join("file").display().to_string();
        for path in [
            "../precious/file",
            "a/../../precious/file",
            &absolute,
            "linked/file",
            "link",
            "",
            "linked",
        ] {
            job.append_to_journal(&format!("0123456789abcdef {path}\n"));
        }
        job.append_to_journal(&format!(
            "\n\0\0\n {}\nxyz\n{}\n0123",
            "0".repeat(16),
            "9".repeat(9000)
        ));
        job.start(Start::At(&mark)).finish().unwrap();
        assert_eq!(
            fs::read_to_string(job.out().join("link")).unwrap(),
            "precious"
        );
        assert_eq!(
            fs::read_to_string(job.out().join("linked/file")).unwrap(),
            "precious"
        );
    }

    #[test]
    fn a_journal_damaged_before_its_mark_is_refused_and_nothing_is_removed() {
        let job = Job::new();
        let mut first = job.start(Start::Over);
        for url in ["a", "b", "c"] {
            save(&mut first, url, "whole");
        }
        let mark = first.checkpoint().unwrap();
        save(&mut first, "late", "late");
        first.finish().unwrap();
        let whole = fs::read(job.journal()).unwrap();
        let problem_of = |journal: &[u8]| {
            fs::write(job.journal(), journal).unwrap();
            job.problem(&mark)
        };
        for (at, line) in [(0, 1), (14, 1), (31, 2), (47, 2)] {
            let mut damaged = whole.clone();
            damaged[at] = b'/';
            let expected = format!("line {line} of it is damaged");
            assert_eq!(problem_of(&damaged), expected, "byte {at}");
        }
        let short = problem_of(&whole[..60]);
        assert!(
            short.starts_with("it has 60 bytes, and the job left "),
            "{short}"
        );
        assert_eq!(job.names().len(), 4);
    }

    #[test]
    fn a_run_without_a_job_has_no_journal_and_no_mark() {
        let job = Job::new();
        let mut files = Files::open(&job.out()).unwrap();
        save(&mut files, "a", "1");
        assert!(files.checkpoint().is_err());
        assert_eq!(files.finish().unwrap(), None);
        assert!(!job.journal().exists());
    }
}
