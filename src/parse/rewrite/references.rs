//! The references of one document, and what replaces them.

use encoding_rs::Encoding;

use super::document::{Document, Places};
use crate::parse::resolve::Resolver;
use crate::url::PageUrl;

/// Replaces the references of one document.
pub(super) struct References<'r> {
    resolver: Resolver<'r>,
    places: Places<'r>,
    again: bool,
    /// Whether a `<base>` makes `#x` and empty references lead to another page.
    base_differs: bool,
}

/// The replacement of a reference.
pub(super) struct Replacement {
    pub(super) text: String,
    /// Whether it leads to a saved file.
    pub(super) saved: bool,
}

impl<'r> References<'r> {
    pub(super) fn new(
        url: &'r PageUrl,
        base: Option<&'r PageUrl>,
        encoding: &'static Encoding,
        document: Document<'_>,
        places: Places<'r>,
    ) -> Self {
        let base_url = base.unwrap_or(url);
        Self {
            resolver: Resolver::new(base_url, document.fingerprints).with_encoding(encoding),
            places,
            again: document.again,
            base_differs: base_url != url,
        }
    }

    /// The replacement for a reference; `None` if it stays.
    pub(super) fn replace(&mut self, reference: &str) -> Option<Replacement> {
        let reference = reference.trim_ascii();
        let is_absolute = is_absolute(reference);
        if self.again && !is_absolute {
            return None;
        }
        if (reference.is_empty() || reference.starts_with('#')) && !self.base_differs {
            return None;
        }
        let (url, fingerprint) = self.resolver.resolve(reference)?;
        let own_fragment = reference
            .find('#')
            .map(|at| escape_fragment(&reference[at..]));
        match (self.places)(fingerprint) {
            Some(place) => {
                let redirect_fragment = place.fragment.as_deref().map(escape_fragment);
                Some(Replacement {
                    text: place.path + &redirect_fragment.or(own_fragment).unwrap_or_default(),
                    saved: true,
                })
            }
            None if is_absolute => None,
            None => Some(Replacement {
                text: url.to_owned() + &own_fragment.unwrap_or_default(),
                saved: false,
            }),
        }
    }
}

fn is_absolute(reference: &str) -> bool {
    let has_scheme = |scheme: &str| {
        reference
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    has_scheme("http:") || has_scheme("https:")
}

/// Escapes a fragment so that it is safe in every context.
///
/// Encodes quotes and everything that the URL standard would encode.
fn escape_fragment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' ' | '"' | '<' | '>' | '`' | '\'' | '\\' | '(' | ')' | '\0'..='\x1F' | '\x7F' => {
                encoded.push_str(&format!("%{:02X}", character as u32));
            }
            character => encoded.push(character),
        }
    }
    encoded
}
