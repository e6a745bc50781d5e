//! Whether two runs are of the same site.

use std::collections::BTreeSet;

/// The most hosts that a message names.
const SHOWN: usize = 3;

/// The name of the host in a URL; empty if it has none.
pub(super) fn host(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return "";
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    match (authority.strip_prefix('['), authority.rfind(':')) {
        (Some(_), _) => authority
            .split_once(']')
            .map_or(authority, |(name, _)| name),
        (None, Some(colon)) => &authority[..colon],
        (None, None) => authority,
    }
}

/// Whether some hosts belong to the same site: they have a name or a registrable domain in common.
pub(super) fn is_same(old: &BTreeSet<String>, new: &BTreeSet<String>) -> bool {
    let sites = |hosts: &BTreeSet<String>| -> BTreeSet<String> {
        let domains = hosts.iter().filter_map(|host| {
            let domain = psl::domain(host.as_bytes())?;
            Some(String::from_utf8_lossy(domain.as_bytes()).into_owned())
        });
        domains.chain(hosts.iter().cloned()).collect()
    };
    !sites(old).is_disjoint(&sites(new))
}

/// The names of the first hosts.
pub(super) fn shown(hosts: &BTreeSet<String>) -> String {
    let mut names: Vec<_> = hosts.iter().take(SHOWN).map(String::as_str).collect();
    let more = format!("{} more", hosts.len().saturating_sub(SHOWN));
    if hosts.len() > SHOWN {
        names.push(&more);
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_one_domain_are_one_site_and_an_address_is_its_own() {
        let hosts = |urls: &[&str]| urls.iter().map(|url| host(url).to_owned()).collect();
        let same = |old: &[&str], new: &[&str]| is_same(&hosts(old), &hosts(new));
        assert!(same(
            &["http://a.example.co.uk/x"],
            &["https://b.example.co.uk:8443"]
        ));
        assert!(same(
            &["http://127.0.0.1:81/"],
            &["http://127.0.0.1:82/?a:b"]
        ));
        assert!(same(&["http://[::1]:81/"], &["http://[::1]/"]));
        assert!(!same(&["http://a.co.uk/"], &["http://b.co.uk/"]));
        assert!(!same(&["http://127.0.0.1/"], &["http://127.0.0.2/"]));
    }
}
