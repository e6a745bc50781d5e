//! Page lookup in archives: the last stored response of a URL, in whichever archive it is.
//!
//! Opening reads the heads of all records once. It keeps a fingerprint of each URL and the position of its response:
//! 24 bytes per page plus the free slots of the hash table. A lookup compares the URL stored at that position. Edge:
//! pages of a folder are kept by path, which takes more memory.

use std::collections::HashMap;
use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64;

use super::rack::{Entry, Rack};
use super::{Damage, RecordPosition, Stored};
use crate::url::PageUrl;
use crate::url::fingerprint::canonical;

/// The pages of archives, by URL.
pub(crate) struct Shelf {
    racks: Vec<Rack>,
    /// The archive of each page, and the position in it.
    places: HashMap<u64, (u16, RecordPosition)>,
    /// The folder for large bodies.
    spool: PathBuf,
}

impl Shelf {
    /// Opens archives, and indexes their pages.
    ///
    /// # Errors
    /// When one does not exist, or its pages cannot be read individually.
    pub(crate) fn open<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Result<Self, Damage> {
        let mut shelf = Self {
            racks: Vec::new(),
            places: HashMap::new(),
            spool: std::env::temp_dir(),
        };
        for path in paths {
            let number = shelf.racks.len() as u16;
            let places = &mut shelf.places;
            let rack = Rack::open(path, &mut |entry| {
                if let Entry::Response { url, place, .. } = entry {
                    places.insert(key(url), (number, place));
                }
                Ok(())
            })?;
            shelf.racks.push(rack);
        }
        shelf.places.shrink_to_fit();
        Ok(shelf)
    }

    /// The damage found: pages after it cannot be found.
    pub(crate) fn damage(&self) -> impl Iterator<Item = &Damage> {
        self.racks.iter().flat_map(Rack::damage)
    }

    /// Returns the last stored response of a URL, if there is one.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn find(&self, url: &PageUrl) -> Result<Option<Stored>, Damage> {
        let Some((rack, place)) = self.places.get(&key(url)) else {
            return Ok(None);
        };
        let Some(rack) = self.racks.get(usize::from(*rack)) else {
            return Ok(None);
        };
        let found = rack.read(url, *place, &self.spool)?;
        let is_it = |stored: &Stored| canonical(stored.url.as_str()) == canonical(url.as_str());
        Ok(found.filter(is_it))
    }
}

fn key(url: &PageUrl) -> u64 {
    xxh3_64(canonical(url.as_str()).as_bytes())
}
