//! Regular expressions of bounded size.

use regex::{Regex, RegexBuilder};

/// The most memory that one compiled regular expression may take, in bytes.
const LARGEST: usize = 1 << 20;

/// Compiles a regular expression of bounded size.
///
/// # Errors
/// What is wrong with it, in one line.
pub(super) fn expression(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text)
        .size_limit(LARGEST)
        .dfa_size_limit(LARGEST)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the regular expression needs too much memory".to_owned()
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            format!("not a regular expression: {reason}")
        }
    })
}
