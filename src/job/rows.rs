//! Sets of rows, written like page numbers in a print dialog: `3,7-9,120-`.

use std::fmt;
use std::str::FromStr;

/// Sorted ranges of rows, none overlapping or adjacent to the next. Rows count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows(Vec<(u64, u64)>);

impl Rows {
    /// The rows of a list in any order, plus every row from `open` on.
    pub fn of(mut rows: Vec<u64>, open: Option<u64>) -> Self {
        rows.sort_unstable();
        let closed = rows.into_iter().map(|row| (row, row));
        Self::merge(closed.chain(open.map(|from| (from, u64::MAX))).collect())
    }

    fn merge(mut ranges: Vec<(u64, u64)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of ranges.
    pub fn ranges(&self) -> usize {
        self.0.len()
    }

    /// Whether a row is in the set.
    pub fn contains(&self, row: u64) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < row);
        self.0.get(at).is_some_and(|(from, _)| *from <= row)
    }

    /// The rows that are in both sets.
    pub fn and(&self, other: &Self) -> Self {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&&(from, to)), Some(&&(other_from, other_to))) =
            (mine.peek(), theirs.peek())
        {
            if from.max(other_from) <= to.min(other_to) {
                both.push((from.max(other_from), to.min(other_to)));
            }
            // The range that ends first cannot overlap any further range.
            if to < other_to {
                mine.next();
            } else {
                theirs.next();
            }
        }
        Self(both)
    }

    /// The last row; `None` if the last range is open or the set is empty.
    pub fn last(&self) -> Option<u64> {
        self.0
            .last()
            .map(|(_, to)| *to)
            .filter(|to| *to != u64::MAX)
    }
}

impl FromStr for Rows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| match part.trim().parse::<u64>() {
            Ok(row) if row > 0 => Ok(row),
            _ => Err(format!(
                "{part:?} is not a row: rows count from 1, as in 3,7-9,120-"
            )),
        };
        let mut ranges = Vec::new();
        for part in text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|part| !part.is_empty())
        {
            ranges.push(match part.split_once('-') {
                None => (number(part)?, number(part)?),
                Some((from, "")) => (number(from)?, u64::MAX),
                Some((from, to)) => (number(from)?, number(to)?),
            });
            if ranges.last().is_some_and(|(from, to)| from > to) {
                return Err(format!("{part:?} ends before it starts"));
            }
        }
        Ok(Self::merge(ranges))
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match *to {
                to if to == *from => write!(f, "{comma}{from}")?,
                u64::MAX => write!(f, "{comma}{from}-")?,
                to => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_display_in_the_form_that_they_parse_from() {
        let rows: Rows = "120-, 7-9 3,8-11".parse().unwrap();
        assert_eq!(rows.to_string(), "3,7-11,120-");
        assert_eq!(rows.to_string().parse(), Ok(rows.clone()));
        let contained: Vec<u64> = (1..200).filter(|row| rows.contains(*row)).collect();
        assert_eq!(contained[..7], [3, 7, 8, 9, 10, 11, 120]);
        assert_eq!(
            (rows.last(), Rows::of(vec![5, 3, 4, 9], None).to_string()),
            (None, "3-5,9".to_owned())
        );
        for wrong in ["0", "9-7", "x", "1-x"] {
            assert!(wrong.parse::<Rows>().is_err(), "{wrong}");
        }
    }
    #[test]
    fn the_intersection_has_the_rows_that_are_in_both_sets() {
        let rows = |text: &str| text.parse::<Rows>().unwrap();
        let both = rows("2,5-9,20-").and(&rows("1-6,9,15-30,40"));
        assert_eq!(both.to_string(), "2,5-6,9,20-30,40");
        assert!(rows("61-").and(&rows("1-60")).is_empty());
    }
}
