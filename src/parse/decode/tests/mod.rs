//! The contract that every coding must meet, and what single codings promise in addition.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

mod hostile;

const ALL_CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn bare_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    ::brotli::CompressorWriter::new(&mut encoded, 4096, 4, 20)
        .write_all(plain)
        .unwrap();
    encoded
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(plain, 1).unwrap()
}

fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => gzip(plain),
        "deflate" => zlib(plain),
        "br" => brotli(plain),
        "zstd" => zstd(plain),
        other => panic!("no encoder for {other}"),
    }
}

/// Text that compresses about as well as a page.
fn page(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let words = [
        "<a href=\"/page/",
        "\">",
        "</a> ",
        "haul",
        "crawl",
        "\n<p>",
        "é",
        "12",
        "the ",
    ];
    let mut page = Vec::with_capacity(length + 16);
    while page.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        page.extend_from_slice(words[(state >> 16) as usize % words.len()].as_bytes());
    }
    page.truncate(length);
    page
}

fn no_ratio() -> DecodeLimits {
    DecodeLimits {
        ratio: u32::MAX,
        ..DecodeLimits::default()
    }
}

fn decode_body(header: &str, body: &[u8], limits: &DecodeLimits) -> Result<Decoded, DecodeError> {
    decode(
        Bytes::copy_from_slice(body),
        codings(header).unwrap(),
        limits,
    )
}

fn refused(header: &str, body: &[u8], limits: &DecodeLimits) -> DecodeError {
    decode_body(header, body, limits)
        .map(|decoded| decoded.bytes.len())
        .unwrap_err()
}

fn plain(header: &str, body: &[u8]) -> Bytes {
    decode_body(header, body, &no_ratio()).unwrap().bytes
}

/// A reader that returns one byte per read.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let Some(output) = output.first_mut() else {
            return Ok(0);
        };
        self.0.read(std::slice::from_mut(output))
    }
}

fn decode_byte_by_byte(
    header: &str,
    body: &[u8],
    limits: DecodeLimits,
) -> io::Result<(Vec<u8>, u64)> {
    let mut decoder = Decoder::new(Drip(body), codings(header).unwrap(), limits).unwrap();
    let mut all = Vec::new();
    decoder.read_to_end(&mut all)?;
    Ok((all, decoder.trailing()))
}

#[test]
fn encoded_bytes_decode_whole_and_byte_by_byte() {
    for coding in ALL_CODINGS {
        for length in [0, 1, 300, 20_000, 65_535, 65_536, 65_537, 300_000] {
            let page = page(length);
            let body = encode(coding, &page);
            let decoded = decode_body(coding, &body, &no_ratio()).unwrap();
            assert!(
                decoded.bytes == page && decoded.trailing == 0 && !decoded.cut,
                "{coding} {length}"
            );
            assert_eq!(
                decode_byte_by_byte(coding, &body, no_ratio()).unwrap(),
                (page, 0),
                "{coding} {length}"
            );
        }
    }
}

#[test]
fn bare_deflate_decodes_as_deflate() {
    for length in [0, 1, 20_000] {
        let page = page(length);
        let body = bare_deflate(&page);
        assert_eq!(plain("deflate", &body), page);
        assert_eq!(
            decode_byte_by_byte("deflate", &body, no_ratio()).unwrap().0,
            page
        );
    }
    // Stored blocks whose padding looks like a zlib method; only the header's checksum gives them away.
    assert_eq!(plain("deflate", b"\x08\x01\0\xfe\xffx\x03\0"), "x");
}

#[test]
fn codings_are_decoded_from_the_last_to_the_first() {
    let page = page(200_000);
    for first in ALL_CODINGS {
        for second in ALL_CODINGS {
            let body = encode(second, &encode(first, &page));
            let header = format!("{first}, {second}");
            assert_eq!(plain(&header, &body), page, "{header}");
            assert_eq!(
                decode_byte_by_byte(&header, &body, no_ratio()).unwrap().0,
                page,
                "{header}"
            );
        }
    }
}

#[test]
fn a_body_without_codings_is_not_copied() {
    let body = Bytes::from(page(1000));
    let decoded = decode(body.clone(), Codings::default(), &DecodeLimits::default()).unwrap();
    assert_eq!(decoded.bytes.as_ptr(), body.as_ptr());
    assert_eq!(
        decode_byte_by_byte("", &body, DecodeLimits::default())
            .unwrap()
            .0,
        body
    );
}

#[test]
fn an_empty_body_is_empty_whatever_its_header_says() {
    for header in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
        assert!(plain(header, b"").is_empty());
        assert_eq!(
            decode_byte_by_byte(header, b"", DecodeLimits::default()).unwrap(),
            (Vec::new(), 0)
        );
    }
}

#[test]
fn members_and_frames_follow_each_other() {
    for (coding, empty) in [("gzip", gzip(b"")), ("zstd", zstd(b""))] {
        let body = [encode(coding, b"one "), empty, encode(coding, b"two")].concat();
        assert_eq!(plain(coding, &body), "one two");
        assert_eq!(
            decode_byte_by_byte(coding, &body, no_ratio()).unwrap().0,
            b"one two"
        );
    }
}

#[test]
fn every_optional_part_of_a_gzip_header_is_skipped() {
    let deflated = bare_deflate(b"page");
    let tail = &gzip(b"page")[gzip(b"page").len() - 8..];
    for flags in 0..32_u8 {
        let mut body = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
        for (flag, part) in [
            (4, &b"\x03\0abc"[..]),
            (8, b"name\0"),
            (16, b"comment\0"),
            (2, b"\x12\x34"),
        ] {
            if flags & flag != 0 {
                body.extend_from_slice(part);
            }
        }
        let body = [&body[..], &deflated, tail].concat();
        assert_eq!(plain("gzip", &body), "page", "flags {flags}");
        assert_eq!(
            decode_byte_by_byte("gzip", &body, no_ratio()).unwrap().0,
            b"page",
            "flags {flags}"
        );
    }
    let mut empty_extra = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 0, 0];
    empty_extra.extend_from_slice(&[&deflated[..], tail].concat());
    assert_eq!(plain("gzip", &empty_extra), "page");
}

#[test]
fn skippable_frames_are_skipped_and_counted() {
    let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
    let body = [&skippable[..], &zstd(b"page"), skippable].concat();
    assert_eq!(plain("zstd", &body), "page");
    assert_eq!(
        decode_byte_by_byte("zstd", &body, no_ratio()).unwrap(),
        (b"page".to_vec(), 0)
    );
    let two = DecodeLimits {
        members: 2,
        ..no_ratio()
    };
    let error = refused("zstd", &body, &two);
    assert_eq!(error.to_string(), "zstd data has more than 2 frames");
}
