//! A record as it is read back.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::wanted::Wanted;
use crate::text::moment;

/// A record, with the fields that were wanted.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) row: Option<u64>,
    pub(crate) url: String,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) duplicate_of: Option<u64>,
    pub(crate) method: Option<String>,
    pub(crate) depth: Option<u16>,
    pub(crate) found_on: Option<String>,
    /// The pass that wrote it; 0 in outputs of earlier versions, which do not say.
    pub(crate) pass: u32,
    pub(crate) external: bool,
    pub(crate) columns: Map<String, Value>,
    pub(crate) final_url: Option<String>,
    /// The target of a redirect that was not followed.
    pub(crate) location: Option<String>,
    pub(crate) content_type: Option<String>,
    /// The character encoding of the body, by its WHATWG name.
    pub(crate) charset: Option<String>,
    pub(crate) sha256: Option<[u8; 32]>,
    /// The fingerprint of the page's text, which records of this version do not contain.
    pub(crate) simhash: Option<u64>,
    pub(crate) title: Option<String>,
    /// When the last request was sent.
    pub(crate) sent: Option<SystemTime>,
    /// The path of the saved body, as the run was given its folder.
    pub(crate) file: Option<String>,
    /// The header fields that were recorded, under their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// The selected fields, a JSON object.
    pub(crate) fields: Option<Value>,
    /// The items of recipes, a JSON object of lists.
    pub(crate) items: Option<Value>,
    pub(crate) body: Option<String>,
    /// How long it took, in milliseconds.
    pub(crate) total_ms: Option<f64>,
    /// The requests before the last one, a JSON list.
    pub(crate) attempts: Option<Value>,
    /// The redirects that were followed, a JSON list.
    pub(crate) redirects: Option<Value>,
}

impl Recorded {
    /// Sets a field, if it is wanted, from the text of a cell.
    ///
    /// `None` and an empty text are no value.
    pub(super) fn set(&mut self, wanted: Wanted, name: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        // CSV has a column for each header field; so has SQLite, where names have no hyphens.
        let header = (name.strip_prefix("headers.").map(str::to_owned))
            .or_else(|| Some(name.strip_prefix("headers_")?.replace('_', "-")));
        if let Some(header) = header.filter(|_| wanted.response) {
            self.headers.insert(header, text.to_owned());
        }
        if !wanted.has(name) {
            return;
        }
        let some = || Some(text.to_owned());
        match name {
            "row" => self.row = text.parse().ok(),
            "url" => self.url = text.to_owned(),
            "status" => self.status = text.parse().ok(),
            "error" => self.error = some(),
            "duplicate_of" => self.duplicate_of = text.parse().ok(),
            "method" => self.method = some(),
            "depth" => self.depth = text.parse().ok(),
            "found_on" => self.found_on = some(),
            "pass" => self.pass = text.parse().unwrap_or_default(),
            "external" => self.external = matches!(text, "true" | "1"),
            "columns" => self.columns = serde_json::from_str(text).unwrap_or_default(),
            "final_url" => self.final_url = some(),
            "location" => self.location = some(),
            "content_type" => self.content_type = some(),
            "charset" => self.charset = some(),
            "sha256" => self.sha256 = digest(text),
            "simhash" => self.simhash = u64::from_str_radix(text, 16).ok(),
            "title" => self.title = some(),
            "sent" => self.sent = moment::parse(text),
            "file" => self.file = some(),
            "fields" => self.fields = serde_json::from_str(text).ok(),
            "items" => self.items = serde_json::from_str(text).ok(),
            "body" => self.body = some(),
            "total_ms" => self.total_ms = text.parse().ok(),
            "attempts" => self.attempts = serde_json::from_str(text).ok(),
            "redirects" => self.redirects = serde_json::from_str(text).ok(),
            _ => {}
        }
    }
}

/// A digest from its hexadecimal text.
pub(super) fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let pairs = text.as_bytes().chunks(2);
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(digest)
}
