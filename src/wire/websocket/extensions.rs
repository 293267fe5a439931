//! What the `Sec-WebSocket-Extensions` of a 101 says of the frames to come.

/// The extensions in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    None,
    /// permessage-deflate; for each side whether it begins every message with an empty window.
    Deflate {
        client_forgets: bool,
        server_forgets: bool,
    },
    /// One that is not known here: its frames cannot be read.
    Unknown,
}

/// Reads the header's values as the server wrote them. A window may be smaller than the largest, which
/// reads it too, so its size is not looked at.
pub fn negotiated<'a>(values: impl IntoIterator<Item = &'a str>) -> Extensions {
    let mut found = Extensions::None;
    let listed = values.into_iter().flat_map(|value| value.split(','));
    for extension in listed.map(str::trim).filter(|text| !text.is_empty()) {
        let mut words = extension.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        if found != Extensions::None || !name.eq_ignore_ascii_case("permessage-deflate") {
            return Extensions::Unknown;
        }
        let (mut client_forgets, mut server_forgets) = (false, false);
        for word in words {
            let name = word.split('=').next().unwrap_or_default().trim();
            match name.to_ascii_lowercase().as_str() {
                "client_no_context_takeover" => client_forgets = true,
                "server_no_context_takeover" => server_forgets = true,
                "client_max_window_bits" | "server_max_window_bits" => {}
                _ => return Extensions::Unknown,
            }
        }
        found = Extensions::Deflate {
            client_forgets,
            server_forgets,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_answers_tells_how_its_frames_are_read() {
        let deflate = |client_forgets, server_forgets| Extensions::Deflate {
            client_forgets,
            server_forgets,
        };
        for (values, expected) in [
            (&[][..], Extensions::None),
            (&[""], Extensions::None),
            (&["permessage-deflate"], deflate(false, false)),
            (
                &["Permessage-Deflate; server_no_context_takeover ;client_max_window_bits=\"12\""],
                deflate(false, true),
            ),
            (
                &["permessage-deflate;client_no_context_takeover; server_max_window_bits = 9"],
                deflate(true, false),
            ),
            (&["x-webkit-deflate-frame"], Extensions::Unknown),
            (&["permessage-deflate", "x-other"], Extensions::Unknown),
            (
                &["permessage-deflate, permessage-deflate"],
                Extensions::Unknown,
            ),
            (&["permessage-deflate; level=9"], Extensions::Unknown),
        ] {
            assert_eq!(negotiated(values.iter().copied()), expected, "{values:?}");
        }
    }
}
