//! Archives of pages, read: WARC files of any producer, packages of them, and folders of saved pages.
//!
//! An archive is a stream of answers, each as the fetch half would have handed it on: what parses a live answer parses a
//! stored one. Nothing is asked of a network. Invariant: memory is bounded by one body, and that by a limit; what is
//! damaged is told, and does not end the reading of other files. Everything in an archive is as hostile as a page.

pub(crate) mod date;
mod folder;
mod listed;
pub(crate) mod message;
mod package;
mod records;
mod seen;
pub(crate) mod series;
mod shelf;
mod state;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use listed::{LIST, Listed};
pub use records::Damage;
pub(crate) use records::{Head, Records};
pub(crate) use seen::{Place, Seen};
pub(crate) use shelf::Shelf;
pub(crate) use state::state;

use crate::body::Body;
use crate::page::{Page, Timing};
use crate::url::PageUrl;
use folder::Folder;
use listed::List;
use message::Message;
use package::Part;

/// The largest body that is taken out of an archive, in bytes.
const BODY: u64 = 1 << 30;

/// An answer that was stored.
#[derive(Debug)]
pub struct Stored {
    /// What was asked for.
    pub url: PageUrl,
    /// With which method, where that is known and is not `GET`.
    pub method: Option<http::Method>,
    /// The answer; when it was fetched is its [`Timing::sent`]. Large bodies are in files, that go with it.
    pub page: Page,
    /// Whether the archive does not have all of it: its body, or of a redirect on the way all but where it led.
    pub truncated: bool,
}

/// The answers of an archive, in the order in which they were stored.
///
/// A `resource` at an http URL is a page that somebody had as a file: an answer with status 200. Records that hold no
/// page are [counted](Self::left_out) and passed over; those that only describe others are passed over without that.
/// A revisit, which says that a page had the body of an earlier one, is an answer with that body. A [`Damage`] is an
/// item like any other: reading goes on with the next answer, or where that cannot be found, with the next file.
pub struct Archive {
    source: Source,
    /// Where large bodies go.
    spool: PathBuf,
}

enum Source {
    Files(Box<Files>),
    Folder(Folder),
    List(List),
}

/// The files of an archive, one after the other.
struct Files {
    parts: Vec<Part>,
    /// The one to open next.
    next: u32,
    open: Option<(u32, Records)>,
    seen: Seen,
    /// Records that hold no page, by their kind.
    left_out: BTreeMap<&'static str, u64>,
}

impl Archive {
    /// Opens a WARC file (`.warc`, `.warc.gz`) with the numbered ones that go on from it, a package of them (`.wacz`), or
    /// a folder: of WARC files, or of pages that were saved, under their URLs or with a list. What the file is, its first bytes say.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Damage> {
        Ok(Self {
            source: Source::open(path.as_ref())?,
            spool: std::env::temp_dir(),
        })
    }

    /// How many records held no page so far, by their kind: `conversion` is what others made of a page, `resource`
    /// and `response` are at no http URL or hold no HTTP.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<&'static str, u64> {
        match &self.source {
            Source::Files(files) => files.left_out.clone(),
            Source::Folder(_) | Source::List(_) => BTreeMap::new(),
        }
    }

    /// Says where large bodies go, instead of the system's folder for temporary files.
    #[must_use]
    pub fn spool(mut self, folder: PathBuf) -> Self {
        self.spool = folder;
        self
    }
}

impl Source {
    fn open(path: &Path) -> Result<Self, Damage> {
        let refused = |error: io::Error| Damage {
            path: path.to_owned(),
            offset: 0,
            problem: error.to_string(),
        };
        let found = std::fs::metadata(path).map_err(refused)?;
        Ok(if found.is_dir() {
            match folder::archives(path).map_err(refused)? {
                files if files.is_empty() => match List::open(path).map_err(refused)? {
                    Some(list) => Source::List(list),
                    None => Source::Folder(Folder::open(path).map_err(refused)?),
                },
                files => {
                    let parts = files.into_iter().map(Part::whole);
                    Source::Files(Box::new(Files::of(parts.collect())))
                }
            }
        } else if !found.is_file() {
            let problem = "a pipe or a device: an archive is read from a file";
            return Err(refused(io::Error::other(problem)));
        } else {
            let parts = match package::parts(path).map_err(refused)? {
                Some(parts) => parts,
                None => {
                    let numbers = 0..=series::last(path, 0);
                    let paths = numbers.map(|number| series::numbered(path, number));
                    paths.map(Part::whole).collect()
                }
            };
            let mut files = Files::of(parts);
            files.turn()?;
            Source::Files(Box::new(files))
        })
    }
}

impl Iterator for Archive {
    type Item = Result<Stored, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Files(files) => files.next(&self.spool).transpose(),
            Source::Folder(folder) => folder.next(),
            Source::List(list) => list.next(),
        }
    }
}

impl Files {
    fn of(parts: Vec<Part>) -> Self {
        Self {
            parts,
            next: 0,
            open: None,
            seen: Seen::default(),
            left_out: BTreeMap::new(),
        }
    }

    /// Opens the next file. Answers whether there is one.
    fn turn(&mut self) -> Result<bool, Damage> {
        let Some(part) = self.parts.get(self.next as usize) else {
            return Ok(false);
        };
        let number = self.next;
        self.next += 1;
        self.open = Some((number, Records::open(&part.path, part.start, part.length)?));
        Ok(true)
    }

