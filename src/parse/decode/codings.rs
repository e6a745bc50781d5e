//! The list of codings in a `Content-Encoding` header.
//!
//! RFC 9110 8.4 and 8.4.1: a comma-separated list, case-insensitive, in the order applied; `x-gzip` is `gzip`
//! (8.4.1.3) and `identity` means none. A header in several lines is one list: join the lines with commas first. The
//! list is stored inline and never longer than four, whatever the header says.

use super::coding::Coding;
use super::error::DecodeError;
use crate::page::coding;

/// The longest list that is supported; `DecodeLimits` may allow less.
const LONGEST: usize = 4;

/// The codings of one body, in the order the server applied them; at most four.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Codings {
    list: [Option<Coding>; LONGEST],
}

impl Codings {
    /// Whether the body is not encoded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list[0].is_none()
    }

    /// The number of codings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// The codings in the order they were applied; decoding starts with the last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Coding> + '_ {
        self.list.iter().flatten().copied()
    }
}

/// Parses a `Content-Encoding` header.
///
/// Names that mean no coding at all, such as `utf-8` and `none`, are ignored.
///
/// # Errors
/// An unknown coding, with its name; or more than four codings.
///
/// ```
/// # use haul::parse::decode::{codings, Coding};
/// let list = codings("identity, X-GZIP , br")?;
/// assert_eq!(list.iter().collect::<Vec<_>>(), [Coding::Gzip, Coding::Brotli]);
/// # Ok::<(), haul::parse::decode::DecodeError>(())
/// ```
pub fn codings(content_encoding: &str) -> Result<Codings, DecodeError> {
    let mut codings = Codings::default();
    let mut slots = codings.list.iter_mut();
    let names = content_encoding
        .split(',')
        .map(|name| name.trim_matches([' ', '\t']));
    for name in names.filter(|name| !coding::is_none(name.as_bytes())) {
        let coding = Coding::named(name).ok_or_else(|| DecodeError::UnknownCoding {
            name: coding::shown(name),
        })?;
        *slots
            .next()
            .ok_or(DecodeError::TooManyCodings { limit: LONGEST })? = Some(coding);
    }
    Ok(codings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(header: &str) -> Vec<Coding> {
        codings(header).unwrap().iter().collect()
    }

    #[test]
    fn a_header_is_a_case_insensitive_list_without_identity() {
        assert_eq!(list("GZip"), [Coding::Gzip]);
        assert_eq!(
            list("deflate,\tBR ,zstd"),
            [Coding::Deflate, Coding::Brotli, Coding::Zstd]
        );
        assert_eq!(list("x-gzip, identity,, "), [Coding::Gzip]);
        assert!(codings("").unwrap().is_empty());
        assert!(codings("Identity").unwrap().is_empty());
    }

    #[test]
    fn an_unknown_coding_is_named_and_non_codings_are_ignored() {
        let error = codings("gzip, compress").unwrap_err();
        assert_eq!(
            error.to_string(),
            "content coding \"compress\" is not known"
        );
        assert_eq!(list("utf-8, gzip, none"), [Coding::Gzip]);
        assert!(list("binary").is_empty());
    }

    #[test]
    fn a_chain_of_a_thousand_codings_is_refused() {
        let error = codings(&"gzip,".repeat(1000)).unwrap_err();
        assert!(
            matches!(error, DecodeError::TooManyCodings { limit: 4 }),
            "{error}"
        );
    }
}
