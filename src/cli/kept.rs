//! The command that started a job, reconstructed from the settings that the job stores.
//!
//! Settings at their defaults are left out, so that the result is a command that somebody might have typed. Secrets
//! are never stored: they have to be given again, and take the places that they had. The environment and the
//! configuration file of now are ignored, except for variables about messages; those of then are among the stored
//! settings.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use haul::Error;

use super::exit::Failure;
use super::fetch::secret;
use super::layers::{Kind, kind};

/// Flags that make no sense when a job is resumed.
const NOT_AGAIN: [&str; 2] = ["job", "fresh"];

/// How to treat secrets, which no job stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets<'a> {
    /// They are left out: no request will be sent.
    Omitted,
    /// They have to be among these words. With `seeds_read`, those of seeds are not needed.
    Given {
        words: &'a [OsString],
        seeds_read: bool,
    },
}

/// The words of the command that resumes the job: program, subcommand, flags, and seeds.
///
/// # Errors
/// When this version does not know the job's command, a secret is missing, or the given words are wrong.
pub(super) fn words(
    command: &Command,
    settings: &BTreeMap<String, String>,
    folder: &Path,
    secrets: Secrets<'_>,
) -> Result<Vec<OsString>, Failure> {
    let name = settings.get("command").map_or("fetch", String::as_str);
    let Some(chosen) = command.find_subcommand(name) else {
        let problem =
            format!("the job was started with haul {name}, which this version does not have");
        return Err(Error::Setting(problem).into());
    };
    let (mut given, seeds_read) = match secrets {
        Secrets::Omitted => (Given::default(), true),
        Secrets::Given { words, seeds_read } => (Given::of(command, chosen, words)?, seeds_read),
    };
    let mut words: Vec<OsString> = vec!["haul".into(), name.into()];
    let mut seeds = Vec::new();
    let mut missing = Vec::new();
    for flag in chosen.get_arguments() {
        let long = flag.get_long().unwrap_or("urls");
        let Some(stored) = settings
            .get(long)
            .filter(|stored| !is_default(flag, stored))
        else {
            continue;
        };
        let values: Vec<&str> = match kind(flag) {
            Kind::Many => stored.split('\n').collect(),
            Kind::Switch | Kind::Count | Kind::One => vec![stored.as_str()],
        };
        for value in values {
            let mut value = OsString::from(value);
            if is_hidden(long, &value) && !(long == "urls" && seeds_read) {
                match (given.take(long, &value), secrets) {
                    (Some(secret), _) => value = secret,
                    (None, Secrets::Omitted) => continue,
                    (None, Secrets::Given { .. }) => {
                        missing.push(format!("--{long} {}", value.display()));
                        continue;
                    }
                }
            }
            match (kind(flag), long) {
                (_, "urls") => seeds.push(value),
                (Kind::Switch, _) => words.push(format!("--{long}").into()),
                (Kind::Count, _) => {
                    let count = value.to_str().and_then(|count| count.parse::<u8>().ok());
                    words.extend((0..count.unwrap_or(1)).map(|_| format!("--{long}").into()));
                }
                (Kind::One | Kind::Many, _) => words.push(with(long, &value)),
            }
        }
    }
    if !missing.is_empty() {
        let problem = format!(
            "the job stores no secrets: give them again after --, as in haul retry {} -- {}",
            folder.display(),
            missing.join(" ")
        );
        return Err(Error::Setting(problem).into());
    }
    for (long, kind, value) in given.0 {
        match kind {
            _ if long == "urls" => seeds.push(value),
            Kind::Switch => words.push(format!("--{long}").into()),
            Kind::Count => {
                let count = value.to_str().and_then(|count| count.parse::<u8>().ok());
                words.extend((0..count.unwrap_or(1)).map(|_| format!("--{long}").into()));
            }
            Kind::One | Kind::Many => words.push(with(&long, &value)),
        }
    }
    words.push("--no-config".into());
    words.push(with("job", folder.as_os_str()));
    if !seeds.is_empty() {
        words.push("--".into());
        words.append(&mut seeds);
    }
    Ok(words)
}

