//! A path that names another model and is otherwise the same.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{endpoint, session};
use crate::providers::{Api, Dialect, Endpoint, SESSION};

/// Most segments that one model's name is looked for in.
const SEGMENTS_MAX: usize = 4;

/// What a name keeps as it is in a path. Google's methods begin at a colon, so a name's own is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'/');

/// The path, with its query, that `found` was read from, with `to` in the place of the model. `None` where the
/// path names none, where a name in it is not the model's, and where the body names it as well.
///
/// Whatever is put together is read again, and given only where all but the model is as before.
pub fn with_model(
    api: Api,
    method: &str,
    path_and_query: &str,
    found: &Endpoint,
    to: &str,
) -> Option<String> {
    let asked = found.model.as_deref()?;
    if found.dialect == Some(Dialect::GeminiEmbed) {
        return None;
    }
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let is_session = found.operation == SESSION;
    let fits = |path: &str, query: Option<&str>| {
        let again = match is_session {
            true => session(api, path, query.unwrap_or_default()),
            false => endpoint(api, method, path),
        };
        again.model.as_deref() == Some(to)
            && (again.dialect, again.operation, again.streamed)
                == (found.dialect, found.operation, found.streamed)
    };
    let joined = |path: &str, query: Option<&str>| match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut paths = named_in(path, asked).map(|place| put(path, place, to));
    if let Some(path) = paths.find(|path| fits(path, query)) {
        return Some(joined(&path, query));
    }
    let said = query.filter(|_| is_session)?;
    let mut queries = valued_in(said, asked).map(|place| put(said, place, to));
    let query = queries.find(|query| fits(path, Some(query)))?;
    Some(joined(path, Some(&query)))
}

fn put(text: &str, place: std::ops::Range<usize>, to: &str) -> String {
    let name = utf8_percent_encode(to, ESCAPED);
    format!("{}{name}{}", &text[..place.start], &text[place.end..])
}

/// Where segments of a path, before a Google method if there is one, read as the name.
fn named_in(path: &str, name: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let starts = path.match_indices('/').map(|(at, _)| at + 1);
    starts.flat_map(move |start| {
        let rest = &path[start..];
        let ends = rest.match_indices('/').map(|(at, _)| at);
        ends.chain([rest.len()])
            .take(SEGMENTS_MAX)
            .flat_map(move |end| {
                let before_method = rest[..end].rfind(':');
                [Some(end), before_method].into_iter().flatten()
            })
            .filter(move |end| reads_as(&rest[..*end], name))
            .map(move |end| start..start + end)
    })
}

/// Where a value of a query reads as the name.
fn valued_in(query: &str, name: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    query.split('&').filter_map(move |pair| {
        let start = at + pair.find('=').map_or(pair.len(), |equals| equals + 1);
        let end = at + pair.len();
        at = end + 1;
        reads_as(&query[start..end], name).then_some(start..end)
    })
}

fn reads_as(raw: &str, name: &str) -> bool {
    percent_decode_str(raw).decode_utf8_lossy() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(api: Api, path: &str, to: &str) -> Option<String> {
        let bare = path.split('?').next().unwrap_or_default();
        with_model(api, "POST", path, &endpoint(api, "POST", bare), to)
    }

    #[test]
    fn the_models_place_in_a_path_takes_another_name_and_nothing_else_changes() {
        for (api, path, to, expected) in [
            (
                Api::Gemini,
                "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=k",
                "gemini-2.5-flash",
                Some("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse&key=k"),
            ),
            (
                Api::Vertex,
                "/v1/projects/p/locations/eu/publishers/anthropic/models/claude-opus-4@20250514:rawPredict",
                "claude-haiku-4@20250514",
                Some(
                    "/v1/projects/p/locations/eu/publishers/anthropic/models/claude-haiku-4@20250514:rawPredict",
                ),
            ),
            (
                Api::Bedrock,
                "/model/us.anthropic.claude-opus-4-v1%3A0/converse-stream",
                "us.anthropic.claude-haiku-4-v1:0",
                Some("/model/us.anthropic.claude-haiku-4-v1%3A0/converse-stream"),
            ),
            (
                Api::Openai,
                "/openai/deployments/big/chat/completions?api-version=2024-10-21",
                "small one",
                Some("/openai/deployments/small%20one/chat/completions?api-version=2024-10-21"),
            ),
            (
                Api::Openai,
                "/openai/deployments/deployments/chat/completions",
                "small",
                Some("/openai/deployments/small/chat/completions"),
            ),
            (
                Api::Openai,
                "/accounts/a/ai/run/@cf/meta/llama-3-70b",
                "@cf/meta/llama-3-8b",
                Some("/accounts/a/ai/run/@cf/meta/llama-3-8b"),
            ),
            // The body names the model as well.
            (
                Api::Gemini,
                "/v1beta/models/e:batchEmbedContents",
                "f",
                None,
            ),
            (Api::Openai, "/v1/chat/completions", "f", None),
        ] {
            assert_eq!(renamed(api, path, to).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_sessions_model_is_replaced_in_its_query() {
        let path = "/v1/realtime";
        for (query, expected) in [
            ("model=gpt-realtime", Some("model=mini")),
            (
                "a=gpt-realtime&model=gpt%2Drealtime&b",
                Some("a=gpt-realtime&model=mini&b"),
            ),
            ("intent=transcription", None),
        ] {
            let found = session(Api::Openai, path, query);
            let sent = with_model(
                Api::Openai,
                "GET",
                &format!("{path}?{query}"),
                &found,
                "mini",
            );
            let expected = expected.map(|query| format!("{path}?{query}"));
            assert_eq!(sent, expected, "{query}");
        }
    }
}
