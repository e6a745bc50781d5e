//! A binary entry: a page with its links, a failure, or the end of a redirect.
//!
//! ```text
//! kind 1 │ status 2 │ class length 1 │ URL length 4 │ target length 4 │ fingerprints 4 │ class │ URL │ target │
//! fingerprints, 8 each
//! ```

use std::borrow::Cow;
use std::io::{self, Read};

use crate::error::NotAsLeft;
use crate::job::Job;
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;
use crate::visit::Visit;
use crate::visit::broken::{FRAGMENT, MALFORMED};

/// The number of bytes before the class.
const HEAD: usize = 16;
/// The most bytes stored of a URL: an invalid seed may be very long.
const URL_BYTES: usize = 16 << 10;
/// More links than any page has.
const LINKS: usize = 1 << 24;

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A page; the fingerprints are those of its links.
    Page = b'p' as isize,
    /// A failure; the fingerprints are those of the later URLs in its chain.
    Broken = b'b' as isize,
    /// A reference on the preceding page that is not a URL.
    Malformed = b'm' as isize,
    /// A link on the preceding page to a fragment.
    ///
    /// The fingerprints are those of the target page, of the id as written, and of the id decoded.
    Fragment = b'f' as isize,
    /// The ids of the preceding page; the fingerprints are those of the ids.
    Ids = b'i' as isize,
    /// A URL that redirects; the fingerprint is that of its target.
    Hop = b's' as isize,
    /// A redirect that was not followed.
    ///
    /// The fingerprints are those of its target, and of the later URLs in its chain.
    Redirect = b'r' as isize,
}

/// A decoded entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkEntry {
    pub(super) kind: EntryKind,
    /// 0 if there was no response.
    pub(super) status: u16,
    pub(super) class: String,
    pub(super) url: String,
    /// The target of a redirect.
    pub(super) target: String,
    pub(super) fingerprints: Vec<u64>,
}

impl Default for LinkEntry {
    fn default() -> Self {
        Self {
            kind: EntryKind::Page,
            status: 0,
            class: String::new(),
            url: String::new(),
            target: String::new(),
            fingerprints: Vec::new(),
        }
    }
}

/// Appends the entries of a visit.
pub(super) fn write(visit: &Visit, fingerprints: Fingerprints, out: &mut Vec<u8>) {
    let job = &visit.job;
    let page = visit.outcome.as_ref().ok();
    let status = page.map_or(0, |page| page.status);
    let urls = || job.hops.iter().map(|hop| &hop.url).chain([&job.url]);
    let chain = urls().map(|url| fingerprints.of(url.as_str()));
    for (hop, target) in job.hops.iter().zip(urls().skip(1)) {
        write_hop(job, (&hop.url, hop.status), target, fingerprints, out);
    }
    if let Some(class) = visit.failure() {
        let url = request_name(job, job.first_url());
        return write_entry(
            EntryKind::Broken,
            status,
            class,
            (&url, ""),
            chain.skip(1),
            out,
        );
    }
    let Some(page) = page else {
        return; // it was not fetched
    };
    let location = page.target();
    if let Some(target) = location
        .as_ref()
        .and_then(|target| job.url.join(target).ok())
    {
        write_hop(job, (&job.url, status), &target, fingerprints, out);
        let target = fingerprints.of(target.as_str());
        let url = request_name(job, job.first_url());
        let ends = [target].into_iter().chain(chain.skip(1));
        return write_entry(EntryKind::Redirect, status, "", (&url, ""), ends, out);
    }
    let found = || visit.parsed.found.iter();
    let links = found().flat_map(|found| found.iter());
    let links = links.map(|link| link.fingerprint);
    let url = request_name(job, &job.url);
    write_entry(EntryKind::Page, status, "", (&url, ""), links, out);
    for checked in found().map(|found| &found.checked) {
        for text in checked.malformed() {
            write_entry(EntryKind::Malformed, 0, MALFORMED, (text, ""), [], out);
        }
        for fragment in checked.fragments() {
            let target = [fragment.page, fragment.written, fragment.decoded];
            write_entry(
                EntryKind::Fragment,
                0,
                FRAGMENT,
                (&fragment.url, ""),
                target,
                out,
            );
        }
        if let Some(ids) = checked.ids() {
            let ids = ids.iter().copied();
            write_entry(EntryKind::Ids, status, "", (&url, ""), ids, out);
        }
    }
}

