//! Why a body could not be decoded.
//!
//! Each of these is data about one page: none of them stops a run. What came from the server (the name of an
//! unknown coding) is cut and escaped before it enters a message.

use std::error::Error;
use std::fmt;
use std::io;

use super::Coding;

/// Why a body could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// `Content-Encoding` names a coding that is not one of ours.
    #[error("content coding \"{name}\" is not known")]
    UnknownCoding {
        /// The name as the server wrote it, escaped, at most 32 characters of it.
        name: String,
    },

    /// More codings lie on top of each other than allowed.
    #[error("body has more than {limit} content codings")]
    TooManyCodings {
        /// How many are allowed.
        limit: usize,
    },

    /// The encoded bytes are not what the coding says they are.
    #[error("{coding} data is corrupt")]
    Corrupt {
        /// The coding that was being undone.
        coding: Coding,
        /// What the decoder made of it.
        source: Box<dyn Error + Send + Sync>,
    },

    /// The encoded bytes stop before the stream is complete.
    #[error("{coding} data ends early, after {decoded} decoded bytes")]
    Truncated {
        /// The coding that was being undone.
        coding: Coding,
        /// Bytes that this coding had given until then.
        decoded: u64,
    },

    /// The body is larger, decoded, than allowed.
    #[error("decoded body is larger than {}", Bytes(*limit))]
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },

    /// The body grows more by decoding than allowed.
    #[error("decoded body is more than {limit} times as large as the encoded one")]
    Ratio {
        /// The bound: decoded bytes for each encoded byte.
        limit: u32,
        /// Encoded bytes read until then.
        encoded: u64,
        /// Bytes decoded from them.
        decoded: u64,
    },

    /// The body is cut into more gzip members or zstd frames than allowed.
    #[error("{coding} data has more than {limit} {}", coding.parts())]
    TooManyMembers {
        /// The coding that was being undone.
        coding: Coding,
        /// How many are allowed.
        limit: u32,
    },

    /// The encoded bytes could not be read.
    #[error("cannot read the encoded body")]
    Read(#[source] io::Error),
}

impl From<DecodeError> for io::Error {
    /// The error of the reader below comes back as it was; every other one is carried inside.
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Read(source) => source,
            error @ DecodeError::Corrupt { .. } => Self::new(io::ErrorKind::InvalidData, error),
            error @ DecodeError::Truncated { .. } => Self::new(io::ErrorKind::UnexpectedEof, error),
            error => Self::other(error),
        }
    }
}

/// A count of bytes as people say it: in the largest unit that divides it.
struct Bytes(u64);

impl fmt::Display for Bytes {
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
