//! What an earlier run kept of a page.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::freshness::Freshness;

/// The longest validator that is kept, in bytes.
const LONGEST: usize = 1024;

/// What an earlier run had of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// What it kept, without the content.
    pub(crate) then: Snapshot,
    /// What there is in place of the body, if the page did not change.
    pub(crate) content: Content,
    /// Whether it is used without asking, because it is still fresh.
    pub(crate) is_reused: bool,
}

/// What there is of a page that did not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    /// What was read out of it, packed.
    Packed(Box<[u8]>),
    /// Its body, in an archive: it is parsed as if it had been sent again.
    Stored(Box<Place>),
    /// Its body, in the cache: the one with this check sum.
    Cached(i64),
}

/// Where a response is in an archive: numbers of files, and offsets in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Where its head is.
    pub(crate) head: (u32, u64),
    /// Where its body is: elsewhere, if the archive has it once for several pages.
    pub(crate) body: (u32, u64),
    /// The identifier of its record, if its body is there too.
    pub(crate) record: Option<String>,
}

/// What a job keeps of a page, so that a later run can ask whether it changed, and go on without it if it did not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// Its ETag.
    pub(crate) etag: Option<String>,
    /// Its Last-Modified date, as the server wrote it.
    pub(crate) last_modified: Option<String>,
    /// When it was requested, by the wall clock.
    pub(crate) sent: Option<SystemTime>,
    /// The SHA-256 of its decoded body.
    pub(crate) sha256: Option<[u8; 32]>,
    /// The simhash of its text.
    pub(crate) simhash: Option<u64>,
    /// The recipes that other pages' recipes wanted for it, and that it was read with.
    pub(crate) recipes: Vec<String>,
    /// What was read out of it, packed: its title, its links, its fields.
    pub(crate) content: Box<[u8]>,
    /// Until when it may be used without asking.
    pub(crate) fresh: Option<Freshness>,
}

impl Snapshot {
    /// A validator that is short enough to be kept and sent.
    pub(crate) fn validator(value: Option<&str>) -> Option<String> {
        let value = value.map(str::trim).filter(|value| !value.is_empty());
        value
            .filter(|value| value.len() <= LONGEST)
            .map(str::to_owned)
    }

    /// Whether a server can be asked whether the page changed.
    pub(crate) fn has_validator(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }

    /// The approximate size in memory, in bytes.
    pub(crate) fn size(&self) -> u64 {
        (size_of::<Self>() + self.content.len()) as u64
    }
}

impl Known {
    /// Whether it was read with all of these recipes. A body can be read with any.
    pub(crate) fn fits(&self, recipes: &[Arc<str>]) -> bool {
        let known = &self.then.recipes;
        let was_read = |recipe: &Arc<str>| known.iter().any(|known| **known == **recipe);
        self.is_stored() || recipes.iter().all(was_read)
    }

    /// Forgets the validators if the page is to be read with a recipe that it was not read with: it has to be sent again.
    pub(crate) fn fit(&mut self, recipes: &[Arc<str>]) {
        if !self.fits(recipes) {
            (self.then.etag, self.then.last_modified) = (None, None);
        }
    }

    /// Whether its body has to be read from an archive or the cache.
    pub(crate) fn is_stored(&self) -> bool {
        matches!(self.content, Content::Stored(_) | Content::Cached(_))
    }
}
