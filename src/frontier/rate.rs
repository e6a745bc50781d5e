//! A rate: a number of requests per period.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number of requests per period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The number of requests.
    pub count: NonZeroU32,
    /// The period.
    pub every: Duration,
}

impl std::str::FromStr for Rate {
    type Err = String;

    /// Reads `10/s`, `300/m`, `5/2s` as curl does.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a rate, as in 10/s or 300/m");
        let (count, every) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().map_err(|_| wrong())?;
        let every = every.trim();
        let every = if every.starts_with(|c: char| c.is_ascii_digit()) {
            every.to_owned()
        } else {
            format!("1{every}")
        };
        let every = crate::text::size::duration(&every).map_err(|_| wrong())?;
        if every.is_zero() {
            return Err(wrong());
        }
        Ok(Self { count, every })
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}/{}",
            self.count,
            crate::text::size::spelled(self.every)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_per_period() {
        let rate: Rate = "10/s".parse().unwrap();
        assert_eq!((rate.count.get(), rate.every), (10, Duration::from_secs(1)));
        assert_eq!(
            "5/2s".parse::<Rate>().unwrap().every,
            Duration::from_secs(2)
        );
        for wrong in ["10", "0/s", "10/", "x/s", "10/0s", "-1/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
