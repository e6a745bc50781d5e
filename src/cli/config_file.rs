//! The configuration file: TOML whose keys are long flags.
//!
//! Reads keys, values and line numbers, and does not know what a flag means. Invariant: an unknown key is an error
//! that names the file and line and suggests the closest flag; nothing is silently ignored.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use haul::Error;

use super::fetch::for_host::{self, FLAG as FOR_HOST};
use super::fetch::secret;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The table that holds profiles.
const PROFILES: &str = "profile";
/// The table that holds settings for some hosts.
const HOSTS: &str = "host";

/// One key of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The long flag, without its dashes.
    pub(super) flag: String,
    /// Its value.
    pub(super) value: Value,
    /// Its line, from 1.
    pub(super) line: usize,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `true` or `false`.
    Switch(bool),
    /// A text or a number.
    One(String),
    /// A list of them.
    Many(Vec<String>),
}

/// The file to read if no flag names one: `$HAUL_CONFIG`, or the user's own file if it exists.
pub(super) fn usual(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| {
        environment(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(named) = set("HAUL_CONFIG") {
        return Some(named);
    }
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("haul").join("config.toml")).filter(|path| path.exists())
}

/// Reads the keys of a file; those of the profile override the others.
///
/// # Errors
/// When it cannot be read, is not TOML, or has a key that is not one of `flags`; or when it has secrets of hosts, and
/// others may read it.
pub(super) fn read(path: &Path, profile: Option<&str>, flags: &[&str]) -> haul::Result<Vec<Key>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::Setting(format!(
            "cannot read the configuration {}: {error}",
            path.display()
        ))
    })?;
    let keys = keys(&text, profile, flags).map_err(|Problem { line, text }| {
        let line = line.map_or(String::new(), |line| format!("{line}: "));
        Error::Setting(format!("{}:{line}{text}", path.display()))
    })?;
    let entries = keys.iter().filter(|key| key.flag == FOR_HOST);
    let secret_entry = entries
        .flat_map(|key| key.value.texts())
        .find(|entry| secret::shown(FOR_HOST, entry) != entry.as_str());
    match secret_entry {
        Some(entry) if is_read_by_others(path) => Err(Error::Setting(format!(
            "{} has a secret ({}) and others may read it: chmod 600 {0}",
            path.display(),
            secret::shown(FOR_HOST, entry)
        ))),
        _ => Ok(keys),
    }
}

/// Whether users other than the owner of a file may read it. A pipe has no other readers.
fn is_read_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o077 != 0)
}

impl Value {
    fn texts(&self) -> &[String] {
        match self {
            Value::Switch(_) => &[],
            Value::One(text) => std::slice::from_ref(text),
            Value::Many(texts) => texts,
        }
    }
}

/// A mistake in a file, with its line.
#[derive(Debug)]
struct Problem {
    line: Option<usize>,
    text: String,
}

fn keys(text: &str, profile: Option<&str>, flags: &[&str]) -> Result<Vec<Key>, Problem> {
    let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let document = DeTable::parse(text).map_err(|error| Problem {
        line: error.span().map(|span| line_of(span.start)),
        text: error.message().to_owned(),
    })?;
    let mut top = Vec::new();
    let mut profiles: Vec<(String, Vec<Key>)> = Vec::new();
    let mut of_hosts: Vec<Key> = Vec::new();
    for (name, value) in document.get_ref() {
        match value.get_ref() {
            DeValue::Table(table) if name.get_ref() == PROFILES => {
                for (name, value) in table {
                    let DeValue::Table(table) = value.get_ref() else {
                        return Err(Problem {
                            line: Some(line_of(name.span().start)),
                            text: format!("profile.{} is not a table", name.get_ref()),
                        });
                    };
                    // All profiles are checked, so that a mistake is found before its profile is needed.
                    profiles.push((
                        name.get_ref().to_string(),
                        of_table(table, &line_of, flags)?,
                    ));
                }
            }
            DeValue::Table(table) if name.get_ref() == HOSTS => {
                for (hosts, value) in table {
                    let DeValue::Table(section) = value.get_ref() else {
                        return Err(Problem {
                            line: Some(line_of(hosts.span().start)),
                            text: format!("host.{:?} is not a table", hosts.get_ref()),
                        });
                    };
                    for (name, value) in section {
                        of_hosts.push(host_key(hosts.get_ref(), name, value, &line_of)?);
                    }
                }
            }
            _ => top.push(key(name, value, &line_of, flags)?),
        }
    }
    of_hosts.sort_by_key(|key| key.line);
    if let Some(first) = of_hosts.first() {
        let line = first.line;
        let texts = of_hosts.iter().flat_map(|key| key.value.texts());
        let mut all: Vec<String> = texts.cloned().collect();
        match top.iter_mut().find(|key| key.flag == FOR_HOST) {
            Some(listed) => {
                all.splice(..0, listed.value.texts().to_vec());
                listed.value = Value::Many(all);
            }
            None => top.push(Key {
                flag: FOR_HOST.to_owned(),
                value: Value::Many(all),
                line,
            }),
        }
    }
    let Some(wanted) = profile else {
        return Ok(top);
    };
    match profiles.iter().position(|(name, _)| name == wanted) {
        Some(at) => {
            let chosen = profiles.swap_remove(at).1;
            top.retain(|key| !chosen.iter().any(|other| other.flag == key.flag));
            top.extend(chosen);
            Ok(top)
        }
        None => {
            let names: Vec<_> = profiles.iter().map(|(name, _)| name.as_str()).collect();
            Err(Problem {
                line: None,
                text: match haul::nearest(wanted, &names) {
                    Some(name) => format!(" no profile {wanted:?}; did you mean {name:?}?"),
                    None => format!(" no profile {wanted:?}"),
                },
            })
        }
    }
}

