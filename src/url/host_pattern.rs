//! Patterns of host names, for settings that apply to some hosts only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host;

/// The hosts that a setting applies to: a name or an address, `*.suffix` for all names below one, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostPattern(String);

impl HostPattern {
    /// The pattern of every host.
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Whether this is the pattern of a host, written as in a URL.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        match self.0.strip_prefix('*') {
            Some("") => true,
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => host == self.0,
        }
    }

    /// How specific it is: a whole name is more than a suffix, and a longer suffix more than a shorter one.
    pub(crate) fn rank(&self) -> (bool, usize) {
        (!self.0.starts_with('*'), self.0.len())
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self(text.to_owned()));
        }
        let (wild, name) = match text.strip_prefix("*.") {
            Some(name) => ("*.", name),
            None => ("", text),
        };
        match Host::parse(name.trim_end_matches('.')) {
            Ok(Host::Domain(_)) | Err(_) if name.contains('*') => Err(format!(
                "{text:?} has a * that is not at its beginning, as in *.example.org"
            )),
            Ok(Host::Domain(name)) => Ok(Self(format!("{wild}{name}"))),
            Ok(address) if wild.is_empty() => Ok(Self(address.to_string())),
            _ => Err(format!(
                "{text:?} is not the name of a host, as in example.org or *.example.org"
            )),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_is_a_name_or_all_names_below_one() {
        for (text, host, expected) in [
            ("example.org", "example.org", true),
            ("Example.ORG.", "example.org.", true),
            ("example.org", "www.example.org", false),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "notexample.org", false),
            ("*", "anything", true),
            ("b\u{fc}cher.example", "xn--bcher-kva.example", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("[::1]", "[::1]", true),
        ] {
            assert_eq!(pattern(text).matches(host), expected, "{text} {host}");
        }
        for wrong in [
            "",
            "a b",
            "http://a/",
            "a:80",
            "*a",
            "a.*",
            "*.*.a",
            "*.127.0.0.1",
        ] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_more_a_pattern_says_the_higher_it_ranks() {
        let ranked = ["*", "*.org", "*.example.org", "a.b", "www.example.org"];
        assert!(ranked.is_sorted_by_key(|text| pattern(text).rank()));
    }
}
