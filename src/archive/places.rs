//! The pages of WARC files with their places, so that their bodies can be read later, in any order.
//!
//! Every record is read to its end, so damage is noticed before anybody relies on a place. Only responses to `GET` with
//! status 200 are pages here, and only if the archive has all of their bodies. Edge: the method is in a record of its own,
//! before or after; so a page may turn out to be none, and is [taken back](Found::NoPages).

use std::collections::{HashSet, VecDeque};
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use http::HeaderMap;
use xxhash_rust::xxh3::xxh3_64;

use super::{Content, Damage, Files, Head, RecordPosition, Records, message, page_url};
use crate::page::headers::Headers;
use crate::page::snapshot::Place;
use crate::text::moment;
use crate::url::PageUrl;

/// Responses of which it is remembered that they are pages, until the record of their request is read.
const RECENT: usize = 256;
/// The longest identifier of a record that is kept, in bytes.
const IDENTIFIER: usize = 200;
/// The most bytes of a description that are read.
const METADATA: u64 = 64 << 10;

/// The pages of an archive, in the order in which they were stored.
pub(crate) struct Places {
    files: Box<Files>,
    /// The number of the last page.
    number: u64,
    /// Hashes of the identifiers of the latest pages, with their numbers.
    recent: VecDeque<(u64, u64)>,
    /// Hashes of the identifiers of requests with other methods, and of the records that belong to them.
    others: HashSet<u64>,
}

/// What was found next in an archive.
pub(crate) enum Found {
    /// A page.
    Page(Box<Placed>),
    /// The pages with these numbers are none: their request was not a `GET`.
    NoPages(Vec<u64>),
    /// The header fields of the request for the page with this number.
    Request(u64, HeaderMap),
    /// The request for the page with this number had more than the archive says, such as a login.
    Withheld(u64),
}

/// A page of an archive, without its body.
pub(crate) struct Placed {
    /// Its number, from 1.
    pub(crate) number: u64,
    pub(crate) url: PageUrl,
    pub(crate) headers: Headers,
    /// When it was requested.
    pub(crate) sent: Option<SystemTime>,
    pub(crate) place: Place,
}

impl Places {
    /// Opens an archive; `None` if it is a folder of saved pages, which have no places and no header fields.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Damage> {
        Ok(match Content::open(path)? {
            Content::Files(files) => Some(Self {
                files,
                number: 0,
                recent: VecDeque::with_capacity(RECENT),
                others: HashSet::new(),
            }),
            Content::SavedPages(_) | Content::List(_) => None,
        })
    }

    /// The next page.
    ///
    /// # Errors
    /// The first damage, or a file whose records cannot be read one by one: then no place in the archive can be trusted.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, Damage> {
        while let Some((file, head)) = self.files.head()? {
            let Some((number, mut block)) = self.files.open.take() else {
                return Ok(None); // the head was read from it
            };
            let found = match head.kind().as_str() {
                "request" => Ok(self.request(&head, &mut block)),
                "metadata" => Ok(self.metadata(&head, &mut block)),
                _ => self.page(file, &head, &mut block),
            };
            // Damage that a reader of the block passed over is noticed here.
            block.end()?;
            self.files.open = Some((number, block));
            if let Some(found) = found? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Reads what was requested: a page that was not asked with `GET` is none.
    fn request(&mut self, head: &Head, block: &mut Records) -> Option<Found> {
        // Damage is noticed at the end of the record.
        let (method, fields) = message::request(block).ok()?;
        let ids: HashSet<u64> = belongs_to(head).collect();
        let of = self.recent.iter().filter(|(id, _)| ids.contains(id));
        let pages: Vec<u64> = of.map(|(_, number)| *number).collect();
        if method == "GET" {
            return pages.last().map(|page| Found::Request(*page, fields));
        }
        self.recent.retain(|(id, _)| !ids.contains(id));
        self.others.extend(ids);
        (!pages.is_empty()).then_some(Found::NoPages(pages))
    }

    /// Reads in a description of a page whether its request had more than the archive says.
    fn metadata(&self, head: &Head, block: &mut Records) -> Option<Found> {
        let mut text = Vec::new();
        let read = Read::take(&mut *block, METADATA).read_to_end(&mut text);
        let mut lines = text.split(|byte| *byte == b'\n');
        if read.is_ok() && !lines.any(|line| line.starts_with(b"withheld:")) {
            return None;
        }
        let ids: HashSet<u64> = belongs_to(head).collect();
        let mut pages = self.recent.iter().rev();
        let page = pages.find(|(id, _)| ids.contains(id))?;
        Some(Found::Withheld(page.1))
    }

    fn page(
        &mut self,
        file: u32,
        head: &Head,
        block: &mut Records,
    ) -> Result<Option<Found>, Damage> {
        let Some(url) = page_url(head) else {
            return Ok(None);
        };
        let here = RecordPosition {
            file,
            offset: head.offset,
        };
        if !head.is_findable {
            return Err(Damage {
                path: self.files.parts[file as usize].path.clone(),
                offset: head.offset,
                problem: "packed as a whole, and not record by record, so that no page in it can be had by its place: \
                          unpack it first"
                    .into(),
            });
        }
        let is_revisit = head.kind() == "revisit";
        let body = match is_revisit {
            true => head
                .get("WARC-Payload-Digest")
                .and_then(|digest| self.files.seen.find(digest)),
            false => Some(here),
        };
        let id = head.get("WARC-Record-ID").unwrap_or_default();
        let is_other = belongs_to(head).any(|id| self.others.contains(&id));
        let is_whole = head.get("WARC-Truncated").is_none();
        let Some(body) = body.filter(|_| is_whole && !is_other) else {
            return Ok(None);
        };
        // ISO 28500 6.7.2: a revisit without a block has the head of the earlier response too.
        let (place_of_head, headers) = match head.kind().as_str() {
            "resource" => (here, Headers::default()),
            "revisit" if head.length == 0 => (body, Headers::default()),
            _ => match message::head(block) {
                Ok((message, _)) if message.status == 200 => (here, message.headers),
                Ok(_) | Err(_) => return Ok(None),
            },
        };
        self.number += 1;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((xxh3_64(id.as_bytes()), self.number));
        let pair = |place: RecordPosition| (place.file, place.offset);
        Ok(Some(Found::Page(Box::new(Placed {
            number: self.number,
            url,
            headers,
            sent: head.get("WARC-Date").and_then(moment::parse),
            place: Place {
                head: pair(place_of_head),
                body: pair(body),
                record: identifier(id).filter(|_| !is_revisit),
            },
        }))))
    }
}

/// Hashes of the identifiers of a record and of those that it belongs to.
fn belongs_to(head: &Head) -> impl Iterator<Item = u64> {
    let ids = head
        .all("WARC-Concurrent-To")
        .chain(head.get("WARC-Record-ID"));
    ids.map(|id| xxh3_64(id.as_bytes()))
}

/// An identifier that is safe to be repeated in another archive: a URI in angle brackets (ISO 28500 5.2).
fn identifier(id: &str) -> Option<String> {
    let is_uri = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    let is_plain = is_uri?
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    (is_plain && id.len() <= IDENTIFIER).then(|| id.to_owned())
}
