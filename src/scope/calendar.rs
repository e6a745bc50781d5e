//! Dates in URLs: the mark of a calendar, which has a page for every month there ever was or will be.
//!
//! A date is believed where it can hardly be anything else. `/2031/05/` is one: numbers of pages and things are not written with a
//! zero in front. `/4521/12` may be page 12 of thread 4521, and is one only in a plausible year, or beside a word such as
//! `events`. `2031-05-01` always is one, `20310501` beside such a word, `year=2031&month=5` by its names. A year alone is none: there are
//! few of them. Edge: months written as words, and times counted in seconds, are not seen.

use std::ops::{Range, RangeInclusive};

use super::pieces::{Cuts, Parameter, parameters};
use crate::url::PageUrl;

/// Words that calendars have in their URLs; a longer one that begins so is taken too.
const WORDS: [&str; 12] = [
    "calend",
    "kalend",
    "event",
    "evenement",
    "agenda",
    "schedule",
    "termin",
    "veranstalt",
    "month",
    "week",
    "date",
    "day",
];
/// Names of parameters that hold a year, or end so.
const YEARS: [&str; 5] = ["year", "yr", "jahr", "annee", "y"];
/// Names of parameters that hold a month, or end so.
const MONTHS: [&str; 6] = ["month", "mon", "monat", "mois", "mo", "m"];
/// Names of parameters that hold a day, or end so.
const DAYS: [&str; 4] = ["day", "tag", "jour", "d"];

/// The dates in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dates {
    /// Where they stand.
    pub(super) cuts: Cuts,
    /// The first year of them that is not plausible, or else the first one.
    pub(super) year: u32,
}

/// What is known of a URL while dates are looked for.
struct Search<'u> {
    url: &'u PageUrl,
    plausible: RangeInclusive<u16>,
    cuts: Cuts,
    year: Option<u32>,
}

/// The dates in a URL, if there are any.
pub(super) fn find(url: &PageUrl, plausible: RangeInclusive<u16>) -> Option<Dates> {
    let from = url.origin_text().len();
    if !has_year(&url.as_str().as_bytes()[from..]) {
        return None;
    }
    let mut search = Search {
        url,
        plausible,
        cuts: Cuts::default(),
        year: None,
    };
    search.path(from);
    search.query();
    let Search { cuts, year, .. } = search;
    year.map(|year| Dates { cuts, year })
}

/// Whether there are four digits in a row: without, there is no year.
fn has_year(text: &[u8]) -> bool {
    // One of four digits in a row stands at a place that four divides.
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    (3..text.len() + 3).step_by(4).any(|at| {
        digit(at) && {
            let before = (1..=3).take_while(|back| digit(at - back)).count();
            let after = (1..=3).take_while(|ahead| digit(at + ahead)).count();
            before + after >= 3
        }
    })
}

