//! One content coding.

use std::fmt;

/// One content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers send as `deflate`.
    Deflate,
    /// brotli (RFC 7932), without the large-window extension.
    Brotli,
    /// zstd (RFC 8878), with the window limit of RFC 9659.
    Zstd,
}

impl Coding {
    /// The coding with this name, in any case; `None` for an unknown name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
        ]
        .into_iter()
        .find_map(|(token, coding)| token.eq_ignore_ascii_case(name).then_some(coding))
    }

    /// The coding's word for the complete streams that a body may consist of.
    pub(super) const fn parts(self) -> &'static str {
        match self {
            Self::Zstd => "frames",
            Self::Gzip | Self::Deflate | Self::Brotli => "members",
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "brotli",
            Self::Zstd => "zstd",
        })
    }
}
