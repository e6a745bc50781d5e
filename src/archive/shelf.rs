//! Page lookup in archives: the last stored response of a URL, in whichever archive it is.
//!
//! Opening reads the heads of all records once. It keeps a fingerprint of each URL and the position of its response:
//! 24 bytes per page plus the free slots of the hash table. A lookup compares the URL stored at that position. Edge:
//! pages of a folder are kept by path, which takes more memory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::folder;
use super::listed::List;
use super::{Content, Damage, Files, RecordPosition, Records, Stored, page_url};
use crate::url::PageUrl;
use crate::url::fingerprint::canonical;

/// The pages of archives, by URL.
pub(crate) struct Shelf {
    racks: Vec<Rack>,
    /// The archive of each page, and the position in it.
    places: HashMap<u64, (u16, RecordPosition)>,
    /// The folder for large bodies.
    spool: PathBuf,
    /// The damage found: pages after it cannot be found.
    damage: Vec<Damage>,
}

/// One archive.
enum Rack {
    Files(Box<Files>),
    List(List),
    /// The pages of a folder, in the order of their files.
    Folder(Vec<PathBuf>),
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
            damage: Vec::new(),
        };
        for path in paths {
            let rack = match Content::open(path)? {
                Content::Files(files) => shelf.note_files(files)?,
                Content::List(list) => shelf.note_list(list),
                Content::SavedPages(_) => shelf.note_folder(path),
            };
            shelf.racks.push(rack);
        }
        shelf.places.shrink_to_fit();
        Ok(shelf)
    }

    /// The damage found: pages after it cannot be found.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Returns the last stored response of a URL, if there is one.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn find(&self, url: &PageUrl) -> Result<Option<Stored>, Damage> {
        let Some((rack, place)) = self.places.get(&key(url)) else {
            return Ok(None);
        };
        let found = match self.racks.get(usize::from(*rack)) {
            Some(Rack::Files(files)) => files.at(*place, &self.spool)?,
            Some(Rack::List(list)) => list.at(place.offset)?,
            Some(Rack::Folder(paths)) => paths
                .get(place.offset as usize)
                .map(|path| folder::page(url.clone(), path))
                .transpose()?,
            None => None,
        };
        let is_it = |stored: &Stored| canonical(stored.url.as_str()) == canonical(url.as_str());
        Ok(found.filter(is_it))
    }

    fn note_files(&mut self, mut files: Box<Files>) -> Result<Rack, Damage> {
        loop {
            let (file, head) = match files.head() {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(Rack::Files(files)),
                Err(damage) => {
                    self.damage.push(damage);
                    continue;
                }
            };
            let Some(url) = page_url(&head) else {
                continue;
            };
            if !head.is_findable {
                return Err(Damage {
                    path: files.parts[file as usize].path.clone(),
                    offset: head.offset,
                    problem: "packed as a whole, and not record by record, so that no page in it can be had by its place: \
                              unpack it first"
                        .into(),
                });
            }
            let place = RecordPosition {
                file,
                offset: head.offset,
            };
            self.note(&url, place);
        }
    }

    fn note_list(&mut self, mut list: List) -> Rack {
        while let Some(next) = list.next_place() {
            match next {
                Ok((url, offset)) => self.note(&url, RecordPosition { file: 0, offset }),
                Err(damage) => self.damage.push(damage),
            }
        }
        Rack::List(list)
    }

    fn note_folder(&mut self, root: &Path) -> Rack {
        let mut paths = Vec::new();
        let walked = folder::files(root, &mut |path| {
            if let Some(url) = folder::url(root, path) {
                let offset = paths.len() as u64;
                self.note(&url, RecordPosition { file: 0, offset });
                paths.push(path.to_owned());
            }
            Ok(())
        });
        if let Err(error) = walked {
            self.damage.push(Damage {
                path: root.to_owned(),
                offset: 0,
                problem: error.to_string(),
            });
        }
        Rack::Folder(paths)
    }

    fn note(&mut self, url: &PageUrl, place: RecordPosition) {
        let rack = self.racks.len() as u16;
        self.places.insert(key(url), (rack, place));
    }
}

impl Files {
    /// Returns the response at a position.
    fn at(&self, place: RecordPosition, spool: &Path) -> Result<Option<Stored>, Damage> {
        let Some(part) = self.parts.get(place.file as usize) else {
            return Ok(None);
        };
        let mut records = Records::open(&part.path, place.offset, u64::MAX)?;
        match records.next()? {
            Some(head) => self.page(place.file, &head, &mut records, spool),
            None => Ok(None),
        }
    }
}

fn key(url: &PageUrl) -> u64 {
    xxh3_64(canonical(url.as_str()).as_bytes())
}
