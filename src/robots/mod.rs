//! robots.txt rules for one agent (RFC 9309), and the directives in headers and pages.
//!
//! [`Rules::parse`] keeps what one agent must obey and drops the rest; [`Rules::judge`] decides about one URL and
//! names the rule that decided. Nothing is fetched here: whoever fetches a robots.txt chooses what a missing one
//! ([`Rules::allow_all`]) or an unreachable one ([`Rules::disallow_all`]) means.
//!
//! Invariant: no input makes either slow. Parsing is linear in the file, except for one sort. Judging checks each rule
//! once, most of them for about a nanosecond; each check is linear in the target, and their sum is limited.
//!
//! # Where the standard leaves room
//!
//! * Octets are compared in a normalized form, by one function for both sides: what RFC 3986 calls unreserved is
//!   decoded, what no URL may contain is encoded, `%2f` becomes `%2F`. Reserved octets that delimit nothing in an http
//!   URL (`!'()*,:@[]$`) are the same encoded or not; `/ ? # & = + ;` are not, except `/` and `?` inside a query (the
//!   table of section 2.2.2).
//! * Length is counted in octets of the normalized form, including `*` and `$`.
//! * A rule that starts with neither `/` nor `*` can match nothing and is dropped.
//! * Only a rule ends a list of agents: not a blank line, not `Sitemap`, not `Crawl-delay` (section 2.2.4). A group
//!   with nothing but `Crawl-delay` therefore shares the rules of the group below it, but its delay applies to it
//!   alone.
//! * A digit is part of a name: `haul2` is not `haul`. Whatever follows the name (`haul/0.1`) is ignored.
//! * Common misspellings of record names are accepted, and so is a missing colon. UTF-16 with a byte order mark is
//!   read.

mod agent;
mod directives;
mod groups;
mod octets;
mod record;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use agent::product_token;
pub use directives::Directives;

use groups::Group;
use octets::Target;
use table::{Decision, Table};

/// The rules of a robots.txt for one agent.
///
/// ```
/// use haul::robots::Rules;
///
/// let rules = Rules::parse(b"User-agent: *\nDisallow: /private/\nAllow: /private/*.html$\n", "haul");
/// assert!(rules.allows("/private/index.html"));
/// let judgement = rules.judge("/private/index.html?page=2");
/// assert!(!judgement.allowed);
/// assert_eq!(judgement.rule.unwrap().to_string(), "Disallow: /private/");
/// assert_eq!(judgement.rule.unwrap().line, 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    closed: bool,
    table: Table,
    delay: Option<Duration>,
    sitemaps: Vec<String>,
}

/// Whether a URL may be fetched, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// Whether it may be fetched.
    pub allowed: bool,
    /// The rule that decided.
    ///
    /// Without one, an allowed URL is allowed because nothing forbids it, or because it is the robots.txt itself. A
    /// forbidden one is forbidden because the robots.txt [was unreachable](Rules::is_closed) or because its rules take
    /// too long to compare with such a long URL: then it is better not to fetch it.
    pub rule: Option<RuleRef<'a>>,
}

/// One rule, as written in the file. Displayed as `Disallow: /private/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleRef<'a> {
    /// Whether it is `Allow` rather than `Disallow`.
    pub allow: bool,
    /// The path as written; octets that are not valid text are percent-encoded.
    pub path: &'a str,
    /// The number of its line, from 1; CR, LF and CR LF each end a line.
    pub line: u32,
}

impl Rules {
    /// The number of bytes of a robots.txt that are read: the minimum that RFC 9309 2.5 requires.
    ///
    /// A line that is cut there is ignored, so that half a rule is never obeyed: pass one byte more than this if the
    /// file has it.
    pub const LONGEST: usize = record::LONGEST;
    /// The longest [`crawl_delay`](Self::crawl_delay). Longer ones are reduced to this.
    pub const LONGEST_DELAY: Duration = groups::LONGEST_DELAY;
    /// The most sitemaps that are kept from one file.
    pub const MOST_SITEMAPS: usize = groups::MOST_SITEMAPS;
    /// The longest sitemap URL that is kept, in bytes: a longer one could not be fetched.
    pub const LONGEST_SITEMAP: usize = groups::LONGEST_SITEMAP;

