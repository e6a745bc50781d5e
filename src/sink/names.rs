//! Assigns files to requests: two requests of a run never share one.
//!
//! The name of a request does not depend on other requests ([`Name`]). This module checks whether something is in the
//! way that was not saved under that name: a link, a file where a folder is needed, or the reverse. Then the name gets
//! a hash, as it does if another request has the same name, which is rare unless servers give names. Assigned names are
//! remembered by fingerprint, up to [`REMEMBERED`] of them; after that only the disk is checked.

use std::collections::HashMap;

use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

use super::name::{Name, hash_of};
use crate::job::Job;

/// The most names that are remembered; each takes 24 bytes.
const REMEMBERED: usize = 1_000_000;

/// What kind of file a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    /// Nothing is there.
    Missing,
    /// A folder, not a link to one.
    OutputFolder,
    /// A plain file, not a link to one.
    File,
    /// A link, a device, or something that cannot be examined.
    Other,
}

/// The names assigned in this run.
#[derive(Debug)]
pub(super) struct Names {
    used: HashMap<u64, NameUse>,
    remembered: usize,
    /// Secret, so that nobody can craft URLs whose fingerprints collide.
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameUse {
    OutputFolder,
    File(u64),
}

impl Names {
    pub(super) fn new() -> Self {
        Self::seeded(fastrand::u64(..))
    }

