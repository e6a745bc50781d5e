//! The selection language: `name=SELECTOR`, and the filters applied to what it matches.
//!
//! ```text
//! price=.price::text|number        the text of the first .price, as a number
//! links[]=a@href|url               the attribute of every a, as absolute URLs
//! tags=.tag|join:", "              the texts of every .tag, joined into one
//! ```
//!
//! | after the selector | yields |
//! |---|---|
//! | `::text`, or nothing | the text of the element and everything below it, except scripts, styles and templates |
//! | `::own-text` | the text directly in the element, not that of child elements |
//! | `::html` | the element as HTML |
//! | `::inner-html` | its content as HTML |
//! | `@name`, `::attr(name)` | the attribute; elements without it are skipped |
//!
//! Without a selector (`@id`, `::text`), the expression refers to the element itself: the item, or the whole page.
//! Without `[]` the first match is used, or all of them if a [filter](crate::extract::Filter) reduces them to one
//! value. A `|`, `@` or `::` inside brackets, parentheses, quotes or comments, or after a backslash, belongs to the
//! selector: `a[href|=x]`, `a[title="a|b"]`. So does the bar of a namespace, `*|p`, unless a filter has that name:
//! `:is(*|text)`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::filter::{self, Chain, Filter};
use super::selector::Selector;
use super::source::PageFormat;
use super::take::Take;

/// The longest expression, in bytes.
const LONGEST: usize = 8 << 10;
/// The longest name of a field, in characters.
const LONGEST_NAME: usize = 64;

/// One field, as given to `--select`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The field's name.
    pub name: String,
    /// Whether all matches go into a list.
    pub list: bool,
    /// Where the value is, and how it is processed.
    pub expression: Expression,
}

/// Where a value is, and how it is processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expression {
    /// A CSS selector, JSONPath or regular expression; empty: the item or page itself.
    pub selector: String,
    /// What to read from each match.
    pub take: Take,
    /// The filters to apply.
    pub filters: Vec<Filter>,
}

/// Why a text is not a valid [`Selection`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}: column {column}: {problem}")]
pub struct SelectionError {
    /// The text.
    pub text: String,
    /// The position of the error, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        Self::read(text).map_err(|Fault { at, problem }| SelectionError {
            text: text.to_owned(),
            column: column(text, at),
            problem,
        })
    }
}

impl Selection {
    fn read(text: &str) -> Result<Self, Fault> {
        let Some((name, expression)) = text.split_once('=') else {
            return Err(Fault {
                at: text.len(),
                problem: "name=SELECTOR is expected, as in title=h1".to_owned(),
            });
        };
        let offset = name.len() + 1;
        let indent = name.len() - name.trim_start().len();
        let (name, list) = match name.trim().strip_suffix("[]") {
            Some(name) => (name, true),
            None => (name.trim(), false),
        };
        check_name(name).map_err(|Fault { at, problem }| Fault {
            at: indent + at,
            problem,
        })?;
        let expression =
            Expression::read(expression, PageFormat::Html, list).map_err(|fault| Fault {
                at: offset + fault.at,
                problem: fault.problem,
            })?;
        Ok(Self {
            name: name.to_owned(),
            list,
            expression,
        })
    }
}

impl Expression {
    /// Whether the HTML of an element is requested.
    pub(super) fn takes_html(&self) -> bool {
        matches!(self.take, Take::Html | Take::InnerHtml)
    }

