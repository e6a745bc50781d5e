//! Reads archives of pages: WARC files, packages of them, and folders of saved pages.
//!
//! An archive is a stream of responses, each in the form in which a live response reaches the parser, so that both
//! are parsed the same way. No network is involved. Invariant: memory is bounded by one body, and that by a limit;
//! damage is reported, and does not prevent the reading of other files. The content of an archive is as untrusted
//! as a page.

mod bodies;
mod folder;
mod kind;
mod listed;
pub(crate) mod message;
mod package;
mod places;
mod rack;
mod records;
mod seen;
pub(crate) mod series;
mod shelf;
mod state;
mod stored;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use bodies::Bodies;
pub(crate) use kind::is_archive;
pub(crate) use listed::{LIST, Listed};
pub(crate) use places::{Found, Placed, Places};
pub(crate) use rack::{Entry, Held, Rack};
pub use records::Damage;
pub(crate) use records::{Head, Records};
pub(crate) use seen::{RecordPosition, SeenPayloads};
pub(crate) use shelf::Shelf;
pub(crate) use state::state;
pub use stored::Stored;

use crate::page::body::Body;
use crate::page::{Page, Timing};
use crate::text::moment;
use crate::url::PageUrl;
use folder::SavedPages;
use listed::List;
use message::ResponseHead;
use package::Part;

/// The largest body that is read from an archive, in bytes.
const BODY: u64 = 1 << 30;

/// The responses of an archive, in the order they were stored.
///
/// A `resource` at an http URL is a page that was stored as a file: a response with status 200. Records that
/// contain no page are [counted](Self::left_out) and skipped; those that only describe other records are skipped
/// without being counted. A revisit, which says that a page had the same body as an earlier one, becomes a response
/// with that body. A [`Damage`] is an item like any other: reading continues with the next response or, if that
/// cannot be found, with the next file.
pub struct Archive {
    source: Content,
    /// Where large bodies are stored.
    spool: PathBuf,
}

enum Content {
    Files(Box<Files>),
    SavedPages(SavedPages),
    List(List),
}

/// The files of an archive, read one after the other.
struct Files {
    parts: Vec<Part>,
    /// The index of the next file to open.
    next: u32,
    open: Option<(u32, Records)>,
    seen: SeenPayloads,
    /// The number of records without a page, by type.
    left_out: BTreeMap<&'static str, u64>,
}

impl Archive {
    /// Opens an archive: a WARC file, a package, or a folder.
    ///
    /// A WARC file (`.warc`, `.warc.gz`) includes the numbered files that continue it; a package is a `.wacz` file;
    /// a folder contains WARC files, or pages saved under their URLs or with a list. The first bytes of a file
    /// determine its format.
    ///
    /// # Errors
    /// If it does not exist or cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Damage> {
        Ok(Self {
            source: Content::open(path.as_ref())?,
            spool: std::env::temp_dir(),
        })
    }

    /// How many records held no page so far, by their kind: `conversion` is what others made of a page, `resource`
    /// and `response` are at no http URL or hold no HTTP.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<&'static str, u64> {
        match &self.source {
            Content::Files(files) => files.left_out.clone(),
            Content::SavedPages(_) | Content::List(_) => BTreeMap::new(),
        }
    }

    /// Ignores what comes after `bytes` of the numbered file: a killed process may have left a torn record there.
    #[must_use]
    pub(crate) fn up_to(mut self, file: u32, bytes: u64) -> Self {
        if let Content::Files(files) = &mut self.source {
            files.parts.truncate(file as usize + 1);
            if let Some(part) = files.parts.get_mut(file as usize) {
                part.length = part.length.min(bytes.saturating_sub(part.start));
            }
            // The first file is open already, without this limit.
            (files.next, files.open) = (0, None);
        }
        self
    }

    /// Says where large bodies go, instead of the system's folder for temporary files.
    #[must_use]
    pub fn spool(mut self, folder: PathBuf) -> Self {
        self.spool = folder;
        self
    }
}

impl Content {
    fn open(path: &Path) -> Result<Self, Damage> {
        let refused = |error: io::Error| Damage {
            path: path.to_owned(),
            offset: 0,
            problem: error.to_string(),
        };
        let metadata = std::fs::metadata(path).map_err(refused)?;
        Ok(if metadata.is_dir() {
            match folder::archives(path).map_err(refused)? {
                files if files.is_empty() => match List::open(path).map_err(refused)? {
                    Some(list) => Content::List(list),
                    None => Content::SavedPages(SavedPages::open(path).map_err(refused)?),
                },
                files => {
                    let parts = files.into_iter().map(Part::whole);
                    Content::Files(Box::new(Files::of(parts.collect())))
                }
            }
        } else if !metadata.is_file() {
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
            files.open_next()?;
            Content::Files(Box::new(files))
        })
    }
}

impl Iterator for Archive {
    type Item = Result<Stored, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Content::Files(files) => files.next(&self.spool).transpose(),
            Content::SavedPages(folder) => folder.next(),
            Content::List(list) => list.next(),
        }
    }
}

impl Files {
    fn of(parts: Vec<Part>) -> Self {
        Self {
            parts,
            next: 0,
            open: None,
            seen: SeenPayloads::default(),
            left_out: BTreeMap::new(),
        }
    }

    /// Opens the next file; returns whether there is one.
    fn open_next(&mut self) -> Result<bool, Damage> {
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
                if self.open_next()? {
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
                self.seen.note(digest, RecordPosition { file, offset });
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
                    if let Some(kind) = counted_type(&head.kind()) {
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
            return Ok(earlier.map(|page| unchanged(url, head, page)));
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
            let start = stored.page.body.head(4).unwrap_or_default(); // its reader meets the error again
            message::drop_false_coding(&mut stored.page.headers.0, &start);
        }
        Ok(Some(stored))
    }

    /// The answer that has the body of a revisit, where it was seen.
    fn earlier(&self, revisit: &Head, spool: &Path) -> Option<Page> {
        let digest = revisit.get("WARC-Payload-Digest")?;
        let position = self.seen.find(digest)?;
        let path = &self.parts.get(position.file as usize)?.path;
        let mut records = Records::open(path, position.offset, u64::MAX).ok()?;
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
    url.filter(|_| contains_page(&head.kind(), head))
}

/// Whether a record at a page's URL holds a page.
fn contains_page(kind: &str, head: &Head) -> bool {
    match kind {
        "response" | "revisit" => is_http(head),
        // ISO 28500 6.4: the bytes themselves, whatever their origin.
        "resource" => true,
        _ => false,
    }
}

/// The type under which a record without a page is counted.
///
/// `None` for records that describe others, and are not missed.
fn counted_type(kind: &str) -> Option<&'static str> {
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

/// A response that is identical to an earlier one.
fn unchanged(url: PageUrl, revisit: &Head, mut page: Page) -> Stored {
    page.timing.sent = revisit.get("WARC-Date").and_then(moment::parse);
    Stored {
        url,
        method: None,
        page,
        truncated: false,
    }
}

/// The response in the block of a record.
///
/// A resource is only a body, and the record has its type.
fn stored(url: PageUrl, head: &Head, block: &mut Records, spool: &Path) -> io::Result<Stored> {
    let (mut message, beyond) = match head.kind().as_str() {
        "resource" => (ResponseHead::of_file(head.get("Content-Type")), Vec::new()),
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
                sent: head.get("WARC-Date").and_then(moment::parse),
                ..Timing::default()
            },
            segments: None,
            known: None,
        },
        url,
        method: None,
        truncated: head.get("WARC-Truncated").is_some(),
    })
}
