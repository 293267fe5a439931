use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CODINGS: [&str; 7] = [
    "gzip",
    "deflate",
    "raw deflate",
    "br",
    "zstd",
    "identity",
    "gzip, br",
];

/// The header that a sender of this coding sets.
fn header(coding: &str) -> &str {
    coding.strip_prefix("raw ").unwrap_or(coding)
}

/// Encodes the pieces, with a flush after each: the bytes so far after each flush, and all of them.
fn encode(coding: &str, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
    fn each<W: Write>(
        mut writer: W,
        pieces: &[&[u8]],
        so_far: impl Fn(&W) -> Vec<u8>,
        end: impl Fn(W) -> Vec<u8>,
    ) -> (Vec<Vec<u8>>, Vec<u8>) {
        let flushed = pieces.iter().map(|piece| {
            writer.write_all(piece).unwrap();
            writer.flush().unwrap();
            so_far(&writer)
        });
        let flushed = flushed.collect();
        (flushed, end(writer))
    }
    let best = Compression::best();
    match coding {
        "gzip" => {
            let writer = GzEncoder::new(Vec::new(), best);
            each(
                writer,
                pieces,
                |w| w.get_ref().clone(),
                |w| w.finish().unwrap(),
            )
        }
        "deflate" => {
            let writer = ZlibEncoder::new(Vec::new(), best);
            each(
                writer,
                pieces,
                |w| w.get_ref().clone(),
                |w| w.finish().unwrap(),
            )
        }
        "raw deflate" => {
            let writer = DeflateEncoder::new(Vec::new(), best);
            each(
                writer,
                pieces,
                |w| w.get_ref().clone(),
                |w| w.finish().unwrap(),
            )
        }
        "br" => {
            let writer = brotli::CompressorWriter::new(Vec::new(), 4096, 3, 18);
            each(writer, pieces, |w| w.get_ref().clone(), |w| w.into_inner())
        }
        "zstd" => {
            let writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            each(
                writer,
                pieces,
                |w| w.get_ref().clone(),
                |w| w.finish().unwrap(),
            )
        }
        "identity" => each(Vec::new(), pieces, Vec::clone, |w| w),
        "gzip, br" => {
            let (flushed, all) = encode("gzip", pieces);
            let ends = std::iter::once(0).chain(flushed.iter().map(Vec::len));
            let ends: Vec<usize> = ends.chain([all.len()]).collect();
            let inner: Vec<&[u8]> = ends.windows(2).map(|w| &all[w[0]..w[1]]).collect();
            let (mut flushed, all) = encode("br", &inner);
            flushed.pop();
            (flushed, all)
        }
        other => panic!("no encoder for {other}"),
    }
}

fn decode<'a>(
    encoding: &str,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, DecodeState) {
    let mut decoder = Decoder::new(Some(encoding));
    let mut all = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk, &mut |piece| all.extend_from_slice(piece));
    }
    decoder.finish(&mut |piece| all.extend_from_slice(piece));
    (all, decoder.state())
}

#[test]
fn a_flush_gives_its_bytes_at_once() {
    let pieces: [&[u8]; 4] = [
        b"data: 1\n\n",
        b"data: 2\n\n",
        b"data: 3\n\n",
        b"data: [DONE]\n\n",
    ];
    for coding in CODINGS {
        let (flushed, _) = encode(coding, &pieces);
        assert_eq!(flushed.len(), pieces.len());
        let mut decoder = Decoder::new(Some(header(coding)));
        let (mut fed, mut all) = (0, Vec::new());
        for (index, bytes) in flushed.iter().enumerate() {
            decoder.feed(&bytes[fed..], &mut |piece| all.extend_from_slice(piece));
            fed = bytes.len();
            assert_eq!(all, pieces[..=index].concat(), "{coding}");
        }
        assert_eq!(decoder.state(), DecodeState::Ok, "{coding}");
    }
}

#[test]
fn several_members_and_frames_are_read_on() {
    for coding in ["gzip", "zstd"] {
        let parts: Vec<Vec<u8>> = ["one ", "", "two"]
            .iter()
            .map(|text| encode(coding, &[text.as_bytes()]).1)
            .collect();
        let bytes = parts.concat();
        for size in [1, 7, bytes.len()] {
            let whole = decode(coding, bytes.chunks(size));
            assert_eq!(
                whole,
                (b"one two".to_vec(), DecodeState::Ok),
                "{coding} by {size}"
            );
        }
    }
}

#[test]
fn what_follows_the_end_is_left_out() {
    for coding in ["gzip", "deflate", "raw deflate", "br"] {
        let bytes = [&encode(coding, &[b"text"]).1[..], b"\0\0padding"].concat();
        assert_eq!(
            decode(header(coding), [&bytes[..]]),
            (b"text".to_vec(), DecodeState::Ok)
        );
        assert_eq!(
            decode(header(coding), bytes.chunks(1)).0,
            b"text",
            "{coding}"
        );
    }
}

#[test]
fn every_part_of_a_gzip_header_is_skipped() {
    let mut header = vec![0x1F, 0x8B, 8, 0b1_1110, 1, 2, 3, 4, 0, 255];
    header.extend_from_slice(&[3, 0, b'a', 0, b'c']);
    header.extend_from_slice(b"name\0comment\0\x01\x02");
    let bytes = [&header[..], &encode("raw deflate", &[b"text"]).1, &[0; 8]].concat();
    for size in [1, 5, bytes.len()] {
        let whole = decode("gzip", bytes.chunks(size));
        assert_eq!(whole, (b"text".to_vec(), DecodeState::Ok), "by {size}");
    }
}

