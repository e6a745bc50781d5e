//! Publication and modification dates, from the most trusted source that has one.
//!
//! A text that is [not a date](crate::extract::filter) is skipped for the next one, and reported if it would have
//! been used.

use super::budget::{Budget, short};
use crate::extract::filter::date;

/// The most texts stored of one rank.
const TEXTS: usize = 4;
/// The longest text that is looked at, in bytes.
const LONGEST: usize = 128;

/// Names of `meta` elements with the publication date; sorted.
const PUBLISHED: [&str; 27] = [
    "article.published",
    "article:published",
    "article_date_original",
    "bt:pubdate",
    "citation_date",
    "citation_online_date",
    "citation_publication_date",
    "cxenseparse:recs:publishtime",
    "date",
    "datepublished",
    "dc.date",
    "dc.date.created",
    "dc.date.issued",
    "dc.date.published",
    "dcterms.created",
    "dcterms.date",
    "dcterms.issued",
    "originalpublicationdate",
    "parsely-pub-date",
    "pubdate",
    "publication_date",
    "publish-date",
    "publish_date",
    "publishdate",
    "published",
    "published_time",
    "sailthru.date",
];
/// Names of `meta` elements with the modification date; sorted.
const MODIFIED: [&str; 11] = [
    "article.updated",
    "article:modified",
    "datemodified",
    "dc.date.modified",
    "dcterms.modified",
    "last-modified",
    "lastmod",
    "modified",
    "modified_time",
    "og:updated_time",
    "revised",
];

/// The source of a date, from most to least trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// `meta property=article:published_time`.
    OpenGraph,
    /// JSON-LD of an article.
    JsonLdArticle,
    /// A top-level item of microdata.
    Microdata,
    /// `time pubdate`.
    Time,
    /// `meta name=date` and the like.
    Meta,
    /// JSON-LD of anything else.
    JsonLd,
    /// A `time` element with a class that says so.
    Class,
}

/// Everything that a page says about one date.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// The rank, the name of the source, and the text.
    texts: Vec<(Rank, String, String)>,
}

/// Everything that a page says about its dates.
#[derive(Debug, Default)]
pub(super) struct Dates {
    pub(super) published: Candidates,
    pub(super) modified: Candidates,
}

impl Candidates {
    /// Adds what a source says.
    pub(super) fn add(&mut self, rank: Rank, source: &str, text: &str) {
        let known = self.texts.iter().filter(|(other, _, _)| *other == rank);
        if known.count() < TEXTS && !text.trim().is_empty() {
            let end = text.floor_char_boundary(LONGEST + 1);
            self.texts
                .push((rank, short(source), text[..end].to_owned()));
        }
    }

    /// The first text that is a date, in ISO 8601.
    pub(super) fn first(mut self, budget: &mut Budget) -> Option<String> {
        self.texts.sort_by_key(|(rank, _, _)| *rank);
        for (_, source, text) in &self.texts {
            match date(text, None) {
                Ok(date) => return Some(date),
                Err(why) => {
                    budget.fault(format!("{source}: {:?} is not a date: {why}", short(text)))
                }
            }
        }
        None
    }
}

/// Whether a `meta` of this lower-case name has the publication date.
pub(super) fn is_published(name: &str) -> bool {
    PUBLISHED.binary_search(&name).is_ok()
}

/// Whether a `meta` of this lower-case name has the modification date.
pub(super) fn is_modified(name: &str) -> bool {
    MODIFIED.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_valid_date_counts_and_invalid_ones_before_it_are_reported() {
        let mut candidates = Candidates::default();
        candidates.add(Rank::Class, "time", "2026-01-01");
        candidates.add(Rank::Meta, "dc.date", "2026-02-02T10:00Z");
        candidates.add(Rank::OpenGraph, "article:published_time", "yesterday");
        let mut budget = Budget::new();
        assert_eq!(
            candidates.first(&mut budget).as_deref(),
            Some("2026-02-02T10:00:00Z")
        );
        let faults = budget.faults();
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].starts_with("article:published_time: \"yesterday\" is not a date"),
            "{faults:?}"
        );
    }

    #[test]
    fn names_are_looked_up_in_sorted_lists() {
        assert!(PUBLISHED.is_sorted() && MODIFIED.is_sorted());
        for name in [
            "article.published",
            "date",
            "dc.date.issued",
            "sailthru.date",
            "pubdate",
        ] {
            assert!(is_published(name), "{name}");
        }
        for name in [
            "article.updated",
            "og:updated_time",
            "last-modified",
            "revised",
            "lastmod",
        ] {
            assert!(is_modified(name), "{name}");
        }
        assert!(!is_published("title") && !is_modified("date"));
    }
}
