//! Editions of a site: which pages differ from one edition to the next.
//!
//! Each edition is a function of the seed and of its number, so two servers, or one that was started again, agree
//! about it, and no list of pages is needed. Invariant: from one edition to the next, exactly the share that was asked
//! for changes, and the other pages are the same. Only pages without children go, or others could not be reached.

use std::collections::BTreeSet;
use std::fmt;

use super::dice::{Dice, Shuffle};
use super::settings::OriginSettings;

/// The number of children of a page, and of the front page.
pub(crate) const CHILDREN: u64 = 10;

/// The purposes of the dice; each edition adds its number to the first.
const FOR_CHURN: u64 = 1 << 32;
const FOR_GOING: u64 = 31;

/// What differs between two editions of a site, as paths of URLs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Pages of both editions with other content.
    pub changed: BTreeSet<String>,
    /// Pages of the later edition alone.
    pub added: BTreeSet<String>,
    /// Pages of the earlier edition alone.
    pub gone: BTreeSet<String>,
}

/// One line for each page, as in `changed /page/7`.
impl fmt::Display for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("changed", &self.changed),
            ("added", &self.added),
            ("gone", &self.gone),
        ];
        for (kind, paths) in kinds {
            for path in paths {
                writeln!(formatter, "{kind} {path}")?;
            }
        }
        Ok(())
    }
}

/// The current edition of numbered pages, and how it came about.
#[derive(Debug)]
pub(crate) struct Editions {
    /// The pages of the first edition.
    pages: u64,
    /// The pages with children: those below this number.
    parents: u64,
    /// Pages that each further edition adds.
    added: u64,
    /// The order in which pages without children go.
    going: Shuffle,
    /// The second edition, and those after it.
    later: Vec<Edition>,
}

/// What is different in one edition.
#[derive(Debug)]
struct Edition {
    number: u64,
    /// The pages of the first edition that have gone by now.
    gone: u64,
    /// The order of the pages that this edition and the one before have in common; the first of them change.
    order: Shuffle,
    changed: u64,
}

impl Editions {
    /// The edition for settings that were checked, of a site that has this many pages at first.
    pub(crate) fn new(settings: &OriginSettings, pages: u64) -> Editions {
        let dice = Dice::new(settings.seed);
        let parents = pages.saturating_sub(1) / CHILDREN;
        let (added, gone) = (part(pages, settings.added), part(pages, settings.gone));
        let edition = |number: u64| {
            let gone = (gone * (number - 1)).min(pages - parents);
            let common = pages - gone + added * (number - 2);
            Edition {
                number,
                gone,
                order: Shuffle::new(dice, FOR_CHURN + number, common),
                changed: part(common, settings.churn),
            }
        };
        let all_are_the_same = settings.churn == 0.0 && added == 0 && gone == 0;
        let last = if all_are_the_same {
            1
        } else {
            settings.edition
        };
        Editions {
            pages,
            parents,
            added,
            going: Shuffle::new(dice, FOR_GOING, pages - parents),
            later: (2..=last).map(edition).collect(),
        }
    }

    /// The current edition, from 1; the first one, if all are the same.
    pub(crate) fn current(&self) -> u64 {
        self.later.last().map_or(1, |edition| edition.number)
    }

    /// Every page of every edition so far is below this number.
    pub(crate) fn end(&self) -> u64 {
        self.pages + self.added * self.later.len() as u64
    }

    /// The edition in which a page last changed; `None` if the current edition does not have the page.
    pub(crate) fn last_change(&self, page: u64) -> Option<u64> {
        let Some(current) = self.later.last() else {
            return (page < self.pages).then_some(1);
        };
        if !self.has(page, current.number) {
            return None;
        }
        let first = self.first_edition(page);
        let mut since = self
            .later
            .iter()
            .rev()
            .take_while(|edition| edition.number > first);
        let changed = since.find(|edition| {
            edition.changed > 0 && edition.order.place(self.index(page, edition)) < edition.changed
        });
        Some(changed.map_or(first, |edition| edition.number))
    }

    /// The edition that last changed which pages there are.
    pub(crate) fn last_listing(&self) -> u64 {
        let is_constant = self.added == 0 && self.later.last().is_none_or(|last| last.gone == 0);
        if is_constant { 1 } else { self.current() }
    }

    /// The pages whose parent is this page, or the front page, among those that later editions added.
    ///
    /// Each edition adds a forest of its own, so that it changes no page but the front page.
    pub(crate) fn added_children(&self, page: Option<u64>) -> impl Iterator<Item = u64> {
        self.later.iter().flat_map(move |edition| {
            let start = self.pages + self.added * (edition.number - 2);
            let end = start + self.added;
            let first = match page {
                None => start,
                Some(page) if (start..end).contains(&page) => start + (page - start + 1) * CHILDREN,
                Some(_) => end,
            };
            first.min(end)..(first + CHILDREN).min(end)
        })
    }

    /// The pages that differ between an earlier edition and this one, and how: a walk over all pages.
    pub(crate) fn changes_since(&self, earlier: u64, path: impl Fn(u64) -> String) -> Changes {
        let mut changes = Changes::default();
        for page in 0..self.end() {
            match (self.has(page, earlier), self.last_change(page)) {
                (true, Some(last)) if last > earlier => changes.changed.insert(path(page)),
                (false, Some(_)) => changes.added.insert(path(page)),
                (true, None) => changes.gone.insert(path(page)),
                _ => continue,
            };
        }
        changes
    }

