//! Looks pages up in the cache.

use std::fmt;

use bytes::Bytes;
use rusqlite::Connection;

use super::CacheSettings;
use super::table;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::page::body::Body;
use crate::page::freshness::Freshness;
use crate::page::snapshot::{Content, Known, Snapshot};
use crate::url::PageUrl;

/// The cache, as one thread reads it.
pub(crate) struct Reader {
    database: Connection,
}

impl Reader {
    /// Opens the cache.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(settings: &CacheSettings) -> Result<Self> {
        let path = settings.database();
        let database = table::open_to_read(&path);
        Ok(Self {
            database: database.map_err(|error| Error::store(&path, error.to_string()))?,
        })
    }

    /// What the cache has of a page; `None` if it does not have it, or the entry is damaged.
    pub(crate) fn find(&self, url: &PageUrl) -> Option<Box<Known>> {
        let entry = table::find(&self.database, url.as_str()).ok().flatten()?;
        let validator = |name| Snapshot::validator(entry.headers.text(name));
        Some(Box::new(Known {
            then: Snapshot {
                etag: validator(http::header::ETAG),
                last_modified: validator(http::header::LAST_MODIFIED),
                sent: Some(entry.sent),
                fresh: entry.fresh,
                ..Snapshot::default()
            },
            content: Content::Cached(entry.body_sum),
            is_reused: false,
        }))
    }

    /// Until when a page may be used without asking; `None` if that is not known.
    pub(crate) fn freshness(&self, url: &PageUrl) -> Option<Freshness> {
        table::find(&self.database, url.as_str()).ok()??.fresh
    }

    /// The stored response with this body; `None` if it is damaged, or another process has replaced it.
    pub(crate) fn page(&self, url: &PageUrl, body: i64) -> Option<Page> {
        let entry = table::find(&self.database, url.as_str()).ok().flatten()?;
        let body = table::body(&self.database, url.as_str(), body)?;
        Some(Page {
            headers: entry.headers,
            ..Page::plain(200, Body::Memory(Bytes::from(body)))
        })
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}