    /// Reads an expression in the language of a source, and checks all of it.
    ///
    /// # Errors
    /// The first problem in it.
    pub(super) fn read(text: &str, source: PageFormat, list: bool) -> Result<Self, Fault> {
        let fault = |at, problem| Fault { at, problem };
        if text.len() > LONGEST {
            return Err(fault(LONGEST, format!("longer than {LONGEST} bytes")));
        }
        let delimiters = Delimiters::of(text, source);
        let bar = delimiters.bar.unwrap_or(text.len());
        let take_at = delimiters.take.filter(|at| *at < bar).unwrap_or(bar);
        let selector = text[..take_at].trim();
        let indent = text.len() - text.trim_start().len();
        let take = take(text[take_at..bar].trim_end()).map_err(|p| fault(take_at, p))?;
        Selector::compile(source, selector)
            .map_err(|inner| fault(indent + inner.at, inner.problem))?;
        if selector.is_empty() && source != PageFormat::Html && take_at == bar && bar == 0 {
            return Err(fault(0, "no selector".to_owned()));
        }
        let filters = filter::read(&text[bar..], bar)?;
        let plain: Vec<_> = filters.iter().map(|(_, filter)| filter.clone()).collect();
        Chain::compile(&plain, source.kind(), list).map_err(|(place, problem)| {
            let at = filters.get(place).map_or(text.len(), |(at, _)| *at);
            fault(at, problem)
        })?;
        Ok(Self {
            selector: selector.to_owned(),
            take,
            filters: plain,
        })
    }
}

/// Parses what follows the selector: `::part` or `@attribute`.
fn take(text: &str) -> Result<Take, String> {
    let attribute = |name: &str| {
        let name = name.trim();
        let wrong = |c: char| c.is_whitespace() || "\"'<>/=@|()".contains(c);
        if name.is_empty() {
            return Err("the attribute's name is missing".to_owned());
        }
        match name.chars().find(|c| wrong(*c)) {
            Some(c) => Err(format!("{c:?} in the name of an attribute")),
            None => Ok(Take::Attribute(name.to_owned())),
        }
    };
    if text.is_empty() {
        return Ok(Take::Text);
    }
    if let Some(name) = text.strip_prefix('@') {
        return attribute(name);
    }
    match text.trim_start_matches(':').trim() {
        "text" => Ok(Take::Text),
        "own-text" => Ok(Take::OwnText),
        "html" => Ok(Take::Html),
        "inner-html" => Ok(Take::InnerHtml),
        other => {
            if let Some(inner) = other.strip_prefix("attr(") {
                return attribute(inner.strip_suffix(')').unwrap_or(inner));
            }
            const KNOWN: [&str; 4] = ["text", "own-text", "html", "inner-html"];
            let meant = crate::text::nearest::nearest(other, &KNOWN);
            Err(match meant {
                Some(meant) => format!("::{other} is unknown; did you mean ::{meant}?"),
                None => format!("::{other} is unknown; there are ::{}", KNOWN.join(", ::")),
            })
        }
    }
}

/// The positions at which the selector of an expression ends.
#[derive(Debug, Default)]
struct Delimiters {
    /// The first `@` or `::` that does not belong to the selector.
    take: Option<usize>,
    /// The first bar that does not belong to the selector.
    bar: Option<usize>,
}

impl Delimiters {
    fn of(text: &str, source: PageFormat) -> Self {
        let mut delimiters = Self::default();
        let mut depth = 0_usize;
        let mut quote = None;
        let mut escaped = false;
        // Where the current comment ends: its content is ignored.
        let mut after_comment = 0;
        for (at, c) in text.char_indices() {
            let is_selector = source == PageFormat::Html;
            match c {
                _ if at < after_comment => {}
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if quote == Some(c) => quote = None,
                _ if quote.is_some() => {}
                '/' if is_selector && text[at..].starts_with("/*") => {
                    let end = text[at + 2..].find("*/");
                    after_comment = end.map_or(text.len(), |end| at + 2 + end + 2);
                }
                // In a regular expression, quotes are ordinary characters.
                '"' | '\'' if source != PageFormat::Text => quote = Some(c),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                '|' if is_selector && is_of_namespace(&text[..at], &text[at + 1..]) => {}
                '|' => {
                    delimiters.bar = Some(at);
                    break;
                }
                '@' if source == PageFormat::Html || source == PageFormat::Text && at == 0 => {
                    delimiters.take.get_or_insert(at);
                }
                ':' if source == PageFormat::Html && text[at..].starts_with("::") => {
                    delimiters.take.get_or_insert(at);
                }
                _ => {}
            }
        }
        delimiters
    }
}

/// Whether the bar between these texts belongs to a namespace: `*|p`, `*|*`.
fn is_of_namespace(before: &str, after: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\\');
    let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
    let name = &after[..end];
    before.ends_with('*')
        && (after.starts_with('*') || !name.is_empty() && !filter::NAMES.contains(&name))
}

