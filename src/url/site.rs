//! The site of a URL: the registrable domain of its host.

use super::PageUrl;

impl PageUrl {
    /// The site that the page belongs to: the registrable domain by the public suffix list, or else the whole host.
    ///
    /// An IP address is a site of its own, and so is a name without a listed suffix, such as `a.localhost`. Scheme and port
    /// make no difference.
    pub fn site(&self) -> &str {
        let host = || self.0.host_str().unwrap_or_default();
        self.registrable_domain().unwrap_or_else(host)
    }

    /// The registrable domain by the public suffix list.
    ///
    /// `None` for IP addresses, and for names without a listed suffix.
    pub(crate) fn registrable_domain(&self) -> Option<&str> {
        let host = self.0.domain()?;
        let host = host.strip_suffix('.').unwrap_or(host);
        let domain = psl::domain(host.as_bytes())?;
        domain
            .suffix()
            .is_known()
            .then(|| &host[host.len() - domain.as_bytes().len()..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_registrable_domain_or_a_host_that_has_none() {
        for (url, site) in [
            ("http://www.example.co.uk/a", "example.co.uk"),
            ("https://example.co.uk:8443/b", "example.co.uk"),
            ("http://EXAMPLE.com./", "example.com"),
            ("http://user.github.io/", "user.github.io"),
            ("http://a.b.localhost:8080/", "a.b.localhost"),
            ("http://127.0.0.1:8080/", "127.0.0.1"),
            ("http://[::1]/", "[::1]"),
            ("http://com/", "com"),
        ] {
            assert_eq!(PageUrl::parse(url).unwrap().site(), site, "{url}");
        }
    }
}