/// Appends a single redirect.
fn write_hop(
    job: &Job,
    (url, status): (&PageUrl, u16),
    target: &PageUrl,
    fingerprints: Fingerprints,
    out: &mut Vec<u8>,
) {
    let end = [fingerprints.of(target.as_str())];
    let url = request_name(job, url);
    write_entry(
        EntryKind::Hop,
        status,
        "",
        (&url, target.as_str()),
        end,
        out,
    );
}

/// The name of a request.
///
/// A link leads to a plain request; a different request to the same URL fails or succeeds independently, so its
/// name includes the method.
fn request_name<'u>(job: &Job, url: &'u PageUrl) -> Cow<'u, str> {
    if job.is_plain() {
        return Cow::Borrowed(url.as_str());
    }
    let method = job.method().map_or("GET", |method| method.as_str());
    Cow::Owned(format!("{method} {url}"))
}

fn write_entry(
    kind: EntryKind,
    status: u16,
    class: &str,
    (url, target): (&str, &str),
    fingerprints: impl IntoIterator<Item = u64>,
    out: &mut Vec<u8>,
) {
    let url = &url[..url.floor_char_boundary(URL_BYTES)];
    let target = &target[..target.floor_char_boundary(URL_BYTES)];
    let class = &class[..class.floor_char_boundary(usize::from(u8::MAX))];
    out.push(kind as u8);
    out.extend_from_slice(&status.to_le_bytes());
    out.push(class.len() as u8);
    out.extend_from_slice(&(url.len() as u32).to_le_bytes());
    out.extend_from_slice(&(target.len() as u32).to_le_bytes());
    let count = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(class.as_bytes());
    out.extend_from_slice(url.as_bytes());
    out.extend_from_slice(target.as_bytes());
    let mut links = 0_u32;
    for fingerprint in fingerprints.into_iter().take(LINKS) {
        out.extend_from_slice(&fingerprint.to_le_bytes());
        links += 1;
    }
    out[count..count + 4].copy_from_slice(&links.to_le_bytes());
}

/// Decodes the next entry into an existing one; returns whether there was one.
///
/// # Errors
/// If it cannot be read, or is not valid.
pub(super) fn read(
    from: &mut impl Read,
    entry: &mut LinkEntry,
    bytes: &mut Vec<u8>,
) -> io::Result<bool> {
    let mut head = [0; HEAD];
    match from.read(&mut head[..1])? {
        0 => return Ok(false),
        _ => from.read_exact(&mut head[1..])?,
    }
    let [kind, low, high, class, lengths @ ..] = head;
    entry.kind = match kind {
        b'p' => EntryKind::Page,
        b'b' => EntryKind::Broken,
        b'r' => EntryKind::Redirect,
        b'm' => EntryKind::Malformed,
        b'f' => EntryKind::Fragment,
        b'i' => EntryKind::Ids,
        b's' => EntryKind::Hop,
        _ => return Err(damaged()),
    };
    entry.status = u16::from_le_bytes([low, high]);
    let (lengths, _) = lengths.as_chunks::<4>();
    let [url, target, links] = [0, 1, 2].map(|at| u32::from_le_bytes(lengths[at]) as usize);
    if url > URL_BYTES || target > URL_BYTES || links > LINKS {
        return Err(damaged());
    }
    let class = usize::from(class);
    bytes.clear();
    bytes.resize(class + url + target + links * 8, 0);
    from.read_exact(bytes)?;
    let (read, fingerprints) = bytes.split_at(class + url + target);
    let text = |bytes: &[u8], text: &mut String| {
        text.clear();
        std::str::from_utf8(bytes).map(|read| text.push_str(read))
    };
    text(&read[..class], &mut entry.class).map_err(|_| damaged())?;
    text(&read[class..class + url], &mut entry.url).map_err(|_| damaged())?;
    text(&read[class + url..], &mut entry.target).map_err(|_| damaged())?;
    let links = fingerprints.as_chunks::<8>().0;
    entry.fingerprints.clear();
    entry
        .fingerprints
        .extend(links.iter().map(|link| u64::from_le_bytes(*link)));
    Ok(true)
}

fn damaged() -> io::Error {
    io::Error::other(NotAsLeft("the links of the job are damaged".to_owned()))
}
