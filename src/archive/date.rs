//! Dates as archives write them: `2026-11-21T16:37:13.012345Z` (ISO 28500 5.4, W3C date and time), always UTC.
//!
//! A fraction has up to nine digits; we write six, as readers that take the digits for microseconds whatever their number
//! then read what was meant. Edge: years before 1970 and after 9999 are no dates here.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;
/// The first second of the year 10000.
const LAST: u64 = 253_402_300_800;

/// A moment in UTC, by its parts.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    micros: u32,
}

impl Civil {
    fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs().min(LAST - 1);
        let (days, rest) = (seconds / DAY, seconds % DAY);
        // Days counted from the first of March of year 0, in eras of 400 years.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: era * 400 + year + u64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            micros: since.subsec_micros(),
        }
    }
}

/// A moment as `WARC-Date` has it, to the microsecond.
pub(crate) fn spelled(time: SystemTime) -> String {
    let at = Civil::of(time);
    let mut text = seconds(&at, ["-", "T", ":"]);
    let _ = write!(text, ".{:06}Z", at.micros);
    text
}

/// A moment to the second: `2026-11-21T16:37:13Z`.
pub(crate) fn to_the_second(time: SystemTime) -> String {
    seconds(&Civil::of(time), ["-", "T", ":"]) + "Z"
}

/// A moment as indexes have it: `20261121163713`.
pub(crate) fn digits(time: SystemTime) -> String {
    seconds(&Civil::of(time), ["", "", ""])
}

fn seconds(at: &Civil, [dash, t, colon]: [&str; 3]) -> String {
    let Civil {
        year, month, day, ..
    } = at;
    let Civil {
        hour,
        minute,
        second,
        ..
    } = at;
    format!(
        "{year:04}{dash}{month:02}{dash}{day:02}{t}{hour:02}{colon}{minute:02}{colon}{second:02}"
    )
}

/// Reads a date: to the second, with a fraction of up to nine digits, or less exact (`2026-11`), which is its first moment.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim().strip_suffix('Z').unwrap_or(text.trim());
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let mut date = date.split('-').map(|part| part.parse::<u64>().ok());
    let year = date.next()??;
    let month = date.next().unwrap_or(Some(1))?;
    let day = date.next().unwrap_or(Some(1))?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time
        .split(':')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse::<u64>().ok());
    let hour = time.next().unwrap_or(Some(0))?;
    let minute = time.next().unwrap_or(Some(0))?;
    let second = time.next().unwrap_or(Some(0))?;
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && fraction.len() <= 9
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * DAY + hour * 3_600 + minute * 60 + second;
    Some(UNIX_EPOCH + Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_read_as_it_is_written() {
        let mut at = UNIX_EPOCH + Duration::new(86_399, 12_345_678);
        for _ in 0..60_000 {
            let text = spelled(at);
            let micros = Duration::from_nanos(678);
            assert_eq!(parse(&text), Some(at - micros), "{text}");
            // Another's calendar says the same.
            let http = httpdate::parse_http_date(&httpdate::fmt_http_date(at)).unwrap();
            assert_eq!(parse(&to_the_second(at)), Some(http));
            at += Duration::from_secs(86_400);
        }
        assert!(
            spelled(at).starts_with("2134-04-11T23:59:59.012345Z"),
            "{}",
            spelled(at)
        );
    }

    #[test]
    fn dates_of_every_precision_are_read_and_what_is_none_is_refused() {
        let seconds = |text| {
            let at = parse(text)?.duration_since(UNIX_EPOCH).unwrap();
            Some((at.as_secs(), at.subsec_nanos()))
        };
        assert_eq!(seconds("2026-11-21T16:37:13Z"), Some((1_795_279_033, 0)));
        let nine = seconds("2026-11-21T16:37:13.123456789Z");
        assert_eq!(nine, Some((1_795_279_033, 123_456_789)));
        assert_eq!(seconds("2016-01"), Some((1_451_606_400, 0)));
        assert_eq!(seconds("2016"), Some((1_451_606_400, 0)));
        for wrong in [
            "",
            "Z",
            "T",
            "1969-12-31T23:59:59Z",
            "2026-13-01",
            "2026-00-01",
            "2026-01-32",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00.x",
            "99999999999999999999",
            "-1",
            "2026-11-21T16:37:13.é",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(
            digits(parse("2026-11-21T16:37:13.5Z").unwrap()),
            "20261121163713"
        );
    }
}
