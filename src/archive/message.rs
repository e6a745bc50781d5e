//! A stored HTTP response: its head, and its body without transfer codings.
//!
//! Producers differ: some store chunks as received, some remove them but keep the field that announces them; some
//! store the decoded body but keep `content-encoding`. The actual bytes take precedence over what the head says.
//! Invariant: heads and bodies are bounded; a large body goes into a file.

use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::page::HttpVersion;
use crate::page::body::{Body, SPOOL_PREFIX, Spool};
use crate::page::headers::Headers;

/// The longest head, in bytes, and the most fields it may have.
const HEAD: usize = 1 << 20;
const FIELDS: usize = 1024;
/// Larger bodies go into a file.
const IN_MEMORY: usize = 1 << 20;
/// The longest line with the size of a chunk.
const CHUNK_LINE: usize = 4096;
/// The number of bytes copied at a time.
const PIECE: usize = 64 << 10;

/// The head of a stored response.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) version: HttpVersion,
    pub(crate) headers: Headers,
}

impl ResponseHead {
    /// The head that a server would send with a file of this type.
    pub(crate) fn of_file(content_type: Option<&str>) -> Self {
        let mut headers = HeaderMap::new();
        let media = content_type.and_then(|media| HeaderValue::from_str(media).ok());
        headers.extend(media.map(|media| (header::CONTENT_TYPE, media)));
        Self {
            status: 200,
            version: HttpVersion::Http11,
            headers: Headers(headers),
        }
    }
}

/// Reads the head of a response; also returns the bytes that were read beyond it.
///
/// # Errors
/// If it is not an HTTP response, is too large, or cannot be read.
pub(crate) fn head(block: &mut impl Read) -> io::Result<(ResponseHead, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(4096);
    let (end, next) = loop {
        let from = bytes.len().saturating_sub(3);
        let count = block.by_ref().take(4096).read_to_end(&mut bytes)?;
        if let Some(end) = end_of_head(&bytes, from) {
            break end;
        }
        if count == 0 {
            break (bytes.len(), bytes.len()); // a head only, without even its empty line
        }
        if bytes.len() > HEAD {
            return Err(io::Error::other("the HTTP head is too large"));
        }
    };
    let rest = bytes.split_off(next);
    bytes.truncate(end);
    Ok((parse(&bytes)?, rest))
}

/// The end of a head, and the start of what follows it.
fn end_of_head(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut from = from;
    while let Some(at) = memchr::memchr(b'\n', &bytes[from..]) {
        let at = from + at + 1;
        match bytes.get(at..) {
            Some([b'\n', ..]) => return Some((at, at + 1)),
            Some([b'\r', b'\n', ..]) => return Some((at, at + 2)),
            _ => from = at,
        }
    }
    None
}

/// Reads the method and the header fields of a request.
///
/// # Errors
/// If it is too large, or cannot be read.
pub(super) fn request(block: &mut impl Read) -> io::Result<(String, HeaderMap)> {
    let mut bytes = Vec::new();
    block.take(HEAD as u64 + 1).read_to_end(&mut bytes)?;
    let end = end_of_head(&bytes, 0).map_or(bytes.len(), |(end, _)| end);
    if end > HEAD {
        return Err(io::Error::other("the HTTP head is too large"));
    }
    let mut lines = lines(&bytes[..end]);
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let method = first.split(' ').next().unwrap_or_default().to_owned();
    Ok((method, fields(lines)))
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
}

fn parse(bytes: &[u8]) -> io::Result<ResponseHead> {
    let mut lines = lines(bytes);
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let mut words = first.split_ascii_whitespace();
    let version = match words.next() {
        Some("HTTP/1.0" | "HTTP/0.9") => HttpVersion::Http10,
        Some("HTTP/1.1") => HttpVersion::Http11,
        Some("HTTP/2" | "HTTP/2.0" | "HTTP/3" | "HTTP/3.0") => HttpVersion::Http2,
        _ => return Err(io::Error::other("not an HTTP response")),
    };
    let status = words.next().and_then(|status| status.parse::<u16>().ok());
    let status = status
        .filter(|status| (100..1000).contains(status))
        .ok_or_else(|| io::Error::other("an HTTP response without a status"))?;
    Ok(ResponseHead {
        status,
        version,
        headers: Headers(fields(lines)),
    })
}

/// The header fields in the lines after the first.
fn fields<'l>(lines: impl Iterator<Item = &'l [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut last: Option<(HeaderName, Vec<u8>)> = None;
    for line in lines.filter(|line| !line.is_empty()).take(FIELDS) {
        if matches!(line, [b' ' | b'\t', ..]) {
            if let Some((_, value)) = &mut last {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        append(&mut headers, last.take());
        let Some(colon) = memchr::memchr(b':', line) else {
            continue; // browsers skip it as well
        };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii_end());
        last = name
            .ok()
            .map(|name| (name, line[colon + 1..].trim_ascii().to_vec()));
    }
    append(&mut headers, last);
    headers
}

fn append(headers: &mut HeaderMap, field: Option<(HeaderName, Vec<u8>)>) {
    if let Some((name, value)) = field
        && let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value))
    {
        headers.append(name, value);
    }
}