    /// The next record: of which file it is, and its head.
    fn head(&mut self) -> Result<Option<(u32, Head)>, Damage> {
        loop {
            let Some((number, records)) = &mut self.open else {
                if self.turn()? {
                    continue;
                }
                return Ok(None);
            };
            let Some(head) = records.next()? else {
                self.open = None;
                continue;
            };
            let findable = head.get("WARC-Payload-Digest").filter(|_| head.is_findable);
            if let Some(digest) = findable.filter(|_| has_body(&head)) {
                let (file, offset) = (*number, head.offset);
                self.seen.note(digest, Place { file, offset });
            }
            return Ok(Some((*number, head)));
        }
    }

    fn next(&mut self, spool: &Path) -> Result<Option<Stored>, Damage> {
        while let Some((number, head)) = self.head()? {
            let Some((_, mut records)) = self.open.take() else {
                return Ok(None); // the head was read from it
            };
            let page = self.page(number, &head, &mut records, spool);
            self.open = Some((number, records));
            match page? {
                Some(page) => return Ok(Some(page)),
                None => {
                    if let Some(kind) = told(&head.kind()) {
                        *self.left_out.entry(kind).or_default() += 1;
                    }
                }
            }
        }
        Ok(None)
    }

    /// The answer in the record whose head this is; `None` where it holds no page.
    fn page(
        &self,
        file: u32,
        head: &Head,
        block: &mut Records,
        spool: &Path,
    ) -> Result<Option<Stored>, Damage> {
        let Some(url) = page_url(head) else {
            return Ok(None);
        };
        let is_revisit = head.kind() == "revisit";
        if is_revisit && head.length == 0 {
            // ISO 28500 6.7.2: then all of it is as it was, its head too.
            let earlier = self.earlier(head, spool);
            return Ok(earlier.map(|page| again(url, head, page)));
        }
        let stored = stored(url, head, block, spool);
        let mut stored = stored.map_err(|error| match error.downcast::<Damage>() {
            Ok(damage) => damage,
            Err(error) => Damage {
                path: self.parts[file as usize].path.clone(),
                offset: head.offset,
                problem: error.to_string(),
            },
        })?;
        if is_revisit {
            let earlier = self.earlier(head, spool);
            stored.truncated |= earlier.is_none();
            stored.page.body = earlier.map_or(Body::empty(), |page| page.body);
            stored.page.wire_bytes = stored.page.body.len();
        }
        Ok(Some(stored))
    }

    /// The answer that has the body of a revisit, where it was seen.
    fn earlier(&self, revisit: &Head, spool: &Path) -> Option<Page> {
        let digest = revisit.get("WARC-Payload-Digest")?;
        let place = self.seen.find(digest)?;
        let path = &self.parts.get(place.file as usize)?.path;
        let mut records = Records::open(path, place.offset, u64::MAX).ok()?;
        let head = records.next().ok()??;
        if !has_body(&head) || head.get("WARC-Payload-Digest") != Some(digest) {
            return None;
        }
        let url = head
            .target()
            .and_then(|target| PageUrl::parse(target).ok())?;
        Some(stored(url, &head, &mut records, spool).ok()?.page)
    }
}

/// Whether what a record holds may be the body of others.
fn has_body(head: &Head) -> bool {
    matches!(head.kind().as_str(), "response" | "resource")
}

/// The URL of the page that a record holds, where it holds one.
fn page_url(head: &Head) -> Option<PageUrl> {
    let url = head.target().and_then(|target| PageUrl::parse(target).ok());
    url.filter(|_| holds_page(&head.kind(), head))
}

/// Whether a record at a page's URL holds a page.
fn holds_page(kind: &str, head: &Head) -> bool {
    match kind {
        "response" | "revisit" => is_http(head),
        // ISO 28500 6.4: the bytes themselves, whatever they came from.
        "resource" => true,
        _ => false,
    }
}

/// The kind of a record as it is counted when it holds no page; `None` for those that describe others, and are not
/// missed.
fn told(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "warcinfo" | "request" | "metadata" => return None,
        "response" => "response",
        "revisit" => "revisit",
        "resource" => "resource",
        "conversion" => "conversion",
        "continuation" => "continuation",
        _ => "other",
    })
}

fn is_http(head: &Head) -> bool {
    let media = head.get("Content-Type");
    media.is_none_or(|media| media.to_ascii_lowercase().starts_with("application/http"))
}

/// An answer that was in all as an earlier one.
fn again(url: PageUrl, revisit: &Head, mut page: Page) -> Stored {
    page.timing.sent = revisit.get("WARC-Date").and_then(date::parse);
    Stored {
        url,
        method: None,
        page,
        truncated: false,
    }
}

/// The answer in the block of a record. A resource is its body alone, and the record says of what type.
fn stored(url: PageUrl, head: &Head, block: &mut Records, spool: &Path) -> io::Result<Stored> {
    let (mut message, beyond) = match head.kind().as_str() {
        "resource" => (Message::of_file(head.get("Content-Type")), Vec::new()),
        _ => message::head(block)?,
    };
    let body = message::body(&mut message, beyond, block, BODY, spool)?;
    let remote = head
        .get("WARC-IP-Address")
        .and_then(|address| address.parse().ok());
    let port = url.as_url().port_or_known_default().unwrap_or(0);
    Ok(Stored {
        page: Page {
            status: message.status,
            version: message.version,
            headers: message.headers,
            wire_bytes: body.len(),
            body,
            remote: remote.map(|address| SocketAddr::new(address, port)),
            timing: Timing {
                sent: head.get("WARC-Date").and_then(date::parse),
                ..Timing::default()
            },
        },
        url,
        method: None,
        truncated: head.get("WARC-Truncated").is_some(),
    })
}
