//! The text of a body that was saved to a file.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::archive::Reader;
use super::page::{Page, Text, Wants};
use crate::page;
use crate::page::body::Body;
use crate::page::headers::Headers;
use crate::url::PageUrl;

/// The largest file that is read, in bytes: as much as is decoded of a body.
const LARGEST: u64 = 32 << 20;

/// The text in the file of a page; `None` if it is gone, has changed since, or is no text.
///
/// `folders` are those that a relative path may start from.
pub(super) fn text(
    file: &Path,
    page: &Page,
    charset: Option<&str>,
    folders: &[PathBuf],
) -> Option<Text> {
    let bytes = folders.iter().find_map(|folder| read(&folder.join(file)))?;
    let mut headers = Headers::default();
    let media = page.content_type.as_deref();
    let content_type = media.map(|media| match charset {
        Some(charset) => format!("{media}; charset={charset}"),
        None => media.to_owned(),
    });
    if let Some(value) = content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.0.insert(CONTENT_TYPE, value);
    }
    let response = page::Page {
        headers,
        ..page::Page::plain(page.status?, Body::Memory(bytes))
    };
    let wants = Wants {
        response: true,
        text: true,
        ..Wants::default()
    };
    let url = PageUrl::parse(&page.url).ok()?;
    let saved = Reader::new(wants).parse(url, &response);
    let is_it = page.sha256.is_none() || saved.sha256 == page.sha256;
    saved.text.filter(|_| is_it)
}

/// The content of a regular file.
fn read(path: &Path) -> Option<Bytes> {
    let found = fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > LARGEST {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(LARGEST)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes.into())
}
