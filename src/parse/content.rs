//! A decoded body: read from memory or from a file, whole or only as much as is needed.
//!
//! Invariant: of a body stored in a file, no more is kept in memory than was asked for. The rest is hashed, counted
//! and written out as it streams through.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header;
use sha2::digest::Output;
use sha2::{Digest, Sha256};

use super::decode::{self, Codings, DecodeError, DecodeLimits};
use super::wants::Wants;
use crate::page::Page;
use crate::page::body::{Body, SPOOL_PREFIX, Spool};

/// Bytes moved at a time between a spooled file and a decoder.
const CHUNK: usize = 256 << 10;

/// A decoded body: all of it in memory, or its first part plus the file that has the rest.
pub(super) struct Content {
    /// The whole body, or as much of it as was asked for.
    pub(super) head: Bytes,
    pub(super) length: u64,
    pub(super) digest: Option<[u8; 32]>,
    /// The decoded bytes, if they differ from the page's own body.
    pub(super) body: Option<Body>,
    /// The file that has the whole body, if `head` does not.
    path: Option<PathBuf>,
}

impl Content {
    /// Bytes of memory used, including [`whole`](Self::whole) and, if `text`, the decoded text.
    pub(super) fn size(&self, text: bool) -> u64 {
        let head = self.head.len() as u64;
        head + if text { 2 * self.length } else { 0 }
    }

    /// The whole body; `None` if its file is gone.
    pub(super) fn whole(&self) -> Option<Cow<'_, [u8]>> {
        Some(match &self.path {
            Some(path) => Cow::Owned(std::fs::read(path).ok()?),
            None => Cow::Borrowed(&self.head),
        })
    }
}

/// What to read from a body.
pub(super) struct Reading<'s> {
    pub(super) wants: Wants,
    pub(super) limits: DecodeLimits,
    /// The folder for large decoded bodies.
    pub(super) folder: &'s Path,
    /// How many bytes to keep in memory of a body stored in a file.
    pub(super) head: usize,
}

/// The most memory that reading a page can take, in bytes.
///
/// Covers [`read`], [`Content::whole`] and the text, but not the body as received.
pub(super) fn max_memory(page: &Page, encoded: bool, reading: &Reading<'_>) -> u64 {
    let length = match encoded {
        true => reading.limits.max_decoded(page.body.len()),
        false => page.body.len(),
    };
    let head = match &page.body {
        Body::Memory(_) if encoded => length,
        Body::Memory(_) | Body::Dropped(_) => 0,
        Body::Spooled(_) => length.min(reading.head as u64),
    };
    head + if reading.wants.text { 2 * length } else { 0 }
}

/// Decodes a body, hashes it, and keeps what is wanted.
///
/// # Errors
/// The decoder's error, or a failure to read the body's file.
pub(super) fn read(
    page: &Page,
    encoded: bool,
    settings: &Reading<'_>,
) -> Result<Content, DecodeError> {
    let digest = |bytes: &[u8]| settings.wants.digest.then(|| Sha256::digest(bytes).into());
    match &page.body {
        Body::Memory(bytes) if encoded => {
            let decoded = decode::decode(bytes.clone(), codings(page)?, &settings.limits)?.bytes;
            let body = settings
                .wants
                .content
                .then(|| Body::Memory(decoded.clone()));
            Ok(Content {
                digest: digest(&decoded),
                length: decoded.len() as u64,
                head: decoded,
                body,
                path: None,
            })
        }
        Body::Memory(bytes) => {
            let digest = digest(bytes);
            Ok(Content {
                head: bytes.clone(),
                length: bytes.len() as u64,
                digest,
                body: None,
                path: None,
            })
        }
        Body::Spooled(spool) if encoded => decode_file(spool, codings(page)?, settings),
        Body::Spooled(spool) => {
            let head = page.body.head(settings.head).map_err(DecodeError::Read)?;
            let digest = match spool.digest {
                None if settings.wants.digest => {
                    let digest = digest_of::<Sha256>(spool).map_err(DecodeError::Read)?;
                    Some(digest.into())
                }
                known => known,
            };
            let path = Some(spool.path().to_owned());
            Ok(Content {
                head,
                length: page.body.len(),
                digest,
                body: None,
                path,
            })
        }
        Body::Dropped(length) => Ok(Content {
            head: Bytes::new(),
            length: *length,
            digest: None,
            body: None,
            path: None,
        }),
    }
}

/// The body's codings. Several `Content-Encoding` lines form one list (RFC 9110 5.3).
pub(super) fn codings(page: &Page) -> Result<Codings, DecodeError> {
    let mut lines = page.headers.0.get_all(header::CONTENT_ENCODING).iter();
    let as_text =
        |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let first = lines.next().map(as_text).unwrap_or_default();
    let all = lines
        .take(8)
        .map(as_text)
        .fold(first, |all, line| all + ", " + &line);
    decode::codings(&all)
}

/// Decodes a spooled file into another file.
///
/// If no one needs the bytes, they are only counted and hashed.
fn decode_file(
    spool: &Spool,
    codings: Codings,
    settings: &Reading<'_>,
) -> Result<Content, DecodeError> {
    let source = File::open(spool.path()).map_err(DecodeError::Read)?;
    let mut decoder = decode::Decoder::new(
        BufReader::with_capacity(CHUNK, source),
        codings,
        settings.limits,
    )?;
    let is_stored = settings.wants.content || settings.wants.text;
    let folder = settings.folder;
    let mut file = is_stored.then(|| {
        tempfile::Builder::new()
            .prefix(SPOOL_PREFIX)
            .tempfile_in(folder)
    });
    let mut file = file.take().transpose().map_err(DecodeError::Read)?;
    let mut hash = settings.wants.digest.then(Sha256::new);
    let mut head = Vec::new();
    let mut length = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = decoder.read(&mut chunk).map_err(into_decode_error)?;
        if count == 0 {
            break;
        }
        let bytes = &chunk[..count];
        length += count as u64;
        head.extend_from_slice(&bytes[..count.min(settings.head - head.len())]);
        if let Some(hash) = &mut hash {
            hash.update(bytes);
        }
        if let Some(file) = &mut file {
            file.write_all(bytes).map_err(DecodeError::Read)?;
        }
    }
    let digest = hash.map(|hash| hash.finalize().into());
    let mut content = Content {
        head: head.into(),
        length,
        digest,
        body: None,
        path: None,
    };
    if let Some(file) = file {
        let (_, path) = file
            .keep()
            .map_err(|error| DecodeError::Read(error.error))?;
        content.path = Some(path.clone());
        content.body = Some(Body::Spooled(Spool::adopt(path, length, digest)));
    }
    Ok(content)
}

/// The digest of a file's bytes.
pub(super) fn digest_of<D: Digest>(spool: &Spool) -> io::Result<Output<D>> {
    let mut hash = D::new();
    let mut file = File::open(spool.path())?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hash.finalize()),
            count => hash.update(&chunk[..count]),
        }
    }
}

/// Recovers the typed error from the `io::Error` that a decoder had to wrap it in.
pub(super) fn into_decode_error(error: io::Error) -> DecodeError {
    match error.downcast::<DecodeError>() {
        Ok(typed) => typed,
        Err(error) => DecodeError::Read(error),
    }
}
