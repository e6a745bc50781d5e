//! Page in, facts out: decoding, charset, title. Computes; never waits for a network.
//!
//! A body arrives as it was sent. Here it is decoded within bounds, hashed, read as text where it is text, and looked
//! through. Nothing is done that no sink asked for ([`Wants`]). What a hostile body does to a decoder is a
//! [fault](crate::Parsed::fault) in the record: the page stands.

pub(crate) mod charset;
pub mod decode;
pub mod links;
pub(crate) mod media_type;
pub mod scan;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;

use bytes::Bytes;
use http::header;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::body::{Body, SPOOL_PREFIX, Spool};
use crate::job::Job;
use crate::page::Page;
use crate::visit::Parsed;
use charset::{Charset, ContentKind};
use decode::{Codings, DecodeError, DecodeLimits};
use links::LinkSettings;
use media_type::{Kind, MediaType};

/// How far into a page its title and charset are looked for.
const HEAD: usize = 64 << 10;
/// Bytes moved at a time between a spooled file and a decoder.
const CHUNK: usize = 256 << 10;

/// What the sinks of a run ask the parse half for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wants {
    /// The SHA-256 of the decoded body.
    pub digest: bool,
    /// The title of HTML pages, and the charset of texts.
    pub title: bool,
    /// The decoded text of texts.
    pub text: bool,
    /// The decoded bytes.
    pub content: bool,
}

/// What the parse half may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParseSettings {
    /// What is asked for.
    pub wants: Wants,
    /// Bounds on decoding.
    pub limits: DecodeLimits,
    /// Whether redirects are followed: then the body of one is nobody's, and is not decoded.
    pub follows: bool,
    /// Where large decoded bodies go.
    pub folder: PathBuf,
}

impl Wants {
    /// Nothing at all: bodies are counted.
    pub const NOTHING: Self = Self {
        digest: false,
        title: false,
        text: false,
        content: false,
    };

    /// Whether a body has to be kept until it is parsed.
    pub fn any(self) -> bool {
        self != Self::NOTHING
    }

    /// What either asks for.
    pub fn and(self, other: Self) -> Self {
        Self {
            digest: self.digest || other.digest,
            title: self.title || other.title,
            text: self.text || other.text,
            content: self.content || other.content,
        }
    }
}

impl Default for ParseSettings {
    fn default() -> Self {
        let wants = Wants {
            digest: true,
            title: true,
            text: false,
            content: false,
        };
        Self {
            wants,
            limits: DecodeLimits::default(),
            follows: true,
            folder: std::env::temp_dir(),
        }
    }
}

/// Reads a page, as far as anyone asked.
pub(crate) fn parse(job: &Job, page: &Page, settings: &ParseSettings) -> Parsed {
    let content_type = page.headers.text(header::CONTENT_TYPE);
    let media = content_type.and_then(MediaType::parse);
    let mut parsed = Parsed {
        media_type: media.as_ref().map(|media| media.essence().to_owned()),
        ..Parsed::default()
    };
    let encoded = page.is_encoded();
    if !encoded {
        parsed.decoded_bytes = Some(page.body.len());
    }
    if !settings.wants.any() || settings.follows && page.target().is_some() {
        return parsed;
    }
    match read(page, encoded, settings) {
        Ok(content) => describe(job, page, media.as_ref(), content, settings, &mut parsed),
        Err(error) => parsed.fault = Some(error.to_string()),
    }
    parsed
}

/// A decoded body: all of it in memory, or its head, and the file it is in.
struct Content {
    /// All of it, or the first [`HEAD`] bytes.
    head: Bytes,
    length: u64,
    digest: Option<[u8; 32]>,
    /// The decoded bytes, where they are not the page's own body.
    body: Option<Body>,
    /// A file to read the rest from.
    path: Option<PathBuf>,
}

