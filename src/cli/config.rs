//! `haul config`: every setting in effect, and where it comes from.
//!
//! The output is a configuration file with the same settings, except secrets.

use super::fetch::secret;
use super::layers::{Kind, Origin, Setting, Settings};

/// Flags about one run, or about where settings come from.
const NOT_KEYS: [&str; 4] = ["urls", "config", "no-config", "profile"];

/// The settings, one line each.
pub(super) fn text(settings: &Settings) -> String {
    let lines: Vec<(String, &Origin)> = settings
        .0
        .iter()
        .filter(|setting| !NOT_KEYS.contains(&setting.flag.as_str()))
        .map(|setting| (assignment(setting), &setting.origin))
        .collect();
    // A long value must not push the comments of all lines off the screen.
    let width = lines
        .iter()
        .map(|(text, _)| text.chars().count())
        .filter(|width| *width < 60)
        .max()
        .unwrap_or(0);
    lines
        .iter()
        .map(|(text, origin)| match text.starts_with('#') {
            true => format!("{text}\n"),
            false => format!("{text:width$}  # {origin}\n"),
        })
        .collect()
}

fn assignment(setting: &Setting) -> String {
    let name = &setting.flag;
    let values: Vec<String> = setting
        .values
        .iter()
        .map(|value| value.to_string_lossy())
        .map(|value| literal(setting.kind, &secret::shown(name, &value)))
        .collect();
    match (setting.kind, values.as_slice()) {
        (Kind::Many, values) => format!("{name} = [{}]", values.join(", ")),
        (_, [value]) => format!("{name} = {value}"),
        (_, _) => format!("# {name} is not set"),
    }
}

fn literal(kind: Kind, value: &str) -> String {
    let is_bare = matches!(kind, Kind::Switch | Kind::Count)
        || value
            .parse::<u64>()
            .is_ok_and(|number| number.to_string() == value);
    if is_bare {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
}
