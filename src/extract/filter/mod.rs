//! What is done with text on its way from the page into a column.
//!
//! | filter | takes | makes |
//! |---|---|---|
//! | `text` | any | text: a number or a list of JSON as its text |
//! | `trim` | text | text without white space around it |
//! | `collapse` | text | the same, and each run of white space inside one space |
//! | `lower`, `upper` | text | text |
//! | `regex:EXPRESSION` | text | the first group, or all that matched where there is none |
//! | `replace:EXPRESSION/TEXT` | text | all that matches replaced; `$1` is a group, `\/` a slash |
//! | `split:TEXT` | text | a list |
//! | `number`, `number:,` | text | a number; the [rule](number) for separators |
//! | `integer`, `integer:,` | text, number | a whole number |
//! | `bool` | text | a yes or a no: `true yes y on 1`, `false no n off 0` |
//! | `date`, `date:%d/%m/%Y` | text | [ISO 8601](date) |
//! | `url` | text | an absolute URL, resolved as the page's links are |
//! | `json` | text | what the JSON holds |
//! | `first`, `last` | list | one of it |
//! | `join:TEXT` | list | text |
//! | `exists` | list | whether there is anything |
//! | `default:TEXT` | any | what stands for nothing and for blank text, in the kind at that place |
//!
//! On a list each filter but those of the last rows works on every value. What does not convert is told, with its text.

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
    /// The value as text.
    Text,
    /// White space around the text is cut off.
    Trim,
    /// The same, and runs of white space inside become one space.
    Collapse,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// The first group of a regular expression, or all that matched.
    Regex(String),
    /// All that a regular expression matches is replaced by a text, in which `$1` is a group.
    Replace(String, String),
    /// Cut at each of these texts.
    Split(String),
    /// A number; the decimal mark, where it is told.
    Number(Option<char>),
    /// A whole number; the decimal mark, where it is told.
    Integer(Option<char>),
    /// A yes or a no.
    Bool,
    /// A date; its pattern, where it is told.
    Date(Option<String>),
    /// An absolute URL.
    Url,
    /// JSON in the text.
    Json,
    /// The first of a list.
    First,
    /// The last of a list.
    Last,
    /// The values of a list, with this text between them.
    Join(String),
    /// Whether there is anything.
    Exists,
    /// What stands for nothing.
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

    /// Whether it makes one value of a list.
    pub(super) const fn reduces(&self) -> bool {
        matches!(
            self,
            Filter::First | Filter::Last | Filter::Join(_) | Filter::Exists
        )
    }
}