/// Reads the body of a response, of at most `limit` bytes.
///
/// Large ones are stored in `folder`.
///
/// # Errors
/// If it is larger, if its chunks are damaged, or if it cannot be read or written.
pub(super) fn body(
    message: &mut ResponseHead,
    beyond: Vec<u8>,
    block: impl Read,
    limit: u64,
    folder: &Path,
) -> io::Result<Body> {
    let mut whole = io::Cursor::new(beyond).chain(block);
    let mut start = Vec::new();
    whole.by_ref().take(24).read_to_end(&mut start)?;
    let headers = &mut message.headers.0;
    let is_chunked = headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .any(|value| value.as_bytes().to_ascii_lowercase().ends_with(b"chunked"));
    headers.remove(header::TRANSFER_ENCODING);
    let is_chunked = is_chunked && announces_chunk(&start);
    let mut whole = io::Cursor::new(start.clone()).chain(whole);
    let body = if is_chunked {
        collect(&mut Chunks::of(&mut whole), limit, folder)?
    } else {
        collect(&mut whole, limit, folder)?
    };
    let start = if is_chunked {
        body.head(4)?.to_vec()
    } else {
        start
    };
    drop_false_coding(headers, &start);
    Ok(body)
}

/// Drops the field that announces a compressed body, if the body is not.
pub(super) fn drop_false_coding(headers: &mut HeaderMap, start: &[u8]) {
    if is_decoded(headers, start) {
        headers.remove(header::CONTENT_ENCODING);
    }
}

/// Whether a body labelled as compressed is not: it was decoded, and the field was kept.
fn is_decoded(headers: &HeaderMap, start: &[u8]) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let only = codings.next().filter(|_| codings.next().is_none());
    match only
        .map(|coding| coding.as_bytes().to_ascii_lowercase())
        .as_deref()
    {
        Some(b"gzip" | b"x-gzip") => start.len() >= 2 && !start.starts_with(&[0x1F, 0x8B]),
        Some(b"zstd") => start.len() >= 4 && !start.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]),
        _ => false,
    }
}

fn collect(body: &mut impl Read, limit: u64, folder: &Path) -> io::Result<Body> {
    let mut memory = Vec::new();
    let mut file: Option<tempfile::NamedTempFile> = None;
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        let count = body.read(&mut piece)?;
        if count == 0 {
            break;
        }
        length += count as u64;
        if length > limit {
            return Err(io::Error::other(format!(
                "a body of more than {limit} bytes"
            )));
        }
        if file.is_none() && memory.len() + count > IN_MEMORY {
            let mut opened = tempfile::Builder::new()
                .prefix(SPOOL_PREFIX)
                .tempfile_in(folder)?;
            opened.write_all(&memory)?;
            memory = Vec::new();
            file = Some(opened);
        }
        match &mut file {
            Some(file) => file.write_all(&piece[..count])?,
            None => memory.extend_from_slice(&piece[..count]),
        }
    }
    Ok(match file {
        Some(file) => {
            let (_, path) = file.keep().map_err(|error| error.error)?;
            Body::Spooled(Spool::adopt(path, length, None))
        }
        None => Body::Memory(memory.into()),
    })
}

/// Whether bytes start with a chunk size: digits, then the line's end or an extension.
fn announces_chunk(start: &[u8]) -> bool {
    let digits = start.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let digits = digits.count();
    let after = start[digits..].trim_ascii_start();
    let blank = &start[digits..start.len() - after.len()];
    (1..=16).contains(&digits) && (blank.contains(&b'\n') || after.starts_with(b";"))
}

/// Decodes a body from its chunks (RFC 9112 7.1).
///
/// Trailers after the last chunk are not read.
struct Chunks<R> {
    source: R,
    /// The bytes of the chunk that have not been read.
    left: u64,
    first: bool,
    ended: bool,
}

impl<R: Read> Chunks<R> {
    fn of(source: R) -> Self {
        Self {
            source,
            left: 0,
            first: true,
            ended: false,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.first {
            self.line()?; // the end of the previous chunk
        }
        self.first = false;
        let line = self.line()?;
        let text = String::from_utf8_lossy(&line);
        let size = text.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(size, 16)
            .map_err(|_| io::Error::other("the chunks of a body are damaged"))?;
        self.ended = self.left == 0;
        Ok(())
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.source.read(&mut byte)? == 1 {
            match byte[0] {
                b'\n' => return Ok(line),
                b'\r' => {}
                _ if line.len() < CHUNK_LINE => line.push(byte[0]),
                _ => break,
            }
        }
        Err(io::Error::other("the chunks of a body are damaged"))
    }
}

impl<R: Read> Read for Chunks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.begin()?;
        }
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let limit = self.left.min(into.len() as u64) as usize;
        let count = self.source.read(&mut into[..limit])?;
        if count == 0 {
            return Err(io::Error::other("the chunks of a body are cut off"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
