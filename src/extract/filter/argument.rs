//! The syntax of filters: `|name` and `|name:argument`, one after the other.
//!
//! An argument extends to the next bar. In `regex:` and `replace:`, a bar inside brackets or after a backslash
//! belongs to the expression: `regex:(?:EUR|USD) (\d+)`. Elsewhere `\|` is a bar, and `\n` and `\t` have their
//! usual meaning. White space around an argument is not part of it, unless the argument is quoted: `join:", "`.

use super::{Filter, NAMES};
use crate::extract::fault::Fault;
use crate::text::nearest::nearest;

/// Reads filters, starting at the bar before the first of them.
///
/// `offset` is where the text starts, for faults.
///
/// # Errors
/// The first one that is not a valid filter.
pub(in crate::extract) fn read(text: &str, offset: usize) -> Result<Vec<(usize, Filter)>, Fault> {
    let mut filters = Vec::new();
    let mut at = 0;
    while at < text.len() {
        // Each iteration starts at a bar.
        let start = at + 1;
        let name_at = start + (text[start..].len() - text[start..].trim_start().len());
        let name_end = text[name_at..]
            .find([':', '|'])
            .map_or(text.len(), |end| name_at + end);
        let name = text[name_at..name_end].trim_end();
        let fault = |at: usize, problem: String| Fault {
            at: offset + at,
            problem,
        };
        let (argument, argument_at, end) = if text[name_end..].starts_with(':') {
            let start = name_end + 1;
            let grouped = matches!(name, "regex" | "replace");
            let (argument, length) = argument(&text[start..], grouped)
                .map_err(|(at, problem)| fault(start + at, problem))?;
            (Some(argument), start, start + length)
        } else {
            (None, name_at, name_end)
        };
        let filter = filter_named(name, argument).map_err(|problem| {
            let known = NAMES.contains(&name);
            fault(if known { argument_at } else { name_at }, problem)
        })?;
        filters.push((offset + name_at, filter));
        at = end;
    }
    Ok(filters)
}

/// The argument at the start of a text, and its length as written.
fn argument(text: &str, grouped: bool) -> Result<(String, usize), (usize, String)> {
    let indent = text.len() - text.trim_start().len();
    if let Some(quote @ ('"' | '\'')) = text[indent..].chars().next() {
        return quoted(text, indent, quote);
    }
    let mut depth = 0_usize;
    let mut escaped = false;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' | '[' | '{' if grouped => depth += 1,
            ')' | ']' | '}' if grouped => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let written = text[..end].trim();
    let argument = if grouped {
        written.to_owned()
    } else {
        unescape(written)
    };
    Ok((argument, end))
}

fn quoted(text: &str, indent: usize, quote: char) -> Result<(String, usize), (usize, String)> {
    let mut argument = String::new();
    let mut chars = text[indent + 1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            // Only the quote itself can be escaped: anything else may belong to an expression.
            '\\' => match chars.next() {
                Some((_, next)) if next == quote => argument.push(quote),
                Some((_, next)) => argument.extend(['\\', next]),
                None => break,
            },
            c if c == quote => {
                let after = indent + 1 + at + 1;
                let rest = &text[after..];
                let end = after + rest.find('|').unwrap_or(rest.len());
                return if text[after..end].trim().is_empty() {
                    Ok((argument, end))
                } else {
                    Err((after, "text after the closing quote".to_owned()))
                };
            }
            c => argument.push(c),
        }
    }
    Err((indent, "an unclosed quote".to_owned()))
}

/// Replaces `\|`, `\n`, `\t` and `\\` by what they stand for; other backslashes stay.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let escaped = match (c, rest.peek()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some(next @ ('|' | '\\'))) => Some(*next),
            _ => None,
        };
        if escaped.is_some() {
            rest.next();
        }
        plain.push(escaped.unwrap_or(c));
    }
    plain
}