    /// Whether an edition, this one or an earlier one, has a page.
    fn has(&self, page: u64, edition: u64) -> bool {
        if page >= self.pages {
            return page < self.end() && self.first_edition(page) <= edition;
        }
        let gone = edition
            .checked_sub(2)
            .and_then(|index| self.later.get(index as usize));
        page < self.parents || self.place(page) >= gone.map_or(0, |edition| edition.gone)
    }

    /// The first edition that has a page.
    pub(crate) fn first_edition(&self, page: u64) -> u64 {
        match page.checked_sub(self.pages) {
            Some(place) => 2 + place / self.added.max(1),
            None => 1,
        }
    }

    /// When a page without children goes, counted in pages.
    fn place(&self, page: u64) -> u64 {
        self.going.place(page - self.parents)
    }

    /// The number of a page among those that an edition and the one before have in common.
    fn index(&self, page: u64, edition: &Edition) -> u64 {
        if page < self.parents {
            page
        } else if page < self.pages {
            self.parents + self.place(page) - edition.gone
        } else {
            page - edition.gone
        }
    }
}

fn part(whole: u64, share: f64) -> u64 {
    (whole as f64 * share).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editions(pages: u64, settings: &OriginSettings) -> Vec<Editions> {
        let edition = |edition| {
            let settings = OriginSettings {
                edition,
                ..settings.clone()
            };
            Editions::new(&settings, pages)
        };
        (1..=5).map(edition).collect()
    }

    fn changes(editions: &Editions, earlier: u64) -> Changes {
        editions.changes_since(earlier, |page| page.to_string())
    }

    #[test]
    fn from_one_edition_to_the_next_exactly_the_share_changes_comes_and_goes() {
        let settings = OriginSettings {
            churn: 0.05,
            added: 0.02,
            gone: 0.01,
            seed: 7,
            ..OriginSettings::default()
        };
        let editions = editions(1_000, &settings);
        let mut pages = 1_000;
        for edition in &editions[1..] {
            let changes = changes(edition, edition.current() - 1);
            let common = pages - 10;
            let expected = (common as f64 * 0.05).round() as usize;
            assert_eq!(
                (
                    changes.changed.len(),
                    changes.added.len(),
                    changes.gone.len()
                ),
                (expected, 20, 10)
            );
            pages = common + 20;
            let here = (0..edition.end()).filter(|page| edition.last_change(*page).is_some());
            assert_eq!(here.count(), pages);
        }
    }

    #[test]
    fn a_page_that_an_edition_did_not_change_is_as_it_was_in_the_edition_before() {
        let settings = OriginSettings {
            churn: 0.1,
            added: 0.02,
            gone: 0.03,
            ..OriginSettings::default()
        };
        for pair in editions(500, &settings).windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let changes = changes(after, before.current());
            for page in 0..after.end() {
                let name = page.to_string();
                let expected = if changes.changed.contains(&name) || changes.added.contains(&name) {
                    Some(after.current())
                } else if changes.gone.contains(&name) {
                    None
                } else {
                    before.last_change(page)
                };
                assert_eq!(after.last_change(page), expected, "{page}");
            }
        }
    }

    #[test]
    fn another_seed_changes_other_pages_and_the_same_seed_the_same_ones() {
        let changed = |seed| {
            let settings = OriginSettings {
                churn: 0.05,
                edition: 2,
                seed,
                ..OriginSettings::default()
            };
            changes(&Editions::new(&settings, 1_000), 1).changed
        };
        assert_eq!((changed(1).len(), changed(1)), (50, changed(1)));
        let both = changed(1).intersection(&changed(2)).count();
        assert!(both < 15, "{both} pages are in both");
    }

    #[test]
    fn changes_over_several_editions_are_all_that_happened_between_them() {
        let settings = OriginSettings {
            churn: 0.05,
            added: 0.01,
            ..OriginSettings::default()
        };
        let editions = editions(1_000, &settings);
        let all = changes(&editions[4], 1);
        let mut expected = Changes::default();
        for edition in &editions[1..] {
            let step = changes(edition, edition.current() - 1);
            expected.changed.extend(step.changed);
            expected.added.extend(step.added);
        }
        expected
            .changed
            .retain(|page| !expected.added.contains(page));
        assert_eq!(all, expected);
        assert_eq!(changes(&editions[4], 5), Changes::default());
    }

    #[test]
    fn shares_of_all_or_nothing_are_exact_and_pages_with_children_stay() {
        let all = OriginSettings {
            churn: 1.0,
            gone: 1.0,
            ..OriginSettings::default()
        };
        for edition in &editions(111, &all)[1..] {
            let left = (0..111).filter_map(|page| edition.last_change(page));
            assert_eq!(left.collect::<Vec<_>>(), [edition.current(); 11]);
        }
        for edition in editions(111, &OriginSettings::default()) {
            assert!((0..111).all(|page| edition.last_change(page) == Some(1)));
            assert_eq!(edition.last_change(111), None);
        }
        let none = &editions(0, &all)[4];
        assert_eq!((none.end(), none.last_change(0)), (0, None));
    }
}
