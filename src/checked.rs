//! What a link checker asks of a page beside its links.
//!
//! Bounded in number and in bytes, whatever a page holds. Edge: which of it is broken is known only when the crawl ends.

use serde::{Deserialize, Serialize};

use crate::nearest::nearest;
use crate::url::{PageUrl, UrlError};

/// References that are no URL and are kept of one page.
const MALFORMED: usize = 1000;
/// Characters of one that are kept.
const SHOWN: usize = 200;
/// What a link checker asks of a page beside its links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// References that are no URL, as they are written, at most 200 characters of each.
    malformed: Vec<Box<str>>,
}

impl Checked {
    /// Takes a reference that led to no page: it is kept where it is no URL at all.
    pub(crate) fn lead_nowhere(&mut self, base: &PageUrl, reference: &str) {
        if self.malformed.len() >= MALFORMED || !is_malformed(base, reference) {
            return;
        }
        let shown: String = reference.chars().take(SHOWN).collect();
        if !self.malformed.iter().any(|known| **known == *shown) {
            self.malformed.push(shown.into());
        }
    }

    /// References that are no URL, as they are written, at most 200 characters of each and each once.
    pub fn malformed(&self) -> impl Iterator<Item = &str> {
        self.malformed.iter().map(|text| &**text)
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.malformed.is_empty()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        self.malformed.iter().map(|text| text.len() + 16).sum()
    }
}

/// Whether a reference that leads to no page of http or https is no URL. Other schemes are the business of others, but
/// one before `//` that is nearly `http` or `https` is taken for a slip of the finger: `htps://example.org`. A list of
/// all schemes could not tell, as every app has one of its own.
fn is_malformed(base: &PageUrl, reference: &str) -> bool {
    match base.join(reference) {
        Ok(_) | Err(UrlError::TooLong) => false,
        Err(UrlError::Malformed(_)) => true,
        Err(UrlError::Scheme(scheme)) => {
            let rest = reference.get(scheme.len()..).unwrap_or_default();
            rest.starts_with("://") && nearest(&scheme, &["http", "https"]).is_some()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_scheme_is_no_url_and_a_scheme_of_its_own_is_one() {
        let base = PageUrl::parse("http://h.example/").unwrap();
        for wrong in [
            "htps://h/",
            "htp://h/",
            "hhttp://h/",
            "HTTTPS://h/",
            "ttps://h/",
            "httpss://h/",
            "http://",
            "http://a b/",
            "http://h:x/",
            "https://[::1/",
            "//[",
            "http://h%/",
        ] {
            assert!(is_malformed(&base, wrong), "{wrong}");
        }
        for fine in [
            "mailto:x",
            "tel:1",
            "javascript:x",
            "data:,x",
            "ftp://h/",
            "sftp://h/",
            "rtsp://h/",
            "smtp://h/",
            "nntp://h/",
            "ftps://h/",
            "obsidian://x",
            "http:",
            "http:x",
            "htps:x",
            "about:blank",
            "a:b",
            "x",
            "",
            "blob:https://h/x",
            "ipfs://x",
        ] {
            assert!(!is_malformed(&base, fine), "{fine}");
        }
    }

    #[test]
    fn what_is_kept_of_a_page_is_bounded_and_each_text_is_kept_once() {
        let base = PageUrl::parse("http://h.example/").unwrap();
        let mut checked = Checked::default();
        let long = format!("http://a b/{}", "é".repeat(3000));
        (0..3).for_each(|_| checked.lead_nowhere(&base, &long));
        assert_eq!(
            checked
                .malformed()
                .map(|text| text.chars().count())
                .collect::<Vec<_>>(),
            [SHOWN]
        );
        (0..5000).for_each(|number| checked.lead_nowhere(&base, &format!("htps://{number}/")));
        assert_eq!(checked.malformed().count(), MALFORMED);
    }
}
