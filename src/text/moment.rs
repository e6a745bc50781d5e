//! Times as in records, archives and reports: `2026-11-21T16:37:13.012345Z`, always in UTC.
//!
//! Archives (ISO 28500 5.4, W3C date and time) allow up to nine digits of a fraction. We write six, because some
//! readers take the digits for microseconds, however many there are. Times before 1970 or after 9999 are written as
//! the nearest valid time, and are not accepted when read.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// The nearest time that can be written.
fn nearest(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH
        .checked_add(since)
        .and_then(|time| Timestamp::try_from(time).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Whether a time can be written exactly.
pub(crate) fn is_written(time: &SystemTime) -> bool {
    *time >= UNIX_EPOCH && Timestamp::try_from(*time).is_ok()
}

/// A time to the second, `2026-11-21T16:37:13Z`.
pub(crate) fn to_second(time: SystemTime) -> String {
    format!("{:.0}", nearest(time))
}

/// A time to the millisecond, `2026-11-21T16:37:13.012Z`.
pub(crate) fn to_millisecond(time: SystemTime) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{:.3}", nearest(time)))
}

/// A time to the microsecond, `2026-11-21T16:37:13.012345Z`, as in `WARC-Date`.
pub(crate) fn to_microsecond(time: SystemTime) -> String {
    format!("{:.6}", nearest(time))
}

/// A time as in indexes of archives, `20261121163713`.
pub(crate) fn digits(time: SystemTime) -> String {
    nearest(time).strftime("%Y%m%d%H%M%S").to_string()
}

/// Parses a time to the second, with up to nine digits of a fraction, or a less exact one: `2026-11` is its first
/// second.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let text = text.strip_suffix('Z').unwrap_or(text);
    let rest = match text.len() {
        4 => "-01-01T00Z",
        7 => "-01T00Z",
        10 => "T00Z",
        _ => "Z",
    };
    let time: Timestamp = format!("{text}{rest}").parse().ok()?;
    let since = Duration::try_from(time.as_duration()).ok()?;
    Some(UNIX_EPOCH + since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_read_as_it_is_written() {
        let mut at = UNIX_EPOCH + Duration::new(86_399, 12_345_678);
        for _ in 0..60_000 {
            let text = to_microsecond(at);
            let micros = Duration::from_nanos(678);
            assert_eq!(parse(&text), Some(at - micros), "{text}");
            // Another crate's calendar agrees.
            let http = httpdate::parse_http_date(&httpdate::fmt_http_date(at)).unwrap();
            assert_eq!(parse(&to_second(at)), Some(http));
            at += Duration::from_secs(86_400);
        }
        assert_eq!(to_microsecond(at), "2134-04-11T23:59:59.012345Z");
        assert_eq!(to_millisecond(at).to_string(), "2134-04-11T23:59:59.012Z");
        assert_eq!(to_second(at), "2134-04-11T23:59:59Z");
        assert_eq!(digits(at), "21340411235959");
    }

    #[test]
    fn a_moment_outside_the_calendar_is_written_as_the_nearest_inside() {
        let early = UNIX_EPOCH - Duration::from_secs(1);
        let late = UNIX_EPOCH + Duration::from_secs(253_402_300_800);
        assert_eq!(to_second(early), "1970-01-01T00:00:00Z");
        assert!(to_second(late).starts_with("9999-12-"));
        assert!(is_written(&UNIX_EPOCH) && !is_written(&early) && !is_written(&late));
    }

    #[test]
    fn moments_of_every_precision_are_read_and_everything_else_is_refused() {
        let seconds = |text| {
            let at = parse(text)?.duration_since(UNIX_EPOCH).unwrap();
            Some((at.as_secs(), at.subsec_nanos()))
        };
        assert_eq!(seconds("2026-11-21T16:37:13Z"), Some((1_795_279_033, 0)));
        assert_eq!(seconds("2026-11-21T16:37:13"), Some((1_795_279_033, 0)));
        assert_eq!(seconds("2026-11-21T16:37Z"), Some((1_795_279_020, 0)));
        assert_eq!(seconds("2026-11-21"), Some((1_795_219_200, 0)));
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
    }
}
