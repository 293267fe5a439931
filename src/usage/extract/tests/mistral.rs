//! Mistral's own: connectors, conversations, audio in a chat.

use super::*;

fn chat(usage: &Value) -> Case {
    let choices = json!([{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}]);
    let body = json!({"model": "m-1", "choices": choices, "usage": usage});
    Case::json(Dialect::OpenaiChat, &body)
}

#[test]
fn what_connectors_feed_back_is_input() {
    let usage = json!({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 325,
        "connector_tokens": 300, "connectors": {"web_search": 2, "web_search_premium": 1,
        "code_interpreter": 4}});
    let body = json!({"object": "conversation.response", "usage": usage,
        "outputs": [{"type": "message.output", "model": "m-1", "content": "hi"}]});
    let (_, found) = Case::json(Dialect::OpenaiChat, &body).read();
    assert_eq!(found.model.as_deref(), Some("m-1"));
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(320), None, Some(5), None]);
    let units = [("code_executions", 4), ("web_searches", 3)];
    assert_eq!(usage.other_units, units.into());
}

#[test]
fn connectors_that_the_prompt_contains_are_counted_once() {
    for connector in [json!(15), json!(0), json!(null)] {
        let found = chat(&json!({"prompt_tokens": 20, "completion_tokens": 5,
            "total_tokens": 25, "connector_tokens": connector}))
        .reported();
        assert_eq!(counts(&found), [Some(20), None, Some(5), None]);
    }
}

#[test]
fn a_conversation_without_usage_is_estimated_from_its_outputs() {
    let content = json!([{"type": "text", "text": "one two three four five"}]);
    let body = json!({"outputs": [{"model": "m-1", "content": content}]});
    let (_, found) = Case::json(Dialect::OpenaiChat, &body).read();
    assert_eq!(found.source, UsageSource::Estimated);
    let output = found.usage.and_then(|usage| usage.output);
    assert!(
        output.is_some_and(|count| (3..12).contains(&count)),
        "{output:?}"
    );
}

#[test]
fn what_a_chat_hears_is_counted_in_seconds_too() {
    let heard = |seconds: Value| {
        chat(
            &json!({"prompt_tokens": 26, "completion_tokens": 35, "total_tokens": 436,
            "prompt_audio_seconds": seconds}),
        )
        .reported()
    };
    let found = heard(json!(29.4));
    assert_eq!((found.input, found.audio_input), (Some(401), Some(375)));
    assert_eq!(found.other_units, [("audio_seconds", 30)].into());
    for nothing in [json!(null), json!(0), json!({})] {
        assert!(heard(nothing).other_units.is_empty());
    }
}
