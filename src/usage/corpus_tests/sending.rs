//! A recorded body as other senders would have sent it: encoded, and in other chunks.

use std::io::Write;

/// The body as other senders would have encoded it.
pub(super) fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "deflate" => {
            let mut writer =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "zstd" => zstd::encode_all(plain, 1).unwrap(),
        "br" => {
            let mut out = Vec::new();
            let mut writer = brotli::CompressorWriter::new(&mut out, 4096, 1, 18);
            writer.write_all(plain).unwrap();
            drop(writer);
            out
        }
        other => panic!("no encoder for {other}"),
    }
}

/// Chunks of 1 to 97 bytes, the same for the same body.
pub(super) fn ragged(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut seed = body.len() as u64 | 1;
    let mut rest = body;
    std::iter::from_fn(move || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let length = usize::try_from(1 + (seed >> 33) % 97)
            .unwrap()
            .min(rest.len());
        let (chunk, after) = rest.split_at(length);
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    })
}