#[test]
fn names_are_read_as_the_standard_writes_them() {
    let gzip = encode("gzip", &[b"text"]).1;
    for name in [
        "GZIP",
        " x-gzip ",
        "identity, gzip",
        "gzip,",
        ", gzip ,identity",
    ] {
        assert_eq!(decode(name, [&gzip[..]]).0, b"text", "{name}");
    }
    for name in [
        "compress",
        "gzip, compress",
        "gzip gzip",
        "gzip,gzip,gzip,gzip,gzip",
    ] {
        assert_eq!(
            decode(name, [&gzip[..]]),
            (vec![], DecodeState::Unsupported),
            "{name}"
        );
    }
    let mut plain = Decoder::new(None);
    let text = b"text";
    let mut same = false;
    plain.feed(text, &mut |piece| same = std::ptr::eq(piece, &text[..]));
    assert!(same, "identity copies");
}

#[test]
fn a_body_of_another_coding_is_broken_from_there_on() {
    for coding in ["gzip", "br", "zstd"] {
        let (text, state) = decode(coding, [&b"{\"usage\":{\"input_tokens\":1}}"[..], b"more"]);
        assert_eq!((text.len(), state), (0, DecodeState::Broken), "{coding}");
    }
    let mut bytes = encode("gzip", &[&[b'x'; 100], &[b'y'; 100]]).1;
    let end = bytes.len();
    bytes[end - 20..].fill(0xFF);
    assert_eq!(decode("gzip", bytes.chunks(9)).1, DecodeState::Broken);
}

#[test]
fn bytes_after_the_end_of_the_body_are_ignored() {
    let gzip = encode("gzip", &[b"text"]).1;
    let mut decoder = Decoder::new(Some("gzip"));
    decoder.feed(&gzip, &mut |_| {});
    decoder.finish(&mut |_| panic!("held back"));
    decoder.feed(b"raw", &mut |_| panic!("decoded after the end"));
    assert_eq!(decoder.state(), DecodeState::Ok);
}

#[test]
fn a_zstd_window_past_the_bound_is_refused() {
    for (log, state) in [(23, DecodeState::Ok), (24, DecodeState::Broken)] {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(b"text").unwrap();
        encoder.flush().unwrap();
        let bytes = encoder.finish().unwrap();
        assert_eq!(decode("zstd", [&bytes[..]]).1, state, "{log}");
    }
}

#[test]
fn a_bomb_stops() {
    let zeros = vec![0; 4 << 20];
    for coding in ["gzip", "deflate", "raw deflate", "br", "zstd", "gzip, br"] {
        let bytes = encode(coding, &[&zeros]).1;
        let mut decoder = Decoder::new(Some(header(coding)));
        let (mut made, mut fed) = (0, 0);
        for chunk in bytes.chunks(256) {
            fed += chunk.len() as u64;
            decoder.feed(chunk, &mut |piece| made += piece.len() as u64);
        }
        assert_eq!(decoder.state(), DecodeState::TooLarge, "{coding}");
        assert!(
            made <= RATIO_FREE.max(fed * RATIO_MAX),
            "{coding}: {made} from {fed}"
        );
        assert!(made < zeros.len() as u64, "{coding}");
    }
}

#[test]
fn a_body_past_the_bound_stops_at_any_ratio() {
    // A little noise in each kilobyte keeps the ratio below its bound, so that only the size is
    // met.
    let mut seed = 1_u32;
    let noise = (0..1 << 20).map(|at| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if at % 1024 < 16 {
            seed.to_be_bytes()[0]
        } else {
            0
        }
    });
    let member = encode("gzip", &[&noise.collect::<Vec<u8>>()]).1;
    let mut decoder = Decoder::new(Some("gzip"));
    let mut made = 0;
    for _ in 0..70 {
        decoder.feed(&member, &mut |piece| made += piece.len() as u64);
    }
    assert_eq!(decoder.state(), DecodeState::TooLarge);
    assert!(
        (OUTPUT_MAX - (64 << 10)..=OUTPUT_MAX).contains(&made),
        "{made}"
    );
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..400),
        vec(prop::sample::select(b"data: {\"a\":1}\n".to_vec()), 0..2000),
        (any::<u8>(), 0_usize..100_000).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_split_decodes_to_what_was_encoded(
        body in body(),
        pieces in 1_usize..4,
        size in 1_usize..300,
    ) {
        let parts: Vec<&[u8]> = body.chunks(body.len() / pieces + 1).collect();
        for coding in CODINGS {
            let bytes = encode(coding, &parts).1;
            for size in [size, bytes.len() + 1] {
                let (text, state) = decode(header(coding), bytes.chunks(size));
                prop_assert_eq!(state, DecodeState::Ok, "{}", coding);
                prop_assert!(text == body, "{} by {}", coding, size);
            }
        }
    }

    #[test]
    fn a_body_cut_off_gives_its_beginning(body in body(), cut in any::<prop::sample::Index>()) {
        for coding in CODINGS {
            let bytes = encode(coding, &[&body]).1;
            let (text, state) = decode(header(coding), [&bytes[..cut.index(bytes.len() + 1)]]);
            prop_assert_eq!(state, DecodeState::Ok, "{}", coding);
            prop_assert!(body.starts_with(&text), "{}", coding);
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(
        body in body(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        noise in vec(any::<u8>(), 0..200),
    ) {
        for coding in CODINGS {
            let mut bytes = encode(coding, &[&body]).1;
            for (at, byte) in &flips {
                let length = bytes.len();
                if length > 0 {
                    bytes[at.index(length)] ^= byte;
                }
            }
            let once = decode(header(coding), [&bytes[..]]);
            prop_assert_eq!(decode(header(coding), bytes.chunks(11)).1, once.1, "{}", coding);
            decode(header(coding), [&noise[..]]);
        }
    }
}
