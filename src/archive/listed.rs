//! The list in a folder of saved pages: the URL, status and type of each file.
//!
//! Invariant: each listed file is read once, as described by its last line, and never from outside the folder.
//! Edge: files that are not listed are not read; without a list, every file is a response.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::folder;
use super::{Damage, Stored};
use crate::url::PageUrl;

/// The name of the list in its folder.
pub(crate) const LIST: &str = "index.jsonl";
/// The longest line: URLs and paths are bounded.
const LINE: u64 = 1 << 20;

/// A line of the list.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listed<'l> {
    /// The file's path within the folder.
    #[serde(borrow)]
    pub(crate) file: Cow<'l, str>,
    /// The URL that was fetched.
    #[serde(borrow)]
    pub(crate) url: Cow<'l, str>,
    /// The request method, if the list of the run named one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<Cow<'l, str>>,
    /// The status of the response.
    pub(crate) status: u16,
    /// The `Content-Type` of the response.
    #[serde(borrow)]
    pub(crate) content_type: Option<Cow<'l, str>>,
}

/// A list that is being read.
pub(super) struct List {
    root: PathBuf,
    path: PathBuf,
    lines: BufReader<File>,
    line: Vec<u8>,
    offset: u64,
    /// The offset of the last line about each file, by the hash of its name.
    ///
    /// A file that was saved again is what its last line says.
    last: HashMap<u64, u64>,
}

impl List {
    /// Opens the list of a folder, if it has one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(root: &Path) -> io::Result<Option<Self>> {
        let path = root.join(LIST);
        let mut lines = match File::open(&path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // A saved page may have the same name.
        let mut first = Vec::new();
        (&mut lines).take(LINE).read_until(b'\n', &mut first)?;
        if serde_json::from_slice::<Listed<'_>>(&first).is_err() {
            return Ok(None);
        }
        Ok(Some(Self {
            root: fs::canonicalize(root)?,
            last: last_lines(&path)?,
            lines: BufReader::new(File::open(&path)?),
            path,
            line: Vec::new(),
            offset: 0,
        }))
    }

    pub(super) fn next(&mut self) -> Option<Result<Stored, Damage>> {
        let offset = match self.line()? {
            Ok(offset) => offset,
            Err(damage) => return Some(Err(damage)),
        };
        Some(self.page(&self.line, offset))
    }

    /// The URL of the next page that was asked for as most are, and where its line begins.
    pub(super) fn next_place(&mut self) -> Option<Result<(PageUrl, u64), Damage>> {
        loop {
            let offset = match self.line()? {
                Ok(offset) => offset,
                Err(damage) => return Some(Err(damage)),
            };
            let listed: Option<Listed<'_>> = serde_json::from_slice(&self.line).ok();
            let plain = listed.filter(|listed| listed.method.as_deref().is_none_or(|m| m == "GET"));
            if let Some(url) = plain.and_then(|listed| PageUrl::parse(&listed.url).ok()) {
                return Some(Ok((url, offset)));
            }
        }
    }

    /// The page whose line begins here.
    pub(super) fn at(&self, offset: u64) -> Result<Option<Stored>, Damage> {
        let line = self.line_at(offset)?;
        self.page(&line, offset).map(Some)
    }

    /// The same without its body, and the file that has it.
    pub(super) fn head_at(&self, offset: u64) -> Result<(Stored, PathBuf), Damage> {
        let line = self.line_at(offset)?;
        let listed = self.listed(&line, offset)?;
        let found = head(&self.root, &listed);
        found.map_err(|error| self.damage(offset, format!("{}: {error}", listed.file)))
    }

    fn line_at(&self, offset: u64) -> Result<Vec<u8>, Damage> {
        let mut line = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            BufReader::new(file).take(LINE).read_until(b'\n', &mut line)
        });
        read.map_err(|error| self.damage(offset, error.to_string()))?;
        Ok(line)
    }

    /// Reads the next line that is the last one about its file. Returns the offset of the line.
    fn line(&mut self) -> Option<Result<u64, Damage>> {
        loop {
            let offset = self.offset;
            self.line.clear();
            let read = (&mut self.lines)
                .take(LINE)
                .read_until(b'\n', &mut self.line);
            match read {
                Ok(0) => return None,
                Ok(length) => self.offset += length as u64,
                Err(error) => return Some(Err(self.damage(offset, error.to_string()))),
            }
            let listed: Listed<'_> = match serde_json::from_slice(&self.line) {
                Ok(listed) => listed,
                // A killed run may have left a torn last line.
                Err(_) if !self.line.ends_with(b"\n") => return None,
                Err(error) => {
                    let problem = format!("a line that is none: {error}");
                    return Some(Err(self.damage(offset, problem)));
                }
            };
            if self.last.get(&xxh3_64(listed.file.as_bytes())) == Some(&offset) {
                return Some(Ok(offset));
            }
        }
    }

    /// The page that a line is about.
    fn page(&self, line: &[u8], offset: u64) -> Result<Stored, Damage> {
        let listed = self.listed(line, offset)?;
        let stored =
            head(&self.root, &listed).and_then(|(stored, path)| folder::with_body(stored, &path));
        stored.map_err(|error| self.damage(offset, format!("{}: {error}", listed.file)))
    }

    fn listed<'l>(&self, line: &'l [u8], offset: u64) -> Result<Listed<'l>, Damage> {
        serde_json::from_slice(line)
            .map_err(|error| self.damage(offset, format!("a line that is none: {error}")))
    }

    fn damage(&self, offset: u64, problem: String) -> Damage {
        Damage {
            path: self.path.clone(),
            offset,
            problem,
        }
    }
}

/// The offset of the last line about each file.
fn last_lines(path: &Path) -> io::Result<HashMap<u64, u64>> {
    let mut lines = BufReader::new(File::open(path)?);
    let (mut last, mut line, mut at) = (HashMap::new(), Vec::new(), 0);
    loop {
        line.clear();
        let read = (&mut lines).take(LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(last);
        }
        if let Ok(listed) = serde_json::from_slice::<Listed<'_>>(&line) {
            last.insert(xxh3_64(listed.file.as_bytes()), at);
        }
        at += read as u64;
    }
}

/// The response that a line is about, without its body, and the file that has it.
fn head(root: &Path, listed: &Listed<'_>) -> io::Result<(Stored, PathBuf)> {
    let below = Path::new(&*listed.file);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let path = fs::canonicalize(root.join(below))?;
    if !below.components().all(plain) || !path.starts_with(root) {
        return Err(io::Error::other("the file is outside the folder"));
    }
    let url =
        PageUrl::parse(&listed.url).map_err(|problem| io::Error::other(problem.to_string()))?;
    let mut stored = folder::head(url, &path, &fs::metadata(&path)?);
    stored.page.status = listed.status;
    stored.method = listed
        .method
        .as_deref()
        .and_then(|method| method.parse().ok());
    let content_type = listed.content_type.as_deref();
    match content_type.and_then(|content_type| HeaderValue::from_str(content_type).ok()) {
        Some(content_type) => drop(stored.page.headers.0.insert(CONTENT_TYPE, content_type)),
        None => drop(stored.page.headers.0.remove(CONTENT_TYPE)),
    }
    Ok((stored, path))
}
