//! Two texts side by side: which lines are the same, and which are only on one side.
//!
//! The shortest script of Myers ("An O(ND) difference algorithm and its variations", 1986). Invariant: the left lines
//! of the rows are the old text, and the right ones the new text. Edge: texts that have little in common would take
//! quadratic time; beyond a limit, what is between their common beginning and end is shown as replaced.

use serde::{Deserialize, Serialize};

/// The most lines that may be removed and added before two texts count as different in the whole.
const MOST: usize = 1_000;

/// A row of two texts side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinePair {
    /// A line that both have.
    Same(String),
    /// Lines of either side, or of both where one replaces the other.
    Changed(Option<String>, Option<String>),
}

/// Puts two texts side by side.
pub(super) fn side_by_side(old: &[String], new: &[String]) -> Vec<LinePair> {
    let common = |pair: &(&String, &String)| pair.0 == pair.1;
    let before = old.iter().zip(new).take_while(common).count();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let after = old_rest.iter().rev().zip(new_rest.iter().rev());
    let after = after.take_while(common).count();
    let old_middle = &old_rest[..old_rest.len() - after];
    let new_middle = &new_rest[..new_rest.len() - after];
    let same = |lines: &[String]| lines.iter().cloned().map(LinePair::Same).collect();
    let mut rows: Vec<_> = same(&old[..before]);
    let mut removed = Vec::new();
    let mut added = Vec::new();
    let flush = |rows: &mut Vec<_>, removed: &mut Vec<String>, added: &mut Vec<String>| {
        let (mut left, mut right) = (removed.drain(..), added.drain(..));
        loop {
            match (left.next(), right.next()) {
                (None, None) => break,
                (old, new) => rows.push(LinePair::Changed(old, new)),
            }
        }
    };
    for step in script(old_middle, new_middle) {
        match step {
            Step::Same(line) => {
                flush(&mut rows, &mut removed, &mut added);
                rows.push(LinePair::Same(line.clone()));
            }
            Step::Removed(line) => removed.push(line.clone()),
            Step::Added(line) => added.push(line.clone()),
        }
    }
    flush(&mut rows, &mut removed, &mut added);
    rows.extend::<Vec<_>>(same(&old_rest[old_rest.len() - after..]));
    rows
}

enum Step<'l> {
    Same(&'l String),
    Removed(&'l String),
    Added(&'l String),
}

/// The steps from one text to the other.
fn script<'l>(old: &'l [String], new: &'l [String]) -> Vec<Step<'l>> {
    let replaced = || {
        let removed = old.iter().map(Step::Removed);
        removed.chain(new.iter().map(Step::Added)).collect()
    };
    let most = MOST.min(old.len() + new.len());
    // The furthest line of the old text on each diagonal, in each round; diagonal `k` is at `k + most`.
    let mut furthest = vec![0_usize; 2 * most + 2];
    let mut rounds = Vec::new();
    for round in 0..=most {
        rounds.push(furthest[most - round..=most + round + 1].to_vec());
        for diagonal in (most - round..=most + round).step_by(2) {
            let is_down = is_down(&furthest, diagonal, most, round);
            let mut x = match is_down {
                true => furthest[diagonal + 1],
                false => furthest[diagonal - 1] + 1,
            };
            let Some(mut y) = (x + most).checked_sub(diagonal) else {
                continue;
            };
            while x < old.len() && y < new.len() && old[x] == new[y] {
                (x, y) = (x + 1, y + 1);
            }
            furthest[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                return steps(old, new, &rounds, most);
            }
        }
    }
    replaced()
}

/// Whether the furthest way to a diagonal comes from above it, by adding a line.
fn is_down(furthest: &[usize], diagonal: usize, most: usize, round: usize) -> bool {
    diagonal == most - round
        || diagonal != most + round && furthest[diagonal - 1] < furthest[diagonal + 1]
}

/// Follows the rounds back from the end.
fn steps<'l>(
    old: &'l [String],
    new: &'l [String],
    rounds: &[Vec<usize>],
    most: usize,
) -> Vec<Step<'l>> {
    let (mut x, mut y) = (old.len(), new.len());
    let mut steps = Vec::new();
    for (round, before) in rounds.iter().enumerate().rev() {
        // `before` begins at the lowest diagonal of its round.
        let low = most - round;
        let at = |diagonal: usize| before.get(diagonal.wrapping_sub(low)).copied().unwrap_or(0);
        let diagonal = x + most - y;
        let is_down =
            diagonal == low || diagonal != most + round && at(diagonal - 1) < at(diagonal + 1);
        let (from, add) = match is_down {
            true => (at(diagonal + 1), true),
            false => (at(diagonal - 1), false),
        };
        let start = if round == 0 {
            0
        } else {
            from + usize::from(!add)
        };
        while x > start && y > 0 {
            (x, y) = (x - 1, y - 1);
            steps.push(Step::Same(&old[x]));
        }
        if round == 0 {
            break;
        }
        match add {
            true => {
                y -= 1;
                steps.push(Step::Added(&new[y]));
            }
            false => {
                x -= 1;
                steps.push(Step::Removed(&old[x]));
            }
        }
    }
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    fn sides(rows: &[LinePair]) -> (Vec<String>, Vec<String>) {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                LinePair::Same(line) => {
                    old.push(line.clone());
                    new.push(line.clone());
                }
                LinePair::Changed(left, right) => {
                    old.extend(left.clone());
                    new.extend(right.clone());
                }
            }
        }
        (old, new)
    }

    #[test]
    fn a_line_that_is_replaced_is_beside_the_new_one() {
        let rows = side_by_side(&text("a b c d"), &text("a x c d e"));
        let same = |line: &str| LinePair::Same(line.to_owned());
        let changed = |old: Option<&str>, new: Option<&str>| {
            LinePair::Changed(old.map(str::to_owned), new.map(str::to_owned))
        };
        assert_eq!(
            rows,
            [
                same("a"),
                changed(Some("b"), Some("x")),
                same("c"),
                same("d"),
                changed(None, Some("e"))
            ]
        );
    }

    #[test]
    fn texts_that_have_nothing_in_common_are_replaced_in_bounded_time() {
        let old: Vec<_> = (0..20_000).map(|line| format!("old {line}")).collect();
        let new: Vec<_> = (0..20_000).map(|line| format!("new {line}")).collect();
        let rows = side_by_side(&old, &new);
        assert_eq!(sides(&rows), (old, new));
    }

    /// The length of the longest common subsequence, by the table of the textbook.
    fn common(old: &[String], new: &[String]) -> usize {
        let mut row = vec![0; new.len() + 1];
        for line in old {
            let mut corner = 0;
            for (at, other) in new.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = match line == other {
                    true => corner + 1,
                    false => above.max(row[at]),
                };
                corner = above;
            }
        }
        row[new.len()]
    }

    proptest! {
        #[test]
        fn both_texts_are_whole_and_as_many_lines_as_can_be_are_the_same(
            old in prop::collection::vec("[a-d]", 0..30), new in prop::collection::vec("[a-d]", 0..30)
        ) {
            let rows = side_by_side(&old, &new);
            let same = rows.iter().filter(|row| matches!(row, LinePair::Same(_))).count();
            prop_assert_eq!(same, common(&old, &new));
            prop_assert_eq!(sides(&rows), (old, new));
        }
    }
}
