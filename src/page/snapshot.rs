//! What an earlier run kept of a page.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// The longest validator that is kept, in bytes.
const LONGEST: usize = 1024;

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

    /// Forgets the validators if the page is to be read with a recipe that it was not read with: it has to be sent again.
    pub(crate) fn fit(&mut self, recipes: &[Arc<str>]) {
        let was_read = |recipe: &Arc<str>| self.recipes.iter().any(|known| **known == **recipe);
        if !recipes.iter().all(was_read) {
            (self.etag, self.last_modified) = (None, None);
        }
    }

    /// The approximate size in memory, in bytes.
    pub(crate) fn size(&self) -> u64 {
        (size_of::<Self>() + self.content.len()) as u64
    }
}
