//! Settings for some hosts: `--for-host 'PATTERN KEY=VALUE'`, or the sections `[host."PATTERN"]` of the configuration.
//!
//! A section is stored in a job and compared like any flag, one value for each of its keys. Invariant: no message shows
//! a secret.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use haul::fetch::{ClientIdentity, FetchSettings, HostSettings, HostWay};
use haul::frontier::{FrontierSettings, HostPace, Rate};
use haul::{Error, HostPattern};
use http::header;

use super::request::{apply_headers, sensitive};
use super::{given, secret};

/// The flag, without its dashes.
pub(crate) const FLAG: &str = "for-host";
/// The keys of a section. Each is the flag of the same name, for these hosts.
pub(crate) const KEYS: [&str; 10] = [
    "per-host",
    "delay",
    "rate",
    "header",
    "user",
    "bearer-file",
    "cert",
    "key",
    "proxy",
    "http1",
];

/// Settings for some hosts.
#[derive(Debug, Args)]
#[command(next_help_heading = "The connection")]
pub(super) struct ForHosts {
    /// Use another value for these hosts, as in '*.example.org delay=2s'; may be repeated
    ///
    /// KEY is per-host, delay, rate, header, user, bearer-file, cert, key, proxy or http1. HOST is a name or an address, *.NAME for
    /// all names below one, or * for all; the most specific one that has the key counts. Headers and credentials are
    /// sent to these hosts whoever leads to them, but secrets over http only if you name the URL. In the configuration
    /// file, a section [host."HOST"] has these keys.
    #[arg(long, value_name = "HOST KEY=VALUE")]
    for_host: Vec<String>,
}

/// One key of a section.
struct Entry {
    hosts: HostPattern,
    key: Key,
}

enum Key {
    PerHost(usize),
    Delay(Duration),
    Rate(Rate),
    Header(String),
    User(String),
    BearerFile(PathBuf),
    Certificate(PathBuf),
    Private(PathBuf),
    Way(HostWay),
    Http1(bool),
}

/// Checks one entry, without reading the files that it names.
///
/// # Errors
/// What is wrong with it.
pub(in crate::cli) fn check(entry: &str) -> Result<(), String> {
    read(entry).map(drop)
}

fn read(entry: &str) -> Result<Entry, String> {
    let Some((hosts, key, value)) = secret::host_entry(entry) else {
        return Err(format!(
            "{:?} is not HOST KEY=VALUE, as in '*.example.org delay=2s'",
            secret::shown(FLAG, entry)
        ));
    };
    let hosts: HostPattern = hosts.parse()?;
    let about = |problem: String| format!("{hosts} {key}: {problem}");
    let key = match key {
        "per-host" => value
            .parse()
            .map(Key::PerHost)
            .map_err(|_| format!("{value:?} is not a number")),
        "delay" => haul::duration(value).map(Key::Delay),
        "rate" => value.parse().map(Key::Rate),
        "header" => match value.trim_end().ends_with(':') {
            true => Err("a header cannot be removed for some hosts only".to_owned()),
            false => Ok(Key::Header(value.to_owned())),
        },
        "user" => match value.contains(':') {
            true => Ok(Key::User(value.to_owned())),
            false => Err("a name and a password are needed, as in ann:secret".to_owned()),
        },
        "bearer-file" => Ok(Key::BearerFile(value.into())),
        "cert" => Ok(Key::Certificate(value.into())),
        "key" => Ok(Key::Private(value.into())),
        "proxy" if value.trim().is_empty() => Ok(Key::Way(HostWay::Direct)),
        "proxy" => value.parse().map(|proxy| Key::Way(HostWay::Through(proxy))),
        "http1" => value
            .parse()
            .map(Key::Http1)
            .map_err(|_| format!("{value:?} is neither true nor false")),
        other => {
            return Err(match haul::nearest(&other.replace('_', "-"), &KEYS) {
                Some(key) => format!("{hosts}: unknown key {other:?}; did you mean {key:?}?"),
                None => format!(
                    "{hosts}: unknown key {other:?}; the keys are {}",
                    KEYS.join(", ")
                ),
            });
        }
    };
    let key = key.map_err(about)?;
    Ok(Entry { hosts, key })
}

