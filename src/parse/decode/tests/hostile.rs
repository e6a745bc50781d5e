//! Bodies that are truncated, damaged, endless, or followed by garbage.

use super::*;

#[test]
fn a_third_coding_is_refused() {
    let body = gzip(&gzip(&gzip(b"x")));
    let error = refused("gzip, gzip, gzip", &body, &DecodeLimits::default());
    assert_eq!(error.to_string(), "body has more than 2 content codings");
    let more = DecodeLimits {
        codings: 3,
        ..DecodeLimits::default()
    };
    assert_eq!(
        decode_body("gzip, gzip, gzip", &body, &more).unwrap().bytes,
        "x"
    );
}

#[test]
fn a_stream_cut_anywhere_is_truncated_and_its_prefix_can_be_decoded() {
    let page = page(2000);
    for (coding, body) in ALL_CODINGS
        .map(|coding| (coding, encode(coding, &page)))
        .into_iter()
        .chain([("deflate", bare_deflate(&page))])
    {
        for end in 1..body.len() {
            let cut = &body[..end];
            let error = refused(coding, cut, &no_ratio());
            let DecodeError::Truncated { decoded, .. } = error else {
                panic!("{coding} {end}: {error}")
            };
            let prefix = decode_prefix(
                Bytes::copy_from_slice(cut),
                codings(coding).unwrap(),
                &no_ratio(),
            )
            .unwrap();
            assert!(
                prefix.cut
                    && prefix.bytes.len() as u64 == decoded
                    && page.starts_with(&prefix.bytes)
            );
            let error = decode_byte_by_byte(coding, cut, no_ratio()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{coding} {end}");
        }
    }
}

#[test]
fn a_truncated_inner_coding_is_named() {
    let inner = gzip(&page(5000));
    let error = refused("gzip, br", &brotli(&inner[..inner.len() - 9]), &no_ratio());
    assert!(
        matches!(
            error,
            DecodeError::Truncated {
                coding: Coding::Gzip,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn damage_gives_an_error_or_other_bytes_but_never_a_panic() {
    let page = page(600);
    for coding in ALL_CODINGS {
        let body = encode(coding, &page);
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut damaged = body.clone();
                damaged[at] ^= 1 << bit;
                let limits = DecodeLimits {
                    decoded: 1 << 20,
                    ..no_ratio()
                };
                let decoded = decode_body(coding, &damaged, &limits);
                let dripped = decode_byte_by_byte(coding, &damaged, limits);
                assert_eq!(decoded.is_ok(), dripped.is_ok(), "{coding} {at} {bit}");
                if let Ok(decoded) = decoded {
                    assert!(decoded.bytes.len() <= 1 << 20);
                }
            }
        }
        assert_eq!(
            plain(coding, &body),
            page,
            "the next body decodes as if nothing had happened"
        );
    }
}

#[test]
fn a_wrong_checksum_or_length_is_corrupt() {
    let body = gzip(b"some bytes");
    for from_end in [1, 8] {
        let mut damaged = body.clone();
        let at = body.len() - from_end;
        damaged[at] ^= 1;
        let error = refused("gzip", &damaged, &no_ratio());
        assert_eq!(error.to_string(), "gzip data is corrupt");
    }
}

#[test]
fn unencoded_bytes_with_a_coding_are_corrupt() {
    for coding in ["gzip", "br", "zstd"] {
        let error = refused(
            coding,
            b"<!doctype html><title>not encoded at all</title>",
            &no_ratio(),
        );
        assert!(
            matches!(error, DecodeError::Corrupt { .. }),
            "{coding}: {error}"
        );
    }
}

#[test]
fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let page = page(100_000);
    let fits = DecodeLimits {
        decoded: 100_000,
        ..no_ratio()
    };
    let small = DecodeLimits {
        decoded: 99_999,
        ..no_ratio()
    };
    for header in ["", "gzip", "deflate", "br", "zstd"] {
        let body = if header.is_empty() {
            page.clone()
        } else {
            encode(header, &page)
        };
        assert_eq!(decode_body(header, &body, &fits).unwrap().bytes, page);
        let error = refused(header, &body, &small);
        assert!(
            matches!(error, DecodeError::TooLarge { limit: 99_999 }),
            "{header}: {error}"
        );
        assert_eq!(decode_byte_by_byte(header, &body, fits).unwrap().0, page);
        assert!(
            decode_byte_by_byte(header, &body, small).is_err(),
            "{header}"
        );
    }
}

#[test]
fn a_bomb_is_refused_by_its_ratio_soon_after_the_first_mebibyte() {
    let zeros = vec![0; 16 << 20];
    for coding in ALL_CODINGS {
        let body = encode(coding, &zeros);
        let error = refused(coding, &body, &DecodeLimits::default());
        let DecodeError::Ratio {
            limit: 200,
            decoded,
            ..
        } = error
        else {
            panic!("{coding}: {error}")
        };
        assert!(decoded < 9 << 20, "{coding}: only after {decoded}");
    }
}

#[test]
fn a_bomb_in_a_bomb_is_compared_to_the_bytes_on_the_wire() {
    let body = gzip(&gzip(&vec![0; 32 << 20]));
    let limits = DecodeLimits {
        ratio: 1200,
        ..DecodeLimits::default()
    };
    let error = refused("gzip, gzip", &body, &limits);
    assert!(
        matches!(error, DecodeError::Ratio { limit: 1200, .. }),
        "{error}"
    );
}

#[test]
fn a_mebibyte_of_empty_members_is_refused_at_the_limit() {
    for coding in ["gzip", "zstd"] {
        let member = encode(coding, b"");
        assert!(member.len() <= 20);
        let at_cap = member.repeat(1024);
        assert!(plain(coding, &at_cap).is_empty());
        let error = refused(
            coding,
            &member.repeat((1 << 20) / member.len()),
            &no_ratio(),
        );
        assert!(
            matches!(error, DecodeError::TooManyMembers { limit: 1024, .. }),
            "{error}"
        );
    }
}

#[test]
fn garbage_after_a_complete_stream_is_counted() {
    for coding in ALL_CODINGS {
        for garbage in [
            &b"\n"[..],
            b"\0\0\0\0\0\0\0",
            b"\x1f",
            b"\x1f\x8b",
            b"\x28\xb5\x2f",
            &[0x55; 100_000],
        ] {
            let body = [&encode(coding, b"page")[..], garbage].concat();
            let decoded = decode_body(coding, &body, &no_ratio()).unwrap();
            assert_eq!(
                (&decoded.bytes[..], decoded.trailing),
                (&b"page"[..], garbage.len() as u64),
                "{coding}"
            );
            assert_eq!(
                decode_byte_by_byte(coding, &body, no_ratio()).unwrap(),
                (b"page".to_vec(), garbage.len() as u64),
                "{coding}"
            );
        }
    }
}

#[test]
fn a_zstd_window_beyond_rfc_9659_is_refused() {
    // Magic, a descriptor without content size, and a window descriptor of exponent n: 2^(10 + n) bytes.
    let frame = |exponent: u8| {
        [
            &[0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3][..],
            &[0x09, 0, 0, b'x'],
        ]
        .concat()
    };
    assert_eq!(plain("zstd", &frame(13)), "x");
    let error = refused("zstd", &frame(14), &no_ratio());
    assert!(
        matches!(
            error,
            DecodeError::Corrupt {
                coding: Coding::Zstd,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_large_window_brotli_stream_is_refused() {
    let mut body = Vec::new();
    let parameters = ::brotli::enc::BrotliEncoderParams {
        quality: 4,
        lgwin: 28,
        large_window: true,
        ..Default::default()
    };
    ::brotli::CompressorWriter::with_params(&mut body, 4096, &parameters)
        .write_all(&page(5000))
        .unwrap();
    let error = refused("br", &body, &no_ratio());
    assert!(
        matches!(
            error,
            DecodeError::Corrupt {
                coding: Coding::Brotli,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_error_of_the_underlying_reader_passes_through() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut decoder =
        Decoder::new(Broken, codings("br").unwrap(), DecodeLimits::default()).unwrap();
    assert_eq!(
        decoder.read(&mut [0; 9]).unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
}

#[test]
fn after_an_error_of_its_own_a_reader_keeps_failing() {
    let mut state = 7_u32;
    let noise = (0..100_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let body = gzip(&[vec![0; 2 << 20], noise.collect()].concat());
    let limits = DecodeLimits::default();
    let mut decoder = Decoder::new(&body[..], codings("gzip").unwrap(), limits).unwrap();
    let error = io::copy(&mut decoder, &mut io::sink()).unwrap_err();
    let error = error.get_ref().and_then(|error| error.downcast_ref());
    assert!(
        matches!(error, Some(DecodeError::Ratio { .. })),
        "{error:?}"
    );
    // The noise would bring the ratio down again.
    assert!((0..100).all(|_| decoder.read(&mut [0; 65_536]).is_err()));
}
