//! Families: the URLs of one path whose parameters have the same names, and the values they are made of.
//!
//! Two limits. A family has only so many URLs: that ends what counts for ever. And on one path, over all its families, only
//! so many URLs may say again what was said already, each parameter with a value that it had before: that ends filters
//! and orders, which multiply, and leaves alone what is told by numbers and names. Values are remembered for
//! many paths, not for ever: when the table is full it is emptied, which makes the second limit laxer, never stricter.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use url::Position;

use super::counts::{Counts, IdentityHasher};
use super::pieces::{Prints, parameters};
use crate::skip::Skip;
use crate::url::PageUrl;

/// Values remembered: as many as a table of 2^21 places holds, 18 MiB.
const MOST_VALUES: usize = 1_835_008;
/// Parameters of a URL that are looked at.
const MOST_PARAMETERS: usize = 64;
/// So many URLs of a path are asked for each value of a parameter that was seen on it.
const URLS_PER_VALUE: u64 = 10;

/// The families of a crawl.
#[derive(Debug, Default)]
pub(super) struct Families {
    families: Counts,
    paths: HashMap<u64, PathCounts, BuildHasherDefault<IdentityHasher>>,
    values: HashSet<u64, BuildHasherDefault<IdentityHasher>>,
}

/// What was asked of one path.
#[derive(Debug, Default, Clone, Copy)]
struct PathCounts {
    /// URLs with a query.
    urls: u32,
    /// Different values of their parameters.
    values: u32,
}

/// Which family a URL belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    key: u64,
    path: u64,
}

impl Family {
    /// None for a URL without parameters.
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

    /// The path and the names of the parameters, for people.
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
    /// Whether one more URL of the family may be asked.
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

    /// Bytes of memory.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let tables = self.paths.capacity() * 17 + self.values.capacity() * 9;
        self.families.bytes() + tables * 8 / 7
    }

    /// Counts a URL that is asked.
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

/// Each parameter with its value, on this path.
fn values(url: &PageUrl, family: Family, prints: Prints) -> impl Iterator<Item = u64> {
    parameters(url).take(MOST_PARAMETERS).map(move |parameter| {
        let value = prints.combine(prints.of(parameter.name), prints.of(parameter.value));
        prints.combine(family.path, value)
    })
}
