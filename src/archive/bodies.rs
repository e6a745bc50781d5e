//! The bodies of an archive, each read at its place.
//!
//! Invariant: a page is only what its URL says. Edge: an archive that was changed since its places were found has other
//! records there, which is noticed by their URLs.

use std::path::{Path, PathBuf};

use super::{Content, Damage, Files, Records, has_body, page_url, stored};
use crate::page::Page;
use crate::page::snapshot::Place;
use crate::url::PageUrl;
use crate::url::fingerprint::canonical;

/// The files of an archive whose pages have places, to read those pages from.
pub(crate) struct Bodies {
    files: Box<Files>,
    /// The folder for large bodies.
    spool: PathBuf,
}

impl Bodies {
    /// Opens the archive; nothing is read yet but the directory of a package.
    ///
    /// # Errors
    /// If it cannot be opened, or its pages have no places.
    pub(crate) fn open(path: &Path, spool: &Path) -> Result<Self, Damage> {
        match Content::open(path)? {
            Content::Files(mut files) => {
                files.open = None;
                Ok(Self {
                    files,
                    spool: spool.to_owned(),
                })
            }
            Content::SavedPages(_) | Content::List(_) => Err(Damage {
                path: path.to_owned(),
                offset: 0,
                problem: "no WARC file".into(),
            }),
        }
    }

    /// Reads a page at its place.
    ///
    /// # Errors
    /// When it is damaged, or no longer there.
    pub(crate) fn page(&self, url: &PageUrl, place: &Place) -> Result<Page, Damage> {
        let mut page = self.at(place.head, Some(url))?;
        if place.body != place.head {
            page.body = self.at(place.body, None)?.body;
            page.wire_bytes = page.body.len();
        }
        Ok(page)
    }

    /// Reads the response at a position, which has to be at this URL.
    fn at(&self, place: (u32, u64), url: Option<&PageUrl>) -> Result<Page, Damage> {
        let (file, offset) = place;
        let path = self.files.parts.get(file as usize).map(|part| &part.path);
        let damage = |problem: String| Damage {
            path: path.cloned().unwrap_or_default(),
            offset,
            problem,
        };
        let changed = || damage("another record than before: the archive was changed".into());
        let mut records = Records::open(path.ok_or_else(changed)?, offset, u64::MAX)?;
        let head = records.next()?.ok_or_else(changed)?;
        let target = page_url(&head).ok_or_else(changed)?;
        let is_it = |url: &PageUrl| canonical(url.as_str()) == canonical(target.as_str());
        if !url.is_none_or(is_it) || url.is_none() && !has_body(&head) {
            return Err(changed());
        }
        let stored = stored(target, &head, &mut records, &self.spool);
        let stored = stored.map_err(|error| damage(error.to_string()))?;
        Ok(stored.page)
    }
}
