//! The URL that the links of a page are resolved against.

use encoding_rs::Encoding;
use url::Url;

use crate::url::{PageUrl, resolved};

/// A base URL, and the encoding that queries are sent in (WHATWG URL 4.4).
#[derive(Debug, Clone)]
pub(super) struct Base {
    url: Url,
    encoding: &'static Encoding,
}

impl Base {
    /// The URL of the first `base` element if it is usable (HTML 4.2.3), else the page's own.
    pub(super) fn new(page: &PageUrl, element: Option<&str>, encoding: &'static Encoding) -> Self {
        let own = page.as_url();
        let url = element
            .filter(|href| href.len() <= PageUrl::LONGEST)
            .and_then(|href| resolved(own, href.trim(), encoding_rs::UTF_8).ok())
            // HTML does not allow these as base URLs.
            .filter(|url| !matches!(url.scheme(), "data" | "javascript"))
            .unwrap_or_else(|| own.clone());
        Self { url, encoding }
    }

    /// The URL as text.
    pub(super) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Resolves a reference on the page into an absolute URL, keeping its fragment.
    ///
    /// # Errors
    /// Why it is not a URL.
    pub(super) fn join(&self, reference: &str) -> Result<Url, String> {
        let reference = reference.trim();
        if reference.len() > PageUrl::LONGEST {
            return Err(format!("longer than {} bytes", PageUrl::LONGEST));
        }
        resolved(&self.url, reference, self.encoding).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_against_the_base_in_the_pages_encoding() {
        let page = PageUrl::parse("https://shop.example/p/1?x").unwrap();
        let base = |element, encoding| Base::new(&page, element, encoding);
        let own = base(None, encoding_rs::UTF_8);
        assert_eq!(
            own.join(" 2#top ").unwrap().as_str(),
            "https://shop.example/p/2#top"
        );
        assert_eq!(own.join("mailto:a@b.c").unwrap().as_str(), "mailto:a@b.c");
        assert!(own.join("http://[").is_err());
        assert!(own.join(&"x".repeat(20_000)).is_err());
        let other = base(Some("/q/"), encoding_rs::WINDOWS_1252);
        assert_eq!(
            other.join("3?ü").unwrap().as_str(),
            "https://shop.example/q/3?%FC"
        );
        let refused = base(Some("javascript:x"), encoding_rs::UTF_8);
        assert_eq!(
            refused.join("2").unwrap().as_str(),
            "https://shop.example/p/2"
        );
    }
}