    /// No names yet, with the fingerprint seed of an earlier session.
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            used: HashMap::new(),
            remembered: REMEMBERED,
            seed,
        }
    }

    /// The seed of the fingerprints.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The fingerprint of a request, as the owner of a name.
    pub(super) fn owner(&self, job: &Job) -> u64 {
        let mut hash = Xxh3::with_seed(self.seed);
        job.identity(|piece| hash.update(piece));
        hash.digest()
    }

    /// Marks a path and its folders as used: an earlier session gave it to this owner.
    pub(super) fn restore(&mut self, path: &str, owner: u64) {
        for (at, _) in path.match_indices('/') {
            self.remember(&path[..at], NameUse::OutputFolder);
        }
        self.remember(path, NameUse::File(owner));
    }

    fn remember(&mut self, path: &str, used: NameUse) {
        if !self.is_full() {
            let key = self.key(path);
            self.used.entry(key).or_insert(used);
        }
    }

    /// Returns the path for a request, its components joined by `/`.
    ///
    /// `on_disk` examines a path without following links. `None` if every candidate name is blocked.
    pub(super) fn claim(
        &mut self,
        job: &Job,
        name: &Name,
        on_disk: impl Fn(&str) -> PathKind,
    ) -> Option<String> {
        let path = self.enter(name, &on_disk)?;
        let own = NameUse::File(self.owner(job));
        if name.is_given() {
            return self.claim_given(&path, own, name, on_disk);
        }
        name.files().find_map(|file| {
            let path = format!("{path}{file}");
            self.try_use(&path, own, &on_disk).then_some(path)
        })
    }

    /// Returns the path of a file whose name the server gave.
    ///
    /// A file that exists already may be another request's, and is not replaced: only a name with a hash is sure to
    /// be this request's. When no more names are remembered, only the longest hash is.
    fn claim_given(
        &mut self,
        folder: &str,
        own: NameUse,
        name: &Name,
        on_disk: impl Fn(&str) -> PathKind,
    ) -> Option<String> {
        let skipped = if self.is_full() { 2 } else { 0 };
        let mut files = name.files().enumerate().skip(skipped);
        files.find_map(|(place, file)| {
            let path = format!("{folder}{file}");
            let on_disk = |path: &str| match on_disk(path) {
                PathKind::File if place == 0 => PathKind::Other,
                kind => kind,
            };
            self.try_use(&path, own, &on_disk).then_some(path)
        })
    }

    /// Returns the preferred path for `name` if it was given to the request `other`.
    pub(super) fn given_to(
        &mut self,
        other: &Job,
        name: &Name,
        on_disk: impl Fn(&str) -> PathKind,
    ) -> Option<String> {
        let path = self.enter(name, &on_disk)? + &name.files().next()?;
        let used = self.used.get(&self.key(&path));
        (used == Some(&NameUse::File(self.owner(other)))).then_some(path)
    }

    /// Returns the path of the folders of a name, with a trailing slash.
    ///
    /// `None` if every candidate is blocked.
    fn enter(&mut self, name: &Name, on_disk: &impl Fn(&str) -> PathKind) -> Option<String> {
        let mut path = String::new();
        let mut plain = String::new();
        for folder in &name.folders {
            plain.push_str(folder);
            plain.push('/');
            let candidates = [None, Some(8), Some(32)];
            path = candidates.into_iter().find_map(|digits| {
                let folder = match digits {
                    None => folder.clone(),
                    Some(digits) => format!("{folder}~{}", hash_of(&plain, digits)),
                };
                let path = format!("{path}{folder}");
                self.try_use(&path, NameUse::OutputFolder, on_disk)
                    .then_some(path)
            })?;
            path.push('/');
        }
        Some(path)
    }

    fn try_use(
        &mut self,
        path: &str,
        wanted: NameUse,
        on_disk: &impl Fn(&str) -> PathKind,
    ) -> bool {
        let key = self.key(path);
        if let Some(used) = self.used.get(&key) {
            return *used == wanted;
        }
        let free = match on_disk(path) {
            PathKind::Missing => true,
            PathKind::OutputFolder => wanted == NameUse::OutputFolder,
            PathKind::File => wanted != NameUse::OutputFolder,
            PathKind::Other => false,
        };
        if free && !self.is_full() {
            self.used.insert(key, wanted);
        }
        free
    }

    fn key(&self, path: &str) -> u64 {
        self.fingerprint(path)
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
    use crate::url::PageUrl;
    use std::collections::HashSet;

    fn claim(names: &mut Names, url: &str, on_disk: impl Fn(&str) -> PathKind) -> Option<String> {
        let job = Job::seed(1, PageUrl::parse(url).unwrap());
        names.claim(&job, &Name::of(&job, None, false), on_disk)
    }

    fn on_empty_disk(names: &mut Names, url: &str) -> String {
        claim(names, url, |_| PathKind::Missing).unwrap()
    }

    const CLASHING: [&str; 12] = [
        "http://h.example/a",
        "https://h.example/a",
        "http://h.example/A",
        "http://h.example/%41",
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
    fn the_name_of_a_request_does_not_depend_on_the_order_of_requests() {
        let mut names = Names::new();
        let paths = CLASHING.map(|url| on_empty_disk(&mut names, url));
        // Two spellings of the same URL are the same request.
        let distinct: HashSet<_> = paths.iter().collect();
        assert_eq!(distinct.len(), CLASHING.len() - 1, "{paths:#?}");
        assert_eq!(CLASHING.map(|url| on_empty_disk(&mut names, url)), paths);
        for from in 0..CLASHING.len() {
            let mut names = Names::new();
            for step in 0..CLASHING.len() {
                let at = (from + step * 5) % CLASHING.len();
                assert_eq!(on_empty_disk(&mut names, CLASHING[at]), paths[at]);
            }
        }
    }

    #[test]
    fn existing_paths_are_not_replaced_by_something_else() {
        let with_blocked = |blocked: &'static str, kind| {
            claim(&mut Names::new(), "https://h.example/a/b.c", move |path| {
                if path == blocked {
                    kind
                } else {
                    PathKind::Missing
                }
            })
            .unwrap()
        };
        assert!(with_blocked("h.example", PathKind::Other).starts_with("h.example~"));
        assert!(with_blocked("h.example/a", PathKind::File).starts_with("h.example/a~"));
        assert!(
            with_blocked("h.example/a/b.c", PathKind::OutputFolder).starts_with("h.example/a/b~")
        );
        assert!(with_blocked("h.example/a/b.c", PathKind::Other).starts_with("h.example/a/b~"));
        assert_eq!(
            with_blocked("h.example/a/b.c", PathKind::File),
            "h.example/a/b.c"
        );
        assert_eq!(
            with_blocked("h.example/a", PathKind::OutputFolder),
            "h.example/a/b.c"
        );
        let placeholder = claim(&mut Names::new(), "http://h.example/a", |_| PathKind::Other);
        assert_eq!(placeholder, None);
    }

    #[test]
    fn a_name_that_servers_give_twice_is_the_first_requests_and_replaces_no_file() {
        let claim = |names: &mut Names, url: &str, on_disk: fn(&str) -> PathKind| {
            let job = Job::seed(1, PageUrl::parse(url).unwrap());
            let name = Name::of(&job, None, false).given("report.pdf", false);
            names.claim(&job, &name, on_disk).unwrap()
        };
        let urls = ["https://h.example/?1", "https://h.example/?2"];
        let missing = |_: &str| PathKind::Missing;
        let mut names = Names::new();
        assert_eq!(claim(&mut names, urls[0], missing), "h.example/report.pdf");
        let second = claim(&mut names, urls[1], missing);
        assert!(
            second.starts_with("h.example/report~") && second.len() == 29,
            "{second}"
        );
        // In whatever order they come again.
        assert_eq!(claim(&mut names, urls[1], missing), second);
        assert_eq!(claim(&mut names, urls[0], missing), "h.example/report.pdf");
        let exists = |path: &str| match path {
            "h.example" => PathKind::OutputFolder,
            _ => PathKind::File,
        };
        assert_eq!(claim(&mut Names::new(), urls[1], exists), second);
        let mut full = Names {
            remembered: 0,
            ..Names::new()
        };
        let paths = urls.map(|url| claim(&mut full, url, missing));
        assert!(
            paths[0] != paths[1] && paths[0].len() == 29 + 24,
            "{paths:?}"
        );
    }

    #[test]
    fn names_stay_the_same_when_no_more_are_remembered() {
        let mut names = Names {
            remembered: 3,
            ..Names::new()
        };
        let paths = CLASHING.map(|url| on_empty_disk(&mut names, url));
        assert_eq!(
            paths,
            CLASHING.map(|url| on_empty_disk(&mut Names::new(), url))
        );
        assert_eq!(names.used.len(), 3);
    }
}
