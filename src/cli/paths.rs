//! Checks of the paths on a command line: none is a URL, and no output overwrites an input.

use std::path::{Path, PathBuf};

use haul::sink::{Destination, SinkSettings};
use haul::{Claims, Error, without_password};

use super::closed::{CLOSED, check_stdout, is_stdout_lost};
use super::config_file;
use super::layers::{Origin, Setting, Settings};
use super::plan::Plan;
use super::serving::Serving;
use crate::progress::Style;

/// Flags whose values are files or folders of this machine.
const PATHS: [&str; 20] = [
    "input",
    "from",
    "recipe",
    "bearer-file",
    "cacert",
    "cookie-jar",
    "unix-socket",
    "cert",
    "key",
    "netrc-file",
    "serve",
    "config",
    "output",
    "output-dir",
    "report",
    "broken",
    "redirects",
    "graph",
    "mirror",
    "job",
];
/// Those of them that are read, apart from lists and archives.
const READ_PATHS: [&str; 5] = [
    "recipe",
    "bearer-file",
    "netrc-file",
    "config",
    "pinned-pubkey",
];
/// Flags whose values may be `@FILE`.
const MAYBE_FILES: [&str; 5] = ["header", "data", "json", "write-out", "rows"];

/// Checks that no path is a URL: `--job postgres://h/db` would create a folder of that name.
///
/// # Errors
/// When one is; the message names the flag.
pub(super) fn refuse_urls(settings: &Settings) -> haul::Result<()> {
    for setting in &settings.0 {
        for path in setting
            .values
            .iter()
            .filter_map(|value| file(setting, value.to_str()?))
        {
            refuse_url(&format!("--{}", setting.flag), Path::new(path))?;
        }
    }
    Ok(())
}

/// Checks that a path is not a URL.
///
/// # Errors
/// When it is one; the message names the flag or argument.
pub(super) fn refuse_url(who: &str, path: &Path) -> haul::Result<()> {
    let text = path.to_string_lossy();
    match text.contains("://") {
        true => Err(Error::Setting(format!(
            "{who} {}: that is a URL, but a file or folder on this machine is needed",
            without_password(&text)
        ))),
        false => Ok(()),
    }
}

/// Checks, before any file is opened, that no output of a run is one of its inputs or another output.
///
/// # Errors
/// When two are the same; the message names both.
pub(super) fn check(plan: &mut Plan) -> haul::Result<()> {
    let is_stdout = |sink: &SinkSettings| sink.destination == Destination::Stdout;
    if plan.config.sinks.iter().any(is_stdout) {
        match plan.style {
            Style::Json if is_stdout_lost() => plan.notices.push(CLOSED.to_owned()),
            Style::Json => {}
            _ => check_stdout(),
        }
    }
    let mut claims = plan.config.claims();
    match &plan.serve {
        Some(Serving::Files(folder)) => {
            claims.serve(format!("--serve {}", folder.display()), folder);
        }
        Some(Serving::Archive(path)) => {
            claims.read(format!("--serve {}", path.display()), path);
        }
        None => {}
    }
    read_by_flags(&plan.settings, &mut claims);
    if let Some(report) = &plan.report {
        claims.write(format!("--report {}", report.display()), report);
    }
    claims.check()
}

/// Claims the files that flags read, and the configuration file.
pub(super) fn read_by_flags(settings: &Settings, claims: &mut Claims) {
    for setting in &settings.0 {
        let reads = READ_PATHS.contains(&setting.flag.as_str());
        for value in setting.values.iter().filter_map(|value| value.to_str()) {
            if let Some(path) = file(setting, value).filter(|_| reads || value.starts_with('@')) {
                claims.read(format!("--{} {value}", setting.flag), Path::new(path));
            }
        }
    }
    let is_off = settings
        .0
        .iter()
        .any(|setting| setting.flag == "no-config" && setting.values.iter().any(|on| on == "true"));
    let usual = config_file::usual(|name| std::env::var_os(name)).filter(|_| !is_off);
    let file_in_use = settings.0.iter().find_map(|setting| match &setting.origin {
        Origin::File(path, _) => Some(path.clone()),
        _ => None,
    });
    let read: Option<PathBuf> = file_in_use.or(usual);
    if let Some(path) = read {
        claims.read(format!("the configuration {}", path.display()), &path);
    }
}

/// A message about a URL that a flag took as its value, if no other was given: `haul --json http://h/` has a body but
/// no URL.
pub(super) fn swallowed_url(settings: &Settings) -> Option<String> {
    let named = ["urls", "input", "from", "job"];
    let is_named =
        |setting: &&Setting| named.contains(&setting.flag.as_str()) && !setting.values.is_empty();
    if settings.0.iter().any(|setting| is_named(&setting)) {
        return None;
    }
    let is_url = |value: &&str| value.starts_with("http://") || value.starts_with("https://");
    let from_flags = settings
        .0
        .iter()
        .filter(|setting| setting.origin == Origin::Flag);
    from_flags
        .filter(|setting| !["proxy", "include", "exclude"].contains(&setting.flag.as_str()))
        .find_map(|setting| {
            let values = setting.values.iter().filter_map(|value| value.to_str());
            let url = without_password(values.into_iter().find(is_url)?).into_owned();
            Some(format!(
                "nothing to fetch: --{flag} took {url} as its value; give --{flag} a value before the URL",
                flag = setting.flag
            ))
        })
}

/// The file or folder that a flag's value names, if it names one.
fn file<'v>(setting: &Setting, value: &'v str) -> Option<&'v str> {
    let flag = setting.flag.as_str();
    if PATHS.contains(&flag) {
        return (value != "-").then_some(value);
    }
    if flag == "pinned-pubkey" && !value.starts_with("sha256//") {
        return Some(value);
    }
    let named = value
        .strip_prefix('@')
        .filter(|_| MAYBE_FILES.contains(&flag))?;
    (named != "-").then_some(named)
}
