//! A page of an earlier run.

use std::ops::ControlFlow;

use serde_json::Value;

use crate::parse::media_type::{Kind, MediaType, sniff};
use crate::parse::scan::Markup;
use crate::parse::simhash::{self, Simhash};
use crate::recorded::Choice;
use crate::run::tally::is_class_of_skip;
use crate::url::fingerprint::Fingerprints;

/// Classes of errors of pages that were never requested, although they were meant to be.
const NEVER_SENT: [&str; 5] = [
    "not-stored",
    "robots-unreachable",
    "cancelled",
    "lost",
    "shortage",
];

/// What a caller needs of each page, besides its request and outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    /// What describes the response: its digest, title, file, and where a redirect leads.
    pub response: bool,
    /// The validators of the response.
    pub validators: bool,
    /// The fields and items.
    pub values: bool,
    /// The text where it is known, and the fingerprint of the text.
    pub text: bool,
}

/// A page of an earlier run, as far as the run knows it.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The line of the list.
    pub row: Option<u64>,
    /// The URL that was requested, or the text of a line that is none.
    pub url: String,
    /// The method, unless it was that of the run.
    pub method: Option<String>,
    /// The URL of the response, or of the last one after redirects.
    pub final_url: Option<String>,
    /// The `Location` of a redirect that was not followed.
    pub location: Option<String>,
    /// The HTTP status; `None` without a response. 304 stands for a page that did not change since a run before.
    pub status: Option<u16>,
    /// The class of the failure, or why it was not requested.
    pub error: Option<String>,
    /// The SHA-256 of the decoded body.
    pub sha256: Option<[u8; 32]>,
    /// The media type.
    pub content_type: Option<String>,
    /// The title of an HTML page.
    pub title: Option<String>,
    /// The `ETag` of the response.
    pub etag: Option<String>,
    /// The `Last-Modified` of the response.
    pub last_modified: Option<String>,
    /// The selected fields, a JSON object.
    pub fields: Option<Value>,
    /// The items of recipes, a JSON object of lists.
    pub items: Option<Value>,
    /// Links from the seed.
    pub depth: Option<u16>,
    /// The page that it was first found on; `None` for a seed too.
    pub found_on: Option<String>,
    /// The file that its body was saved to.
    pub file: Option<String>,
    /// The pass that wrote its record.
    pub pass: u32,
    /// Whether it is a link out of a crawl, that was only checked.
    pub external: bool,
    /// The text, decoded to UTF-8.
    pub text: Option<Text>,
    /// The fingerprint of the text as its run computed it.
    pub(crate) recorded_simhash: Option<u64>,
}

/// The text of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The rules of its markup; `None` for text without markup.
    pub(crate) markup: Option<Markup>,
    /// The text with its markup, in UTF-8.
    pub content: String,
}

/// Chooses pages by their numbers, from 1, and takes those that it chose.
pub trait PageVisitor {
    /// Whether to read the page with this number.
    fn choose(&mut self, _number: u64) -> Choice {
        Choice::Read
    }

    /// Takes a page; `Break` ends the reading.
    fn take(&mut self, number: u64, page: Page) -> ControlFlow<()>;
}

impl Page {
    /// Whether its server said that it did not change since a run before, and sent no body.
    pub fn is_not_modified(&self) -> bool {
        self.status == Some(304)
    }

    /// Identifies the request among others: its URL, and its method if it may matter.
    pub fn request(&self, fingerprints: Fingerprints) -> u64 {
        let url = fingerprints.of(&self.url);
        match self.method.as_deref() {
            // External links are asked with HEAD, and with GET where that is refused.
            Some(method) if method != "GET" && !self.external => {
                let mut hash = fingerprints.begin();
                hash.update(&url.to_le_bytes());
                hash.update(method.as_bytes());
                hash.digest()
            }
            _ => url,
        }
    }

    /// The class of the failure; `None` for a success, and for what was never requested.
    pub fn failure(&self) -> Option<&str> {
        self.error.as_deref().filter(|class| !was_not_asked(class))
    }

    /// Why it was not requested: a class of error that is a decision.
    pub fn unasked(&self) -> Option<&str> {
        self.error.as_deref().filter(|class| was_not_asked(class))
    }

    /// The [fingerprint](crate::parse::simhash) of the text, recorded or computed; `None` if it is unknown or too short.
    pub fn simhash(&self) -> Option<u64> {
        self.recorded_simhash
            .or_else(|| self.text.as_ref()?.simhash())
    }
}

impl Text {
    /// The text of a body, by its media type or else by its beginning; `None` if it is not for people to read.
    pub(super) fn of(content: String, content_type: Option<&str>) -> Option<Self> {
        let kind = match content_type.and_then(MediaType::parse) {
            Some(media) => media.kind(),
            None => sniff(content.as_bytes()),
        };
        let markup = match kind {
            Kind::Html => Some(Markup::Html),
            Kind::Xhtml | Kind::Xml | Kind::Feed => Some(Markup::Xml),
            Kind::Json | Kind::Text => None,
            Kind::Css | Kind::Script | Kind::Other => return None,
        };
        Some(Self { markup, content })
    }

    fn simhash(&self) -> Option<u64> {
        let bytes = self.content.as_bytes();
        match self.markup {
            Some(markup) => simhash::of_page(markup, bytes),
            None => {
                let mut simhash = Simhash::new();
                simhash.push(bytes);
                simhash.finish()
            }
        }
    }
}

/// Whether a page with this class of error was not requested.
fn was_not_asked(class: &str) -> bool {
    is_class_of_skip(class) || NEVER_SENT.contains(&class)
}
