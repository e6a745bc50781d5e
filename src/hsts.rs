//! HTTP Strict Transport Security: hosts that ask to be reached over https only (RFC 6797).
//!
//! Invariant: only a response over https to a request for a name, not for an address, makes a host known, and the number
//! of known hosts is bounded. Edge: whether the certificate was checked is the caller's concern.

use std::collections::HashMap;

use http::HeaderMap;
use http::header::STRICT_TRANSPORT_SECURITY;
use serde::{Deserialize, Serialize};

use crate::url::PageUrl;

/// The most hosts that are known; the policy that ends first makes room.
const HOSTS: usize = 10_000;
/// The seconds by which the end of a policy may move without being worth writing to a job.
const SMALL_MOVE: u64 = 3600;

/// Whether `Strict-Transport-Security` is obeyed within a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hsts {
    /// It is ignored.
    #[default]
    Ignore,
    /// From the response on that has it, http URLs of the host become https URLs before they are requested.
    ///
    /// Without checks of certificates it is ignored.
    Obey,
}

/// The hosts that are reached over https only.
#[derive(Debug, Default)]
pub(crate) struct StrictHosts {
    hosts: HashMap<Box<str>, Policy>,
    /// Whether a policy changed since `changes` was last called.
    changed: bool,
}

/// The policy of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Policy {
    /// When it ends, in seconds since 1970.
    until: i64,
    /// Whether it is for the names below the host too.
    subdomains: bool,
}

impl StrictHosts {
    /// Takes the policy of a response to a request for this URL.
    pub(crate) fn take(&mut self, url: &PageUrl, response: &HeaderMap, now: i64) {
        // RFC 6797 8.1: only the first field counts, and none of an address or without TLS.
        let Some(field) = response.get(STRICT_TRANSPORT_SECURITY) else {
            return;
        };
        if url.as_url().scheme() != "https" {
            return;
        }
        let (Some(host), Some((age, subdomains))) = (name(url), parse(field.as_bytes())) else {
            return;
        };
        if age == 0 {
            self.changed |= self.hosts.remove(host).is_some();
            return;
        }
        let policy = Policy {
            until: now.saturating_add(age),
            subdomains,
        };
        if !self.hosts.contains_key(host) && self.hosts.len() >= HOSTS {
            let first = self.hosts.iter().min_by_key(|(_, policy)| policy.until);
            if let Some(host) = first.map(|(host, _)| host.clone()) {
                self.hosts.remove(&host);
            }
        }
        let old = self.hosts.insert(host.into(), policy);
        self.changed |= old.is_none_or(|old| {
            old.subdomains != subdomains || old.until.abs_diff(policy.until) > SMALL_MOVE
        });
    }

    /// The https URL that is requested instead of an http URL; `None` if the URL is requested as it is.
    pub(crate) fn secured(&self, url: &PageUrl, now: i64) -> Option<PageUrl> {
        if self.hosts.is_empty() || url.as_url().scheme() != "http" {
            return None;
        }
        let host = name(url)?;
        let applies = |name: &str, is_host: bool| {
            let policy = self.hosts.get(name);
            policy.is_some_and(|policy| policy.until > now && (is_host || policy.subdomains))
        };
        let above = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
        if !applies(host, true) && !above.into_iter().any(|name| applies(name, false)) {
            return None;
        }
        // RFC 6797 8.3: port 80 becomes 443, and another port stays.
        PageUrl::parse(&format!("https{}", url.as_str().strip_prefix("http")?)).ok()
    }

    /// Whether no host is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The policies as they are stored, if any changed since the last call.
    pub(crate) fn changes(&mut self) -> Option<serde_json::Value> {
        let changed = std::mem::take(&mut self.changed);
        changed.then(|| serde_json::to_value(&self.hosts).ok())?
    }

    /// Restores policies that were stored.
    pub(crate) fn restore(&mut self, stored: serde_json::Value) {
        self.hosts = serde_json::from_value(stored).unwrap_or_default();
    }
}

/// The name of a URL's host, without a dot at its end; `None` if it is an address.
fn name(url: &PageUrl) -> Option<&str> {
    let name = url.as_url().domain()?;
    Some(name.strip_suffix('.').unwrap_or(name))
}

