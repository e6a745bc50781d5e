//! When generated pages changed.
//!
//! The pages of the first edition are from 2025, and each later edition is from an hour in 2026. Invariant: all of it
//! is in the past, a later edition has a later time, and no clock is read, so it is the same in every run.

use std::time::{Duration, SystemTime};

use crate::text::moment::to_second;

/// The start of 2025 and of 2026, in seconds since 1970.
const FIRST_YEAR: u64 = 1_735_689_600;
const SECOND_YEAR: u64 = 1_767_225_600;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The days of 2025 before each of its months.
const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// When a page got the text that it has since this edition.
pub(crate) fn modified(page: u64, edition: u64) -> SystemTime {
    let seconds = match edition.checked_sub(2) {
        Some(hours) => SECOND_YEAR + hours * HOUR,
        None => {
            let (month, day) = first_date(page);
            FIRST_YEAR + (DAYS_BEFORE[month - 1] + day - 1) * DAY
        }
    };
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The day of that, as in `2025-03-28`.
pub(crate) fn day(page: u64, edition: u64) -> String {
    if edition > 1 {
        return to_second(modified(page, edition))[..10].to_owned();
    }
    let (month, day) = first_date(page);
    format!("2025-{month:02}-{day:02}")
}

/// Month and day of a page's first edition.
fn first_date(page: u64) -> (usize, u64) {
    (1 + (page % 12) as usize, 1 + page % 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_the_day_when_it_was_modified() {
        for page in 0..400 {
            for edition in [1, 2, 3, 25, 26, 1000] {
                let written = to_second(modified(page, edition));
                assert_eq!(day(page, edition), written[..10], "{written}");
            }
            assert!(modified(page, 2) > modified(page, 1) && modified(page, 3) > modified(page, 2));
        }
        assert_eq!(to_second(modified(27, 1)), "2025-04-28T00:00:00Z");
        assert_eq!(to_second(modified(27, 26)), "2026-01-02T00:00:00Z");
        assert!(modified(0, 1000) < SystemTime::now());
    }
}
