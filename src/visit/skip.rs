//! Why a link is not followed, and how far a crawl goes.
//!
//! A skip is not a failure and has no record: it is counted, and a job stores it so that it can be explained later.
//! Its [`class`](Skip::class) is stable; its text is for people and names the rule, the pattern or the limit that
//! decided. Texts from a URL or a robots.txt are kept unchanged, but cut to [`Skip::LONGEST`] bytes each.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::nearest::nearest;

/// The reason why a URL is not requested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Skip {
    /// It is too many links away from its seed. A shorter way to it may be found later.
    #[error("deeper than the limit of {limit} links")]
    Depth {
        /// The limit of links from a seed.
        limit: u16,
    },
    /// It was requested again too often, each time because a stronger link to it was found.
    #[error("already requested again {limit} times, because of nearer links and recipes")]
    AskedOften {
        /// The limit of repeated requests.
        limit: u16,
    },
    /// It is outside the scope of the crawl.
    #[error("outside the scope: {reach}")]
    Scope {
        /// The scope.
        reach: Reach,
    },
    /// An exclude pattern matches.
    #[error("excluded by {pattern}")]
    Excluded {
        /// The first pattern that matches.
        pattern: Arc<str>,
    },
    /// There are include patterns, and none matches.
    #[error("matches no include pattern")]
    NotIncluded,
    /// The URL is too long.
    #[error("the URL is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: u32,
    },
    /// The path repeats the same segments.
    #[error("the path repeats {segments} {times} times")]
    RepeatedSegments {
        /// The repeated segments, with their slashes.
        segments: String,
        /// How many repetitions were counted; there may be more.
        times: u16,
    },
    /// The URL has too many parts, like one that grows from page to page.
    #[error("more than {limit} {parts}")]
    Growing {
        /// The kind of parts.
        parts: UrlParts,
        /// The limit.
        limit: u16,
    },
    /// A calendar page of a year in which there is nothing to find.
    #[error("a calendar page of {year}, outside {first} to {last}")]
    Calendar {
        /// The year in the URL.
        year: u32,
        /// The first plausible year.
        first: u16,
        /// The last plausible year.
        last: u16,
    },
    /// A calendar of which enough pages were requested.
    #[error("more than {limit} dates of {family}")]
    CalendarFull {
        /// The URL with `*` for the date.
        family: String,
        /// The limit of dates.
        limit: u32,
    },
    /// The same page with another session id was found before.
    #[error("the same page with another session in {parameter}")]
    Session {
        /// The parameter with the session id.
        parameter: String,
    },
    /// The limit of URLs per host is reached.
    #[error("more than {limit} URLs of the host")]
    HostFull {
        /// The limit.
        limit: u64,
    },
    /// A page with endless values of the same parameters.
    #[error("more than {limit} URLs of {family}")]
    FamilyFull {
        /// The path and the parameter names.
        family: String,
        /// The limit.
        limit: u32,
    },
    /// A page whose parameters only combine values that were requested before.
    #[error("more than {limit} combinations of the same parameters of {path}")]
    Combinations {
        /// The path.
        path: String,
        /// The number of its URLs that were requested when the first was skipped.
        limit: u32,
    },
    /// The limit of sitemaps per host is reached.
    #[error("more than {limit} sitemaps of one host")]
    Sitemaps {
        /// The limit.
        limit: u64,
    },
    /// Sitemaps that list sitemaps that list sitemaps.
    #[error("sitemaps nested more than {limit} deep")]
    SitemapNesting {
        /// The limit of nesting.
        limit: u16,
    },
    /// A page with nearly the same text was visited before.
    #[error("nearly the same text as page {of}")]
    Similar {
        /// The id of the job with that text.
        of: u64,
    },
    /// A rule in the host's robots.txt forbids it.
    #[error("robots.txt line {line}: {rule}")]
    Robots {
        /// The rule, as written.
        rule: String,
        /// Its line, from 1.
        line: u32,
    },
    /// The host's robots.txt could not be fetched, which closes the whole host (RFC 9309 2.3.1.4).
    #[error("robots.txt: {problem}")]
    RobotsUnreachable {
        /// The problem.
        problem: String,
    },
    /// The page or the link asks not to follow it.
    #[error("nofollow")]
    Nofollow,
    /// Its content type is not wanted.
    #[error("content type {media_type}")]
    ContentType {
        /// The type, without parameters.
        media_type: String,
    },
    /// It is an asset, and only pages are requested.
    #[error("an asset of a page")]
    Asset,
}

