//! Sets of HTTP statuses, as users write them: `403`, `500-599`, `4xx`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A set of HTTP statuses, as inclusive ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    /// The set of these statuses.
    pub(crate) fn of<const N: usize>(statuses: [u16; N]) -> Self {
        Self(statuses.map(|status| (status, status)).to_vec())
    }

    /// Adds one item: a status (`503`), a range (`500-599`) or a family (`5xx`).
    ///
    /// # Errors
    /// When the item is not valid; the message says why.
    pub fn add(&mut self, item: &str) -> Result<(), String> {
        let item = item.trim();
        let family = item
            .strip_suffix("xx")
            .or_else(|| item.strip_suffix("XX"))
            .and_then(|digit| digit.parse::<u16>().ok())
            .filter(|digit| (1..=9).contains(digit));
        let (from, to) = match (family, item.split_once('-')) {
            (Some(family), _) => (family * 100, family * 100 + 99),
            (None, Some((from, to))) => (status(from, item)?, status(to, item)?),
            (None, None) => (status(item, item)?, status(item, item)?),
        };
        if from > to {
            return Err(format!("{item:?} ends before it starts"));
        }
        self.0.push((from, to));
        Ok(())
    }

    /// Adds all statuses of another set.
    pub fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Whether a status is in the set.
    pub fn contains(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&status))
    }
}

impl FromStr for Statuses {
    type Err = String;

    /// Parses items for [`add`](Self::add), separated by commas: `403,500-599`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut statuses = Self::default();
        text.split(',').try_for_each(|item| statuses.add(item))?;
        Ok(statuses)
    }
}

fn status(text: &str, item: &str) -> Result<u16, String> {
    let status = text.trim().parse().ok();
    let status = status.filter(|status| (100..=999).contains(status));
    status.ok_or_else(|| format!("{item:?} is not an HTTP status, as in 404, 500-599 or 4xx"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_ranges_and_families_are_taken_and_nothing_else() {
        let mut statuses: Statuses = "403, 500-502,9xx".parse().unwrap();
        statuses.merge(&"4XX".parse().unwrap());
        let among = [403, 499, 500, 502, 900, 999];
        assert!(among.iter().all(|status| statuses.contains(*status)));
        let not = [200, 399, 503, 899];
        assert!(!not.iter().any(|status| statuses.contains(*status)));
        for wrong in [
            "", "99", "1000", "soon", "502-500", "-", "403-", "0xx", "10xx", "xx",
        ] {
            assert!(wrong.parse::<Statuses>().is_err(), "{wrong}");
        }
    }
}
