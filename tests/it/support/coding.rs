//! Content codings of the scripted upstreams' bodies.

use std::io::Write;

/// A `Content-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Br,
    Zstd,
    Deflate,
}

impl Coding {
    pub const ALL: [Coding; 5] = [
        Coding::Identity,
        Coding::Gzip,
        Coding::Br,
        Coding::Zstd,
        Coding::Deflate,
    ];

    /// The header's value; `None` for identity.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Br => Some("br"),
            Coding::Zstd => Some("zstd"),
            Coding::Deflate => Some("deflate"),
        }
    }

    pub fn encode(self, data: &[u8]) -> Vec<u8> {
        let written = "writing to memory cannot fail";
        match self {
            Coding::Identity => data.to_vec(),
            Coding::Gzip => {
                let mut to = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                to.write_all(data).expect(written);
                to.finish().expect(written)
            }
            Coding::Deflate => {
                let mut to = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
                to.write_all(data).expect(written);
                to.finish().expect(written)
            }
            Coding::Br => {
                let mut to = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
                to.write_all(data).expect(written);
                to.into_inner()
            }
            Coding::Zstd => zstd::encode_all(data, 3).expect(written),
        }
    }
}