/// The kinds of parts that a URL may have too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlParts {
    /// Segments of the path.
    Segments,
    /// Parameters of the query.
    Parameters,
}

/// How far a crawl goes from its seeds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Only the seeds: no link is followed.
    Page,
    /// The directories of the seeds, and everything below.
    Path,
    /// The hosts of the seeds.
    #[default]
    Host,
    /// The registrable domains of the seeds, with all their hosts.
    Domain,
    /// Anywhere.
    Any,
}

impl Skip {
    /// The length to which texts from a URL or a robots.txt are cut, in bytes.
    pub const LONGEST: usize = 200;

    /// Every class that [`class`](Self::class) can return, with its meaning.
    pub const CLASSES: [(&'static str, &'static str); 20] = [
        ("depth", "more links away from a seed than allowed"),
        ("scope", "outside the scope"),
        ("excluded", "an exclude pattern matches"),
        ("included", "no include pattern matches"),
        ("too-long", "the URL is too long"),
        ("repeated", "the path repeats its segments"),
        ("growing", "the URL has too many segments or parameters"),
        ("calendar", "an endless calendar"),
        ("session", "the same page with another session in its URL"),
        ("host-full", "the limit of URLs per host is reached"),
        ("family-full", "endless values of the same parameters"),
        (
            "combinations",
            "new combinations of the same parameter values",
        ),
        (
            "asked-often",
            "requested again too often, because of ever stronger links",
        ),
        ("sitemaps", "too many sitemaps, or nested too deep"),
        ("similar", "nearly the same text as an earlier page"),
        ("robots", "robots.txt forbids it"),
        (
            "robots-unreachable",
            "robots.txt could not be fetched, which closes the host",
        ),
        ("nofollow", "the page or the link asks not to follow it"),
        ("content-type", "a type of content that is not wanted"),
        ("asset", "an asset, and only pages are fetched"),
    ];

    /// The stable name of this reason, for records, summaries and scripts.
    pub const fn class(&self) -> &'static str {
        match self {
            Skip::Depth { .. } => "depth",
            Skip::Scope { .. } => "scope",
            Skip::Excluded { .. } => "excluded",
            Skip::NotIncluded => "included",
            Skip::TooLong { .. } => "too-long",
            Skip::RepeatedSegments { .. } => "repeated",
            Skip::Growing { .. } => "growing",
            Skip::Calendar { .. } | Skip::CalendarFull { .. } => "calendar",
            Skip::Session { .. } => "session",
            Skip::HostFull { .. } => "host-full",
            Skip::FamilyFull { .. } => "family-full",
            Skip::Combinations { .. } => "combinations",
            Skip::AskedOften { .. } => "asked-often",
            Skip::Sitemaps { .. } | Skip::SitemapNesting { .. } => "sitemaps",
            Skip::Similar { .. } => "similar",
            Skip::Robots { .. } => "robots",
            Skip::RobotsUnreachable { .. } => "robots-unreachable",
            Skip::Nofollow => "nofollow",
            Skip::ContentType { .. } => "content-type",
            Skip::Asset => "asset",
        }
    }

    /// A text from elsewhere, cut to [`LONGEST`](Self::LONGEST) bytes; `…` stands for the rest.
    pub fn cut(text: &str) -> String {
        if text.len() <= Self::LONGEST {
            return text.to_owned();
        }
        let end = text.floor_char_boundary(Self::LONGEST - '…'.len_utf8());
        format!("{}…", &text[..end])
    }
}

impl Reach {
    /// All scopes, the narrowest first.
    pub const ALL: [Self; 5] = [Self::Page, Self::Path, Self::Host, Self::Domain, Self::Any];

    /// The name, as in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reach::Page => "page",
            Reach::Path => "path",
            Reach::Host => "host",
            Reach::Domain => "domain",
            Reach::Any => "any",
        }
    }
}

