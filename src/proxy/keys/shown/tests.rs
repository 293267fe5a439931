use super::*;
use crate::ledger::keys::Token;

fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, value.parse().unwrap());
    }
    map
}

fn encoded(text: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(text);
    format!("Basic {text}")
}

#[test]
fn a_key_is_found_wherever_a_credential_is_carried() {
    let token = Token::draw();
    let (key, digest) = (token.expose(), token.digest());
    for (name, value, as_api_key) in [
        ("authorization", format!("Bearer {key}"), true),
        ("authorization", format!("bearer  {key}"), true),
        ("authorization", format!("Token {key}"), true),
        ("authorization", key.to_owned(), true),
        ("authorization", encoded(&format!("me:{key}")), true),
        ("x-api-key", key.to_owned(), true),
        ("api-key", key.to_owned(), true),
        ("x-goog-api-key", key.to_owned(), true),
        ("x-some-vendors-key", key.to_owned(), true),
        (
            "sec-websocket-protocol",
            format!("realtime, openai-insecure-api-key.{key}, beta"),
            true,
        ),
        ("x-weir-key", key.to_owned(), false),
        ("proxy-authorization", encoded(&format!(":{key}")), false),
        ("proxy-authorization", encoded(&format!("{key}:")), false),
        ("proxy-authorization", encoded(key), false),
        ("proxy-authorization", format!("Bearer {key}"), false),
    ] {
        let found = shown(&headers(&[(name, value.clone())]), None, None);
        let look = Look::Key(digest);
        assert_eq!(found, Some(Shown { look, as_api_key }), "{name}: {value}");
    }
    let none = HeaderMap::new();
    for query in [
        format!("key={key}"),
        format!("alt=sse&api-key={key}&x=1"),
        format!("key=%77eir_{}", &key[5..]),
    ] {
        let found = shown(&none, Some(&query), None).unwrap();
        assert_eq!((found.look, found.as_api_key), (Look::Key(digest), true));
    }
    let proxy = encoded(&format!("team=search:{key}"));
    let found = shown(&none, None, Some(&proxy)).unwrap();
    assert_eq!((found.look, found.as_api_key), (Look::Key(digest), false));
}

#[test]
fn the_place_of_the_providers_key_goes_before_what_is_beside_it() {
    let (one, other) = (Token::draw(), Token::draw());
    let proxy = encoded(&format!(":{}", other.expose()));
    let headers = headers(&[("x-api-key", one.expose().to_owned())]);
    let found = shown(&headers, None, Some(&proxy)).unwrap();
    assert_eq!(found.look, Look::Key(one.digest()));
}

#[test]
fn a_misspelt_key_is_one_where_credentials_stand_and_a_word_elsewhere() {
    let misspelt = |name, value: &str| shown(&headers(&[(name, value.to_owned())]), None, None);
    let look = Look::Misspelt;
    for (name, value) in [("authorization", "Bearer weir_x"), ("x-api-key", "weir_x")] {
        let as_api_key = true;
        assert_eq!(misspelt(name, value), Some(Shown { look, as_api_key }));
    }
    assert_eq!(misspelt("user-agent", "weir_client"), None);
    assert_eq!(misspelt("authorization", "Bearer sk-1"), None);
    assert_eq!(shown(&HeaderMap::new(), Some("tag=weir_x"), None), None);
}

#[test]
fn keys_are_taken_off_and_other_credentials_stay() {
    let key = Token::draw().expose().to_owned();
    let map = headers(&[
        ("authorization", "Bearer sk-1".to_owned()),
        ("x-api-key", key.clone()),
        ("x-other", "1".to_owned()),
        (
            "sec-websocket-protocol",
            format!("realtime, openai-insecure-api-key.{key}"),
        ),
    ]);
    let mut off = headers_off(&map, Off::Keys);
    off.sort_by_key(|(name, _)| name.to_string());
    let left = HeaderValue::from_static("realtime");
    assert_eq!(
        off,
        [
            (SEC_WEBSOCKET_PROTOCOL, Some(left)),
            (HeaderName::from_static("x-api-key"), None)
        ]
    );
    let all = headers_off(&map, Off::All(Api::Openai));
    assert_eq!(all.len(), 3, "the client's own credential goes too");
    let alone = headers(&[(
        "sec-websocket-protocol",
        "openai-insecure-api-key.sk-1".to_owned(),
    )]);
    assert_eq!(headers_off(&alone, Off::Keys), []);
    let off = headers_off(&alone, Off::All(Api::Openai));
    assert_eq!(off, [(SEC_WEBSOCKET_PROTOCOL, None)]);
}

#[test]
fn a_query_loses_the_key_and_nothing_else() {
    let key = Token::draw().expose().to_owned();
    let off = |path: String, off| {
        query_off(path.as_bytes(), off).map(|path| String::from_utf8(path).unwrap())
    };
    for (path, left) in [
        (format!("/m?key={key}"), "/m"),
        (format!("/m?alt=sse&key={key}&&b=%20"), "/m?alt=sse&&b=%20"),
        (format!("/m?any={key}&a"), "/m?a"),
        ("/m?key=weir_slip&a".to_owned(), "/m?a"),
    ] {
        assert_eq!(
            off(path.clone(), Off::Keys).as_deref(),
            Some(left),
            "{path}"
        );
    }
    for path in ["/m", "/m?", "/m?key=AIza&x=weir_", "/m?a=b&key"] {
        assert_eq!(off(path.to_owned(), Off::Keys), None, "{path}");
    }
    let own = || "/m?key=AIza&a".to_owned();
    assert_eq!(off(own(), Off::All(Api::Gemini)).as_deref(), Some("/m?a"));
    assert_eq!(off(own(), Off::All(Api::Openai)), None);
}

#[test]
fn a_label_that_holds_a_key_is_told_from_a_name() {
    let key = Token::draw().expose().to_owned();
    for text in [key.clone(), format!("me {key}"), format!("{}x", &key[..40])] {
        assert!(holds_key(&text), "{text}");
    }
    for text in [
        "weir_tester",
        "weir_",
        "ann",
        "weir_weir_weir_weir_weir_weir_weir_",
    ] {
        assert!(!holds_key(text), "{text}");
    }
}