/// Checks the name of a field or a recipe.
///
/// # Errors
/// The first character that is not allowed.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    let fault = |at, problem| Err(Fault { at, problem });
    let Some(first) = name.chars().next() else {
        return fault(0, "a name is missing".to_owned());
    };
    if !first.is_alphabetic() && first != '_' {
        return fault(0, format!("{first:?} cannot start a name"));
    }
    if name.chars().count() > LONGEST_NAME {
        return fault(0, format!("a name of more than {LONGEST_NAME} characters"));
    }
    match name
        .char_indices()
        .find(|(_, c)| !c.is_alphanumeric() && *c != '_' && *c != '-')
    {
        Some((at, c)) => fault(at, format!("{c:?} in a name")),
        None => Ok(()),
    }
}

/// The column of a byte offset, in characters from 1.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[..text.floor_char_boundary(at)].chars().count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, bool, String, String, usize) {
        let selection: Selection = text.parse().unwrap();
        let Expression {
            selector,
            take,
            filters,
        } = selection.expression;
        (
            selection.name,
            selection.list,
            selector,
            take.to_string(),
            filters.len(),
        )
    }

    #[test]
    fn a_bar_or_an_at_sign_inside_a_selector_belongs_to_the_selector() {
        for (text, list, selector, take, filters) in [
            ("x=h1", false, "h1", "::text", 0),
            ("x[]=a@href|url", true, "a", "@href", 1),
            ("x = .price::text | number", false, ".price", "::text", 1),
            ("x=a[href|=en]|trim", false, "a[href|=en]", "::text", 1),
            (
                "x=a[title=\"a|b@c::d\"]@id",
                false,
                "a[title=\"a|b@c::d\"]",
                "@id",
                0,
            ),
            (r"x=.a\@b@c", false, r".a\@b", "@c", 0),
            (
                "x=p:not([a='|'])::own-text",
                false,
                "p:not([a='|'])",
                "::own-text",
                0,
            ),
            ("x=@id", false, "", "@id", 0),
            ("x=::html", false, "", "::html", 0),
            ("x=a::attr(href)", false, "a", "@href", 0),
            (
                "x=li:nth-child(2)::inner-html",
                false,
                "li:nth-child(2)",
                "::inner-html",
                0,
            ),
        ] {
            let (_, is_list, is_selector, is_take, count) = read(text);
            assert_eq!(
                (is_list, is_selector.as_str(), is_take.as_str(), count),
                (list, selector, take, filters),
                "{text}"
            );
        }
    }

    #[test]
    fn a_mistake_is_reported_with_its_column() {
        for (text, column, part) in [
            ("title", 6, "name=SELECTOR"),
            ("=h1", 1, "missing"),
            ("a b=h1", 2, "' ' in a name"),
            ("1x=h1", 1, "start"),
            ("x=h1::txt", 5, "did you mean ::text"),
            ("x=a@", 4, "name is missing"),
            ("x=h1|tirm", 6, "did you mean \"trim\""),
            ("ü=.a|number|upper", 13, "not on a number"),
            ("x[]=a|trim|first", 12, "leave [] out"),
            ("x=a|split:,", 12, "write []"),
            ("x=a|regex:(", 5, "unclosed"),
            ("x=a|first|first", 11, "is a single value"),
            ("x=a|number|default:none", 12, "is not a valid number here"),
            ("x=div >> p", 7, "after the combinator"),
            ("x=p, a:hover b", 7, "state of a browser"),
        ] {
            let error = text.parse::<Selection>().unwrap_err();
            assert!(error.problem.contains(part), "{error}");
            assert_eq!(error.column, column, "{error}");
        }
        let long = format!("x={}", "a ".repeat(10_000));
        assert!(long.parse::<Selection>().is_err());
    }

    #[test]
    fn a_selection_can_be_sent_to_another_process() {
        let selection: Selection = "x[]=a@href|url|regex:x(.)|replace:a/b".parse().unwrap();
        let frame = postcard::to_stdvec(&selection).unwrap();
        let back: Selection = postcard::from_bytes(&frame).unwrap();
        assert_eq!(back, selection);
    }
}
