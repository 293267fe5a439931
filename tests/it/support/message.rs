//! HTTP/1.1 messages as they stand on the wire.
//!
//! Text here is Latin-1: one char for one byte, so that nothing is lost and any byte can be compared.

/// The head of a request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Every byte, the empty line included; empty for HTTP/2.
    pub raw: Vec<u8>,
    /// The request line or the status line.
    pub first: String,
    /// Names as they were sent, in order.
    pub headers: Vec<(String, String)>,
}

/// One char for one byte.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of a text that [`latin1`] made.
pub fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("a Latin-1 text"))
        .collect()
}

impl Head {
    /// Reads a head whose empty line is its last.
    pub fn parse(raw: &[u8]) -> Head {
        let text = latin1(raw);
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .take_while(|line| !line.is_empty())
            .map(|line| {
                let (name, value) = line.split_once(':').expect("a header line has a colon");
                (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
            })
            .collect();
        Head {
            raw: raw.to_vec(),
            first,
            headers,
        }
    }

    /// A head of HTTP/2, its pseudo-headers folded into the first line.
    pub fn of_h2(first: String, headers: &http::HeaderMap) -> Head {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), latin1(value.as_bytes())))
            .collect();
        Head {
            raw: Vec::new(),
            first,
            headers,
        }
    }

    /// All values of a header, by a name of any case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The first value of a header, by a name of any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn method(&self) -> &str {
        self.word(0)
    }

    pub fn target(&self) -> &str {
        self.word(1)
    }

    pub fn status(&self) -> u16 {
        self.word(1).parse().expect("a status line has a number")
    }

    /// What follows the status.
    pub fn reason(&self) -> &str {
        self.first.splitn(3, ' ').nth(2).unwrap_or_default()
    }

    fn word(&self, at: usize) -> &str {
        self.first.split(' ').nth(at).unwrap_or_default()
    }

    /// How the body of a message with this head is framed.
    pub fn framing(&self, response_to: Option<&str>) -> BodyKind {
        let bodiless = response_to.is_some_and(|method| {
            method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304)
        });
        if bodiless {
            return BodyKind::None;
        }
        let chunked = |value: &str| value.to_ascii_lowercase().ends_with("chunked");
        if self.get("transfer-encoding").is_some_and(chunked) {
            return BodyKind::Chunked;
        }
        match self.get("content-length") {
            Some(length) => BodyKind::Length(length.parse().expect("a length is a number")),
            None if response_to.is_some() => BodyKind::UntilClose,
            None => BodyKind::None,
        }
    }
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// A body as it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// What the framing carries.
    pub data: Vec<u8>,
    /// Sizes of the chunks or frames it came in.
    pub chunks: Vec<usize>,
    /// Whether it came to the end that its framing states.
    pub complete: bool,
    /// Trailer lines.
    pub trailers: Vec<(String, String)>,
}

/// One chunk of the chunked coding.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", data.len()).into_bytes();
    framed.extend_from_slice(data);
    framed.extend_from_slice(b"\r\n");
    framed
}
