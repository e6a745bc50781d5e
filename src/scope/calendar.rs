//! Finds dates in URLs: the sign of a calendar, which has a page for every month, past and future.
//!
//! A number counts as a date only if it can hardly be anything else. `/2031/05/` is a date: page and item numbers do
//! not start with a zero. `/4521/12` may be page 12 of thread 4521, and is a date only in a plausible year, or next to
//! a word such as `events`. `2031-05-01` always is one, `20310501` next to such a word, `year=2031&month=5` because of
//! the names. A year alone is not a date: there are only few of them. Months written as words and times in seconds are
//! not recognised.

use std::ops::{Range, RangeInclusive};

use super::pieces::{Cuts, Parameter, parameters};
use crate::url::PageUrl;

/// Words in calendar URLs; longer words that start with one also count.
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
/// Names of year parameters, or endings of such names.
const YEARS: [&str; 5] = ["year", "yr", "jahr", "annee", "y"];
/// Names of month parameters, or endings of such names.
const MONTHS: [&str; 6] = ["month", "mon", "monat", "mois", "mo", "m"];
/// Names of day parameters, or endings of such names.
const DAYS: [&str; 4] = ["day", "tag", "jour", "d"];

/// The dates in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dates {
    /// Their ranges in the URL's text.
    pub(super) cuts: Cuts,
    /// The first year that is not plausible, or else the first year.
    pub(super) year: u32,
}

/// The state of a search for dates in a URL.
struct DateSearch<'u> {
    url: &'u PageUrl,
    plausible: RangeInclusive<u16>,
    cuts: Cuts,
    year: Option<u32>,
}

/// The dates in a URL, if there are any.
pub(super) fn find(url: &PageUrl, plausible: RangeInclusive<u16>) -> Option<Dates> {
    let text = url.as_str();
    let path = url.origin_text().len();
    let query_start = path + url.as_url().path().len();
    let mut search = DateSearch {
        url,
        plausible,
        cuts: Cuts::default(),
        year: None,
    };
    // Without four digits in a row there is no year, and most URLs have none.
    let mut from = path;
    while let Some(run) = find_digits(text.as_bytes(), from) {
        if run.start > query_start {
            search.check_query(query_start);
            break;
        }
        search.check_path(&run, query_start);
        from = run.end.max(search.cuts.end());
    }
    let DateSearch { cuts, year, .. } = search;
    year.map(|year| Dates { cuts, year })
}

/// The next run of four or more digits at or after `from`.
fn find_digits(text: &[u8], from: usize) -> Option<Range<usize>> {
    let is_digit = |at: &usize| text[*at].is_ascii_digit();
    // Among four digits in a row, one is at an index that four divides.
    let mut at = from + 3;
    while at < text.len() {
        if is_digit(&at) {
            let start = (from..at).rev().take_while(is_digit).last().unwrap_or(at);
            let end = (at + 1..text.len())
                .take_while(is_digit)
                .last()
                .unwrap_or(at)
                + 1;
            if end - start >= 4 {
                return Some(start..end);
            }
            at = end;
        }
        at += 4;
    }
    None
}

