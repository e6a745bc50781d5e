//! Content codings in which a folder may be served.
//!
//! Invariant: a decoder of the same name unpacks what is compressed here (RFC 9110 8.4.1, RFC 8878).

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde::Deserialize;

use super::request::Request;

/// A way to compress a body, if the client accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Coding {
    Gzip,
    Deflate,
    Zstd,
}

impl Coding {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Zstd => "zstd",
        }
    }
}

/// Whether a request accepts a coding.
///
/// RFC 9110 12.5.3 without weights: the coding, or `*`, is listed and not at zero.
pub(crate) fn accepts(request: &Request, coding: Coding) -> bool {
    request.values("accept-encoding").any(|value| {
        let value = String::from_utf8_lossy(value);
        value.split(',').any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            let zero = weight
                .trim()
                .trim_start_matches("q=")
                .parse::<f32>()
                .is_ok_and(|weight| weight == 0.0);
            !zero && (name.trim().eq_ignore_ascii_case(coding.name()) || name.trim() == "*")
        })
    })
}

/// Compresses at the default level; `deflate` is the zlib format (RFC 9110 8.4.1.2).
pub(crate) fn compress(bytes: &[u8], coding: Coding) -> io::Result<Bytes> {
    Ok(match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes)?;
            encoder.finish()?.into()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes)?;
            encoder.finish()?.into()
        }
        Coding::Zstd => zstd::encode_all(bytes, 0)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn each_coding_can_be_decoded() {
        let text = "again and ".repeat(100);
        let decoded = |coding| {
            let packed = compress(text.as_bytes(), coding).unwrap();
            let mut decoded = String::new();
            match coding {
                Coding::Gzip => flate2::read::GzDecoder::new(&packed[..])
                    .read_to_string(&mut decoded)
                    .unwrap(),
                Coding::Deflate => flate2::read::ZlibDecoder::new(&packed[..])
                    .read_to_string(&mut decoded)
                    .unwrap(),
                Coding::Zstd => zstd::Decoder::new(&packed[..])
                    .unwrap()
                    .read_to_string(&mut decoded)
                    .unwrap(),
            };
            decoded
        };
        assert_eq!(
            [Coding::Gzip, Coding::Deflate, Coding::Zstd].map(decoded),
            [text.as_str(); 3]
        );
    }
}
