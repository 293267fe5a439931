//! Another model in a body, and no other byte changed.

use std::ops::Range;

use serde_json::Value;

use super::RequestReader;
use crate::providers::Dialect;
use crate::wire::json::members;
use crate::wire::multipart::Multipart;

/// The member of a body, or the field of a form, that names its model.
pub(super) fn member_of(dialect: Option<Dialect>) -> &'static str {
    match dialect {
        Some(Dialect::Hunyuan) => "Model",
        Some(Dialect::Watsonx) => "model_id",
        _ => "model",
    }
}

/// The body, without content encoding, with `to` wherever it names its model. `None` where that would not be
/// read as `to`: the body is cut off, is neither JSON nor a form, or names its model elsewhere.
pub fn with_model(
    dialect: Option<Dialect>,
    content_type: Option<&str>,
    body: &[u8],
    to: &str,
) -> Option<Vec<u8>> {
    let member = member_of(dialect);
    let (places, name) = match content_type.and_then(|kind| Multipart::of(kind, 0)) {
        Some(form) => (fields(form, body, member), to.to_owned()),
        None => (members(body, &[member])?, Value::from(to).to_string()),
    };
    let mut sent = Vec::with_capacity(body.len() + places.len() * name.len());
    let mut from = 0;
    for place in places {
        sent.extend_from_slice(&body[from..place.start]);
        sent.extend_from_slice(name.as_bytes());
        from = place.end;
    }
    sent.extend_from_slice(&body[from..]);
    let mut reader = RequestReader::of(dialect, content_type);
    reader.feed(&sent, &mut |_| {});
    let is_alone = reader.model() == Some(to) && reader.other_models().is_empty();
    is_alone.then_some(sent)
}

/// Where the values of a form's fields of this name stand.
fn fields(mut form: Multipart, body: &[u8], name: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    form.feed(body, &mut |part| {
        let place = usize::try_from(part.start)
            .ok()
            .zip(usize::try_from(part.bytes).ok());
        if let Some((start, bytes)) = place.filter(|_| part.name == name && !part.is_file) {
            places.push(start..start + bytes);
        }
    });
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const CHAT: Option<Dialect> = Some(Dialect::OpenaiChat);

    fn renamed(dialect: Dialect, body: &str) -> Option<String> {
        let sent = with_model(Some(dialect), None, body.as_bytes(), "mini")?;
        Some(String::from_utf8(sent).unwrap())
    }

    #[test]
    fn every_place_that_names_the_model_takes_the_other_name() {
        for (dialect, body, expected) in [
            (
                Dialect::OpenaiChat,
                "{ \"messages\" : [{\"model\":\"x\"}],\n \"model\" : \"gpt-5\" }\r\n",
                Some("{ \"messages\" : [{\"model\":\"x\"}],\n \"model\" : \"mini\" }\r\n"),
            ),
            (
                Dialect::AnthropicMessages,
                r#"{"model":"a","mod\u0065l":"\u0062","stream":true}"#,
                Some(r#"{"model":"mini","mod\u0065l":"mini","stream":true}"#),
            ),
            (
                Dialect::Hunyuan,
                r#"{"Model":"big","model":"x"}"#,
                Some(r#"{"Model":"mini","model":"x"}"#),
            ),
            (
                Dialect::Watsonx,
                r#"{"model_id":"big"}"#,
                Some(r#"{"model_id":"mini"}"#),
            ),
            (Dialect::OpenaiChat, r#"{"messages":[]}"#, None),
            (Dialect::OpenaiChat, r#"{"model":"gpt-5""#, None),
            (Dialect::OpenaiChat, r#"[{"model":"gpt-5"}]"#, None),
        ] {
            assert_eq!(renamed(dialect, body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn a_name_is_written_as_json_writes_it() {
        let sent = with_model(CHAT, None, br#"{"model":"a"}"#, "a\"\\b").unwrap();
        assert_eq!(sent, br#"{"model":"a\"\\b"}"#);
    }

    #[test]
    fn a_forms_field_is_replaced_and_no_file_of_its_name() {
        let form = |model: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\n\
                 \0\r\n--bx model\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\
                 {model}\r\n--b--\r\n"
            )
        };
        let kind = Some("multipart/form-data; boundary=b");
        let sent = with_model(
            Some(Dialect::OpenaiAudio),
            kind,
            form("whisper-1").as_bytes(),
            "mini",
        );
        assert_eq!(sent, Some(form("mini").into_bytes()));
    }

    proptest! {
        #[test]
        fn all_other_bytes_stay(before in ".{0,20}", asked in ".{1,20}", to in ".{1,20}", after: i64) {
            let (before, asked, written) = (json!(before), json!(asked), json!(to));
            let body = |model| format!("{{\"messages\":{before}, \"model\" : {model},\"n\":{after}}} ");
            let sent = with_model(CHAT, None, body(&asked).as_bytes(), &to);
            // A blank name is no name.
            if let Some(sent) = sent {
                prop_assert_eq!(String::from_utf8(sent).unwrap(), body(&written));
            } else {
                prop_assert!(to.trim().is_empty(), "{to:?}");
            }
        }

        #[test]
        fn any_body_is_borne(body: Vec<u8>) {
            with_model(CHAT, Some("multipart/form-data; boundary=b"), &body, "mini");
            with_model(CHAT, None, &body, "mini");
        }
    }
}
