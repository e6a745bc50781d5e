//! The text of a body that was saved to a file, or stored in an archive beside the records.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::archive::{Reader, damaged};
use super::page::{Page, Wants};
use crate::archive::Shelf;
use crate::error::Result;
use crate::page;
use crate::page::body::Body;
use crate::page::headers::Headers;
use crate::url::PageUrl;

/// The largest file that is read, in bytes: as much as is decoded of a body.
const LARGEST: u64 = 32 << 20;

/// Where the texts of records are that do not contain them.
pub(super) struct Texts<'f> {
    /// The folders that the relative paths of saved files may start from.
    folders: &'f [PathBuf],
    shelf: Shelf,
    reader: Reader,
}

impl<'f> Texts<'f> {
    /// Opens the archives that may have the pages too.
    ///
    /// # Errors
    /// When one is damaged.
    pub(super) fn new<'p>(
        folders: &'f [PathBuf],
        archives: impl IntoIterator<Item = &'p PathBuf>,
    ) -> Result<Self> {
        let wants = Wants {
            response: true,
            text: true,
            ..Wants::default()
        };
        Ok(Self {
            folders,
            shelf: Shelf::open(archives).map_err(damaged)?,
            reader: Reader::new(wants),
        })
    }

    /// Finds the text of a page, unless it was not saved, has changed since, or is no text.
    pub(super) fn find(&self, page: &mut Page, charset: Option<&str>) {
        if let Some(found) = self.stored(page, charset) {
            page.recorded_simhash = page.recorded_simhash.or(found.recorded_simhash);
            page.text = found.text;
        }
    }

    /// The stored page with the same body.
    fn stored(&self, page: &Page, charset: Option<&str>) -> Option<Page> {
        let url = PageUrl::parse(page.final_url.as_deref()?).ok()?;
        let from_file = || {
            let file = Path::new(page.file.as_deref()?);
            let bytes = (self.folders.iter()).find_map(|folder| read(&folder.join(file)))?;
            response(page, charset, bytes)
        };
        let stored = || Some(self.shelf.find(&url).ok()??.page);
        let found = self
            .reader
            .parse(url.clone(), &from_file().or_else(stored)?);
        let is_it = page.sha256.is_none() || found.sha256 == page.sha256;
        is_it.then_some(found)
    }
}

/// A saved body as the response that it came in, as far as the record says.
fn response(page: &Page, charset: Option<&str>, bytes: Bytes) -> Option<page::Page> {
    let mut headers = Headers::default();
    let media = page.content_type.as_deref();
    let content_type = media.map(|media| match charset {
        Some(charset) => format!("{media}; charset={charset}"),
        None => media.to_owned(),
    });
    if let Some(value) = content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.0.insert(CONTENT_TYPE, value);
    }
    Some(page::Page {
        headers,
        ..page::Page::plain(page.status?, Body::Memory(bytes))
    })
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
