//! Extra work done on each page, to weigh computing against waiting.
//!
//! The work is deterministic. Its result is part of what a comparison checks, so no engine can skip it.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use scraper::{Html, Selector};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::Xxh3;

/// Limit for `hash`, in KiB per page: about a minute on one core.
const MOST_KIBIBYTES: u32 = 64 << 20;

/// The extra work done on each page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Nothing.
    #[default]
    None,
    /// Parse HTML into a tree.
    Parse,
    /// Parse HTML into a tree and select elements from it.
    Select(String),
    /// Run N KiB through SHA-256: the page's own bytes, repeated.
    Hash(u32),
}

impl Work {
    /// Whether there is no work to do.
    pub fn is_none(&self) -> bool {
        matches!(self, Work::None | Work::Hash(0))
    }

    /// Whether the work needs the page's text.
    pub(super) fn reads_text(&self) -> bool {
        matches!(self, Work::Parse | Work::Select(_))
    }

    /// Does the work on an empty page, to see how long it takes.
    pub(crate) fn run_on_empty_page(&self) -> Option<u64> {
        self.run_on(&[], Some(""))
    }

    /// Does the work and returns a number that depends on the result.
    pub(super) fn run_on(&self, bytes: &[u8], text: Option<&str>) -> Option<u64> {
        match self {
            Work::None | Work::Hash(0) => None,
            Work::Hash(kibibytes) => Some(hash_repeatedly(bytes, *kibibytes)),
            Work::Parse => Some(Html::parse_document(text?).tree.values().count() as u64),
            Work::Select(selector) => Some(hash_matches(text?, selector)),
        }
    }
}

fn hash_repeatedly(bytes: &[u8], kibibytes: u32) -> u64 {
    let mut page = [0; 1024];
    for (target, byte) in page.iter_mut().zip(bytes.iter().cycle()) {
        *target = *byte;
    }
    let mut hash = Sha256::new();
    (0..kibibytes).for_each(|_| hash.update(page));
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(digest[..8].try_into().unwrap_or_default())
}

/// Hashes the text of all matching elements.
///
/// The selector is compiled for each page: that costs a hundredth of parsing the tree.
fn hash_matches(text: &str, selector: &str) -> u64 {
    let Ok(selector) = Selector::parse(selector) else {
        return 0;
    };
    let page = Html::parse_document(text);
    let mut hash = Xxh3::new();
    for element in page.select(&selector) {
        hash.write_u8(b'<');
        element
            .text()
            .for_each(|piece| hash.update(piece.as_bytes()));
    }
    hash.digest()
}

impl FromStr for Work {
    type Err = String;

    /// Reads `none`, `parse`, `select:CSS` and `hash:N`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "none" => Ok(Work::None),
            None if text == "parse" => Ok(Work::Parse),
            Some(("select", css)) => match Selector::parse(css) {
                Ok(_) => Ok(Work::Select(css.to_owned())),
                Err(error) => Err(format!("{css:?} is not a CSS selector: {error}")),
            },
            Some(("hash", number)) => match number.parse() {
                Ok(kibibytes) if kibibytes <= MOST_KIBIBYTES => Ok(Work::Hash(kibibytes)),
                _ => Err(format!(
                    "{number:?} is not a number of KiB up to {MOST_KIBIBYTES}, as in hash:1000"
                )),
            },
            _ => Err(format!(
                "{text:?} is not one of none, parse, select:CSS and hash:N"
            )),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::None => f.write_str("none"),
            Work::Parse => f.write_str("parse"),
            Work::Select(css) => write!(f, "select:{css}"),
            Work::Hash(kibibytes) => write!(f, "hash:{kibibytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_parses_back_from_its_display_form_and_nonsense_is_refused() {
        for text in ["none", "parse", "select:ul > li.price", "hash:1000"] {
            assert_eq!(text.parse::<Work>().unwrap().to_string(), text);
        }
        for wrong in ["", "hash", "hash:-1", "hash:x", "select:>>", "sleep:5"] {
            assert!(wrong.parse::<Work>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_different_page_or_amount_gives_a_different_number() {
        let page = "<p>one<p class=x>two";
        let on = |work: &str, page: &str| {
            let work: Work = work.parse().unwrap();
            work.run_on(page.as_bytes(), Some(page))
        };
        assert_eq!(on("none", page), None);
        assert_eq!(on("hash:0", page), None);
        assert_eq!(on("hash:2", page), on("hash:2", page));
        assert_ne!(on("hash:2", page), on("hash:3", page));
        assert_ne!(on("hash:2", page), on("hash:2", "<p>"));
        assert_ne!(on("select:p", page), on("select:.x", page));
        assert_eq!(on("parse", page), on("parse", "<p>three<p class=x>four"));
        assert_ne!(on("parse", page), on("parse", "<p>"));
        assert!(on("hash:1", "").is_some());
    }
}
