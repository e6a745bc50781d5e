//! Which name belongs to which URL: two URLs of a run never share a file.
//!
//! A name is as good as taken when another URL has it in any mixture of upper and lower case, when it is a folder and
//! should be a file or the other way round, or when something lies there that was not saved as it would be. Then it
//! gets a mark made from the URL alone, so a later run finds the same name again. What was given away is remembered by
//! fingerprint; beyond [`REMEMBERED`] names every new one is marked, and needs no memory.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::name::{Name, hash, marked};
use crate::url::PageUrl;

/// Names that are remembered: 24 bytes each.
const REMEMBERED: usize = 1_000_000;

/// What lies under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A folder, and no link to one.
    Folder,
    /// A plain file, and no link to one.
    File,
    /// A link, a device, or what cannot be looked at.
    Other,
}

/// The names that were given away in this run.
#[derive(Debug)]
pub(super) struct Names {
    used: HashMap<u64, Use>,
    remembered: usize,
    /// Unknown to those who write URLs, so that they cannot make fingerprints meet.
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Folder,
    File(u64),
}

impl Names {
    pub(super) fn new() -> Self {
        Self::seeded(fastrand::u64(..))
    }

    /// No names yet, with the fingerprints of an earlier session.
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            used: HashMap::new(),
            remembered: REMEMBERED,
            seed,
        }
    }

    /// What fingerprints are made with.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The fingerprint of a URL, as the owner of a name.
    pub(super) fn owner(&self, url: &PageUrl) -> u64 {
        self.fingerprint(url.as_str())
    }

    /// Takes a path for taken, with the folders on the way: an earlier session gave it to this owner.
    pub(super) fn restore(&mut self, path: &str, owner: u64) {
        for (at, _) in path.match_indices('/') {
            self.remember(&path[..at], Use::Folder);
        }
        self.remember(path, Use::File(owner));
    }

    fn remember(&mut self, path: &str, used: Use) {
        if !self.is_full() {
            let key = self.key(path);
            self.used.entry(key).or_insert(used);
        }
    }

    /// The path for a URL, its parts joined by `/`; `on_disk` looks without following links. `None` where
    /// something lies in the way of every name.
    pub(super) fn claim(
        &mut self,
        url: &PageUrl,
        name: &Name,
        on_disk: impl Fn(&str) -> Found,
    ) -> Option<String> {
        let mut path = String::new();
        let mut plain = String::new();
        for folder in &name.folders {
            plain.push_str(folder);
            plain.push('/');
            let candidates = [None, Some(8), Some(32)];
            path = candidates.into_iter().find_map(|digits| {
                let folder = match digits {
                    None => folder.clone(),
                    Some(digits) => format!("{folder}~{}", hash(&plain, digits)),
                };
                let path = format!("{path}{folder}");
                self.take(&path, Use::Folder, &on_disk).then_some(path)
            })?;
            path.push('/');
        }
        let own = Use::File(self.owner(url));
        [None, Some(8), Some(32)].into_iter().find_map(|digits| {
            let file = match digits {
                None => name.file.clone(),
                Some(digits) => marked(&name.file, &hash(url.as_str(), digits)),
            };
            let path = format!("{path}{file}");
            // Without memory of a name nobody would know that it is taken: only the longest mark is safe.
            let sure = digits == Some(32) || !self.is_full() || self.knows(&path);
            (sure && self.take(&path, own, &on_disk)).then_some(path)
        })
    }

    fn take(&mut self, path: &str, wanted: Use, on_disk: &impl Fn(&str) -> Found) -> bool {
        let key = self.key(path);
        if let Some(used) = self.used.get(&key) {
            return *used == wanted;
        }
        let free = match on_disk(path) {
            Found::Nothing => true,
            Found::Folder => wanted == Use::Folder,
            Found::File => wanted != Use::Folder,
            Found::Other => false,
        };
        if free && !self.is_full() {
            self.used.insert(key, wanted);
        }
        free
    }

    fn knows(&self, path: &str) -> bool {
        self.used.contains_key(&self.key(path))
    }

    fn key(&self, path: &str) -> u64 {
        self.fingerprint(&path.to_lowercase())
    }

    fn is_full(&self) -> bool {
        self.used.len() >= self.remembered
    }

    fn fingerprint(&self, text: &str) -> u64 {
        xxh3_64_with_seed(text.as_bytes(), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn claim(names: &mut Names, url: &str, on_disk: impl Fn(&str) -> Found) -> Option<String> {
        let url = PageUrl::parse(url).unwrap();
        names.claim(&url, &Name::of(&url, None), on_disk)
    }

    fn on_empty_disk(names: &mut Names, url: &str) -> String {
        claim(names, url, |_| Found::Nothing).unwrap()
    }

    const CLASHING: [&str; 12] = [
        "http://h.example/a",
        "https://h.example/a",
        "http://h.example/A",
        "http://h.example/%61",
        "http://H.example/a/b",
        "http://h.example/a/b/c",
        "http://h.example/a/",
        "http://h.example/a/index.html",
        "http://h.example/a/INDEX.html",
        "http://h.example/x.html?q",
        "http://h.example/x%40q.html",
        "http://h.example/x@q.html",
    ];

    #[test]
    fn two_urls_never_share_a_name_nor_is_one_the_folder_of_another() {
        let mut names = Names::new();
        let given: Vec<String> = CLASHING
            .iter()
            .map(|url| on_empty_disk(&mut names, url).to_lowercase())
            .collect();
        assert_eq!(
            given.iter().collect::<HashSet<_>>().len(),
            CLASHING.len(),
            "{given:#?}"
        );
        for name in &given {
            let inside = format!("{name}/");
            assert!(
                !given.iter().any(|other| other.starts_with(&inside)),
                "{given:#?}"
            );
        }
        assert_eq!(given[0], "h.example/a");
        assert!(given[2].starts_with("h.example/a~") && given[2].len() == "h.example/a~".len() + 8);
    }

    #[test]
    fn a_url_keeps_its_name() {
        let mut names = Names::new();
        let given = CLASHING.map(|url| on_empty_disk(&mut names, url));
        assert_eq!(CLASHING.map(|url| on_empty_disk(&mut names, url)), given);
        assert_eq!(
            CLASHING
                .map(|url| on_empty_disk(&mut Names::new(), url))
                .len(),
            12
        );
    }

    #[test]
    fn what_lies_in_the_way_is_left_alone() {
        let in_the_way = |taken: &'static str, found| {
            claim(&mut Names::new(), "http://h.example/a/b", move |path| {
                if path == taken { found } else { Found::Nothing }
            })
            .unwrap()
        };
        assert!(in_the_way("h.example", Found::Other).starts_with("h.example~"));
        assert!(in_the_way("h.example/a", Found::File).starts_with("h.example/a~"));
        assert!(in_the_way("h.example/a/b", Found::Folder).starts_with("h.example/a/b~"));
        assert!(in_the_way("h.example/a/b", Found::Other).starts_with("h.example/a/b~"));
        assert_eq!(in_the_way("h.example/a/b", Found::File), "h.example/a/b");
        assert_eq!(in_the_way("h.example/a", Found::Folder), "h.example/a/b");
        let nowhere = claim(&mut Names::new(), "http://h.example/a", |_| Found::Other);
        assert_eq!(nowhere, None);
    }

    #[test]
    fn when_memory_is_full_every_new_name_is_marked() {
        let mut names = Names {
            remembered: 3,
            ..Names::new()
        };
        let first = on_empty_disk(&mut names, "http://h.example/a");
        on_empty_disk(&mut names, "http://h.example/b");
        let later = on_empty_disk(&mut names, "http://h.example/c");
        assert_eq!(first, "h.example/a");
        assert_eq!(later.len(), "h.example/c~".len() + 32);
        assert_eq!(on_empty_disk(&mut names, "http://h.example/c"), later);
        assert_eq!(on_empty_disk(&mut names, "http://h.example/a"), first);
        assert_ne!(
            on_empty_disk(&mut names, "http://h.example/A"),
            "h.example/A"
        );
        assert_eq!(names.used.len(), 3);
    }
}