/// The environment variables that are read when a job is resumed: only those about messages.
pub(super) fn environment(name: &str) -> Option<OsString> {
    let about_telling = ["HAUL_QUIET", "HAUL_VERBOSE", "HAUL_PROGRESS", "HAUL_COLOR"];
    about_telling
        .contains(&name)
        .then(|| std::env::var_os(name))
        .flatten()
}

fn with(long: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(format!("--{long}="));
    word.push(value);
    word
}

/// Whether a value is the default of its flag.
fn is_default(flag: &Arg, stored: &str) -> bool {
    match kind(flag) {
        Kind::Switch => stored != "true",
        Kind::Count => stored == "0",
        Kind::One | Kind::Many => {
            let default: Vec<_> = flag
                .get_default_values()
                .iter()
                .filter_map(|value| value.to_str())
                .collect();
            !default.is_empty() && default.join("\n") == stored
        }
    }
}

/// Whether a stored value stands for a secret.
fn is_hidden(long: &str, stored: &OsStr) -> bool {
    let Some(stored) = stored.to_str() else {
        return false;
    };
    match long {
        "user" | "cookie" | "data" | "json" => stored == secret::HIDDEN,
        "header" => stored == secret::HIDDEN || stored.ends_with(&format!(": {}", secret::HIDDEN)),
        "proxy" | "urls" => ["@", "%40"]
            .iter()
            .any(|separator| stored.contains(&format!("{}{separator}", secret::HIDDEN))),
        "for-host" => secret::host_entry(stored)
            .is_some_and(|(_, key, value)| is_hidden(key, OsStr::new(value))),
        _ => false,
    }
}

/// The flags that were given again, with their values.
#[derive(Debug, Default)]
struct Given(Vec<(String, Kind, OsString)>);

impl Given {
    fn of(command: &Command, chosen: &Command, words: &[OsString]) -> Result<Self, Failure> {
        if words.is_empty() {
            return Ok(Self::default());
        }
        let mut line: Vec<OsString> = vec!["haul".into(), chosen.get_name().into()];
        line.extend_from_slice(words);
        let mut whole = command.clone().try_get_matches_from(line)?;
        let matches = whole
            .remove_subcommand()
            .map(|(_, matches)| matches)
            .unwrap_or_default();
        let on_command_line = |flag: &&Arg| {
            matches.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine)
        };
        let mut given = Vec::new();
        for flag in chosen.get_arguments().filter(on_command_line) {
            let long = flag.get_long().unwrap_or("urls");
            if NOT_AGAIN.contains(&long) {
                let problem = format!("--{long} cannot be used here: the job already has it");
                return Err(Error::Setting(problem).into());
            }
            given.extend(values(flag, &matches).map(|value| (long.to_owned(), kind(flag), value)));
        }
        Ok(Self(given))
    }

    /// Removes and returns the secret that is stored as this.
    fn take(&mut self, long: &str, stored: &OsStr) -> Option<OsString> {
        let is_it = |(flag, _, value): &(String, Kind, OsString)| {
            flag == long
                && value
                    .to_str()
                    .is_some_and(|text| *secret::shown(long, text) == *stored)
        };
        let at = self.0.iter().position(is_it)?;
        Some(self.0.remove(at).2)
    }
}

fn values(flag: &Arg, matches: &ArgMatches) -> impl Iterator<Item = OsString> {
    let id = flag.get_id().as_str();
    let values: Vec<OsString> = match kind(flag) {
        Kind::Switch => vec!["true".into()],
        Kind::Count => vec![matches.get_count(id).to_string().into()],
        Kind::One | Kind::Many => matches
            .get_raw(id)
            .into_iter()
            .flatten()
            .map(OsString::from)
            .collect(),
    };
    values.into_iter()
}
