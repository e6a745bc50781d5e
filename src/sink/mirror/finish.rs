//! Finishes a mirror: rewrites every page and style sheet, a few dozen at a time.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use xxhash_rust::xxh3::xxh3_128;

use super::super::folder::{OutputFolder, Staged};
use super::Mirror;
use super::list::{self, Line};
use crate::error::{Error, Result};
use crate::parse::rewrite::{Document, LocalTarget, rewrite};
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

/// The number of files replaced together, so that their hashes are synced to disk only once.
const BATCH: usize = 64;
/// Larger files are not rewritten: no page is this large.
const LARGEST: u64 = 64 << 20;
/// The longest chain of redirects that is resolved.
const CHAIN: usize = 32;

/// The saved files, and where each URL is.
struct Saved {
    fingerprints: Fingerprints,
    files: Vec<Line>,
    /// Where each URL leads.
    by_url: HashMap<u64, Target>,
    /// The row and the URL of the first seed.
    seed: Option<(u64, u64)>,
}

/// Where a URL leads in the copy.
#[derive(Clone)]
struct Target {
    /// The index in `files`.
    at: usize,
    /// The fragment of a redirect on the way, with its `#`.
    ///
    /// It replaces the link's own, as in a browser (RFC 9110 10.2.2). If several redirects have one, the last one
    /// counts.
    fragment: Option<Rc<str>>,
}

/// The files that have been rewritten, by the hash of their content.
struct RewriteLog {
    hashes: HashMap<String, u128>,
    /// The file to record more hashes in; `None` without a job.
    file: Option<File>,
}

impl Mirror {
    /// Rewrites every saved page and style sheet.
    ///
    /// Returns how many were changed, and the file of the first seed, if it was saved.
    ///
    /// # Errors
    /// If a file cannot be read or written, or the list is damaged.
    pub(crate) fn finish(self) -> Result<(u64, Option<PathBuf>)> {
        finish(self)
    }
}

/// Rewrites the saved files; returns how many were changed, and the file of the first seed.
fn finish(mut mirror: Mirror) -> Result<(u64, Option<PathBuf>)> {
    let unreadable = |source| Error::output(&mirror.list_path, source);
    let saved = Saved::read(&mut mirror.list, mirror.fingerprints).map_err(unreadable)?;
    let failed = |source| Error::output(&mirror.folder, source);
    let folder = OutputFolder::open(&mirror.folder).map_err(failed)?;
    let mut done = RewriteLog::open(mirror.done.as_deref()).map_err(failed)?;
    let mut changed = 0;
    let mut staged = Vec::with_capacity(BATCH);
    for file in &saved.files {
        let staging = saved.stage(file, &folder, &mut done);
        staged.extend(staging.map_err(failed)?);
        if staged.len() >= BATCH {
            changed += done.commit(&mut staged).map_err(failed)?;
        }
    }
    changed += done.commit(&mut staged).map_err(failed)?;
    let first_page = saved.first_page().map(|path| mirror.folder.join(path));
    Ok((changed, first_page))
}

impl Saved {
    fn read(list: &mut File, fingerprints: Fingerprints) -> io::Result<Self> {
        let mut saved = Self {
            fingerprints,
            files: Vec::new(),
            by_url: HashMap::new(),
            seed: None,
        };
        let mut redirects = Vec::new();
        let mut by_path = HashMap::new();
        list::read(list, |line| {
            let of = |url: &String| fingerprints.of(url);
            let urls: Vec<u64> = match line.asked_otherwise {
                true => Vec::new(),
                false => line.from.iter().chain([&line.url]).map(of).collect(),
            };
            if let Some(row) = line.row
                && saved.seed.is_none_or(|(first, _)| row < first)
            {
                saved.seed = Some((row, of(&line.url)));
            }
            match (&line.path, &line.to) {
                (Some(path), _) => {
                    // If a file was saved twice, the later line counts.
                    let at = *by_path.entry(path.clone()).or_insert(saved.files.len());
                    match saved.files.get_mut(at) {
                        Some(known) => *known = line,
                        None => saved.files.push(line),
                    }
                    for url in urls {
                        let fragment = None;
                        saved.by_url.insert(url, Target { at, fragment });
                    }
                }
                (None, Some(to)) => {
                    redirects.push((urls, of(to), line.fragment.as_deref().map(Rc::from)));
                }
                (None, None) => {}
            }
        })?;
        // Each round resolves the redirects that are one step further away.
        for _ in 0..CHAIN {
            let before = redirects.len();
            redirects.retain(|(urls, to, fragment)| {
                let Some(mut target) = saved.by_url.get(to).cloned() else {
                    return true;
                };
                target.fragment = target.fragment.or_else(|| fragment.clone());
                for url in urls {
                    saved.by_url.entry(*url).or_insert(target.clone());
                }
                false
            });
            if redirects.len() == before {
                break;
            }
        }
        Ok(saved)
    }

