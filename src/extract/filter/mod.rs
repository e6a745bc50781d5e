//! Filters: the conversions applied to text on its way from the page into a column.
//!
//! | filter | input | result |
//! |---|---|---|
//! | `text` | any | text; a JSON number or list as its text |
//! | `trim` | text | text without white space around it |
//! | `collapse` | text | the same, with each run of white space collapsed into one space |
//! | `lower`, `upper` | text | text |
//! | `regex:EXPRESSION` | text | the first group, or the whole match if there are no groups |
//! | `replace:EXPRESSION/TEXT` | text | all matches replaced; `$1` is a group, `\/` a slash |
//! | `split:TEXT` | text | a list |
//! | `number`, `number:,` | text | a number; see the [rules](number) for separators |
//! | `integer`, `integer:,` | text, number | a whole number |
//! | `bool` | text | a boolean: `true yes y on 1`, `false no n off 0` |
//! | `date`, `date:%d/%m/%Y` | text | [ISO 8601](date) |
//! | `url` | text | an absolute URL, resolved as the page's links are |
//! | `json` | text | the parsed JSON |
//! | `first`, `last` | list | one of its values |
//! | `join:TEXT` | list | text |
//! | `exists` | list | whether there is any value |
//! | `default:TEXT` | any | the value used for missing or blank text, in the kind expected at that point |
//!
//! On a list, every filter except those in the last rows works on each value. Values that do not convert are
//! reported, with their text.

mod argument;
mod chain;
mod date;
mod month;
mod number;

use serde::{Deserialize, Serialize};

pub(super) use argument::read;
pub(super) use chain::{Chain, of_json};
pub(super) use date::date;

/// One filter, with its argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Converts the value to text.
    Text,
    /// Removes white space around the text.
    Trim,
    /// The same, and collapses each run of white space into one space.
    Collapse,
    /// Converts to lower case.
    Lower,
    /// Converts to upper case.
    Upper,
    /// The first group of a regular expression, or the whole match.
    Regex(String),
    /// Replaces all matches of a regular expression with a text, in which `$1` is a group.
    Replace(String, String),
    /// Splits the text at each occurrence of this one.
    Split(String),
    /// Parses a number; with its decimal mark, if given.
    Number(Option<char>),
    /// Parses a whole number; with its decimal mark, if given.
    Integer(Option<char>),
    /// Parses a boolean.
    Bool,
    /// Parses a date; with its pattern, if given.
    Date(Option<String>),
    /// Resolves an absolute URL.
    Url,
    /// Parses JSON text.
    Json,
    /// The first value of a list.
    First,
    /// The last value of a list.
    Last,
    /// Joins the values of a list with this text.
    Join(String),
    /// Whether there is any value.
    Exists,
    /// The value to use if there is none.
    Default(String),
}

/// The names of all filters.
pub(super) const NAMES: [&str; 19] = [
    "text", "trim", "collapse", "lower", "upper", "regex", "replace", "split", "number", "integer",
    "bool", "date", "url", "json", "first", "last", "join", "exists", "default",
];

impl Filter {
    /// The filter's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Filter::Text => "text",
            Filter::Trim => "trim",
            Filter::Collapse => "collapse",
            Filter::Lower => "lower",
            Filter::Upper => "upper",
            Filter::Regex(_) => "regex",
            Filter::Replace(..) => "replace",
            Filter::Split(_) => "split",
            Filter::Number(_) => "number",
            Filter::Integer(_) => "integer",
            Filter::Bool => "bool",
            Filter::Date(_) => "date",
            Filter::Url => "url",
            Filter::Json => "json",
            Filter::First => "first",
            Filter::Last => "last",
            Filter::Join(_) => "join",
            Filter::Exists => "exists",
            Filter::Default(_) => "default",
        }
    }

    /// Whether it reduces a list to one value.
    pub(super) const fn reduces(&self) -> bool {
        matches!(
            self,
            Filter::First | Filter::Last | Filter::Join(_) | Filter::Exists
        )
    }
}