impl FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|reach| reach.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            match nearest(text, &names) {
                Some(meant) => format!("unknown scope {text:?}: did you mean {meant}?"),
                None => format!("unknown scope {text:?}: one of {}", names.join(", ")),
            }
        })
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for UrlParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlParts::Segments => "segments in the path",
            UrlParts::Parameters => "parameters in the query",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Skip> {
        let text = || "x".to_owned();
        vec![
            Skip::Depth { limit: 3 },
            Skip::Scope { reach: Reach::Host },
            Skip::Excluded {
                pattern: "*.pdf".into(),
            },
            Skip::NotIncluded,
            Skip::TooLong { limit: 2000 },
            Skip::RepeatedSegments {
                segments: "/a/b".into(),
                times: 3,
            },
            Skip::Growing {
                parts: UrlParts::Segments,
                limit: 32,
            },
            Skip::Growing {
                parts: UrlParts::Parameters,
                limit: 50,
            },
            Skip::Calendar {
                year: 2093,
                first: 1500,
                last: 2031,
            },
            Skip::CalendarFull {
                family: text(),
                limit: 5000,
            },
            Skip::Session {
                parameter: "sid".into(),
            },
            Skip::HostFull { limit: 100 },
            Skip::FamilyFull {
                family: "/search?q".into(),
                limit: 50_000,
            },
            Skip::Combinations {
                path: text(),
                limit: 1010,
            },
            Skip::Sitemaps { limit: 300 },
            Skip::SitemapNesting { limit: 3 },
            Skip::AskedOften { limit: 7 },
            Skip::Similar { of: 7 },
            Skip::Robots {
                rule: "Disallow: /x".into(),
                line: 3,
            },
            Skip::RobotsUnreachable {
                problem: "HTTP 503".into(),
            },
            Skip::Nofollow,
            Skip::ContentType {
                media_type: "video/mp4".into(),
            },
            Skip::Asset,
        ]
    }

    #[test]
    fn every_reason_has_a_class_that_is_listed_and_every_listed_class_a_reason() {
        let skips = one_of_each();
        for (class, meaning) in Skip::CLASSES {
            assert!(skips.iter().any(|skip| skip.class() == class), "{class}");
            assert!(!meaning.is_empty());
        }
        for skip in skips {
            let listed = Skip::CLASSES
                .iter()
                .filter(|(class, _)| *class == skip.class());
            assert_eq!(listed.count(), 1, "{skip:?}");
        }
    }

    #[test]
    fn a_reason_names_what_decided() {
        for (skip, text) in [
            (Skip::Depth { limit: 3 }, "deeper than the limit of 3 links"),
            (
                Skip::Scope {
                    reach: Reach::Domain,
                },
                "outside the scope: domain",
            ),
            (
                Skip::Excluded {
                    pattern: "*.pdf".into(),
                },
                "excluded by *.pdf",
            ),
            (
                Skip::HostFull { limit: 100 },
                "more than 100 URLs of the host",
            ),
            (
                Skip::Growing {
                    parts: UrlParts::Segments,
                    limit: 32,
                },
                "more than 32 segments in the path",
            ),
            (
                Skip::Robots {
                    rule: "Disallow: /x".into(),
                    line: 3,
                },
                "robots.txt line 3: Disallow: /x",
            ),
        ] {
            assert_eq!(skip.to_string(), text);
        }
    }

    #[test]
    fn a_reason_is_read_back_as_it_was_written() {
        for skip in one_of_each() {
            let json = serde_json::to_string(&skip).unwrap();
            assert_eq!(serde_json::from_str::<Skip>(&json).unwrap(), skip);
            let bytes = postcard::to_stdvec(&skip).unwrap();
            assert_eq!(postcard::from_bytes::<Skip>(&bytes).unwrap(), skip);
        }
    }

    #[test]
    fn a_scope_is_read_by_its_name_and_a_slip_is_told() {
        for reach in Reach::ALL {
            assert_eq!(reach.to_string().parse(), Ok(reach));
        }
        let slip = "hosts".parse::<Reach>().unwrap_err();
        assert!(slip.contains("did you mean host?"), "{slip}");
        let other = "everything".parse::<Reach>().unwrap_err();
        assert!(other.contains("page, path, host, domain, any"), "{other}");
    }

    #[test]
    fn remote_texts_are_cut_between_characters() {
        let long = "ä".repeat(500);
        let cut = Skip::cut(&long);
        assert!(
            cut.len() <= Skip::LONGEST && cut.ends_with('…'),
            "{}",
            cut.len()
        );
        assert_eq!(Skip::cut("/search"), "/search");
    }
}
