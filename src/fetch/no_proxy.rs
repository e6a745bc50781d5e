//! Hosts that are reached directly although there is a proxy, as curl and other programs list them in `no_proxy`.
//!
//! Invariant: an entry that cannot match makes no connection direct; who parses a list gets the reason.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::Host;

use crate::url::PageUrl;

/// Hosts that are reached directly although there is a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoProxy {
    /// Whether that is every host.
    all: bool,
    /// Names, each with the names below it.
    names: Vec<String>,
    /// Ranges of addresses, each with the number of leading bits that count.
    ranges: Vec<(IpAddr, u8)>,
}

impl NoProxy {
    /// Parses a list as curl does, and returns what is wrong with entries that can never match.
    ///
    /// Entries are separated by commas or spaces. A name matches itself and every name below it, with a dot in front
    /// or without; an address, or a range such as `10.0.0.0/8`, matches only URLs that contain an address; a list
    /// that is exactly `*` matches everything. Entries with ports or other wildcards never match in curl, so they do not
    /// match here.
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        let mut list = Self::default();
        let mut problems = Vec::new();
        if text == "*" {
            list.all = true;
            return (list, problems);
        }
        let entries = text.split([',', ' ', '\t', '\n']);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            if let Err(problem) = list.add(entry) {
                problems.push(format!("{entry:?} matches no host: {problem}"));
            }
        }
        (list, problems)
    }

    fn add(&mut self, entry: &str) -> Result<(), &'static str> {
        if let Some((address, bits)) = entry.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| "it is not an IP address")?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            return match bits.parse() {
                Ok(0) => Err("a range needs at least one bit, and * alone stands for every host"),
                Ok(bits) if bits <= most => {
                    self.ranges.push((address, bits));
                    Ok(())
                }
                _ => Err("the number of bits does not fit the address"),
            };
        }
        if let Ok(address) = entry.parse::<IpAddr>() {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            self.ranges.push((address, bits));
            return Ok(());
        }
        if entry.contains('*') {
            return Err("* stands alone, and a name matches the names below it anyway");
        }
        if entry.starts_with('[') {
            return Err("an IPv6 address is written without brackets");
        }
        if entry.contains(':') {
            return Err("a port cannot be part of it");
        }
        let bare = entry.trim_end_matches('.');
        match Host::parse(bare.strip_prefix('.').unwrap_or(bare)) {
            Ok(Host::Domain(name)) => {
                self.names.push(name);
                Ok(())
            }
            _ => Err("it is not the name of a host"),
        }
    }

    /// Whether the host of a URL is reached directly.
    pub(crate) fn covers(&self, url: &PageUrl) -> bool {
        if self.all {
            return true;
        }
        match url.as_url().host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                self.names.iter().any(|suffix| is_below(name, suffix))
            }
            Some(Host::Ipv4(address)) => self.covers_address(address.into()),
            Some(Host::Ipv6(address)) => self.covers_address(address.into()),
            None => false,
        }
    }

    fn covers_address(&self, address: IpAddr) -> bool {
        let within = |(range, bits): &(IpAddr, u8)| match (range, address) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                (range.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(*bits)
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                (range.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(*bits)
            }
            _ => false,
        };
        self.ranges.iter().any(within)
    }
}

/// Whether a name is this one or below it.
fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What curl 7.88 does with a host and a list.
    const AS_CURL: [(&str, &str, bool); 29] = [
        ("a.test", "a.test", true),
        ("b.a.test", "a.test", true),
        ("ba.test", "a.test", false),
        ("a.test", ".a.test", true),
        ("b.a.test", ".a.test", true),
        ("a.test.", "a.test", true),
        ("a.test", "a.test.", true),
        ("a.test", "x.test a.test", true),
        ("a.test", " x.test,, a.test", true),
        ("a.test", "a.test:80", false),
        ("a.test", "*", true),
        ("10.0.0.1", "*", true),
        ("10.0.0.1", " *", false),
        ("a.test", "x,*", false),
        ("b.a.test", "*.a.test", false),
        ("a.test", "A.TEST", true),
        ("a.test", "", false),
        ("127.0.0.1", "127.0.0.0/8", true),
        ("127.0.0.1", "0.0.0.0/0", false),
        ("127.0.0.1", "127.0.0.1/32", true),
        ("127.0.0.1", "127.0.0.1:80", false),
        ("10.1.2.3", "10.1.2.0/24", true),
        ("10.1.3.3", "10.1.2.0/24", false),
        ("10.1.2.3", "10.1.2.0/240", false),
        ("127.0.0.1", ".0.0.1", false),
        ("[::1]", "::1", true),
        ("[::1]", "[::1]", false),
        ("a.test", "127.0.0.0/8", false),
        ("b\u{fc}cher.test", "b\u{fc}cher.test", true),
    ];

    #[test]
    fn a_list_means_what_it_means_to_curl() {
        for (host, list, expected) in AS_CURL {
            let url = PageUrl::parse(&format!("http://{host}/")).unwrap();
            let covers = NoProxy::parse(list).0.covers(&url);
            assert_eq!(covers, expected, "{host} in {list:?}");
        }
        let covers = |host: &str, list: &str| {
            let url = PageUrl::parse(&format!("https://{host}:8443/x")).unwrap();
            NoProxy::parse(list).0.covers(&url)
        };
        assert!(covers("[2001:db8::1]", "2001:db8::/32"));
        assert!(!covers("[2001:db9::1]", "2001:db8::/32"));
        assert!(!covers("[::ffff:10.0.0.1]", "10.0.0.0/8"));
        assert!(covers("2130706433", "127.0.0.1"), "another spelling of it");
    }

    #[test]
    fn an_entry_that_can_never_match_has_a_reason() {
        let list = "a.test:80, *.b.test 0.0.0.0/0,10.0.0.0/33,[::1],::1/129,x/8,c.test,1.2.3.4/x";
        let (parsed, problems) = NoProxy::parse(list);
        assert_eq!(parsed.names, ["c.test"]);
        assert!(parsed.ranges.is_empty());
        assert_eq!(problems.len(), 8, "{problems:?}");
        assert!(problems[0].starts_with("\"a.test:80\" matches no host: a port"));
    }
}
