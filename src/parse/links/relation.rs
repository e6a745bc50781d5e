//! The tokens of a `rel` attribute (HTML 4.6.7).
//!
//! Invariant: a token means the same in any case and position. All tokens that a crawl does not act on are `Other`.

/// The meaning of one token of a `rel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) enum Relation {
    /// The link must not be followed.
    Nofollow,
    /// The next page of a series.
    Next,
    /// The previous page of a series.
    Previous,
    /// The preferred URL.
    Canonical,
    /// Another form of the page.
    Alternate,
    /// A part of the page, such as a style sheet.
    Asset,
    /// A host to look up or connect to, not a document.
    Host,
    /// Anything else.
    Other,
}

impl Relation {
    pub(in crate::parse) fn of(token: &str) -> Self {
        let is = |word: &str| token.eq_ignore_ascii_case(word);
        const ASSETS: [&str; 10] = [
            "stylesheet",
            "icon",
            "preload",
            "modulepreload",
            "manifest",
            "apple-touch-icon",
            "apple-touch-icon-precomposed",
            "apple-touch-startup-image",
            "mask-icon",
            "image_src",
        ];
        match token.len() {
            8 if is("nofollow") => Relation::Nofollow,
            4 if is("next") => Relation::Next,
            4 if is("prev") => Relation::Previous,
            8 if is("previous") => Relation::Previous,
            9 if is("canonical") => Relation::Canonical,
            9 if is("alternate") => Relation::Alternate,
            10 if is("preconnect") => Relation::Host,
            12 if is("dns-prefetch") => Relation::Host,
            _ if ASSETS.into_iter().any(is) => Relation::Asset,
            _ => Relation::Other,
        }
    }
}

pub(in crate::parse) fn tokens(rel: &str) -> impl Iterator<Item = &str> {
    rel.split_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::{Relation, tokens};

    #[test]
    fn tokens_are_case_insensitive() {
        let relations: Vec<_> = tokens(" Next\tNOFOLLOW next-page icon ")
            .map(Relation::of)
            .collect();
        let expected = [
            Relation::Next,
            Relation::Nofollow,
            Relation::Other,
            Relation::Asset,
        ];
        assert_eq!(relations, expected);
    }
}
