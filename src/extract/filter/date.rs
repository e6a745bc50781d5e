//! Dates as pages write them, converted to ISO 8601.
//!
//! Accepted are ISO 8601 itself, RFC 2822, long forms (`20 November 2026, 10:30 pm`, `Nov. 20th 2026`,
//! `le 20 novembre 2026 à 10:30`) in English and [the languages](super::month) whose months are known, `20.11.2026`
//! (with points, the day always comes first), `2026/11/20`, `2026年11月20日` and `2026년 11월 20일`, and Unix time in
//! seconds or, with 13 digits, milliseconds. A date stays a date; a time keeps the offset it was written with, and
//! stays without one if there was none. Edge: `11/12/2026` is always refused: which number is the month differs by
//! country, and `date:%d/%m/%Y` settles it.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};

use super::month::{Word, lookup};

/// The longest text that is parsed as a date, in bytes.
const LONGEST: usize = 128;

/// Parses a date; `format` is a `strftime` pattern, if the page's own is known.
///
/// # Errors
/// Why the text is not a date.
pub(in crate::extract) fn date(text: &str, format: Option<&str>) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("blank".to_owned());
    }
    if text.len() > LONGEST {
        return Err("too long for a date".to_owned());
    }
    if let Some(format) = format {
        return with_format(text, format);
    }
    if let Some(date) = unix_time(text) {
        return date;
    }
    // The time may be followed by a time zone's name in brackets: the offset is enough.
    if let Ok(pieces) = Pieces::parse(text) {
        let offset = pieces.to_numeric_offset();
        return Ok(match pieces.time() {
            Some(time) => iso8601(pieces.date(), Some(time), offset),
            None => iso8601(pieces.date(), None, None),
        });
    }
    if let Ok(zoned) = jiff::fmt::rfc2822::DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_zoned(text)
    {
        return Ok(iso8601(
            zoned.date(),
            Some(zoned.time()),
            Some(zoned.offset()),
        ));
    }
    parse_words(text)
}

/// Converts seconds since 1970 to ISO 8601.
///
/// # Errors
/// If the moment is out of range.
pub(super) fn from_unix(number: i64) -> Result<String, String> {
    /// From here on, seconds would be beyond the year 5000, so milliseconds are meant.
    const MILLISECONDS: u64 = 100_000_000_000;
    let moment = if number.unsigned_abs() >= MILLISECONDS {
        Timestamp::from_millisecond(number)
    } else {
        Timestamp::from_second(number)
    };
    let moment = moment.map_err(|_| "out of range for a date".to_owned())?;
    let moment = Offset::UTC.to_datetime(moment);
    Ok(iso8601(
        moment.date(),
        Some(moment.time()),
        Some(Offset::UTC),
    ))
}

/// Checks a pattern by formatting a sample date with it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(format: &str) -> Result<(), String> {
    let sample = DateTime::constant(2026, 11, 20, 10, 30, 0, 0).to_zoned(TimeZone::UTC);
    match sample.map(|sample| strtime::format(format, &sample)) {
        Ok(Err(error)) => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn with_format(text: &str, format: &str) -> Result<String, String> {
    let fields =
        BrokenDownTime::parse(format, text).map_err(|_| format!("does not match {format:?}"))?;
    let date = fields
        .to_date()
        .map_err(|_| format!("{format:?} does not give a complete date"))?;
    let time = fields.hour().and_then(|_| fields.to_time().ok());
    Ok(iso8601(date, time, fields.offset()))
}

/// Parses a text of digits only as Unix time, if it has a suitable number of them.
fn unix_time(text: &str) -> Option<Result<String, String>> {
    let all = text.bytes().all(|b| b.is_ascii_digit());
    (all && matches!(text.len(), 9 | 10 | 13)).then(|| {
        from_unix(
            text.parse()
                .map_err(|_| "out of range for a date".to_owned())?,
        )
    })
}

fn iso8601(date: Date, time: Option<Time>, offset: Option<Offset>) -> String {
    let Some(time) = time else {
        return date.to_string();
    };
    let mut iso8601 = format!("{date}T{time}");
    if let Some(offset) = offset {
        let minutes = offset.seconds() / 60;
        if minutes == 0 {
            iso8601.push('Z');
        } else {
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
            iso8601.push_str(&format!("{sign}{hours:02}:{minutes:02}"));
        }
    }
    iso8601
}

/// Words allowed between the parts of a date: articles, "at", "o'clock", "year".
const FILLER_WORDS: [&str; 45] = [
    "of", "at", "the", "on", "t", // English
    "um", "uhr", "am", "den", "der", "vom", // German
    "le", "à", "du", // French
    "de", "del", "a", "las", "el", "d", "l", "la", "les", "al", // Spanish, Catalan
    "alle", "ore", "il", "di", // Italian
    "às", "em", "do", // Portuguese
    "om", "op", "te", "kl", "klokken", // Dutch, Danish, Norwegian, Swedish
    "o", "v", "r", "roku", "г", "года", "в", "р", "п", // Slavic languages
];

/// The parts of a date in long form that have been recognized so far.
#[derive(Debug, Default)]
struct DateParts {
    day: Option<i8>,
    month: Option<i8>,
    /// A month whose name may also be that of a weekday.
    possible_month: Option<i8>,
    year: Option<i16>,
    time: Option<Time>,
    afternoon: Option<bool>,
    offset: Option<Offset>,
}

fn parse_words(text: &str) -> Result<String, String> {
    let mut parts = DateParts::default();
    let text = with_slashes(text);
    for word in
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '\u{b7}' | '\'' | '\u{2019}'))
    {
        let word = word.trim_matches(['.', '(', ')']).to_lowercase();
        if !word.is_empty() && word != "|" && word != "-" {
            parts.word(&word)?;
        }
    }
    parts.iso()
}