    /// The file of the first seed.
    fn first_page(&self) -> Option<&str> {
        let target = self.by_url.get(&self.seed?.1)?;
        self.files[target.at].path.as_deref()
    }

    /// Writes a file's new content next to it; `None` if the file does not change.
    fn stage(
        &self,
        file: &Line,
        folder: &OutputFolder,
        done: &mut RewriteLog,
    ) -> io::Result<Option<Staged>> {
        let (Some(path), Ok(url)) = (&file.path, PageUrl::parse(&file.url)) else {
            return Ok(None);
        };
        let Some(bytes) = folder.read(path, LARGEST)? else {
            return Ok(None);
        };
        let resolve = |fingerprint| {
            let target = self.by_url.get(&fingerprint)?;
            Some(LocalTarget {
                path: relative(path, self.files[target.at].path.as_deref()?),
                fragment: target.fragment.as_deref().map(str::to_owned),
            })
        };
        let document = Document {
            url: &url,
            content_type: file.content_type.as_deref(),
            fingerprints: self.fingerprints,
            again: done.hashes.get(path) == Some(&xxh3_128(&bytes)),
        };
        match rewrite(&bytes, document, &resolve).filter(|new| *new != bytes) {
            Some(new) => {
                done.note(path, &new)?;
                folder.stage(path, &new).map(Some)
            }
            None => Ok(None),
        }
    }
}

impl RewriteLog {
    fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut hashes = HashMap::new();
        let Some(path) = path else {
            return Ok(Self { hashes, file: None });
        };
        match File::open(path) {
            Ok(file) => {
                for line in BufReader::new(file).split(b'\n') {
                    let line = line?;
                    // A torn line belongs to a file that was not replaced.
                    let known = std::str::from_utf8(&line)
                        .ok()
                        .and_then(|line| line.split_once(' '));
                    if let Some((hash, path)) = known
                        && let Some(hash) = Some(hash).filter(|hash| hash.len() == 32)
                        && let Ok(hash) = u128::from_str_radix(hash, 16)
                    {
                        hashes.insert(path.to_owned(), hash);
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let torn = fs::read(path).is_ok_and(|bytes| !bytes.is_empty() && !bytes.ends_with(b"\n"));
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        if torn {
            file.write_all(b"\n")?;
        }
        Ok(Self {
            hashes,
            file: Some(file),
        })
    }

    /// Records the content that a file is about to get.
    fn note(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(format!("{:032x} {path}\n", xxh3_128(bytes)).as_bytes()),
            None => Ok(()),
        }
    }

    /// Replaces the files, once their hashes are on disk; returns how many.
    fn commit(&mut self, staged: &mut Vec<Staged>) -> io::Result<u64> {
        let count = staged.len() as u64;
        if let Some(file) = self.file.as_ref().filter(|_| count > 0) {
            for staged in &*staged {
                staged.sync()?;
            }
            file.sync_data()?;
        }
        staged.drain(..).try_for_each(Staged::rename)?;
        Ok(count)
    }
}

/// The relative reference from one file to another, percent-encoded where needed anywhere.
pub(super) fn relative(from: &str, to: &str) -> String {
    let mut from: Vec<&str> = from.split('/').collect();
    let mut to: Vec<&str> = to.split('/').collect();
    from.pop();
    let shared = from
        .iter()
        .zip(&to[..to.len() - 1])
        .take_while(|(a, b)| a == b)
        .count();
    let mut text = "../".repeat(from.len() - shared);
    let last = to.pop().unwrap_or_default();
    for folder in &to[shared..] {
        encode(folder, &mut text);
        text.push('/');
    }
    encode(last, &mut text);
    text
}

fn encode(part: &str, out: &mut String) {
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte))
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
}
