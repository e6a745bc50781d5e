//! Sizes and durations as people write them: always with a unit.
//!
//! `32M` is 32 MiB and `500ms` is half a second. A bare number is rejected, since existing tools disagree about what
//! it would mean; only `0` is accepted, as it means the same in every unit.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number of bytes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// A size of `count` KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// A size of `count` MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let digits = usize::from(value < 100.0 && value.fract() > 0.05);
        write!(f, "{value:.digits$} {}", UNITS[unit])
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;

    /// Parses `32M`, `1.5GiB`, `800B`, `0`; the units are powers of 1024.
    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text)?;
        let factor: u64 = match unit.to_ascii_lowercase().as_str() {
            "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            "" if number == 0.0 => 1,
            "" => {
                return Err(format!(
                    "a size needs a unit, as in {text}K, {text}M or {text}B"
                ));
            }
            other => {
                return Err(format!(
                    "unknown unit {other:?}: B, K, M, G and T are known"
                ));
            }
        };
        Ok(Self((number * factor as f64) as u64))
    }
}

/// Parses `500ms`, `30s`, `2.5m`, `1h30m`, `0`.
///
/// # Errors
/// What is wrong with the text, and what would be valid.
pub fn duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut sum = Duration::ZERO;
    loop {
        let end = rest
            .find(|c: char| c.is_ascii_alphabetic() || c == 'µ')
            .unwrap_or(rest.len());
        let after = rest[end..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| at + end);
        let (number, unit) = split(&rest[..after])?;
        let seconds = match unit {
            "us" | "µs" => number / 1e6,
            "ms" => number / 1e3,
            "s" | "sec" => number,
            "m" | "min" => number * 60.0,
            "h" => number * 3600.0,
            "d" => number * 86_400.0,
            "" => {
                return Err(format!(
                    "a duration needs a unit, as in {text}s or {text}ms"
                ));
            }
            other => {
                return Err(format!(
                    "unknown unit {other:?}: ms, s, m, h and d are known"
                ));
            }
        };
        sum +=
            Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text} is out of range"))?;
        rest = rest[after..].trim_start();
        if rest.is_empty() {
            return Ok(sum);
        }
    }
}

/// Formats a duration such that [`duration`] can parse it, in at most two units: `1m30s`, `250ms`.
pub fn spelled(duration: Duration) -> String {
    let millis = duration.as_millis();
    let seconds = duration.as_secs();
    match (millis, seconds) {
        (0, _) => "0".to_owned(),
        (_, 0) => format!("{millis}ms"),
        (_, 1..=59) if !millis.is_multiple_of(1000) => {
            format!("{}s", (duration.as_secs_f64() * 10.0).round() / 10.0)
        }
        (_, 1..=59) => format!("{seconds}s"),
        (_, 60..=3599) if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        (_, 60..=3599) => format!("{}m{}s", seconds / 60, seconds % 60),
        _ if seconds % 3600 < 60 => format!("{}h", seconds / 3600),
        _ => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
    }
}

fn split(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end]
        .parse()
        .map_err(|_| format!("{text:?} does not start with a number"))?;
    Ok((number, text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_need_a_unit() {
        assert_eq!("32M".parse(), Ok(ByteSize::mib(32)));
        assert_eq!("1.5KiB".parse(), Ok(ByteSize(1536)));
        assert_eq!("0".parse(), Ok(ByteSize(0)));
        assert!("32".parse::<ByteSize>().unwrap_err().contains("32M"));
        assert!("3X".parse::<ByteSize>().is_err());
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("2.5s"), Ok(Duration::from_millis(2500)));
        assert!(duration("30").unwrap_err().contains("30s"));
        assert!(duration("").is_err() && duration("s").is_err() && duration("1e99d").is_err());
    }

    #[test]
    fn formatted_durations_parse_back() {
        for text in ["0", "250ms", "30s", "1.5s", "5m", "1m30s", "1h", "1h30m"] {
            assert_eq!(spelled(duration(text).unwrap()), text);
        }
        assert_eq!(ByteSize::mib(32).to_string(), "32 MiB");
        assert_eq!(ByteSize(1536).to_string(), "1.5 KiB");
        assert_eq!(ByteSize(12).to_string(), "12 B");
    }
}
