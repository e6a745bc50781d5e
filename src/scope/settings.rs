//! What a crawl is told of its scope, and why each limit is what it is when nobody says otherwise.

use serde::{Deserialize, Serialize};

use super::{Pattern, Reach};

/// What belongs to a crawl.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScopeSettings {
    /// How far from the seeds.
    pub reach: Reach,
    /// Whether parts of pages are taken from anywhere, whatever `reach` says.
    pub assets_anywhere: bool,
    /// Where there are any, a URL has to match one of them; seeds need not.
    pub include: Vec<Pattern>,
    /// A URL that matches one of them is left out, included or not.
    pub exclude: Vec<Pattern>,
    /// The most links from a seed; none is no limit.
    pub depth: Option<u16>,
    /// The most URLs of one scheme, host and port, pages and their parts; none is no limit.
    pub max_per_host: Option<u64>,
    /// What is taken for a trap.
    pub traps: TrapSettings,
}

/// What is taken for a trap: pages without end that a server makes up. `None` switches a rule off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrapSettings {
    /// The longest URL, in bytes. By default 2,000: what servers, proxies and sitemaps (2,048) have agreed on for decades.
    pub length: Option<u32>,
    /// The most segments of a path. By default 32: Heritrix takes 20, but source trees behind a forge reach beyond.
    pub segments: Option<u16>,
    /// The most parameters of a query. By default 50: the largest search forms, sent with every field empty, stay below.
    pub parameters: Option<u16>,
    /// How often one segment may stand in a path before it is taken for going round; by default the fourth time is too often.
    /// Several segments in turn (`/a/b/a/b/a/b`) are found one time earlier, numbers and single characters only
    /// after twice as many: `/2011/11/11/11/` is a date and `/0/0/0` a map tile, and `all/all/all` is a filter with nothing chosen.
    pub repeats: Option<u16>,
    /// When a calendar is left.
    pub calendar: Option<CalendarSettings>,
    /// How often a page is asked with another session in its URL. By default once: the first is the page, and whoever
    /// gives every visitor a session in the links is crawled all the same.
    pub sessions: Option<u32>,
    /// The most URLs with the same host, path and set of parameter names. By default 50,000. Forums and wikis keep all they have in
    /// one such family (`viewtopic.php?t=`), and few of those that one crawls unattended are larger; an endless one costs
    /// 50,000 requests, an hour or two at a polite pace. Paths have no such limit: `/product/123` is half of the web.
    pub family: Option<u32>,
    /// How many URLs of one path may bring no value of a parameter that was not seen on that path before, beside ten for each
    /// value that was. By default 1,000. Filters and orders multiply (ten filters of ten values are ten thousand million
    /// URLs, and a hundred values), numbers and names do not: each page of a forum brings its own.
    pub combinations: Option<u32>,
}

/// When a calendar is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CalendarSettings {
    /// The first plausible year. By default 1500: archives go back far, to the first newspapers and beyond.
    pub first_year: u16,
    /// The last plausible year. By default 2100, as no clock is asked here; see [`in_year`](Self::in_year).
    pub last_year: u16,
    /// The most URLs that differ in nothing but a date. By default 5,000: thirteen years of days, four hundred of months.
    pub dates: u32,
}

impl TrapSettings {
    /// No rule at all: a URL is as good as any other.
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

    /// The same in a known year: calendars end a few years later.
    #[must_use]
    pub fn in_year(self, year: u16) -> Self {
        let calendar = self.calendar.map(|calendar| calendar.in_year(year));
        Self { calendar, ..self }
    }
}

impl CalendarSettings {
    /// How many years ahead of now a page can announce something.
    const AHEAD: u16 = 5;

    /// The same in a known year: the last plausible one is five years later.
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
