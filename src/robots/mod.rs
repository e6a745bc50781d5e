//! robots.txt: what a site asks of one agent, by RFC 9309; and the same asked in a header or in a page.
//!
//! [`Rules::parse`] keeps what one agent has to obey and forgets the rest; [`Rules::judge`] answers for one URL, and names the
//! rule that decided. Nothing is fetched here: who reads a robots.txt says what a missing one ([`Rules::allow_all`]) or one that
//! cannot be had ([`Rules::disallow_all`]) means.
//!
//! Invariant: no input makes either slow. Reading is linear in the file but for one sort. Judging looks at each rule once, at most of
//! them for a nanosecond; each look is linear in the target, and their sum is bounded.
//!
//! # Where the standard leaves room
//!
//! * Octets are compared in one spelling, by one function for both sides: what RFC 3986 calls unreserved is decoded, what no URL
//!   may hold is encoded, `%2f` is `%2F`. Reserved octets that delimit nothing in an http URL (`!'()*,:@[]$`) are the same
//!   encoded or not; `/ ? # & = + ;` are not, but `/` and `?` are inside a query (the table of section 2.2.2).
//! * Length is counted in octets of that spelling, `*` and `$` among them.
//! * A rule that starts with neither `/` nor `*` can match nothing and is not kept.
//! * Only a rule ends a list of agents: not a blank line, not `Sitemap`, not `Crawl-delay` (section 2.2.4). A group that says
//!   nothing but `Crawl-delay` therefore shares the rules of the group below it. Its delay it has for itself.
//! * A digit is part of a name: `haul2` is not `haul`. What follows the name (`haul/0.1`) is not looked at.
//! * Names of records may be misspelt as people do, and the colon forgotten. UTF-16 with a byte order mark is read.

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

use crate::url::PageUrl;
use groups::Group;
use octets::Target;
use table::{Decision, Table};

/// What a robots.txt says to one agent.
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

/// Whether a URL may be asked for, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// Whether it may.
    pub allowed: bool,
    /// The rule that decided. Without one, what is allowed is allowed because nothing forbids it, or because it is the robots.txt
    /// itself; and what is forbidden is forbidden because the robots.txt [could not be had](Rules::is_closed) or, where it could,
    /// because its rules take too long to compare with a URL that long: then it is better not asked for.
    pub rule: Option<RuleRef<'a>>,
}

/// One rule, as it stands in the file. Shown, it is `Disallow: /private/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleRef<'a> {
    /// `Allow`, not `Disallow`.
    pub allow: bool,
    /// The path as written; octets that are no text are percent-encoded.
    pub path: &'a str,
    /// Its line, counted from 1; CR, LF and CR LF each end one.
    pub line: u32,
}

impl Rules {
    /// How much of a robots.txt is read, in bytes: what RFC 9309 2.5 asks for at least. A line that is cut there is ignored, so
    /// that no half of a rule is obeyed: hand over a byte more than this where there is one.
    pub const LONGEST: usize = 500 * 1024;
    /// The longest [`crawl_delay`](Self::crawl_delay): what asks for more gets this.
    pub const LONGEST_DELAY: Duration = Duration::from_secs(3600);
    /// The most sitemaps that are kept of one file.
    pub const MOST_SITEMAPS: usize = 10_000;
    /// The longest sitemap URL that is kept, in bytes: a longer one could not be asked for.
    pub const LONGEST_SITEMAP: usize = PageUrl::LONGEST;

    /// Reads a robots.txt for the agent with this product token. The groups that name it count, all of them together; where
    /// none does, those for `*`.
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

    /// All is allowed: the server says that there is no robots.txt (a status of 4xx, RFC 9309 2.3.1.3).
    #[must_use]
    pub fn allow_all() -> Self {
        Self::default()
    }

    /// All is forbidden but the robots.txt itself: it could not be had (a status of 5xx, or no answer, RFC 9309 2.3.1.4).
    #[must_use]
    pub fn disallow_all() -> Self {
        Self {
            closed: true,
            ..Self::default()
        }
    }

    /// Whether these are the rules of a robots.txt that could not be had.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is any rule, or all is closed.
    pub(crate) fn has_rules(&self) -> bool {
        self.closed || self.table.rows().next().is_some()
    }

    /// Whether a URL of this site may be asked for. `target` is its path and query in WHATWG form, `/a?b`; a fragment is no
    /// part of it, and is cut off.
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

    /// [`judge`](Self::judge), without the reason.
    #[must_use]
    pub fn allows(&self, target: &str) -> bool {
        self.judge(target).allowed
    }

    /// The time to leave between requests, where the site asks for one: at most [`LONGEST_DELAY`](Self::LONGEST_DELAY), the
    /// longest where the groups name several. It is no part of RFC 9309.
    #[must_use]
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.delay
    }

    /// The sitemaps that the file names, for whomever, as written: at most [`MOST_SITEMAPS`](Self::MOST_SITEMAPS) of at most
    /// [`LONGEST_SITEMAP`](Self::LONGEST_SITEMAP) bytes. Not checked to be URLs, nor to be of this site.
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

/// What is kept of [`Rules`] outside of the process: the rules as written. What is derived from them is derived again, so that
/// no store and no pipe can bring a table that is none.
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
