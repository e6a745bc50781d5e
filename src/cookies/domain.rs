//! Names of hosts: which belong together, and below which anybody may register one.

use url::Host;

/// The registrable domain of a host; the host itself if it is an address or a public suffix.
pub(super) fn site(host: &str) -> &str {
    if is_address(host) {
        return host;
    }
    psl::domain(host.as_bytes())
        .and_then(|domain| std::str::from_utf8(domain.as_bytes()).ok())
        .unwrap_or(host)
}

/// Whether a host is this domain or below it (RFC 6265bis 5.1.3).
pub(super) fn matches(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
            && !is_address(host)
}

/// Whether anybody may register a name below this one.
pub(super) fn is_public_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_none_or(|suffix| suffix.as_bytes() == name.as_bytes())
}

/// Whether a host is an IP address, as it is written in a URL.
pub(super) fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

/// A domain in the form that URLs have: lower-case, and in ASCII. `None` if it is no name.
pub(super) fn canonical(name: &str) -> Option<String> {
    match Host::parse(name).ok()? {
        Host::Domain(name) if !name.ends_with('.') => Some(name),
        Host::Domain(_) => None,
        address => Some(address.to_string()),
    }
}

/// Whether nobody but this machine can read what is sent to a host, so that it may get secure cookies without TLS.
pub(super) fn is_this_machine(host: &str) -> bool {
    let is_loopback = |address: std::net::Ipv4Addr| address.is_loopback();
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse().is_ok_and(is_loopback)
}