fn read(page: &Page, encoded: bool, settings: &ParseSettings) -> Result<Content, DecodeError> {
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
            let head = page.body.head(HEAD).map_err(DecodeError::Read)?;
            let digest = match spool.digest {
                None if settings.wants.digest => Some(digest_of(spool).map_err(DecodeError::Read)?),
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

/// Several `Content-Encoding` lines are one list (RFC 9110 5.3).
fn codings(page: &Page) -> Result<Codings, DecodeError> {
    let mut lines = page.headers.0.get_all(header::CONTENT_ENCODING).iter();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let first = lines.next().map(text).unwrap_or_default();
    let all = lines
        .take(8)
        .map(text)
        .fold(first, |all, line| all + ", " + &line);
    decode::codings(&all)
}

/// Decodes a spooled file into another, or through, where nobody wants the bytes.
fn decode_file(
    spool: &Spool,
    codings: Codings,
    settings: &ParseSettings,
) -> Result<Content, DecodeError> {
    let source = File::open(spool.path()).map_err(DecodeError::Read)?;
    let mut decoder = decode::Decoder::new(
        BufReader::with_capacity(CHUNK, source),
        codings,
        settings.limits,
    )?;
    let keep = settings.wants.content || settings.wants.text;
    let folder = &settings.folder;
    let mut file = keep.then(|| {
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
        let count = decoder.read(&mut chunk).map_err(typed)?;
        if count == 0 {
            break;
        }
        let bytes = &chunk[..count];
        length += count as u64;
        head.extend_from_slice(&bytes[..count.min(HEAD - head.len())]);
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

fn describe(
    job: &Job,
    page: &Page,
    media: Option<&MediaType<'_>>,
    content: Content,
    settings: &ParseSettings,
    parsed: &mut Parsed,
) {
    parsed.decoded_bytes = Some(content.length);
    parsed.digest = content.digest;
    let kind = media.map_or_else(|| media_type::sniff(&content.head), MediaType::kind);
    let textual = matches!(
        kind,
        Kind::Html | Kind::Xml | Kind::Feed | Kind::Json | Kind::Css | Kind::Text
    );
    if textual && !content.head.is_empty() && (settings.wants.title || settings.wants.text) {
        let host = page
            .remote
            .is_some()
            .then(|| job.url.as_url().domain())
            .flatten();
        let top_level = host.and_then(|host| host.rsplit('.').next());
        let looked_at = &content.head[..content.head.len().min(HEAD)];
        let found = charset::charset(
            looked_at,
            kind.content_kind(),
            media.and_then(MediaType::charset),
            top_level,
        );
        parsed.charset = Some(found.encoding.name().to_owned());
        if settings.wants.title && kind.content_kind() == ContentKind::Html {
            parsed.title = title(looked_at, found);
        }
        if settings.wants.text {
            parsed.text = text(&content, found);
        }
    }
    parsed.content = content.body.filter(|_| settings.wants.content);
}

/// The title of an HTML page. Encodings that are no superset of ASCII are read as text first.
fn title(head: &[u8], charset: Charset) -> Option<String> {
    if !charset.encoding.is_ascii_compatible() {
        let text = charset::text(head, charset).0;
        return links::links(text.as_bytes(), &LinkSettings::TITLE, &scan::utf8).title;
    }
    let encoding = charset.encoding;
    let decoder = with_lifetime(|bytes| encoding.decode_without_bom_handling(bytes).0);
    links::links(head, &LinkSettings::TITLE, &decoder).title
}

/// Tells the compiler that what comes out lives as long as what went in.
fn with_lifetime<F: for<'b> Fn(&'b [u8]) -> Cow<'b, str>>(decoder: F) -> F {
    decoder
}

fn text(content: &Content, charset: Charset) -> Option<String> {
    let bytes: Cow<'_, [u8]> = match &content.path {
        Some(path) => Cow::Owned(std::fs::read(path).ok()?),
        None => Cow::Borrowed(&content.head),
    };
    Some(charset::text(&bytes, charset).0.into_owned())
}

fn digest_of(spool: &Spool) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut file = File::open(spool.path())?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&chunk[..count]),
        }
    }
}

/// A decoder speaks `io::Error`; what it wraps is the typed one.
fn typed(error: io::Error) -> DecodeError {
    match error.downcast::<DecodeError>() {
        Ok(typed) => typed,
        Err(error) => DecodeError::Read(error),
    }
}
