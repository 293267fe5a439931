//! A path costs what it costs, however it is spelled.

use proptest::prelude::*;

use super::*;

fn metering(method: &str, path: &str) -> Metering {
    endpoint(Api::Auto, method, path).metering
}

#[test]
fn a_metered_path_is_metered_in_every_spelling() {
    use Dialect::*;
    for (path, dialect) in [
        ("/v1/files/../chat/completions", OpenaiChat),
        ("/v1/files/%2e%2E/chat/completions", OpenaiChat),
        ("/v1/files/..;x=1/chat/completions", OpenaiChat),
        ("/../../v1/chat/completions", OpenaiChat),
        ("/openai/deployments/files/chat/completions", OpenaiChat),
        ("/openai/deployments/models/embeddings", OpenaiEmbeddings),
        ("/v1/files/completions", OpenaiCompletions),
        ("/v1/uploads/chat/completions", OpenaiChat),
        ("/moderations/v1/messages", AnthropicMessages),
        ("/v1/chat%2Fcompletions", OpenaiChat),
        ("/v1%2fchat/%63ompletions", OpenaiChat),
        ("/v1/chat/completions/.", OpenaiChat),
        ("/v1/chat/completions/%2E", OpenaiChat),
        ("/v1/chat/completions/x/..", OpenaiChat),
        ("/v1/chat/completions;x=1", OpenaiChat),
        ("/v1/chat;a=b/completions%3Bx", OpenaiChat),
        ("/v1/Chat/Completions", OpenaiChat),
        ("//v1//chat/completions/", OpenaiChat),
        ("/v1/chat\\completions", OpenaiChat),
        ("/v1/chat/completions#/../../files", OpenaiChat),
        ("/v1/RESPONSES/", OpenaiResponses),
        ("/v1/responses/x/../compact", OpenaiResponses),
        ("/v1/messages/count_tokens/..", AnthropicMessages),
        ("/v1/messages/.?beta=true", AnthropicMessages),
        ("/v1beta/models/M%3AgenerateContent", GeminiGenerate),
        ("/v1beta/%6Dodels/M:generateContent", GeminiGenerate),
        ("/v1beta/models/M:GENERATECONTENT;x", GeminiGenerate),
        (
            "/v1beta/models/g:countTokens/../M:embedContent",
            GeminiEmbed,
        ),
        (
            "/v1/publishers/Anthropic/Models/M:rawPredict",
            AnthropicMessages,
        ),
    ] {
        let found = endpoint(Api::Auto, "POST", path);
        assert_eq!(found.dialect, Some(dialect), "{path}");
        assert_eq!(found.metering, Metering::Metered, "{path}");
        if path.contains('M') {
            assert_eq!(found.model.as_deref(), Some("M"), "{path}");
        }
    }
}

#[test]
fn what_upstreams_may_read_differently_is_never_free() {
    for (method, path) in [
        ("POST", "/v1/chat/completions/../../files"),
        ("POST", "/v1/chat/completions%3F/../../files"),
        ("POST", "/v1/files#/../chat/completions"),
        ("POST", "/v1/files;/../chat%252Fcompletions"),
        ("POST", "/v1/files/%252e%252e/chat/complete"),
        ("POST", "/v1/chat%252Fcompletions"),
        ("POST", "/v1/chat/completions%00/../../moderations"),
        ("POST", "/v1/moderations;x=1"),
        ("POST", "/v1\\moderations"),
        ("POST", "/v1beta/models/g:generateContent/../h:countTokens"),
        ("GET", "/v1beta/models/g%253AgenerateContent"),
        ("GET", "/v1/realtime/../models"),
        ("GET", "/v1/models/%ff"),
    ] {
        let costs = matches!(
            metering(method, path),
            Metering::Unmetered | Metering::Metered
        );
        assert!(costs, "{path}");
    }
}

#[test]
fn a_free_word_in_anothers_place_is_not_free() {
    for path in [
        "/openai/deployments/files",
        "/openai/deployments/v1/files",
        "/openai/deployments/moderations",
        "/openai/deployments/files/images/generations",
        "/openai/deployments/responses/x/cancel",
        "/v1/files/images/generations",
        "/v1/models/files/audio/speech",
        "/v1/count_tokens",
        "/v1/responses/images/generations",
        "/v1/videos/responses/x/cancel",
    ] {
        let costs = matches!(
            metering("POST", path),
            Metering::Unmetered | Metering::Metered
        );
        assert!(costs, "{path}");
    }
}

/// A metered path as what stands before its model, the model, and what stands behind it.
const METERED: [(&str, &str, &str); 12] = [
    ("/v1/chat/completions", "", ""),
    ("/v1/completions", "", ""),
    ("/v1/responses", "", ""),
    ("/v1/responses/compact", "", ""),
    ("/v1/embeddings", "", ""),
    ("/v1/messages", "", ""),
    ("/openai/deployments/", "Files", "/chat/completions"),
    ("/openai/deployments/", "models", "/embeddings"),
    ("/v1beta/models/", "Gemini-2.5_pro", ":generateContent"),
    ("/v1beta/models/", "g", ":streamGenerateContent"),
    (
        "/v1/publishers/google/models/",
        "text-embedding",
        ":predict",
    ),
    ("/v1/publishers/anthropic/models/", "c", ":streamRawPredict"),
];

/// How one byte is written.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    Plain,
    OtherCase,
    Escaped,
    /// With an empty or a dot segment where the byte is a slash.
    Padded(&'static str),
}

fn spelling() -> impl Strategy<Value = Spelling> {
    prop_oneof![
        4 => Just(Spelling::Plain),
        1 => Just(Spelling::OtherCase),
        1 => Just(Spelling::Escaped),
        1 => prop::sample::select(vec!["/", "/.", "/%2e"]).prop_map(Spelling::Padded),
    ]
}

fn spelled(byte: u8, how: Spelling, case_matters: bool) -> String {
    let letter = char::from(byte);
    match how {
        Spelling::Escaped => format!("%{byte:02x}"),
        Spelling::Padded(padding) if byte == b'/' => format!("{padding}/"),
        Spelling::OtherCase if !case_matters && letter.is_ascii_lowercase() => {
            letter.to_ascii_uppercase().to_string()
        }
        Spelling::OtherCase if !case_matters => letter.to_ascii_lowercase().to_string(),
        _ => letter.to_string(),
    }
}

proptest! {
    #[test]
    fn spelling_never_changes_what_a_metered_path_is(
        (before, model, after) in prop::sample::select(METERED.to_vec()),
        spellings in prop::collection::vec(spelling(), 64),
    ) {
        let path = format!("{before}{model}{after}");
        let of_model = before.len()..before.len() + model.len();
        let respelled: String = path
            .bytes()
            .enumerate()
            .map(|(at, byte)| spelled(byte, spellings[at], of_model.contains(&at)))
            .collect();
        let found = endpoint(Api::Auto, "POST", &path);
        prop_assert_eq!(found.metering, Metering::Metered);
        prop_assert_eq!(endpoint(Api::Auto, "POST", &respelled), found, "{}", respelled);
    }

    #[test]
    fn nothing_before_a_metered_path_makes_it_free(
        before in "(/(files|models|moderations|deployments|\\.\\.|[a-z%;:.0-9]{0,6})){0,5}",
        (path, model, after) in prop::sample::select(METERED.to_vec()),
    ) {
        let path = format!("{before}{path}{model}{after}");
        prop_assert_eq!(metering("POST", &path), Metering::Metered, "{}", path);
    }
}
