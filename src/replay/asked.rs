//! What a request asks for: a URL, and how exactly it is meant.

use crate::origin::Request;
use crate::url::PageUrl;
use crate::url::fingerprint::canonical;

/// What a request asks for.
pub(super) struct Asked {
    /// The URL. Unless it is exact, its port may be that of the server, and its scheme may be the other one.
    pub(super) url: PageUrl,
    /// Whether the client named scheme and port, as it does to a proxy.
    pub(super) is_exact: bool,
}

impl Asked {
    /// What this request asks for; `None` if it names no page.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let target = request.target();
        if !target.starts_with('/') {
            let (scheme, _) = target.split_once("://")?;
            let is_page = ["http", "https"]
                .iter()
                .any(|one| scheme.eq_ignore_ascii_case(one));
            let url = PageUrl::parse(target).ok().filter(|_| is_page)?;
            return Some(Self {
                url,
                is_exact: true,
            });
        }
        let scheme = if request.is_encrypted() {
            "https"
        } else {
            "http"
        };
        let url = PageUrl::parse(&format!("{scheme}://{}{target}", request.host())).ok()?;
        Some(Self {
            url,
            is_exact: request.is_tunnelled(),
        })
    }

    /// Whether a stored response may be the one: that of the same page on a host of this name.
    pub(super) fn is_for(&self, stored: &PageUrl) -> bool {
        let same = |one: &PageUrl, other: &PageUrl| {
            one.as_url().host_str() == other.as_url().host_str()
                && canonical(one.target()) == canonical(other.target())
        };
        match self.is_exact {
            true => canonical(self.url.as_str()) == canonical(stored.as_str()),
            false => same(&self.url, stored),
        }
    }
}