impl Search<'_> {
    fn path(&mut self, from: usize) {
        let url = self.url;
        let mut at = from;
        let mut segments = url.as_url().path().split('/').map(move |segment| {
            let start = at;
            at += segment.len() + 1;
            (start, segment)
        });
        while let Some((start, segment)) = segments.next() {
            let rest = segments.clone().map(|(_, segment)| segment);
            if let Some((length, parts)) = self.in_segments(segment, rest) {
                self.take(start..start + length, number(segment));
                // What belongs to this date is no other one.
                let _ = segments.nth(parts - 2);
            } else {
                self.in_text(start, segment, false);
            }
        }
    }

    /// `2031/05` or `2031/05/17`: how long it is, and of how many segments.
    fn in_segments<'s>(
        &self,
        year: &str,
        mut rest: impl Iterator<Item = &'s str>,
    ) -> Option<(usize, usize)> {
        let month = rest.next().filter(|_| year.len() == 4)?;
        let year = number(year)?;
        within(month, 1..=12)?;
        let day = rest.next().filter(|day| within(day, 1..=31).is_some());
        let padded = |text: &str| text.len() == 2 && text.starts_with('0');
        let certain = padded(month) || day.is_some_and(padded);
        let likely = month.len() == 2 && self.is_plausible(year);
        if !certain && !likely && !self.has_word() {
            return None;
        }
        let two = 5 + month.len();
        Some(day.map_or((two, 2), |day| (two + 1 + day.len(), 3)))
    }

    fn query(&mut self) {
        let held = |names: &[&str], digits: RangeInclusive<usize>| {
            parameters(self.url).find(|parameter| {
                digits.contains(&parameter.value.len())
                    && number(parameter.value).is_some()
                    && is_named(parameter.name, names)
            })
        };
        let year = held(&YEARS, 4..=5);
        let month = held(&MONTHS, 1..=2).filter(|month| within(month.value, 1..=12).is_some());
        if let (Some(year), Some(month)) = (year, month) {
            let day = held(&DAYS, 1..=2);
            let mut pieces =
                [Some(year), Some(month), day].map(|piece| piece.map(|piece| piece.place()));
            pieces.sort_by_key(|piece| piece.as_ref().map(|piece| piece.start));
            for piece in pieces.into_iter().flatten() {
                self.take(piece, number(year.value));
            }
            return;
        }
        for parameter in parameters(self.url) {
            let Parameter { name, value, .. } = parameter;
            // WordPress: "m=203105".
            let short = name.eq_ignore_ascii_case("m") && self.is_plausible(first_four(value));
            let named = short || has_word(name);
            self.in_text(parameter.place().start, value, named);
        }
    }

    /// Dates within one segment or value. `named`: what is only digits is a date too.
    fn in_text(&mut self, start: usize, text: &str, named: bool) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at + 6 <= bytes.len() {
            let digits = bytes[at..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let length = match digits {
                4 => self.dashed(&text[at..], at == 0),
                6 | 8 if at == 0 && digits == bytes.len() => self.undivided(text, named),
                _ => None,
            };
            if let Some(length) = length {
                self.take(start + at..start + at + length, number(&text[at..at + 4]));
                at += length;
            }
            at += digits.max(1);
        }
    }

    /// `2031-05-17`, or all of a text that is `2031-05` or `2031-W20`: how long it is.
    fn dashed(&self, text: &str, at_start: bool) -> Option<usize> {
        let bytes = text.as_bytes();
        let rest = text.get(4..)?.strip_prefix('-')?;
        let ends = |at: usize| !bytes.get(at).is_some_and(u8::is_ascii_digit);
        let two = |from: usize, range| {
            let part = text.get(from..from + 2)?;
            (ends(from + 2) && part.len() == 2).then_some(())?;
            within(part, range)
        };
        if two(5, 1..=12).is_some() && bytes.get(7) == Some(&b'-') && two(8, 1..=31).is_some() {
            return Some(10);
        }
        let alone = |length: usize| at_start && bytes.len() == length;
        if alone(7) && two(5, 1..=12).is_some() {
            // "4521-12" may be the number of a thing.
            let certain =
                rest.starts_with('0') || self.is_plausible(first_four(text)) || self.has_word();
            return certain.then_some(7);
        }
        (alone(8) && rest.starts_with(['W', 'w']) && two(6, 1..=53).is_some()).then_some(8)
    }

    /// `20310517` or `203105`: how long it is.
    fn undivided(&self, text: &str, named: bool) -> Option<usize> {
        within(text.get(4..6)?, 1..=12)?;
        match text.get(6..) {
            Some("") => {}
            Some(day) => drop(within(day, 1..=31)?),
            None => return None,
        }
        (named || self.has_word()).then_some(text.len())
    }

    fn take(&mut self, piece: Range<usize>, year: Option<u32>) {
        self.cuts.push(piece);
        let plausible = self.year.is_none_or(|year| self.is_plausible(year));
        if plausible && year.is_some_and(|year| self.year.is_none() || !self.is_plausible(year)) {
            self.year = year;
        }
    }

    fn is_plausible(&self, year: u32) -> bool {
        u16::try_from(year).is_ok_and(|year| self.plausible.contains(&year))
    }

    fn has_word(&self) -> bool {
        has_word(self.url.as_url().path())
    }
}

