//! The reasons why a body could not be decoded.
//!
//! Each of these describes one page; none of them stops a run. Text from the server (the name of an unknown coding) is
//! truncated and escaped before it is put into a message.

use std::error::Error;
use std::fmt;
use std::io;

use super::Coding;

/// The reason why a body could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// `Content-Encoding` names a coding that haul does not know.
    #[error("content coding \"{name}\" is not known")]
    UnknownCoding {
        /// The name as the server wrote it: escaped, at most 32 characters.
        name: String,
    },

    /// There are more stacked codings than allowed.
    #[error("body has more than {limit} content codings")]
    TooManyCodings {
        /// The number of codings allowed.
        limit: usize,
    },

    /// The encoded bytes are not valid data of this coding.
    #[error("{coding} data is corrupt")]
    Corrupt {
        /// The coding that failed.
        coding: Coding,
        /// The decoder's own error.
        source: Box<dyn Error + Send + Sync>,
    },

    /// The encoded bytes end before the stream is complete.
    #[error("{coding} data ends early, after {decoded} decoded bytes")]
    Truncated {
        /// The coding that failed.
        coding: Coding,
        /// Bytes that this coding had produced by then.
        decoded: u64,
    },

    /// The decoded body is larger than allowed.
    #[error("decoded body is larger than {}", ByteCount(*limit))]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },

    /// The ratio of decoded to encoded bytes is higher than allowed.
    #[error("decoded body is more than {limit} times as large as the encoded one")]
    Ratio {
        /// The limit: decoded bytes per encoded byte.
        limit: u32,
        /// Encoded bytes read by then.
        encoded: u64,
        /// Bytes decoded from them.
        decoded: u64,
    },

    /// The body has more gzip members or zstd frames than allowed.
    #[error("{coding} data has more than {limit} {}", coding.parts())]
    TooManyMembers {
        /// The coding that failed.
        coding: Coding,
        /// The number of members allowed.
        limit: u32,
    },

    /// The encoded bytes could not be read.
    #[error("cannot read the encoded body")]
    Read(#[source] io::Error),
}

impl From<DecodeError> for io::Error {
    /// Returns an error of the underlying reader as it was; any other error is wrapped.
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Read(source) => source,
            error @ DecodeError::Corrupt { .. } => Self::new(io::ErrorKind::InvalidData, error),
            error @ DecodeError::Truncated { .. } => Self::new(io::ErrorKind::UnexpectedEof, error),
            error => Self::other(error),
        }
    }
}

/// A byte count as people write it: in the largest unit that divides it.
struct ByteCount(u64);

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bits, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.0 != 0 && self.0.trailing_zeros() >= bits {
                return write!(f, "{} {unit}", self.0 >> bits);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_is_wrong() {
        let corrupt = DecodeError::Corrupt {
            coding: Coding::Gzip,
            source: "checksum".into(),
        };
        assert_eq!(corrupt.to_string(), "gzip data is corrupt");
        assert_eq!(corrupt.source().unwrap().to_string(), "checksum");
        for (error, text) in [
            (
                DecodeError::TooLarge { limit: 32 << 20 },
                "decoded body is larger than 32 MiB",
            ),
            (
                DecodeError::TooLarge { limit: 3 << 30 },
                "decoded body is larger than 3 GiB",
            ),
            (
                DecodeError::TooLarge { limit: 1500 },
                "decoded body is larger than 1500 bytes",
            ),
            (
                DecodeError::TooLarge { limit: 0 },
                "decoded body is larger than 0 bytes",
            ),
            (
                DecodeError::TooManyMembers {
                    coding: Coding::Zstd,
                    limit: 9,
                },
                "zstd data has more than 9 frames",
            ),
            (
                DecodeError::Truncated {
                    coding: Coding::Brotli,
                    decoded: 7,
                },
                "brotli data ends early, after 7 decoded bytes",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn an_error_of_the_underlying_reader_is_returned_as_it_was() {
        let error = DecodeError::Read(io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            io::Error::from(error).kind(),
            io::ErrorKind::PermissionDenied
        );
    }
}
