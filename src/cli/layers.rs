//! Layers of settings: a flag overrides the environment, which overrides the file, which overrides the default.
//!
//! Settings of the environment and the file become arguments in front of the user's own, so that there is one parser,
//! one set of checks and one kind of value, wherever a setting comes from. Invariant: a layer only sets flags that no
//! higher layer has set. A flag of a higher layer also overrides its rivals below: `--json` on the command line
//! overrides `data` in a file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use haul::Error;

use super::config_file::{self, Value};
use super::exit::Failure;

/// Flags about where settings come from. They are not layered themselves.
const ABOUT_LAYERS: [&str; 4] = ["config", "no-config", "help", "version"];

/// Pairs of flags that set the same thing in two ways.
const RIVALS: [(&str, &str); 6] = [
    ("data", "json"),
    ("user", "bearer-file"),
    ("format", "write-out"),
    ("insecure", "cacert"),
    ("proxy", "unix-socket"),
    ("quiet", "verbose"),
];

/// The origin of a setting, from weakest to strongest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The default in haul.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

/// One flag, and its values.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// Its long name, without dashes; `urls` for the positional arguments.
    pub(crate) flag: String,
    /// Its values; empty if it is not set.
    pub(crate) values: Vec<OsString>,
    /// What kind of value it has.
    pub(crate) kind: Kind,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// The kind of value that a flag has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None: it is present or not.
    Switch,
    /// None: it is counted.
    Count,
    /// One.
    One,
    /// One each time that it is given.
    Many,
}

/// Every flag with its values, in the order of the help.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings(pub(crate) Vec<Setting>);

/// The flags that layers below the command line set.
type LowerLayers = BTreeMap<String, (Value, Origin)>;

impl Settings {
    /// Whether a flag was set on any layer.
    pub(crate) fn is_set(&self, flag: &str) -> bool {
        self.rank(flag) > 0
    }

    /// The strength of a flag's origin, from 0 for a default to 3 for the command line.
    pub(crate) fn rank(&self, flag: &str) -> u8 {
        let setting = self.0.iter().find(|setting| setting.flag == flag);
        match setting.map(|setting| &setting.origin) {
            None | Some(Origin::Default) => 0,
            Some(Origin::File(..)) => 1,
            Some(Origin::Environment(_)) => 2,
            Some(Origin::Flag) => 3,
        }
    }
}