/// Whether one of the words begins with a word of calendars.
fn has_word(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| {
        WORDS.iter().any(|known| {
            word.get(..known.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(known))
        })
    })
}

/// Whether a parameter has one of these names, or a longer one that ends with it: `cal_year`, `eventMonth`.
fn is_named(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| {
        let Some(start) = name.len().checked_sub(known.len()) else {
            return false;
        };
        let ends = name
            .get(start..)
            .is_some_and(|end| end.eq_ignore_ascii_case(known));
        ends && (start == 0 || known.len() >= 4)
    })
}

/// A number of digits only, below a thousand million.
fn number(text: &str) -> Option<u32> {
    let digits =
        !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn within(text: &str, range: RangeInclusive<u32>) -> Option<u32> {
    number(text).filter(|number| text.len() <= 2 && range.contains(number))
}

fn first_four(text: &str) -> u32 {
    text.get(..4).and_then(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(url: &str) -> Option<(u32, String)> {
        let url = PageUrl::parse(&format!("http://a.example{url}")).unwrap();
        find(&url, 1500..=2031).map(|dates| (dates.year, dates.cuts.shown(&url)))
    }

    #[test]
    fn dates_are_found_however_calendars_write_them() {
        for (url, year, rest) in [
            ("/2031/05/", 2031, "/*/"),
            ("/blog/2024/10/17/a-title", 2024, "/blog/*/a-title"),
            ("/9999/01", 9999, "/*"),
            ("/events/4521/12", 4521, "/events/*"),
            ("/events/2026/5/3", 2026, "/events/*"),
            ("/log-2031-05-17.html", 2031, "/log-*.html"),
            ("/2031-05", 2031, "/*"),
            ("/week/2031-W20", 2031, "/week/*"),
            ("/calendar/203105", 2031, "/calendar/*"),
            ("/calendar/20310517/list", 2031, "/calendar/*/list"),
            ("/?year=2093&month=5", 2093, "/?year=*&month=*"),
            (
                "/?day=7&cal_month=5&v=x&calYear=12026",
                12026,
                "/?day=*&cal_month=*&v=x&calYear=*",
            ),
            ("/?m=5&y=2031", 2031, "/?m=*&y=*"),
            ("/?m=203105", 2031, "/?m=*"),
            ("/?tribe-bar-date=2031-05-01", 2031, "/?tribe-bar-date=*"),
            ("/?date=99990501", 9999, "/?date=*"),
            ("/?from=2026-01-01&to=2093-01-31", 2093, "/?from=*&to=*"),
            ("/2026/03/?date=2093-01-31", 2093, "/*/?date=*"),
        ] {
            assert_eq!(dates(url), Some((year, rest.to_owned())), "{url}");
        }
    }

    #[test]
    fn numbers_that_are_no_dates_are_left_alone() {
        for url in [
            "/",
            "/thread/4521/3",
            "/thread/4521/12",
            "/thread/2026/3",
            "/wiki/1984",
            "/2026/",
            "/2050/vision",
            "/product/4521-12",
            "/cas/7732-18-5",
            "/item/20310517",
            "/item/203105",
            "/isbn/9783161484100",
            "/phone/2031-05-171",
            "/12031-05-17",
            "/?id=20310517",
            "/?page=2031",
            "/?year=2031",
            "/?year=26&month=5",
            "/?m=452112",
            "/2031/13/",
            "/2031/005/",
            "/prevention/4521/12",
        ] {
            assert_eq!(dates(url), None, "{url}");
        }
    }

    #[test]
    fn four_digits_in_a_row_are_seen_at_every_place() {
        for length in 0..24 {
            for start in 0..=length {
                for run in 0..=length - start {
                    let mut text = vec![b'x'; length];
                    text[start..start + run].fill(b'7');
                    assert_eq!(
                        has_year(&text),
                        run >= 4,
                        "{}",
                        String::from_utf8_lossy(&text)
                    );
                }
            }
        }
    }
}
