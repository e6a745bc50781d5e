//! `haul config`: every setting in effect, and where it comes from.
//!
//! The output is a configuration file with the same settings, except secrets.

use super::fetch::for_host::FLAG as FOR_HOST;
use super::fetch::secret;
use super::layers::{Kind, Origin, Setting, Settings};

/// Flags about one run, or about where settings come from.
const NOT_KEYS: [&str; 4] = ["urls", "config", "no-config", "profile"];

/// The settings, one line each.
pub(super) fn text(settings: &Settings) -> String {
    let lines: Vec<(String, &Origin)> = settings
        .0
        .iter()
        .filter(|setting| !NOT_KEYS.contains(&setting.flag.as_str()) && setting.flag != FOR_HOST)
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
        .chain(sections(settings))
        .collect()
}

/// The keys of a section, each with its values.
type Section<'s> = Vec<(&'s str, Vec<String>)>;

/// The settings for some hosts, as sections in the order of the first key of each.
fn sections(settings: &Settings) -> Option<String> {
    let setting = settings.0.iter().find(|one| one.flag == FOR_HOST)?;
    let values: Vec<_> = setting
        .values
        .iter()
        .map(|one| one.to_string_lossy())
        .collect();
    let mut sections: Vec<(&str, Section<'_>)> = Vec::new();
    for (hosts, key, value) in values.iter().filter_map(|value| secret::host_entry(value)) {
        let at = match sections.iter().position(|(known, _)| *known == hosts) {
            Some(at) => at,
            None => {
                sections.push((hosts, Vec::new()));
                sections.len() - 1
            }
        };
        let section = &mut sections[at].1;
        let kind = match key {
            "http1" => Kind::Switch,
            _ => Kind::One,
        };
        let value = literal(kind, &secret::shown(key, value));
        match section.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => section.push((key, vec![value])),
        }
    }
    let mut text = String::new();
    for (hosts, keys) in sections {
        let hosts = toml::Value::String(hosts.to_owned());
        text.push_str(&format!("\n[host.{hosts}]  # {}\n", setting.origin));
        for (key, values) in keys {
            let value = match values.as_slice() {
                [value] if key != "header" => value.clone(),
                values => format!("[{}]", values.join(", ")),
            };
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    Some(text)
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
