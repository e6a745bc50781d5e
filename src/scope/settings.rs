//! Settings of a crawl's scope, with the reasons for each default.

use serde::{Deserialize, Serialize};

use super::{Pattern, Reach};

/// The settings that decide what belongs to a crawl.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScopeSettings {
    /// How far the crawl reaches from the seeds.
    pub reach: Reach,
    /// Whether assets are fetched from anywhere, regardless of `reach`.
    pub assets_anywhere: bool,
    /// If there are any, a URL must match one of them; seeds need not.
    pub include: Vec<Pattern>,
    /// URLs that match one of them are skipped, even if included.
    pub exclude: Vec<Pattern>,
    /// The most links between a seed and a page; `None` for no limit.
    pub depth: Option<u16>,
    /// The most URLs of one host, pages and assets together; `None` for no limit.
    ///
    /// A host is a scheme, a host name and a port.
    pub max_per_host: Option<u64>,
    /// What counts as a trap.
    pub traps: TrapSettings,
}

/// Limits that detect traps: endless pages that a server makes up. `None` switches a rule off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrapSettings {
    /// The longest URL, in bytes.
    ///
    /// By default 2,000: the limit that servers, proxies and sitemaps (2,048) have agreed on for decades.
    pub length: Option<u32>,
    /// The most segments in a path.
    ///
    /// By default 32: Heritrix allows 20, but source trees on a code forge go deeper.
    pub segments: Option<u16>,
    /// The most parameters in a query.
    ///
    /// By default 50: the largest search forms stay below that even with every field empty.
    pub parameters: Option<u16>,
    /// How often one segment may occur in a path before it counts as going round in circles.
    ///
    /// By default, the fourth time is too often. A repeated sequence (`/a/b/a/b/a/b`) is detected one time earlier;
    /// numbers and single characters only after twice as many: `/2011/11/11/11/` is a date, `/0/0/0` a map tile, and
    /// `all/all/all` a filter with nothing selected.
    pub repeats: Option<u16>,
    /// When to stop following a calendar.
    pub calendar: Option<CalendarSettings>,
    /// How often a page is fetched with different sessions in its URL.
    ///
    /// By default once: the first URL is the page, so that sites that give every visitor a session in the links are
    /// still crawled.
    pub sessions: Option<u32>,
    /// The most URLs with the same host, path and set of parameter names.
    ///
    /// By default 50,000. Forums and wikis keep everything in one such family (`viewtopic.php?t=`), and few of those
    /// that are crawled unattended are larger; an endless one costs 50,000 requests, an hour or two at a polite pace.
    /// Paths have no such limit: `/product/123` is half of the web.
    pub family: Option<u32>,
    /// How many URLs of one path may have no new parameter value.
    ///
    /// That means that each of its values was seen on that path before. The limit is in addition to ten URLs for each
    /// value seen on the path.
    ///
    /// By default 1,000. Filters and sort orders multiply (ten filters with ten values each make ten billion URLs, but
    /// only a hundred values); numbers and names do not: each page of a forum brings its own.
    pub combinations: Option<u32>,
}

/// When to stop following a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CalendarSettings {
    /// The first plausible year. By default 1500: archives go back to the first newspapers and beyond.
    pub first_year: u16,
    /// The last plausible year. By default 2100, as this type has no clock; see [`in_year`](Self::in_year).
    pub last_year: u16,
    /// The most URLs that differ only in a date.
    ///
    /// By default 5,000: thirteen years of days, four hundred years of months.
    pub dates: u32,
}

impl TrapSettings {
    /// No rules: every URL is accepted.
    pub const OFF: Self = Self {
        length: None,
        segments: None,
        parameters: None,
        repeats: None,
        calendar: None,
        sessions: None,
        family: None,
        combinations: None,
    };

    /// The same settings for a known year: calendars end a few years later.
    #[must_use]
    pub fn in_year(self, year: u16) -> Self {
        let calendar = self.calendar.map(|calendar| calendar.in_year(year));
        Self { calendar, ..self }
    }
}

impl CalendarSettings {
    /// How many years in advance a page may announce something.
    const AHEAD: u16 = 5;

    /// The same settings for a known year: the last plausible year is five years later.
    #[must_use]
    pub fn in_year(self, year: u16) -> Self {
        let last_year = year.saturating_add(Self::AHEAD);
        Self { last_year, ..self }
    }
}

impl Default for TrapSettings {
    fn default() -> Self {
        Self {
            length: Some(2000),
            segments: Some(32),
            parameters: Some(50),
            repeats: Some(4),
            calendar: Some(CalendarSettings::default()),
            sessions: Some(1),
            family: Some(50_000),
            combinations: Some(1000),
        }
    }
}

impl Default for CalendarSettings {
    fn default() -> Self {
        Self {
            first_year: 1500,
            last_year: 2100,
            dates: 5000,
        }
    }
}