/// Rewrites `2026年11月20日` and `2026년 11월 20일` as `2026/11/20`.
fn with_slashes(text: &str) -> Cow<'_, str> {
    for [year, month, day] in [['年', '月', '日'], ['년', '월', '일']] {
        if let Some((before, rest)) = text.split_once(year)
            && let Some((in_year, rest)) = rest.split_once(month)
            && let Some((in_month, behind)) = rest.split_once(day)
        {
            let (in_year, in_month) = (in_year.trim(), in_month.trim());
            return format!("{before}/{in_year}/{in_month} {behind}").into();
        }
    }
    text.into()
}

impl DateParts {
    fn word(&mut self, word: &str) -> Result<(), String> {
        match lookup(word) {
            Some(Word::Month(month)) => return set(&mut self.month, month, "two months"),
            Some(Word::Either(month)) => return set(&mut self.possible_month, month, "two months"),
            Some(Word::Weekday) => return Ok(()),
            None => {}
        }
        if let Some(month) = month(word) {
            return set(&mut self.month, month, "two months");
        }
        // "a.m." is a half of the day, and so is "am" after a time; elsewhere "am" is "on the" in German.
        if let Some(afternoon) = is_afternoon(word).filter(|_| word != "am" || self.time.is_some())
        {
            return set(&mut self.afternoon, afternoon, "two times");
        }
        if is_weekday(word) || FILLER_WORDS.contains(&word) {
            return Ok(());
        }
        if word.contains(':') && !word.starts_with(['+', '-']) {
            return self.clock(word);
        }
        if let Some(hour) = word
            .strip_suffix("am")
            .or_else(|| word.strip_suffix("pm"))
            .filter(|hour| !hour.is_empty() && hour.bytes().all(|b| b.is_ascii_digit()))
        {
            self.afternoon = is_afternoon(&word[hour.len()..]);
            return self.clock(&format!("{hour}:00"));
        }
        if self.time.is_some()
            && let Some(offset) = parse_offset(word)
        {
            return set(&mut self.offset, offset, "two offsets");
        }
        if let Some(date) = numeric_date(word)? {
            set(&mut self.year, date.year(), "two years")?;
            set(&mut self.month, date.month(), "two months")?;
            return set(&mut self.day, date.day(), "two days");
        }
        let digits = word.trim_end_matches(|c: char| c.is_alphabetic() || c == '\u{b0}');
        let ordinal = &word[digits.len()..];
        // "1er" and "2e" are French, "1º" is Spanish.
        if !matches!(
            ordinal,
            "" | "st" | "nd" | "rd" | "th" | "er" | "e" | "º" | "°"
        ) || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(format!("{word:?} is not a known part of a date"));
        }
        match digits.len() {
            1 | 2 => set(
                &mut self.day,
                digits.parse().unwrap_or_default(),
                "two days",
            ),
            4 if ordinal.is_empty() => set(
                &mut self.year,
                digits.parse().unwrap_or_default(),
                "two years",
            ),
            _ => Err(format!("{word:?} is neither a day nor a year")),
        }
    }

    fn clock(&mut self, word: &str) -> Result<(), String> {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
        match &word[digits.len()..] {
            "" => {}
            "z" | "utc" => set(&mut self.offset, Offset::UTC, "two offsets")?,
            other => match is_afternoon(other) {
                Some(afternoon) => set(&mut self.afternoon, afternoon, "two times")?,
                None => return Err(format!("{word:?} is not a time")),
            },
        }
        let mut parts = digits.split(':').map(|part| part.parse::<i8>());
        let mut next = || parts.next().unwrap_or(Ok(0));
        let (Ok(hour), Ok(minute), Ok(second)) = (next(), next(), next()) else {
            return Err(format!("{word:?} is not a time"));
        };
        let time = Time::new(hour, minute, second, 0)
            .ok()
            .filter(|_| parts.next().is_none());
        let time = time.ok_or_else(|| format!("{word:?} is not a time"))?;
        set(&mut self.time, time, "two times")
    }

    fn iso(self) -> Result<String, String> {
        let month = self.month.or(self.possible_month);
        let (Some(day), Some(month), Some(year)) = (self.day, month, self.year) else {
            return Err("without a day, a month or a year".to_owned());
        };
        let date = Date::new(year, month, day).map_err(|_| "a day that does not exist")?;
        let mut time = self.time;
        if let Some(afternoon) = self.afternoon {
            let clock = time.ok_or("am or pm without a time")?;
            let hour = match (clock.hour(), afternoon) {
                (0 | 13.., _) => return Err("am or pm after a time of 24 hours".to_owned()),
                (12, afternoon) => 12 * i8::from(afternoon),
                (hour, afternoon) => hour + 12 * i8::from(afternoon),
            };
            time = Some(clock.with().hour(hour).build().map_err(|_| "not a time")?);
        }
        Ok(iso8601(date, time, self.offset))
    }
}

