//! URL patterns: globs like those of `.gitignore` and `ripgrep`, and regular expressions after `re:`.
//!
//! | written | means |
//! |---|---|
//! | `*` | any characters within one segment |
//! | `**` | any characters, including slashes; `/**/` also matches a single slash |
//! | `?` | one character other than a slash, which may be the `?` that starts the query |
//! | `{a,b}` | `a` or `b` |
//! | `\x` | the character x itself |
//! | `/docs/*.html` | with a leading slash: from the root of the host |
//! | `*.pdf` | without one: in any directory |
//! | `/docs/` | with a trailing slash: that directory and everything below it |
//! | `https://*.example.org/**` | with `://`: the whole URL |
//! | `re:\.pdf$` | a regular expression, which may match anywhere in the whole URL |
//!
//! A pattern is about the path, and matches with any query; only after a `?` it is about the query too, which has no
//! segments: `*?print=1*`. Brackets stand for themselves, as many queries contain them. Matching takes time linear in
//! the URL, whatever the pattern; a pattern that would need a lot of memory is refused.

mod glob;
mod list;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

pub(crate) use list::PatternList;

use crate::url::PageUrl;

/// The prefix of a regular expression.
const REGEX: &str = "re:";
/// The longest pattern, in bytes.
const LENGTH_LIMIT: usize = 4096;
/// The most memory for one compiled pattern, in bytes.
const MEMORY_LIMIT: usize = 1 << 20;

/// A pattern for URLs.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: Arc<str>,
    regex: Regex,
}

/// The reason why a text is not a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?}: {problem}")]
pub struct PatternError {
    /// The text that was parsed.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Pattern {
    /// Whether the pattern matches a URL.
    pub fn matches(&self, url: &PageUrl) -> bool {
        self.regex.is_match(url.as_str().as_bytes())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let invalid = |problem: String| PatternError {
            pattern: text.to_owned(),
            problem,
        };
        if text.len() > LENGTH_LIMIT {
            return Err(invalid(format!("longer than {LENGTH_LIMIT} bytes")));
        }
        let expression = match text.strip_prefix(REGEX) {
            Some("") => return Err(invalid("no regular expression after re:".to_owned())),
            Some(expression) => expression.to_owned(),
            None => glob::to_regex(text).map_err(invalid)?,
        };
        let regex = RegexBuilder::new(&expression)
            .unicode(false)
            .size_limit(MEMORY_LIMIT)
            .build()
            .map_err(|cause| invalid(problem_of(&cause)))?;
        let text = text.into();
        Ok(Self { text, regex })
    }
}

/// The problem alone: the crate's own message repeats the expression over several lines.
fn problem_of(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "needs too much memory".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text.as_ref().to_owned()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
