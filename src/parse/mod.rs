//! Page in, facts out: decoding, charset, title. Computes; never waits for a network.
//!
//! A body arrives as it was sent. Here it is decoded within bounds, hashed, read as text where it is text, and looked
//! through. Nothing is done that no sink asked for ([`Wants`]). What a hostile body does to a decoder is a
//! [fault](crate::Parsed::fault) in the record: the page stands.

pub(crate) mod charset;
mod content;
pub mod decode;
pub mod links;
pub(crate) mod media_type;
pub mod resolve;
pub mod scan;

use std::borrow::Cow;
use std::path::PathBuf;

use http::header;
use serde::{Deserialize, Serialize};

use crate::job::Job;
use crate::page::Page;
use crate::visit::Parsed;
use charset::{Charset, ContentKind};
use content::Content;
use decode::DecodeLimits;
use links::LinkSettings;
use media_type::{Kind, MediaType};

/// How far into a page its title and charset are looked for.
const HEAD: usize = 64 << 10;

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
    let reading = content::Reading {
        wants: settings.wants,
        limits: settings.limits,
        folder: &settings.folder,
        head: HEAD,
    };
    match content::read(page, encoded, &reading) {
        Ok(content) => describe(job, page, media.as_ref(), content, settings, &mut parsed),
        Err(error) => parsed.fault = Some(error.to_string()),
    }
    parsed
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
            parsed.text = content.text(found);
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