/// One key of a section for some hosts, as values of the flag that sets it.
fn host_key(
    hosts: &str,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    line_of: &dyn Fn(usize) -> usize,
) -> Result<Key, Problem> {
    let read = key(name, value, line_of, &for_host::KEYS)?;
    let values = match &read.value {
        Value::Switch(on) => vec![on.to_string()],
        other => other.texts().to_vec(),
    };
    let entry = |value: String| {
        let entry = format!("{hosts} {}={value}", read.flag);
        for_host::check(&entry).map(|()| entry)
    };
    match values.into_iter().map(entry).collect() {
        Ok(entries) => Ok(Key {
            value: Value::Many(entries),
            ..read
        }),
        Err(text) => Err(Problem {
            line: Some(read.line),
            text,
        }),
    }
}

fn of_table(
    table: &DeTable<'_>,
    line_of: &dyn Fn(usize) -> usize,
    flags: &[&str],
) -> Result<Vec<Key>, Problem> {
    table
        .iter()
        .map(|(name, value)| key(name, value, line_of, flags))
        .collect()
}

fn key(
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    line_of: &dyn Fn(usize) -> usize,
    flags: &[&str],
) -> Result<Key, Problem> {
    let line = line_of(name.span().start);
    let flag = name.get_ref().as_ref();
    let problem = |text| Problem {
        line: Some(line),
        text,
    };
    if !flags.contains(&flag) {
        // per_host for per-host is the most likely mistake, so it always gets its suggestion.
        let meant = haul::nearest(&flag.replace('_', "-"), flags);
        return Err(problem(match meant {
            Some(meant) => format!("unknown key {flag:?}; did you mean {meant:?}?"),
            None if flags == for_host::KEYS => {
                let keys = for_host::KEYS.join(", ");
                format!("unknown key {flag:?}; the keys of a host are {keys}")
            }
            None => {
                format!(
                    "unknown key {flag:?}; the keys are the long flags of haul fetch, crawl and compare"
                )
            }
        }));
    }
    let value = match value.get_ref() {
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Array(items) => Value::Many(
            items
                .iter()
                .map(|item| scalar(item.get_ref()).ok_or_else(|| problem(shape(flag))))
                .collect::<Result<_, _>>()?,
        ),
        other => Value::One(scalar(other).ok_or_else(|| problem(shape(flag)))?),
    };
    Ok(Key {
        flag: flag.to_owned(),
        value,
        line,
    })
}

fn shape(flag: &str) -> String {
    format!("{flag:?} is not a string, a number, a boolean, or a list of strings and numbers")
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: [&str; 5] = ["concurrency", "header", "insecure", "per-host", "rate"];

    const FILE: &str = r#"# polite
concurrency = 1_000
rate = "10/s"
header = ["Accept: a",
          "Accept: b"]

[profile.fast]
rate = "100/s"
insecure = true
"#;

    #[test]
    fn keys_are_read_with_their_lines_and_a_profile_on_top() {
        let key = |flag: &str, value, line| Key {
            flag: flag.into(),
            value,
            line,
        };
        let mut read = keys(FILE, Some("fast"), &FLAGS).unwrap();
        read.sort_by_key(|key| key.line);
        assert_eq!(
            read,
            [
                key("concurrency", Value::One("1000".into()), 2),
                key(
                    "header",
                    Value::Many(vec!["Accept: a".into(), "Accept: b".into()]),
                    4
                ),
                key("rate", Value::One("100/s".into()), 8),
                key("insecure", Value::Switch(true), 9),
            ]
        );
        assert_eq!(keys(FILE, None, &FLAGS).unwrap().len(), 3);
    }

    #[test]
    fn a_key_that_is_no_flag_is_told_with_its_line_and_the_nearest() {
        let problem = keys("\n\nper_host = 3\n", None, &FLAGS).unwrap_err();
        assert_eq!(problem.line, Some(3));
        assert!(
            problem.text.contains("did you mean \"per-host\""),
            "{}",
            problem.text
        );
        let hidden = keys("[profile.x]\nrat = 1", None, &FLAGS).unwrap_err();
        assert_eq!(hidden.line, Some(2));
        assert!(
            keys(FILE, Some("fest"), &FLAGS)
                .unwrap_err()
                .text
                .contains("\"fast\"")
        );
        assert!(
            keys("rate = 2026-11-20", None, &FLAGS)
                .unwrap_err()
                .text
                .contains("is not a string")
        );
        assert_eq!(
            keys("rate = 1\nrate = 2", None, &FLAGS).unwrap_err().line,
            Some(2)
        );
    }
}