/// Parses a command line with the layers below it. `arguments` starts with the program and the subcommand.
///
/// # Errors
/// When a layer cannot be read, or has a value that its flag does not accept.
pub(super) fn matches(
    command: &Command,
    arguments: &[OsString],
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(ArgMatches, Settings), Failure> {
    let own = subcommand(command.clone().try_get_matches_from(arguments)?);
    let flags = flags_of(command, arguments);
    let mut lower = LowerLayers::new();
    let is_given = |flag: &Arg, matches: &ArgMatches| {
        matches.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let on_command_line: Vec<String> = flags
        .iter()
        .filter(|flag| is_given(flag, &own))
        .filter_map(|flag| flag.get_long().map(str::to_owned))
        .collect();
    let layered: Vec<&Arg> = flags
        .iter()
        .filter(|flag| {
            flag.get_long()
                .is_some_and(|long| !ABOUT_LAYERS.contains(&long))
        })
        .collect();
    let mut set = on_command_line.clone();
    for flag in &layered {
        let Some(long) = flag
            .get_long()
            .filter(|long| !is_silenced(long, &on_command_line))
        else {
            continue;
        };
        let names = names(flag).into_iter().map(variable);
        let set_to =
            |name: String| Some((environment(&name).filter(|value| !value.is_empty())?, name));
        let Some((value, name)) = names.into_iter().find_map(set_to) else {
            continue;
        };
        let value = from_environment(flag, &name, &value)?;
        set.push(long.to_owned());
        lower.insert(long.to_owned(), (value, Origin::Environment(name)));
    }
    let profile = profile(&own, &lower);
    match file(&own, environment) {
        Some(path) => {
            let names = keys(command);
            for key in config_file::read(&path, profile.as_deref(), &names)? {
                let is_ours = |flag: &&&Arg| self::names(flag).contains(&key.flag.as_str());
                let long = layered
                    .iter()
                    .find(is_ours)
                    .and_then(|flag| flag.get_long());
                if let Some(long) = long.filter(|long| !is_silenced(long, &set)) {
                    let origin = Origin::File(path.clone(), key.line);
                    lower.insert(long.to_owned(), (key.value, origin));
                }
            }
        }
        None if profile.is_some() => {
            return Err(Error::Setting(
                "--profile needs a configuration file: --config FILE".into(),
            )
            .into());
        }
        None => {}
    }
    let mut whole: Vec<OsString> = arguments[..2].to_vec();
    for flag in &layered {
        let Some((long, (value, origin))) = flag
            .get_long()
            .and_then(|long| Some((long, lower.get(long)?)))
        else {
            continue;
        };
        whole.extend(
            as_arguments(flag, long, value)
                .map_err(|problem| layer_error(origin, long, &problem))?,
        );
    }
    whole.extend_from_slice(&arguments[2..]);
    let parsed = command.clone().try_get_matches_from(whole);
    let matches = subcommand(parsed.map_err(|error| named_by_layer(error, &lower))?);
    let settings = flags
        .iter()
        .filter_map(|flag| setting(flag, &matches, &lower))
        .collect();
    Ok((matches, Settings(settings)))
}

/// Checks that every variable named HAUL_… is a setting: a misspelled one would have no effect.
///
/// # Errors
/// When one is not; the message suggests the closest one.
pub(super) fn check_variables(
    command: &Command,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(), Failure> {
    let mut known: Vec<String> = keys(command).into_iter().map(variable).collect();
    known.extend(["config", "profile"].map(variable));
    for (name, value) in variables {
        let name = name.to_string_lossy();
        if !name.starts_with("HAUL_") || value.is_empty() || known.iter().any(|one| *one == name) {
            continue;
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let meant = match haul::nearest(&name, &known) {
            Some(meant) => format!("did you mean {meant}?"),
            None => {
                "variables are named after the long flags, as HAUL_PER_HOST for --per-host".into()
            }
        };
        let problem = format!("the environment variable {name} is not a setting; {meant}");
        return Err(Error::Setting(problem).into());
    }
    Ok(())
}

/// The keys that a file may have: the flags of every command that reads one. Keys of other commands are ignored.
fn keys(command: &Command) -> Vec<&str> {
    let flags = |command: &Command| {
        command
            .get_arguments()
            .any(|flag| flag.get_id() == "config")
    };
    let commands = command.get_subcommands().filter(|command| flags(command));
    commands
        .flat_map(Command::get_arguments)
        .flat_map(names)
        .filter(|long| !ABOUT_LAYERS.contains(long) && *long != "profile")
        .collect()
}

/// The long names of a flag: its current one, and its earlier ones.
fn names(flag: &Arg) -> Vec<&str> {
    let before = flag.get_all_aliases().unwrap_or_default();
    flag.get_long().into_iter().chain(before).collect()
}

/// `HAUL_PER_HOST` for `per-host`.
fn variable(long: &str) -> String {
    format!("HAUL_{}", long.replace('-', "_").to_uppercase())
}

/// Whether a flag or its rival is set on a higher layer.
fn is_silenced(flag: &str, set: &[String]) -> bool {
    let is_set = |name: &str| set.iter().any(|other| other == name);
    is_set(flag)
        || RIVALS
            .iter()
            .any(|(one, other)| flag == *one && is_set(other) || flag == *other && is_set(one))
}

fn subcommand(mut matches: ArgMatches) -> ArgMatches {
    matches
        .remove_subcommand()
        .map(|(_, matches)| matches)
        .unwrap_or_default()
}

fn flags_of(command: &Command, arguments: &[OsString]) -> Vec<Arg> {
    let name = arguments
        .get(1)
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let chosen = command.find_subcommand(name);
    chosen
        .map(|chosen| chosen.get_arguments().cloned().collect())
        .unwrap_or_default()
}

/// The kind of value that a flag has.
pub(super) fn kind(flag: &Arg) -> Kind {
    match flag.get_action() {
        ArgAction::SetTrue => Kind::Switch,
        ArgAction::Count => Kind::Count,
        ArgAction::Append => Kind::Many,
        _ => Kind::One,
    }
}

fn profile(own: &ArgMatches, lower: &LowerLayers) -> Option<String> {
    let on_command_line = own.get_one::<String>("profile").cloned();
    on_command_line.or_else(|| match lower.get("profile") {
        Some((Value::One(name), _)) => Some(name.clone()),
        _ => None,
    })
}

fn file(own: &ArgMatches, environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if own.get_flag("no_config") {
        return None;
    }
    own.get_one::<PathBuf>("config")
        .cloned()
        .or_else(|| config_file::usual(environment))
}

/// The value of a variable: true or false for a switch, and one line per value for a repeatable flag.
fn from_environment(flag: &Arg, name: &str, value: &OsString) -> Result<Value, Failure> {
    let text = value
        .to_str()
        .ok_or_else(|| Error::Setting(format!("{name} is not UTF-8")))?;
    Ok(match kind(flag) {
        Kind::Switch => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Value::Switch(true),
            "0" | "false" | "no" | "off" => Value::Switch(false),
            _ => {
                return Err(
                    Error::Setting(format!("{name}={text} is neither true nor false")).into(),
                );
            }
        },
        Kind::Many => Value::Many(text.lines().map(str::to_owned).collect()),
        Kind::Count | Kind::One => Value::One(text.to_owned()),
    })
}

/// The arguments that set a flag to this value.
fn as_arguments(flag: &Arg, long: &str, value: &Value) -> Result<Vec<OsString>, String> {
    let with = |value: &String| OsString::from(format!("--{long}={value}"));
    let times = |count: usize| vec![OsString::from(format!("--{long}")); count];
    match (kind(flag), value) {
        (Kind::Switch | Kind::Count, Value::Switch(on)) => Ok(times(usize::from(*on))),
        (Kind::Switch, _) => Err("expected true or false".into()),
        (Kind::Count, Value::One(count)) => match count.parse::<u8>() {
            Ok(count) => Ok(times(count.into())),
            Err(_) => Err(format!("{count:?} is not a count")),
        },
        (Kind::One | Kind::Many, Value::One(value)) => Ok(vec![with(value)]),
        (Kind::Many, Value::Many(values)) => Ok(values.iter().map(with).collect()),
        (Kind::One | Kind::Count, Value::Many(_)) => Err("expected one value, not a list".into()),
        (Kind::One | Kind::Many, Value::Switch(_)) => {
            Err("expected a value, not true or false".into())
        }
    }
}

fn layer_error(origin: &Origin, long: &str, problem: &str) -> Failure {
    Error::Setting(format!("{origin}: {long}: {problem}")).into()
}

/// An error about a value, which names the layer that it came from.
fn named_by_layer(error: clap::Error, lower: &LowerLayers) -> Failure {
    let argument = error
        .get(ContextKind::InvalidArg)
        .map(ToString::to_string)
        .unwrap_or_default();
    let long = argument
        .trim_start_matches('-')
        .split([' ', '=', '['])
        .next()
        .unwrap_or_default();
    match lower.get(long) {
        Some((_, origin)) => {
            let value = error
                .get(ContextKind::InvalidValue)
                .map(ToString::to_string)
                .unwrap_or_default();
            let known = error.get(ContextKind::ValidValue).map(ToString::to_string);
            let problem = match (std::error::Error::source(&error), known) {
                (Some(source), _) => source.to_string(),
                (None, Some(known)) => format!("{value:?} is not one of {known}"),
                (None, None) => format!("{value:?} cannot be used"),
            };
            layer_error(origin, long, &problem)
        }
        None => error.into(),
    }
}

fn setting(flag: &Arg, matches: &ArgMatches, lower: &LowerLayers) -> Option<Setting> {
    let id = flag.get_id().as_str();
    let long = flag.get_long().unwrap_or("urls");
    if ["help", "version"].contains(&long) {
        return None;
    }
    let kind = kind(flag);
    let origin = match (matches.value_source(id), lower.get(long)) {
        (_, Some((_, origin))) => origin.clone(),
        (Some(ValueSource::CommandLine), None) => Origin::Flag,
        _ => Origin::Default,
    };
    let values = match kind {
        Kind::Switch => vec![matches.get_flag(id).to_string().into()],
        Kind::Count => vec![matches.get_count(id).to_string().into()],
        Kind::One | Kind::Many => matches
            .get_raw(id)
            .into_iter()
            .flatten()
            .map(OsString::from)
            .collect(),
    };
    Some(Setting {
        flag: long.to_owned(),
        values,
        kind,
        origin,
    })
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => write!(f, "{name}"),
            Origin::Flag => f.write_str("flag"),
        }
    }
}
