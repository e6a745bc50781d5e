//! Maps positions in a TOML file to lines and columns, also within its strings.

use std::ops::Range;

use super::Problem;

/// A recipe file, and the problems found in it so far.
#[derive(Debug)]
pub(super) struct File<'t> {
    name: &'t str,
    text: &'t str,
    problems: Vec<Problem>,
}

impl<'t> File<'t> {
    pub(super) fn new(name: &'t str, text: &'t str) -> Self {
        Self {
            name,
            text,
            problems: Vec::new(),
        }
    }

    /// Records a problem at a byte of the file.
    pub(super) fn problem_at(&mut self, at: usize, text: impl Into<String>) {
        let at = self.text.floor_char_boundary(at);
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        self.problems.push(Problem {
            file: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            text: text.into(),
        });
    }

    /// Records a problem at a byte of the value of the string at `span`.
    pub(super) fn problem_in_string(
        &mut self,
        span: Range<usize>,
        at: usize,
        text: impl Into<String>,
    ) {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        self.problem_at(span.start + inside(raw, at), text);
    }

    /// The problems, in the order of the file.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column));
        self.problems
    }
}

/// The position in a TOML string, as written, of the byte `at` of its value.
fn inside(raw: &str, at: usize) -> usize {
    let (mark, escapes) = match raw.as_bytes() {
        [b'"', b'"', b'"', ..] => (3, true),
        [b'\'', b'\'', b'\'', ..] => (3, false),
        [b'"', ..] => (1, true),
        [b'\'', ..] => (1, false),
        _ => (0, false),
    };
    let mut start = mark;
    // A line break right after three quotes is not part of the string.
    if mark == 3 {
        start += raw[mark..].len() - raw[mark..].trim_start_matches(['\r', '\n']).len();
    }
    let mut value = 0;
    let mut position = start;
    let mut rest = raw[start..].chars();
    while value < at {
        let Some(c) = rest.next() else { break };
        position += c.len_utf8();
        if c != '\\' || !escapes {
            value += c.len_utf8();
            continue;
        }
        let Some(kind) = rest.next() else { break };
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let code: String = rest.by_ref().take(digits).collect();
        position += kind.len_utf8() + code.len();
        let stands_for = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        value += stands_for.map_or(1, char::len_utf8);
    }
    position.min(raw.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_string_is_found_behind_quotes_and_escapes() {
        for (raw, at, position) in [
            (r#""h1|x""#, 3, 4),
            (r"'h1|x'", 3, 4),
            (r#""a\"b|x""#, 4, 6),
            (r#""a\u00e9b|x""#, 4, 9),
            ("\"\"\"\nh1|x\"\"\"", 3, 7),
            ("'''h1|x'''", 3, 6),
            ("\"x\"", 99, 3),
        ] {
            assert_eq!(inside(raw, at), position, "{raw}");
        }
    }

    #[test]
    fn lines_and_columns_are_counted_in_characters_from_one() {
        let mut file = File::new("r.toml", "a = 1\nü = \"ö|x\"\n");
        file.problem_in_string(11..18, 3, "there");
        file.problem_at(0, "first");
        let problems = file.into_problems();
        assert_eq!(problems[0].to_string(), "r.toml:1:1: first");
        assert_eq!(problems[1].to_string(), "r.toml:2:8: there");
    }
}