/// The seconds that a policy is for, and whether it is for the names below the host too; `None` if it is not valid.
fn parse(field: &[u8]) -> Option<(i64, bool)> {
    let text = std::str::from_utf8(field).ok()?;
    let (mut age, mut subdomains) = (None, None);
    for directive in text.split(';') {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name, Some(value.trim())),
            None => (directive, None),
        };
        let known = match name.trim().to_ascii_lowercase().as_str() {
            "max-age" => {
                let value = value?;
                let quoted = value
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                let digits = quoted.unwrap_or(value);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                // A number that does not fit is a very long time.
                age.replace(digits.parse().unwrap_or(i64::MAX)).is_some()
            }
            "includesubdomains" => subdomains.replace(()).is_some(),
            _ => false,
        };
        if known {
            return None; // RFC 6797 6.1: no directive appears twice
        }
    }
    Some((age?, subdomains.is_some()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn take(hosts: &mut StrictHosts, from: &str, field: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_str(field).unwrap(),
        );
        hosts.take(&PageUrl::parse(from).unwrap(), &headers, NOW);
    }

    fn secured(hosts: &StrictHosts, url: &str, now: i64) -> Option<String> {
        let url = hosts.secured(&PageUrl::parse(url).unwrap(), now);
        url.map(|url| url.as_str().to_owned())
    }

    #[test]
    fn an_http_url_of_a_known_host_becomes_an_https_url() {
        let mut hosts = StrictHosts::default();
        take(&mut hosts, "https://h.example/", "max-age=100");
        take(
            &mut hosts,
            "https://all.example/",
            "max-age=\"100\"; includeSubDomains; preload",
        );
        for (url, becomes) in [
            ("http://h.example/a?b", Some("https://h.example/a?b")),
            ("http://H.Example:80/", Some("https://h.example/")),
            ("http://h.example:8080/", Some("https://h.example:8080/")),
            ("http://h.example:443/", Some("https://h.example/")),
            ("http://h.example./", Some("https://h.example./")),
            ("http://w.h.example/", None),
            ("http://a.b.all.example/", Some("https://a.b.all.example/")),
            ("http://all.example/", Some("https://all.example/")),
            ("http://small.example/", None),
            ("https://h.example/", None),
        ] {
            assert_eq!(secured(&hosts, url, NOW).as_deref(), becomes, "{url}");
        }
        assert_eq!(secured(&hosts, "http://h.example/", NOW + 100), None);
        take(&mut hosts, "https://h.example/", "max-age=0");
        assert_eq!(secured(&hosts, "http://h.example/", NOW), None);
    }

    #[test]
    fn only_a_valid_policy_of_a_name_over_tls_counts() {
        for (from, field) in [
            ("http://h.example/", "max-age=100"),
            ("https://h.example/", "includeSubDomains"),
            ("https://h.example/", "max-age=100; max-age=100"),
            ("https://h.example/", "max-age=-1"),
            ("https://h.example/", "max-age"),
            ("https://h.example/", "max-age=1h"),
            ("https://h.example/", ""),
            ("https://other.example/", "max-age=100; includeSubDomains"),
        ] {
            let mut hosts = StrictHosts::default();
            take(&mut hosts, from, field);
            assert_eq!(
                secured(&hosts, "http://h.example/", NOW),
                None,
                "{from} {field}"
            );
        }
        let mut hosts = StrictHosts::default();
        for address in ["127.0.0.1", "[::1]"] {
            take(&mut hosts, &format!("https://{address}/"), "max-age=100");
            assert_eq!(secured(&hosts, &format!("http://{address}/"), NOW), None);
        }
        take(
            &mut hosts,
            "https://h.example/",
            ";max-age=99999999999999999999; x=y; INCLUDESUBDOMAINS",
        );
        assert!(secured(&hosts, "http://w.h.example/", NOW).is_some());
    }

    #[test]
    fn the_number_of_hosts_is_bounded_and_a_stored_policy_is_restored() {
        let mut hosts = StrictHosts::default();
        for number in 0..=HOSTS {
            let age = if number == 7 { 10 } else { 100 };
            take(
                &mut hosts,
                &format!("https://h{number}.example/"),
                &format!("max-age={age}"),
            );
        }
        assert_eq!(hosts.hosts.len(), HOSTS);
        assert_eq!(secured(&hosts, "http://h7.example/", NOW), None);
        let stored = hosts.changes().unwrap();
        take(&mut hosts, "https://h1.example/", "max-age=200");
        assert_eq!(hosts.changes(), None);
        let mut restored = StrictHosts::default();
        restored.restore(stored);
        assert!(secured(&restored, "http://h1.example/", NOW).is_some());
    }
}
