//! Applies all rules about traps in turn, the cheap ones first.
//!
//! Invariant: checking changes nothing, and counting never fails. A rule that is switched off neither checks nor
//! counts.

use super::TrapSettings;
use super::calendar::{self, Dates};
use super::counts::Counts;
use super::family::{Families, Family};
use super::pieces::{Cuts, Prints, parameters};
use super::{repetition, session};
use crate::url::PageUrl;
use crate::visit::skip::{Skip, UrlParts};

/// The rules, and what they remember about accepted URLs.
#[derive(Debug)]
pub(super) struct Traps {
    settings: TrapSettings,
    prints: Prints,
    sessions: Counts,
    dates: Counts,
    families: Families,
}

/// The keys under which a URL is counted.
#[derive(Debug, Default)]
pub(super) struct TrapKeys {
    /// The URL without its session.
    session: Option<u64>,
    /// The URL without its dates.
    dates: Option<u64>,
    family: Option<Family>,
}

impl Traps {
    pub(super) fn new(settings: TrapSettings, prints: Prints) -> Self {
        Self {
            settings,
            prints,
            sessions: Counts::default(),
            dates: Counts::default(),
            families: Families::default(),
        }
    }

    pub(super) fn check_length(&self, url: &PageUrl) -> Result<(), Skip> {
        match self.settings.length {
            Some(limit) if url.as_str().len() > limit as usize => Err(Skip::TooLong { limit }),
            _ => Ok(()),
        }
    }

    /// The keys under which the URL would be counted, or the rule that it breaks.
    pub(super) fn check(&self, url: &PageUrl) -> Result<TrapKeys, Skip> {
        let TrapSettings {
            segments,
            parameters: parameter_limit,
            repeats,
            family: limit,
            combinations,
            ..
        } = self.settings;
        let path = url.as_url().path();
        if let Some(limit) = segments
            && has_more(path, usize::from(limit))
        {
            let parts = UrlParts::Segments;
            return Err(Skip::Growing { parts, limit });
        }
        if let Some(limit) = parameter_limit
            && url.as_url().query().is_some()
            && parameters(url).nth(usize::from(limit)).is_some()
        {
            let parts = UrlParts::Parameters;
            return Err(Skip::Growing { parts, limit });
        }
        if let Some(skip) = repeats.and_then(|limit| repetition::find(path, limit)) {
            return Err(skip);
        }
        let session = self.check_session(url)?;
        let dates = self.check_dates(url)?;
        let family = self.family_of(url);
        if let Some(family) = family {
            self.families
                .check(url, family, limit, combinations, self.prints)?;
        }
        Ok(TrapKeys {
            session,
            dates,
            family,
        })
    }

    fn check_session(&self, url: &PageUrl) -> Result<Option<u64>, Skip> {
        let Some(limit) = self.settings.sessions else {
            return Ok(None);
        };
        let Some((cuts, name)) = session::find(url) else {
            return Ok(None);
        };
        let page = self.prints.without(url.as_str(), &cuts);
        if self.sessions.of(page) >= limit {
            let parameter = Skip::cut(name);
            return Err(Skip::Session { parameter });
        }
        Ok(Some(page))
    }

    fn check_dates(&self, url: &PageUrl) -> Result<Option<u64>, Skip> {
        let Some(settings) = self.settings.calendar else {
            return Ok(None);
        };
        let (first, last) = (settings.first_year, settings.last_year);
        let Some(Dates { cuts, year }) = calendar::find(url, first..=last) else {
            return Ok(None);
        };
        if !(u32::from(first)..=u32::from(last)).contains(&year) {
            return Err(Skip::Calendar { year, first, last });
        }
        let page = self.prints.without(url.as_str(), &cuts);
        if self.dates.of(page) >= settings.dates {
            return Err(Skip::CalendarFull {
                family: cuts.display(url),
                limit: settings.dates,
            });
        }
        Ok(Some(page))
    }

    fn family_of(&self, url: &PageUrl) -> Option<Family> {
        let is_wanted = self.settings.family.is_some() || self.settings.combinations.is_some();
        is_wanted.then(|| Family::of(url, self.prints)).flatten()
    }

    /// The keys under which a URL is counted, regardless of the rules.
    pub(super) fn keys(&self, url: &PageUrl) -> TrapKeys {
        let settings = &self.settings;
        let session = settings.sessions.and_then(|_| session::find(url));
        let dates = settings
            .calendar
            .and_then(|years| calendar::find(url, years.first_year..=years.last_year));
        let without = |cuts: &Cuts| self.prints.without(url.as_str(), cuts);
        TrapKeys {
            session: session.map(|(cuts, _)| without(&cuts)),
            dates: dates.map(|dates| without(&dates.cuts)),
            family: self.family_of(url),
        }
    }

    /// The memory used, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.sessions.bytes() + self.dates.bytes() + self.families.bytes()
    }

    /// Counts a URL that was accepted.
    pub(super) fn count(&mut self, url: &PageUrl, keys: &TrapKeys) {
        if let Some(session) = keys.session {
            self.sessions.add(session);
        }
        if let Some(dates) = keys.dates {
            self.dates.add(dates);
        }
        if let Some(family) = keys.family {
            self.families.count(url, family, self.prints);
        }
    }
}

/// Whether a path has more than `limit` segments.
fn has_more(path: &str, limit: usize) -> bool {
    let slashes = path.bytes().filter(|byte| *byte == b'/').count();
    // Counting slashes is nearly free, and nearly always decides.
    slashes > limit
        && path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .count()
            > limit
}
