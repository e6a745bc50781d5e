//! Tables, paragraphs and numbers in the columns of a terminal.

use std::fmt::Write;

/// A table split into as few tables as fit the width, each starting with the first column.
pub(super) fn fitted(
    rows: &[Vec<String>],
    shown: &[usize],
    columns: usize,
) -> Vec<Vec<Vec<String>>> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let Some((first, rest)) = shown.split_first() else {
        return Vec::new();
    };
    let mut groups: Vec<Vec<usize>> = vec![vec![*first]];
    let mut taken = width(*first);
    for column in rest {
        let more = 2 + width(*column);
        if taken + more > columns && groups.last().is_some_and(|group| group.len() > 1) {
            groups.push(vec![*first]);
            taken = width(*first);
        }
        taken += more;
        groups
            .last_mut()
            .into_iter()
            .for_each(|group| group.push(*column));
    }
    let cells =
        |row: &Vec<String>, group: &[usize]| group.iter().map(|at| row[*at].clone()).collect();
    groups
        .iter()
        .map(|group| rows.iter().map(|row| cells(row, group)).collect())
        .collect()
}

/// A table whose first column is aligned left, and the others right.
pub(super) fn aligned(text: &mut String, rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = match column {
                0 => write!(line, "{cell:width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// A heading with wrapped text to its right.
pub(super) fn paragraph(text: &mut String, heading: &str, words: &str, columns: usize) {
    let mut line = format!("{heading:12}");
    let mut taken = 12;
    for word in words.split(' ') {
        let width = word.chars().count();
        if taken > 12 && taken + 1 + width > columns {
            let _ = writeln!(text, "{line}");
            line = " ".repeat(12);
            taken = 12;
        }
        if taken > 12 {
            line.push(' ');
            taken += 1;
        }
        line.push_str(word);
        taken += width;
    }
    let _ = writeln!(text, "{line}");
}

pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count as f64))
}

/// A number with about three significant digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        value if value >= 1000.0 => grouped(value),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A whole number with commas between thousands.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_too_wide_is_split_and_each_part_has_the_first_column() {
        let row = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rows = [row("engine one two three"), row("async:64 1,000 2 3")];
        let mut text = String::new();
        for rows in fitted(&rows, &[0, 1, 3], 17) {
            aligned(&mut text, &rows);
        }
        let expected = "engine      one\nasync:64  1,000\nengine    three\nasync:64      3\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_paragraph_is_wrapped_at_its_width() {
        let mut text = String::new();
        paragraph(&mut text, "why", "one two three four", 22);
        assert_eq!(text, "why         one two\n            three four\n");
    }

    #[test]
    fn numbers_have_about_three_digits() {
        let texts: Vec<_> = [0.5, 12.34, 123.4, 12345.0].map(short).to_vec();
        assert_eq!(texts, ["0.50", "12.3", "123", "12,345"]);
    }
}