fn set<T: PartialEq>(slot: &mut Option<T>, value: T, conflict: &str) -> Result<(), String> {
    match slot {
        Some(before) if *before != value => Err(conflict.to_owned()),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let short = word.len() == 3 || word == "sept";
    let at = MONTHS
        .iter()
        .position(|month| word == *month || short && month.starts_with(word))?;
    i8::try_from(at + 1).ok()
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    word.len() >= 3 && DAYS.iter().any(|day| day.starts_with(word))
}

/// Whether the word marks the afternoon; `am` is the first half of the day.
fn is_afternoon(word: &str) -> Option<bool> {
    match word {
        "am" | "a.m" => Some(false),
        "pm" | "p.m" => Some(true),
        _ => None,
    }
}

fn parse_offset(word: &str) -> Option<Offset> {
    if matches!(word, "utc" | "gmt" | "z") {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let valid = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
    let number: i32 = digits.parse().ok().filter(|_| valid)?;
    Offset::from_seconds(sign * (number / 100 * 3600 + number % 100 * 60)).ok()
}

/// Parses `20.11.2026` and `2026/11/20`; refuses `11/12/2026`.
fn numeric_date(word: &str) -> Result<Option<Date>, String> {
    for separator in ['.', '/', '-'] {
        let parts: Vec<&str> = word.split(separator).collect();
        let [first, second, third] = parts[..] else {
            continue;
        };
        if ![first, second, third]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        {
            continue;
        }
        let (year, month, day) = match (first.len(), third.len(), separator) {
            (4, _, _) => (first, second, third),
            (_, 4, '.') => (third, second, first),
            (_, 4, _) => {
                return Err(
                    "it is unclear whether the day or the month comes first: use date:%d/%m/%Y or date:%m/%d/%Y"
                        .to_owned(),
                );
            }
            _ => return Err(format!("{word:?} has no year of four digits")),
        };
        let date =
            (|| Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok())();
        return date
            .map(Some)
            .ok_or_else(|| "a day that does not exist".to_owned());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_pages_write_them() {
        for (text, iso) in [
            ("2026-11-20", "2026-11-20"),
            ("20261120", "2026-11-20"),
            ("2026-11-20T10:30", "2026-11-20T10:30:00"),
            ("2026-11-20 10:30:05", "2026-11-20T10:30:05"),
            ("2026-11-20T10:30:00Z", "2026-11-20T10:30:00Z"),
            (
                "2026-11-20T10:30:00.25+02:00",
                "2026-11-20T10:30:00.25+02:00",
            ),
            ("2026-11-20T10:30:00-0330", "2026-11-20T10:30:00-03:30"),
            (
                "Fri, 20 Nov 2026 10:30:00 +0100",
                "2026-11-20T10:30:00+01:00",
            ),
            ("Fri, 20 Nov 2026 10:30:00 GMT", "2026-11-20T10:30:00Z"),
            ("Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37"),
            ("20 November 2026", "2026-11-20"),
            ("November 20, 2026", "2026-11-20"),
            ("Nov. 20th, 2026", "2026-11-20"),
            ("the 1st of May 2026", "2026-05-01"),
            (
                "Friday, 20 November 2026 at 10:30 pm",
                "2026-11-20T22:30:00",
            ),
            ("Nov 20, 2026 12:05am", "2026-11-20T00:05:00"),
            ("Sept 3 2026, 7pm UTC", "2026-09-03T19:00:00Z"),
            ("20.11.2026", "2026-11-20"),
            ("20.11.2026 18:00", "2026-11-20T18:00:00"),
            ("2026/11/20", "2026-11-20"),
            ("20. November 2026 um 10:30 Uhr", "2026-11-20T10:30:00"),
            ("Freitag, den 5. März 2027", "2027-03-05"),
            ("am 5. Jänner 2027", "2027-01-05"),
            ("vendredi 1er août 2026 à 7:05", "2026-08-01T07:05:00"),
            ("mar. 3 févr. 2026", "2026-02-03"),
            ("mar, 3 mar 2026", "2026-03-03"),
            ("5 de enero de 2026, 10:30", "2026-01-05T10:30:00"),
            ("5 d’abril de 2026", "2026-04-05"),
            ("giovedì 5 maggio 2026, ore 9:00", "2026-05-05T09:00:00"),
            ("5 de março de 2026 às 10:30", "2026-03-05T10:30:00"),
            ("5 mei 2026", "2026-05-05"),
            ("den 5. maj 2026 kl. 10:30", "2026-05-05T10:30:00"),
            ("5. tammikuuta 2026", "2026-01-05"),
            ("5 września 2026 r.", "2026-09-05"),
            ("5. září 2026", "2026-09-05"),
            ("5 мая 2026 г., 10:30", "2026-05-05T10:30:00"),
            ("5 травня 2026 р.", "2026-05-05"),
            ("2026. május 5.", "2026-05-05"),
            ("5 Ağustos 2026", "2026-08-05"),
            ("5 Μαΐου 2026", "2026-05-05"),
            ("2026年5月20日 10:30", "2026-05-20T10:30:00"),
            ("2026년 5월 20일", "2026-05-20"),
            ("1795170600", "2026-11-20T10:30:00Z"),
            ("1795170600000", "2026-11-20T10:30:00Z"),
        ] {
            assert_eq!(date(text, None).as_deref(), Ok(iso), "{text}");
        }
        assert_eq!(
            date("20/11/2026", Some("%d/%m/%Y")).as_deref(),
            Ok("2026-11-20")
        );
        assert_eq!(
            date("11/20/26 18:05", Some("%m/%d/%y %H:%M")).as_deref(),
            Ok("2026-11-20T18:05:00")
        );
    }

    #[test]
    fn a_text_that_is_not_a_date_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "blank"),
            ("yesterday", "not a known part"),
            ("5 listopad lipiec 2026", "two months"),
            ("5 Wonnemond 2026", "not a known part"),
            ("10:30 am 5 mayo 2026 pm", "two times"),
            ("11/12/2026", "the month comes first"),
            ("20 November", "without"),
            ("31 February 2026", "does not exist"),
            ("31.02.2026", "does not exist"),
            ("2026-13-01", "does not exist"),
            ("20 November 2026 25:00", "not a time"),
            ("20 November 2026 13:00 pm", "24 hours"),
            ("20 November 21 November 2026", "two days"),
            ("12", "without"),
        ] {
            let why = date(text, None).unwrap_err();
            assert!(why.contains(reason), "{text}: {why}");
        }
        assert!(
            date("x", Some("%Y"))
                .unwrap_err()
                .contains("does not match")
        );
        assert!(check("%d/%m/%Y").is_ok());
        assert!(check("%!").is_err());
        assert!(from_unix(i64::MAX).is_err());
    }
}