impl DateSearch<'_> {
    /// Checks a run of digits in the path, which ends at `end`.
    fn check_path(&mut self, run: &Range<usize>, end: usize) {
        let path = &self.url.as_str()[..end];
        let tail = &path[run.start..];
        let segment = &tail[..tail.find('/').unwrap_or(tail.len())];
        let starts = path[..run.start].ends_with('/');
        let length = if starts && run.len() == 4 && segment.len() == 4 {
            self.segments_length(tail)
        } else {
            self.text_length(segment, run.len(), starts, false)
        };
        self.add(run.start, length);
    }

    /// The length of `2031/05` or `2031/05/17` at the start of this text.
    fn segments_length(&self, text: &str) -> Option<usize> {
        let mut segments = text.split('/');
        let year = parse_number(segments.next()?)?;
        let month = segments.next()?;
        parse_within(month, 1..=12)?;
        let day = segments
            .next()
            .filter(|day| parse_within(day, 1..=31).is_some());
        let is_padded = |text: &str| text.len() == 2 && text.starts_with('0');
        let is_certain = is_padded(month) || day.is_some_and(is_padded);
        let is_likely = month.len() == 2 && self.is_plausible(year);
        let length = 5 + month.len() + day.map_or(0, |day| 1 + day.len());
        (is_certain || is_likely || self.has_word()).then_some(length)
    }

    /// Checks the query, which begins at `start`: for a named year and month, or for dates in values.
    fn check_query(&mut self, start: usize) {
        let find_parameter = |names: &[&str], lengths: RangeInclusive<usize>| {
            parameters(self.url).find(|parameter| {
                lengths.contains(&parameter.value.len())
                    && parse_number(parameter.value).is_some()
                    && is_named(parameter.name, names)
            })
        };
        let year = find_parameter(&YEARS, 4..=5);
        let month = find_parameter(&MONTHS, 1..=2)
            .filter(|month| parse_within(month.value, 1..=12).is_some());
        if let (Some(year), Some(month)) = (year, month) {
            let mut pieces = [Some(year), Some(month), find_parameter(&DAYS, 1..=2)]
                .map(|piece| piece.map_or(0..0, |piece| piece.range()));
            pieces.sort_by_key(|piece| piece.start);
            pieces
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .for_each(|piece| self.cuts.push(piece));
            self.add_year(parse_number(year.value));
            return;
        }
        for parameter in parameters(self.url) {
            let Parameter { name, value, .. } = parameter;
            let range = parameter.range();
            let mut from = range.start.max(start);
            while let Some(run) = find_digits(&self.url.as_str().as_bytes()[..range.end], from) {
                // WordPress: "m=203105".
                let is_wordpress_month =
                    name.eq_ignore_ascii_case("m") && self.is_plausible(leading_year(value));
                let text = &self.url.as_str()[run.start..range.end];
                let starts = run.start == range.start;
                let length = self.text_length(
                    text,
                    run.len(),
                    starts,
                    is_wordpress_month || has_word(name),
                );
                self.add(run.start, length);
                from = run.end.max(self.cuts.end());
            }
        }
    }

    /// The length of the date at the start of this text, which starts with `digits` digits.
    ///
    /// The text is the rest of a segment or of a value; with `starts`, all of it. With `named`, digits alone can be a
    /// date too.
    fn text_length(&self, text: &str, digits: usize, starts: bool, named: bool) -> Option<usize> {
        match digits {
            4 => self.dashed_length(text, starts),
            6 | 8 if starts && digits == text.len() => self.compact_length(text, named),
            _ => None,
        }
    }

    /// The length of `2031-05-17`, or of a whole text like `2031-05` or `2031-W20`.
    fn dashed_length(&self, text: &str, starts: bool) -> Option<usize> {
        let rest = text.get(4..)?.strip_prefix('-')?;
        let (first, after) = rest.split_at_checked(2)?;
        if parse_within(first, 1..=12).is_some() {
            if let Some(day) = after.strip_prefix('-').and_then(|after| after.get(..2)) {
                let has_more_digits = after.as_bytes().get(3).is_some_and(u8::is_ascii_digit);
                let is_date =
                    day.len() == 2 && parse_within(day, 1..=31).is_some() && !has_more_digits;
                return is_date.then_some(10);
            }
            // "4521-12" may be an item number.
            let is_date = starts && after.is_empty();
            let is_certain = first.starts_with('0') || self.is_plausible(leading_year(text));
            return (is_date && (is_certain || self.has_word())).then_some(7);
        }
        let week = rest
            .strip_prefix(['W', 'w'])
            .filter(|week| week.len() == 2)?;
        parse_within(week, 1..=53).filter(|_| starts).map(|_| 8)
    }

    /// The length of `20310517` or `203105`.
    fn compact_length(&self, text: &str, named: bool) -> Option<usize> {
        let (month, day) = (text.get(4..6)?, text.get(6..)?);
        let is_date = parse_within(month, 1..=12).is_some()
            && (day.is_empty() || parse_within(day, 1..=31).is_some())
            && (named || self.has_word());
        is_date.then_some(text.len())
    }

    /// Adds a date of this length, if there is one, that starts with its year.
    fn add(&mut self, start: usize, length: Option<usize>) {
        if let Some(length) = length {
            self.cuts.push(start..start + length);
            self.add_year(parse_number(&self.url.as_str()[start..start + 4]));
        }
    }

    /// Keeps the first year that is not plausible, or else the first.
    fn add_year(&mut self, year: Option<u32>) {
        let is_settled = self.year.is_some_and(|year| !self.is_plausible(year));
        if let Some(year) = year
            && !is_settled
            && (self.year.is_none() || !self.is_plausible(year))
        {
            self.year = Some(year);
        }
    }

    fn is_plausible(&self, year: u32) -> bool {
        u16::try_from(year).is_ok_and(|year| self.plausible.contains(&year))
    }

    fn has_word(&self) -> bool {
        has_word(self.url.as_url().path())
    }
}

/// Whether one of the words starts with a calendar word.
fn has_word(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| {
        WORDS.iter().any(|calendar_word| {
            word.get(..calendar_word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(calendar_word))
        })
    })
}

/// Whether a parameter has one of these names, or a longer one that ends with it: `cal_year`, `eventMonth`.
fn is_named(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| {
        let Some(start) = name.len().checked_sub(known.len()) else {
            return false;
        };
        let has_ending = name
            .get(start..)
            .is_some_and(|end| end.eq_ignore_ascii_case(known));
        has_ending && (start == 0 || known.len() >= 4)
    })
}

/// Parses a number of at most nine digits.
fn parse_number(text: &str) -> Option<u32> {
    let is_number =
        !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn parse_within(text: &str, range: RangeInclusive<u32>) -> Option<u32> {
    parse_number(text).filter(|number| text.len() <= 2 && range.contains(number))
}

fn leading_year(text: &str) -> u32 {
    text.get(..4).and_then(parse_number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(url: &str) -> Option<(u32, String)> {
        let url = PageUrl::parse(&format!("http://a.example{url}")).unwrap();
        find(&url, 1500..=2031).map(|dates| (dates.year, dates.cuts.display(&url)))
    }

    #[test]
    fn dates_are_found_in_every_common_form() {
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
    fn numbers_that_are_not_dates_are_ignored() {
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
    fn four_digits_in_a_row_are_found_at_every_position() {
        for length in 0..24 {
            for start in 0..=length {
                for run in 0..=length - start {
                    let mut text = vec![b'x'; length];
                    text[start..start + run].fill(b'7');
                    let expected = (run >= 4).then_some(start..start + run);
                    assert_eq!(find_digits(&text, 0), expected, "{length}");
                }
            }
        }
        let several = b"12 345 6789 0 12345";
        assert_eq!(find_digits(several, 0), Some(7..11));
        assert_eq!(find_digits(several, 8), Some(14..19));
        assert_eq!(find_digits(several, 16), None);
    }
}
