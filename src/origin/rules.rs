//! The rules of a folder, from its `serve.toml`, each for one path.
//!
//! A rule sets a status, a redirect, a delay, headers, validators or a coding. Everything is checked when the file is
//! read: unknown keys, invalid statuses, headers that would break the framing. Invariant: every rule can be applied.
//! A rule for one host takes precedence over a rule for all.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use super::coding::Coding;
use super::validators::Validators;

/// Longer waits are a typing error.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// The largest `serve.toml` that is read.
const RULES_LIMIT: usize = 4 << 20;

/// Why the rules cannot be applied.
#[derive(Debug, Error)]
pub enum RulesError {
    /// The file cannot be read, or is larger than 4 MiB.
    #[error("it cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// It is not TOML, or has a key that no rule has.
    #[error("it cannot be parsed: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A rule asks for something impossible.
    #[error("the rule for {path:?}: {why}")]
    Rule {
        /// The path of the rule.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The rule for one path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule {
    pub(crate) status: Option<u16>,
    pub(crate) location: Option<String>,
    pub(crate) delay: Duration,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) encoding: Option<Coding>,
    pub(crate) validators: Option<Validators>,
}

/// All rules, by path and host; the host "" is every host.
#[derive(Debug, Default)]
pub(crate) struct Rules(HashMap<String, HashMap<String, Rule>>);

impl Rules {
    /// Parses the text of a `serve.toml`.
    pub(crate) fn parse(text: &str) -> Result<Rules, RulesError> {
        if text.len() > RULES_LIMIT {
            return Err(RulesError::Unreadable(
                std::io::ErrorKind::FileTooLarge.into(),
            ));
        }
        let file: RulesFile = toml::from_str(text)?;
        let mut rules = Rules::default();
        for rule in file.rule {
            let path = rule.path.clone();
            let host = rule.host.clone().unwrap_or_default().to_ascii_lowercase();
            let checked = rule.check().map_err(|why| RulesError::Rule {
                path: path.clone(),
                why,
            })?;
            if rules
                .0
                .entry(path.clone())
                .or_default()
                .insert(host, checked)
                .is_some()
            {
                return Err(RulesError::Rule {
                    path,
                    why: "there are two for the same host".to_owned(),
                });
            }
        }
        Ok(rules)
    }

    /// The rule for a path, still percent-encoded, on a host.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&Rule> {
        let hosts = self.0.get(path)?;
        hosts.get(host).or_else(|| hosts.get(""))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    #[serde(default)]
    rule: Vec<WrittenRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRule {
    host: Option<String>,
    path: String,
    status: Option<u16>,
    location: Option<String>,
    delay: Option<String>,
    content_type: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    encoding: Option<Coding>,
    validators: Option<Validators>,
}

impl WrittenRule {
    fn check(self) -> Result<Rule, String> {
        if !self.path.starts_with('/') || self.path.contains(['?', '#']) {
            return Err("a path begins with a slash and has no query".to_owned());
        }
        if let Some(status) = self.status.filter(|status| !(200..=599).contains(status)) {
            return Err(format!("the status {status} is not between 200 and 599"));
        }
        let delay = match &self.delay {
            None => Duration::ZERO,
            Some(text) => crate::text::size::duration(text)
                .map_err(|error| format!("the delay {text:?}: {error}"))?,
        };
        if delay > HOUR {
            return Err("the delay is longer than an hour".to_owned());
        }
        let values = self
            .headers
            .values()
            .chain(&self.location)
            .chain(&self.content_type);
        if let Some(value) = values
            .into_iter()
            .find(|value| value.bytes().any(|byte| byte < b' ' || byte == 0x7f))
        {
            return Err(format!("the header value {value:?} has control characters"));
        }
        for name in self.headers.keys() {
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(format!("{name:?} is not a header name"));
            }
            if ["content-length", "transfer-encoding", "connection"]
                .contains(&name.to_ascii_lowercase().as_str())
            {
                return Err(format!("{name} is set by the server"));
            }
        }
        Ok(Rule {
            status: self.status.or(self.location.as_ref().map(|_| 302)),
            location: self.location,
            delay,
            content_type: self.content_type,
            headers: self.headers.into_iter().collect(),
            encoding: self.encoding,
            validators: self.validators,
        })
    }
}

/// Whether a byte may be in a token (RFC 9110 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Rules::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_rule_for_one_host_takes_precedence_over_a_rule_for_all() {
        let text = "[[rule]]\nhost = \"Shop.localhost\"\npath = \"/a\"\nlocation = \"/b\"\n[[rule]]\npath = \"/a\"\ndelay = \"800ms\"\n";
        let rules = Rules::parse(text).unwrap();
        assert_eq!(
            rules.find("shop.localhost", "/a").unwrap().status,
            Some(302),
            "a location alone is a 302"
        );
        assert_eq!(
            rules.find("other", "/a").unwrap().delay,
            Duration::from_millis(800)
        );
        assert!(rules.find("other", "/b").is_none());
    }

    #[test]
    fn an_unknown_key_is_named_in_the_error() {
        assert!(refusal("[[rule]]\npath = \"/\"\nredirect = \"/b\"\n").contains("redirect"));
        assert!(refusal("rules = 1\n").contains("rules"));
        assert!(refusal("[[rule]]\npath = \"/\"\nencoding = \"rot13\"\n").contains("rot13"));
        assert!(refusal("[[rule]]\npath = \"/\"\nvalidators = \"odd\"\n").contains("weak-etag"));
    }

    #[test]
    fn a_rule_that_cannot_be_applied_is_refused_with_its_path() {
        for (line, says) in [
            ("status = 99", "99"),
            ("delay = \"soon\"", "soon"),
            ("delay = \"2h\"", "hour"),
            ("location = \"/a\\r\\nSet-Cookie: a=b\"", "control"),
            ("headers = { \"Content-Length\" = \"1\" }", "Content-Length"),
            ("headers = { \"X Y\" = \"1\" }", "X Y"),
        ] {
            let message = refusal(&format!("[[rule]]\npath = \"/odd\"\n{line}\n"));
            assert!(
                message.contains(says) && message.contains("/odd"),
                "{message}"
            );
        }
        assert!(refusal("[[rule]]\npath = \"odd\"\n").contains("slash"));
        assert!(refusal("[[rule]]\npath = \"/a\"\n[[rule]]\npath = \"/a\"\n").contains("two"));
    }
}