    /// Parses a robots.txt for the agent with this product token.
    ///
    /// All groups that name the agent count together; if there are none, those for `*` do.
    #[must_use]
    pub fn parse(text: &[u8], agent: &str) -> Self {
        let (Group { rules, delay, .. }, sitemaps) = groups::read(text, agent);
        let rows = rules
            .iter()
            .map(|rule| (rule.allow, rule.line, &*rule.path));
        Self {
            closed: false,
            table: Table::new(rows),
            delay,
            sitemaps,
        }
    }

    /// Rules that allow everything, for a server without robots.txt.
    ///
    /// Such a server responds with status 4xx (RFC 9309 2.3.1.3).
    #[must_use]
    pub fn allow_all() -> Self {
        Self::default()
    }

    /// Rules that forbid everything except the robots.txt itself.
    ///
    /// For a robots.txt that is unreachable (status 5xx or no response, RFC 9309 2.3.1.4).
    #[must_use]
    pub fn disallow_all() -> Self {
        Self {
            closed: true,
            ..Self::default()
        }
    }

    /// Whether these are the rules of an unreachable robots.txt.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is any rule, or everything is forbidden.
    pub(crate) fn has_rules(&self) -> bool {
        self.closed || self.table.rows().next().is_some()
    }

    /// Whether a URL of this site may be fetched.
    ///
    /// `target` is its path and query in WHATWG form, `/a?b`. A fragment is cut off.
    #[must_use]
    pub fn judge(&self, target: &str) -> Judgement<'_> {
        let target = Target::of(target);
        let (allowed, rule) = if target.is_robots_txt() {
            (true, None)
        } else if self.closed {
            (false, None)
        } else {
            match self.table.first(&target) {
                Decision::Rule((allow, line, path)) => (allow, Some(RuleRef { allow, path, line })),
                Decision::None => (true, None),
                Decision::Unknown => (false, None),
            }
        };
        Judgement { allowed, rule }
    }

    /// Like [`judge`](Self::judge), without the reason.
    #[must_use]
    pub fn allows(&self, target: &str) -> bool {
        self.judge(target).allowed
    }

    /// The minimum time between requests, if the site asks for one.
    ///
    /// At most [`LONGEST_DELAY`](Self::LONGEST_DELAY); the longest if the groups have several. It is not part of RFC
    /// 9309.
    #[must_use]
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.delay
    }

    /// The same rules and delay, without sitemaps.
    pub(crate) fn without_sitemaps(&self) -> Self {
        Self {
            closed: self.closed,
            table: self.table.clone(),
            delay: self.delay,
            sitemaps: Vec::new(),
        }
    }

    /// The sitemaps listed in the file, for any agent, as written.
    ///
    /// At most [`MOST_SITEMAPS`](Self::MOST_SITEMAPS) of at most [`LONGEST_SITEMAP`](Self::LONGEST_SITEMAP) bytes.
    /// They need not be valid URLs, nor be on this site.
    #[must_use]
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }
}

impl fmt::Display for RuleRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.allow { "Allow" } else { "Disallow" };
        write!(f, "{name}: {}", self.path)
    }
}

/// The serialized form of [`Rules`]: the rules as written.
///
/// The table is always rebuilt from them, so no store and no pipe can bring an invalid one.
#[derive(Serialize, Deserialize)]
struct StoredRules<S> {
    closed: bool,
    rules: Vec<(bool, u32, S)>,
    delay: Option<Duration>,
    sitemaps: Vec<S>,
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = StoredRules {
            closed: self.closed,
            rules: self.table.rows().collect(),
            delay: self.delay,
            sitemaps: self.sitemaps.iter().map(String::as_str).collect(),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredRules::<String>::deserialize(deserializer)?;
        let rows = stored.rules.iter();
        Ok(Self {
            closed: stored.closed,
            table: Table::new(rows.map(|(allow, line, path)| (*allow, *line, path.as_str()))),
            delay: stored.delay,
            sitemaps: stored.sitemaps,
        })
    }
}
