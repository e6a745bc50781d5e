//! Limits on families: the URLs of one path whose parameters have the same names.
//!
//! There are two limits. The first is on the number of URLs of a family; it ends counters that run forever. The second
//! is on the URLs of one path, over all its families, that bring nothing new: each parameter has a value that it had
//! before. It ends filters and sort orders, which multiply, without affecting pages that are addressed by numbers and
//! names. Values are remembered for many paths, but not forever: when the table is full, it is emptied, which makes
//! the second limit more permissive, never stricter.

use url::Position;

use super::counts::Counts;
use super::pieces::{Prints, parameters};
use crate::url::PageUrl;
use crate::url::fingerprint::{FingerprintMap, FingerprintSet};
use crate::visit::skip::Skip;

/// The most values that are remembered: as many as fit in a table with 2^21 slots, 18 MiB.
const MOST_VALUES: usize = 1_835_008;
/// The most parameters of a URL that are read.
const MOST_PARAMETERS: usize = 64;
/// The number of URLs of a path that are allowed for each parameter value seen on it.
const URLS_PER_VALUE: u64 = 10;

/// The families of a crawl.
#[derive(Debug, Default)]
pub(super) struct Families {
    families: Counts,
    paths: FingerprintMap<PathCounts>,
    values: FingerprintSet,
}

/// The URLs accepted on one path.
#[derive(Debug, Default, Clone, Copy)]
struct PathCounts {
    /// The number of URLs with a query.
    urls: u32,
    /// The number of distinct values of their parameters.
    values: u32,
}

/// The family that a URL belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    key: u64,
    path: u64,
}

impl Family {
    /// The family of a URL; `None` if it has no parameters.
    pub(super) fn of(url: &PageUrl, prints: Prints) -> Option<Self> {
        url.as_url().query().filter(|query| !query.is_empty())?;
        let path = prints.of(&url.as_url()[..Position::AfterPath]);
        let mut names = [0; MOST_PARAMETERS];
        let mut count = 0;
        for parameter in parameters(url).take(MOST_PARAMETERS) {
            let name = prints.of(parameter.name);
            if !names[..count].contains(&name) {
                names[count] = name;
                count += 1;
            }
        }
        // A sum does not depend on the order of the names.
        let set = names[..count]
            .iter()
            .fold(0_u64, |sum, name| sum.wrapping_add(*name));
        let key = prints.combine(path, set);
        (count > 0).then_some(Self { key, path })
    }

    /// The path and the parameter names, for messages.
    fn display(url: &PageUrl) -> String {
        let mut names: Vec<&str> = Vec::new();
        for parameter in parameters(url).take(MOST_PARAMETERS) {
            if !names.contains(&parameter.name) {
                names.push(parameter.name);
            }
        }
        Skip::cut(&format!("{}?{}", url.as_url().path(), names.join("&")))
    }
}

impl Families {
    /// Returns an error if no more URLs of the family may be accepted.
    pub(super) fn check(
        &self,
        url: &PageUrl,
        family: Family,
        limit: Option<u32>,
        combinations: Option<u32>,
        prints: Prints,
    ) -> Result<(), Skip> {
        if let Some(limit) = limit
            && self.families.of(family.key) >= limit
        {
            let family = Family::display(url);
            return Err(Skip::FamilyFull { family, limit });
        }
        if let Some(combinations) = combinations {
            let path = self.paths.get(&family.path).copied().unwrap_or_default();
            let limit = u64::from(combinations) + URLS_PER_VALUE * u64::from(path.values);
            let is_known = |value| self.values.contains(&value);
            if u64::from(path.urls) >= limit && values(url, family, prints).all(is_known) {
                let path = Skip::cut(url.as_url().path());
                let limit = u32::try_from(limit).unwrap_or(u32::MAX);
                return Err(Skip::Combinations { path, limit });
            }
        }
        Ok(())
    }

    /// The memory used, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let tables = self.paths.capacity() * 17 + self.values.capacity() * 9;
        self.families.bytes() + tables * 8 / 7
    }

    /// Counts a URL that was accepted.
    pub(super) fn count(&mut self, url: &PageUrl, family: Family, prints: Prints) {
        self.families.add(family.key);
        if self.values.len() + MOST_PARAMETERS > MOST_VALUES || self.paths.len() >= MOST_VALUES / 2
        {
            self.values.clear();
            self.paths.clear();
        }
        let path = self.paths.entry(family.path).or_default();
        path.urls = path.urls.saturating_add(1);
        for value in values(url, family, prints) {
            if self.values.insert(value) {
                path.values = path.values.saturating_add(1);
            }
        }
    }
}

/// A fingerprint of each parameter with its value, on this path.
fn values(url: &PageUrl, family: Family, prints: Prints) -> impl Iterator<Item = u64> {
    parameters(url).take(MOST_PARAMETERS).map(move |parameter| {
        let value = prints.combine(prints.of(parameter.name), prints.of(parameter.value));
        prints.combine(family.path, value)
    })
}