impl ForHosts {
    /// Applies these flags to the settings of requests and of politeness.
    ///
    /// # Errors
    /// When an entry is not valid, contradicts another, or names a file that cannot be read.
    pub(super) fn apply(
        &self,
        fetch: &mut FetchSettings,
        frontier: &mut FrontierSettings,
    ) -> haul::Result<()> {
        let mut keys: Vec<(HostPattern, PathBuf)> = Vec::new();
        for text in &self.for_host {
            let problem = |problem| Error::Setting(format!("--for-host: {problem}"));
            let Entry { hosts, key } = read(text).map_err(problem)?;
            let twice = || problem(format!("{} is set twice", secret::shown(FLAG, text)));
            let request = of_requests(&mut fetch.hosts, &hosts);
            let pace = of_pace(&mut frontier.hosts, &hosts);
            let is_new = match key {
                Key::PerHost(limit) => pace.per_host.replace(limit).is_none(),
                Key::Delay(delay) => pace.delay.replace(delay).is_none(),
                Key::Rate(rate) => pace.rate.replace(rate).is_none(),
                Key::Header(line) => {
                    let mut headers = haul::Headers::default();
                    apply_headers(&[line], &mut headers)?;
                    for (name, value) in &headers.0 {
                        request.headers.0.append(name.clone(), value.clone());
                    }
                    true
                }
                Key::User(user) => {
                    let value = format!("Basic {}", STANDARD.encode(user));
                    let value = sensitive("--for-host", &value)?;
                    let before = request.headers.0.insert(header::AUTHORIZATION, value);
                    before.is_none()
                }
                Key::BearerFile(path) => {
                    let token = given::text("--for-host", &path)?;
                    let value = sensitive("--for-host", &format!("Bearer {}", token.trim()))?;
                    let before = request.headers.0.insert(header::AUTHORIZATION, value);
                    before.is_none()
                }
                Key::Certificate(certificate) => {
                    let is_new = !fetch.identities.iter().any(|one| one.hosts == hosts);
                    fetch.identities.push(ClientIdentity {
                        hosts,
                        certificate,
                        key: None,
                    });
                    is_new
                }
                Key::Private(path) => {
                    let is_new = !keys.iter().any(|(others, _)| *others == hosts);
                    keys.push((hosts, path));
                    is_new
                }
                Key::Way(way) => request.way.replace(way).is_none(),
                Key::Http1(on) => request.http1.replace(on).is_none(),
            };
            if !is_new {
                return Err(twice());
            }
        }
        for (hosts, path) in keys {
            let mut identities = fetch.identities.iter_mut();
            let Some(identity) = identities.find(|one| one.hosts == hosts) else {
                let problem = format!("--for-host: {hosts} has a key, and no cert that it is for");
                return Err(Error::Setting(problem));
            };
            identity.key = Some(path);
        }
        let is_empty = |one: &HostPace| *one == HostPace::new(one.hosts.clone());
        frontier.hosts.retain(|one| !is_empty(one));
        let is_empty = |one: &HostSettings| *one == HostSettings::new(one.hosts.clone());
        fetch.hosts.retain(|one| !is_empty(one));
        Ok(())
    }
}

fn of_requests<'s>(all: &'s mut Vec<HostSettings>, hosts: &HostPattern) -> &'s mut HostSettings {
    let at = all.iter().position(|one| one.hosts == *hosts);
    let at = at.unwrap_or(all.len());
    if at == all.len() {
        all.push(HostSettings::new(hosts.clone()));
    }
    &mut all[at]
}

fn of_pace<'s>(all: &'s mut Vec<HostPace>, hosts: &HostPattern) -> &'s mut HostPace {
    let at = all.iter().position(|one| one.hosts == *hosts);
    let at = at.unwrap_or(all.len());
    if at == all.len() {
        all.push(HostPace::new(hosts.clone()));
    }
    &mut all[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_pattern_a_key_and_a_value() {
        for entry in [
            "example.org per-host=2",
            "*.example.org delay=2s",
            "* rate=10/m",
            "example.org header=X-Key: a=b",
            "example.org user=ann:s3cret",
            "example.org bearer-file=token.txt",
            "example.org cert=ann.pem",
            "example.org key=ann.key",
            "example.org proxy=",
            "example.org proxy=socks5h://ann:s3cret@127.0.0.1",
            "[::1] http1=true",
        ] {
            assert_eq!(check(entry), Ok(()), "{entry}");
        }
        for (entry, says) in [
            ("example.org", "is not HOST KEY=VALUE"),
            ("ann:s3cret", "is not HOST KEY=VALUE"),
            ("a.* delay=2s", "at its beginning"),
            ("a.test delay=soon", "a.test delay"),
            ("a.test per_host=2", "did you mean \"per-host\"?"),
            ("a.test cookies=s3cret", "the keys are"),
            ("a.test user=s3cret", "a name and a password"),
            ("a.test proxy=sock5://ann:s3cret@h", "did you mean socks5"),
            ("a.test header=Cookie:", "cannot be removed"),
            ("a.test http1=yes", "neither true nor false"),
        ] {
            let problem = check(entry).unwrap_err();
            assert!(problem.contains(says), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
        }
    }

    #[test]
    fn a_secret_of_a_host_is_not_shown() {
        for (entry, text) in [
            ("a.test user=ann:s3cret", "a.test user=…"),
            ("a.test header=X-Key: s3cret", "a.test header=X-Key: …"),
            ("a.test header=Accept: */*", "a.test header=Accept: */*"),
            (
                "a.test proxy=http://ann:s3cret@h",
                "a.test proxy=http://…@h",
            ),
            ("a.test delay=2s", "a.test delay=2s"),
            ("ann:s3cret", "…"),
        ] {
            assert_eq!(secret::shown(FLAG, entry), text);
        }
    }
}