fn filter_named(name: &str, argument: Option<String>) -> Result<Filter, String> {
    let required = |what: &str| {
        argument
            .clone()
            .filter(|argument| !argument.is_empty())
            .ok_or_else(|| format!("{name} needs {what}, as in {name}:…"))
    };
    let without = |filter: Filter| match &argument {
        None => Ok(filter),
        Some(_) => Err(format!("{name} takes no argument")),
    };
    let mark = || match argument.as_deref() {
        None => Ok(None),
        Some(",") => Ok(Some(',')),
        Some(".") => Ok(Some('.')),
        Some(other) => Err(format!(
            "{other:?} is not a decimal mark: write {name}:, or {name}:."
        )),
    };
    match name {
        "text" => without(Filter::Text),
        "trim" => without(Filter::Trim),
        "collapse" => without(Filter::Collapse),
        "lower" => without(Filter::Lower),
        "upper" => without(Filter::Upper),
        "bool" => without(Filter::Bool),
        "url" => without(Filter::Url),
        "json" => without(Filter::Json),
        "first" => without(Filter::First),
        "last" => without(Filter::Last),
        "exists" => without(Filter::Exists),
        "number" => mark().map(Filter::Number),
        "integer" => mark().map(Filter::Integer),
        "date" => Ok(Filter::Date(match argument {
            Some(_) => Some(required("a pattern")?),
            None => None,
        })),
        "regex" => required("an expression").map(Filter::Regex),
        "replace" => {
            let (from, to) = split_replacement(&required("an expression and a text")?)
                .ok_or("replace needs a slash between expression and text: replace:a/b")?;
            Ok(Filter::Replace(from, to))
        }
        "split" => match argument {
            Some(at) if !at.is_empty() => Ok(Filter::Split(at)),
            _ => Err("split needs a text to cut at, as in split:\", \"".to_owned()),
        },
        "join" => Ok(Filter::Join(argument.unwrap_or_default())),
        "default" => match argument {
            Some(text) => Ok(Filter::Default(text)),
            None => Err("default needs a text, as in default:none".to_owned()),
        },
        "" => Err("a filter name is missing after the bar".to_owned()),
        other => Err(match nearest(other, &NAMES) {
            Some(meant) => format!("{other:?} is not a filter; did you mean {meant:?}?"),
            None => format!("{other:?} is not a filter; there are {}", NAMES.join(", ")),
        }),
    }
}

/// The expression and the text of `replace`.
///
/// They are split at the first slash that is not escaped or in brackets.
fn split_replacement(text: &str) -> Option<(String, String)> {
    let mut escaped = false;
    let mut class = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '/' if !class => {
                let plain = |text: &str| text.replace("\\/", "/");
                return Some((plain(&text[..at]), plain(&text[at + 1..])));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(text: &str) -> Vec<Filter> {
        let read = read(text, 0).unwrap();
        read.into_iter().map(|(_, filter)| filter).collect()
    }

    #[test]
    fn an_argument_ends_at_the_next_bar_that_is_not_part_of_it() {
        let regex = |text: &str| Filter::Regex(text.to_owned());
        let join = |text: &str| Filter::Join(text.to_owned());
        assert_eq!(
            filters(r"| trim |regex:(?:EUR|USD) (\d+)|number:,"),
            [
                Filter::Trim,
                regex(r"(?:EUR|USD) (\d+)"),
                Filter::Number(Some(','))
            ]
        );
        assert_eq!(filters(r"|regex:a\|b[|]"), [regex(r"a\|b[|]")]);
        assert_eq!(filters(r#"|regex:"a|b""#), [regex("a|b")]);
        assert_eq!(filters(r"|join:\||upper"), [join("|"), Filter::Upper]);
        assert_eq!(filters(r#"|join:", " |upper"#), [join(", "), Filter::Upper]);
        assert_eq!(filters(r"|join:'it\'s'"), [join("it's")]);
        assert_eq!(filters(r"|join|join:\n"), [join(""), join("\n")]);
        assert_eq!(filters("|default:"), [Filter::Default(String::new())]);
        assert_eq!(
            filters(r"|replace:[/|]+\/(x|y)/$1\/z|trim"),
            [
                Filter::Replace(r"[/|]+/(x|y)".to_owned(), "$1/z".to_owned()),
                Filter::Trim
            ]
        );
    }

    #[test]
    fn an_invalid_filter_is_reported_with_its_position() {
        for (text, at, part) in [
            ("|trim|tirm", 6, "did you mean \"trim\""),
            ("|trim:x", 6, "takes no argument"),
            ("|number:;", 8, "decimal mark"),
            ("|regex", 1, "needs an expression"),
            ("|replace:ab", 9, "slash"),
            ("|trim||upper", 6, "missing"),
            ("|join:\"x", 6, "unclosed"),
            ("|join:\"x\" y|trim", 9, "after the closing"),
            ("|", 1, "missing"),
        ] {
            let fault = read(text, 0).unwrap_err();
            assert_eq!(fault.at, at, "{text}: {}", fault.problem);
            assert!(fault.problem.contains(part), "{text}: {}", fault.problem);
        }
    }
}
