//! One archive whose responses can be read one by one, each at its place.
//!
//! Opening it passes every response and its place to the caller, who keeps what it needs to find them again. Edge: the
//! records of a file that was packed as a whole have no places, so such a file is refused.

use std::path::{Path, PathBuf};

use super::folder;
use super::listed::List;
use super::{Content, Damage, Files, Head, RecordPosition, Records, Stored, page_url};
use crate::url::PageUrl;

/// One archive.
pub(crate) struct Rack {
    content: Places,
    /// The damage found: pages after it have no place.
    damage: Vec<Damage>,
}

/// What a place is a position in.
enum Places {
    Files(Box<Files>),
    List(List),
    /// The pages of a folder, in the order of their files.
    Folder(Vec<PathBuf>),
}

/// What is found in an archive while it is opened.
pub(crate) enum Entry<'e> {
    /// A response.
    Response {
        /// The URL that was requested.
        url: &'e PageUrl,
        /// Where it can be read again.
        place: RecordPosition,
        /// The head of its record, if it is in one.
        head: Option<&'e Head>,
    },
    /// A record that is no response, which may be about one.
    Other {
        /// Its head.
        head: &'e Head,
        /// Its block.
        block: &'e mut Records,
    },
}

/// A response of an archive, and the file that has its body.
pub(crate) struct Held {
    /// The response.
    pub(crate) stored: Stored,
    /// The file of the archive that is its body, which the response then lacks.
    pub(crate) file: Option<PathBuf>,
}

impl Rack {
    /// Opens an archive, and passes what is in it to `take`.
    ///
    /// # Errors
    /// When it does not exist, or its pages cannot be read individually, and the errors of `take`.
    pub(crate) fn open(
        path: &Path,
        take: &mut dyn FnMut(Entry<'_>) -> Result<(), Damage>,
    ) -> Result<Self, Damage> {
        let mut damage = Vec::new();
        let content = match Content::open(path)? {
            Content::Files(files) => of_files(files, take, &mut damage)?,
            Content::List(list) => of_list(list, take, &mut damage)?,
            Content::SavedPages(_) => of_folder(path, take, &mut damage)?,
        };
        Ok(Self { content, damage })
    }

    /// The damage found: pages after it have no place.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The response at a place, which was that of this URL. Large bodies go into the spool.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn read(
        &self,
        url: &PageUrl,
        place: RecordPosition,
        spool: &Path,
    ) -> Result<Option<Stored>, Damage> {
        match &self.content {
            Places::Files(files) => files.at(place, spool),
            Places::List(list) => list.at(place.offset),
            Places::Folder(paths) => paths
                .get(place.offset as usize)
                .map(|path| folder::page(url.clone(), path))
                .transpose(),
        }
    }

    /// The same, except that a body which is a file of the archive stays there.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn hold(
        &self,
        url: &PageUrl,
        place: RecordPosition,
        spool: &Path,
    ) -> Result<Option<Held>, Damage> {
        let held = |(stored, file)| Held {
            stored,
            file: Some(file),
        };
        match &self.content {
            Places::Files(_) => Ok(self
                .read(url, place, spool)?
                .map(|stored| Held { stored, file: None })),
            Places::List(list) => list.head_at(place.offset).map(held).map(Some),
            Places::Folder(paths) => {
                let Some(path) = paths.get(place.offset as usize) else {
                    return Ok(None);
                };
                let found = std::fs::symlink_metadata(path);
                let found = found.map_err(|error| damage_at(path, 0, error.to_string()))?;
                let head = folder::head(url.clone(), path, &found);
                Ok(Some(held((head, path.clone()))))
            }
        }
    }
}

fn of_files(
    mut files: Box<Files>,
    take: &mut dyn FnMut(Entry<'_>) -> Result<(), Damage>,
    damage: &mut Vec<Damage>,
) -> Result<Places, Damage> {
    loop {
        let (file, head) = match files.head() {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Places::Files(files)),
            Err(found) => {
                damage.push(found);
                continue;
            }
        };
        let Some(url) = page_url(&head) else {
            if let Some((_, block)) = &mut files.open {
                take(Entry::Other { head: &head, block })?;
            }
            continue;
        };
        if !head.is_findable {
            let problem = "packed as a whole, and not record by record, so that no page in it can be had by its place: \
                           unpack it first";
            let path = &files.parts[file as usize].path;
            return Err(damage_at(path, head.offset, problem.into()));
        }
        take(Entry::Response {
            url: &url,
            place: RecordPosition {
                file,
                offset: head.offset,
            },
            head: Some(&head),
        })?;
    }
}

fn of_list(
    mut list: List,
    take: &mut dyn FnMut(Entry<'_>) -> Result<(), Damage>,
    damage: &mut Vec<Damage>,
) -> Result<Places, Damage> {
    while let Some(next) = list.next_place() {
        match next {
            Ok((url, offset)) => take(Entry::Response {
                url: &url,
                place: RecordPosition { file: 0, offset },
                head: None,
            })?,
            Err(found) => damage.push(found),
        }
    }
    Ok(Places::List(list))
}

fn of_folder(
    root: &Path,
    take: &mut dyn FnMut(Entry<'_>) -> Result<(), Damage>,
    damage: &mut Vec<Damage>,
) -> Result<Places, Damage> {
    let mut paths = Vec::new();
    let mut refused = None;
    let walked = folder::files(root, &mut |path| {
        if let Some(url) = folder::url(root, path) {
            let offset = paths.len() as u64;
            let taken = take(Entry::Response {
                url: &url,
                place: RecordPosition { file: 0, offset },
                head: None,
            });
            if let Err(error) = taken {
                refused = Some(error);
                return Err(std::io::Error::other("refused"));
            }
            paths.push(path.to_owned());
        }
        Ok(())
    });
    match (walked, refused) {
        (_, Some(error)) => return Err(error),
        (Err(error), None) => damage.push(damage_at(root, 0, error.to_string())),
        (Ok(()), None) => {}
    }
    Ok(Places::Folder(paths))
}

fn damage_at(path: &Path, offset: u64, problem: String) -> Damage {
    Damage {
        path: path.to_owned(),
        offset,
        problem,
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
