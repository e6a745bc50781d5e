//! Decompression bombs: gibibytes of zeros in few bytes, without ever having the zeros.
//!
//! Each format can encode a run of zeros as one block that repeats byte for byte, so a bomb is a start, a repeated
//! block, and an end. Invariant: a bomb is a valid stream: a decoder without limits unpacks it all without an
//! error.

use std::sync::LazyLock;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::answer::Step;

const MIB: u64 = 1 << 20;

/// A gzip member (RFC 1952) that unpacks to nothing.
pub(crate) const EMPTY_MEMBER: &[u8] = &[
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// A mebibyte of zeros in raw deflate.
///
/// It ends with a full flush, on a whole byte, and nothing after it refers back.
static DEFLATED_MIB: LazyLock<Bytes> = LazyLock::new(|| {
    let mut compress = Compress::new(Compression::best(), false);
    let zeros = vec![0; MIB as usize];
    let mut output = Vec::with_capacity(64 << 10); // about a thousandth of the zeros is needed
    compress
        .compress_vec(&zeros, &mut output, FlushCompress::Full)
        .expect("memory to memory, with room to spare");
    output.into()
});

/// The last block of raw deflate: final, fixed codes, empty.
const DEFLATE_END: [u8; 2] = [3, 0];

/// Zeros in gzip.
pub(crate) fn gzip(mib: u64) -> Vec<Step> {
    let mut end = DEFLATE_END.to_vec();
    end.extend(zeros_crc(mib).to_le_bytes());
    end.extend(((mib * MIB) as u32).to_le_bytes()); // RFC 1952 2.3.1: the length modulo 2^32
    vec![
        Step::send(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255][..]),
        Step::Repeat(DEFLATED_MIB.clone(), Some(mib)),
        Step::send(end),
    ]
}

/// Zeros in `deflate`, which is zlib (RFC 1950).
///
/// The Adler-32 checksum of zeros is their number in the upper half and 1 in the lower.
pub(crate) fn deflate(mib: u64) -> Vec<Step> {
    let mut end = DEFLATE_END.to_vec();
    end.extend(((((mib * MIB) % 65_521) << 16) as u32 | 1).to_be_bytes());
    vec![
        Step::send(&[0x78, 0xda][..]),
        Step::Repeat(DEFLATED_MIB.clone(), Some(mib)),
        Step::send(end),
    ]
}

/// Zeros in zstd (RFC 8878).
///
/// One frame with a window of 128 KiB, in blocks of the kind "one byte, repeated" (3.1.1.2).
pub(crate) fn zstd(mib: u64) -> Vec<Step> {
    const HEAD: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    const BLOCK: [u8; 4] = [0x02, 0, 0x10, 0]; // 131,072 times the byte 0
    const END: [u8; 3] = [1, 0, 0]; // last, raw, empty
    vec![
        Step::send(&HEAD[..]),
        Step::Repeat(Bytes::from_static(&BLOCK), Some(mib * 8)),
        Step::send(&END[..]),
    ]
}

/// Zeros in brotli (RFC 7932), at least as many as requested: 16 MiB per block.
///
/// Made with the reference encoder, flushing every 16 MiB at a window of 2^24: from the second block on it writes
/// the same bytes again and again.
pub(crate) fn brotli(mib: u64) -> Vec<Step> {
    const FIRST: [u8; 14] = [
        0xcf, 0xff, 0xff, 0x7f, 0x00, 0x24, 0x00, 0xe2, 0xb1, 0x40, 0x72, 0xef, 0xff, 0x0d,
    ];
    const BLOCK: [u8; 14] = [
        0xfc, 0xff, 0xff, 0x07, 0x40, 0x02, 0x20, 0x0e, 0x0b, 0x40, 0xf7, 0xfe, 0xdf, 0x00,
    ];
    let more = mib.div_ceil(16).saturating_sub(1);
    vec![
        Step::send(&FIRST[..]),
        Step::Repeat(Bytes::from_static(&BLOCK), Some(more)),
        Step::send(&[3][..]),
    ]
}

/// The CRC-32 of N mebibytes of zeros, by doubling.
fn zeros_crc(mib: u64) -> u32 {
    let mut power = Crc::new();
    power.update(&vec![0; MIB as usize]);
    let mut sum = Crc::new();
    let mut left = mib;
    while left > 0 {
        if left & 1 == 1 {
            sum.combine(&power);
        }
        let mut twin = Crc::new(); // a copy, by combining with an empty checksum
        twin.combine(&power);
        power.combine(&twin);
        left >>= 1;
    }
    sum.sum()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};

    use super::*;

    fn bytes(steps: &[Step]) -> Vec<u8> {
        let mut all = Vec::new();
        for step in steps {
            match step {
                Step::Send(bytes) => all.write_all(bytes).unwrap(),
                Step::Repeat(bytes, times) => all.extend(bytes.repeat(times.unwrap() as usize)),
                other => panic!("{other:?}"),
            }
        }
        all
    }

    fn zeros(mut reader: impl Read) -> u64 {
        let mut buffer = vec![1; 1 << 16];
        let mut count = 0;
        loop {
            let read = reader.read(&mut buffer).unwrap();
            assert!(buffer[..read].iter().all(|&byte| byte == 0));
            count += read as u64;
            if read == 0 {
                return count;
            }
        }
    }

    #[test]
    fn each_bomb_is_a_valid_stream_that_unpacks_to_the_requested_size() {
        let packed = [gzip(19), deflate(19), zstd(19), brotli(19)].map(|steps| bytes(&steps));
        assert_eq!(
            zeros(flate2::read::GzDecoder::new(&packed[0][..])),
            19 * MIB
        );
        assert_eq!(
            zeros(flate2::read::ZlibDecoder::new(&packed[1][..])),
            19 * MIB
        );
        assert_eq!(zeros(zstd::Decoder::new(&packed[2][..]).unwrap()), 19 * MIB);
        assert_eq!(
            zeros(brotli_decompressor::Decompressor::new(
                io::Cursor::new(&packed[3]),
                4096
            )),
            32 * MIB
        );
        assert!(
            packed
                .iter()
                .all(|bytes| (bytes.len() as u64) < 19 * MIB / 1000),
            "{:?}",
            packed.map(|bytes| bytes.len())
        );
    }

    #[test]
    fn an_empty_member_is_valid_and_so_are_many() {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&EMPTY_MEMBER.repeat(50)[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert!(unpacked.is_empty());
    }
}
