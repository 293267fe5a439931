//! The own APIs of DashScope, Qianfan, Hunyuan and Spark.

use super::*;

#[test]
fn dashscopes_last_event_stands() {
    let event = |output: u64, reason: &str| {
        json!({"output": {"choices": [{"finish_reason": reason, "message": {"content": "x"}}]},
            "usage": {"input_tokens": 30, "output_tokens": output, "total_tokens": 30 + output,
                "prompt_tokens_details": {"cached_tokens": 10},
                "output_tokens_details": {"reasoning_tokens": 2}},
            "request_id": "r", "code": "", "message": ""})
    };
    let events = [event(1, "null"), event(5, "null"), event(9, "stop")];
    let case = Case::events(Dialect::Dashscope, &events);
    assert_eq!(
        counts(&case.reported()),
        [Some(30), Some(10), Some(9), Some(2)]
    );
    let left = Case::events(Dialect::Dashscope, &events[..2]).end(StreamEnd::ClientClosed);
    assert_eq!(left.read().1.source, UsageSource::Partial);
}

#[test]
fn dashscope_counts_media_in_their_own_units() {
    for (usage, unit, count) in [
        (json!({"image_count": 4}), "images", 4),
        (
            json!({"video_count": 1, "video_duration": 5, "size": "1280*720"}),
            "video_seconds",
            5,
        ),
        (json!({"characters": 81}), "characters", 81),
        (json!({"duration": 9.2}), "audio_seconds", 10),
    ] {
        let body =
            json!({"output": {"task_id": "t-1", "task_status": "SUCCEEDED"}, "usage": usage});
        let (_, found) = Case::json(Dialect::Dashscope, &body).read();
        assert_eq!(found.response_id.as_deref(), Some("t-1"));
        let units = found.usage.expect("usage").other_units;
        assert_eq!(units.get(unit), Some(&count), "{usage}");
        let size = usage.get("size").map(|_| "1280x720");
        assert_eq!(found.selectors.size.as_deref(), size);
    }
    let seen = json!({"usage": {"input_tokens": 1271, "output_tokens": 55, "image_tokens": 1247}});
    let usage = Case::json(Dialect::Dashscope, &seen).reported();
    assert_eq!((usage.input, usage.image_input), (Some(1271), Some(1247)));
    let embedded = json!({"output": {"embeddings": []}, "usage": {"total_tokens": 8}});
    assert_eq!(
        Case::json(Dialect::Dashscope, &embedded).reported().input,
        Some(8)
    );
}

#[test]
fn dashscopes_errors_are_a_code_beside_the_answer() {
    let error = json!({"code": "Throttling.RateQuota", "message": "slow down", "request_id": "r"});
    let (_, found) = Case::json(Dialect::Dashscope, &error).status(429).read();
    assert_eq!(found.error, Some(ErrorType::RateLimit));
    let case = Case::events(Dialect::Dashscope, &[]).then(&format!(
        "id:1\nevent:error\n:HTTP_STATUS/400\ndata:{}\n\n",
        json!({"code": "DataInspectionFailed", "message": "no", "request_id": "r"})
    ));
    let (_, found) = case.read();
    assert_eq!(
        (found.error, found.usage),
        (Some(ErrorType::InvalidRequest), None)
    );
    let failed = json!({"output": {"task_status": "FAILED", "code": "InternalError.Timeout"}});
    let (_, found) = Case::json(Dialect::Dashscope, &failed).read();
    assert_eq!(found.error, Some(ErrorType::Timeout));
}

#[test]
fn qianfans_output_is_the_rest_of_its_total() {
    let event = |end: bool, total: u64| {
        json!({"result": "x", "is_end": end,
            "usage": {"prompt_tokens": 7, "total_tokens": total}})
    };
    let events = [event(false, 9), event(true, 31)];
    let usage = Case::events(Dialect::Qianfan, &events).reported();
    assert_eq!(counts(&usage), [Some(7), None, Some(24), None]);
    let error = json!({"error_code": 18, "error_msg": "Open api qps request limit reached"});
    let (_, found) = Case::json(Dialect::Qianfan, &error).read();
    assert_eq!(
        (found.error, found.source),
        (Some(ErrorType::RateLimit), UsageSource::None)
    );
}

#[test]
fn hunyuan_wraps_its_bodies_and_not_its_events() {
    let part = json!({"Choices": [{"FinishReason": "stop", "Message": {"Content": "x"}}],
        "Usage": {"PromptTokens": 21, "CompletionTokens": 5, "TotalTokens": 26,
            "PromptTokensDetails": {"CachedTokens": "16"}}});
    for case in [
        Case::json(Dialect::Hunyuan, &json!({ "Response": part })),
        Case::events(Dialect::Hunyuan, &[part]),
    ] {
        assert_eq!(
            counts(&case.reported()),
            [Some(21), Some(16), Some(5), None]
        );
    }
    for error in [
        json!({"Response": {"Error": {"Code": "LimitExceeded", "Message": "x"}, "RequestId": "r"}}),
        json!({"ErrorMsg": {"Code": "RequestLimitExceeded", "Msg": "x"}}),
    ] {
        let (_, found) = Case::json(Dialect::Hunyuan, &error).read();
        assert_eq!(
            (found.error, found.source),
            (Some(ErrorType::RateLimit), UsageSource::None)
        );
    }
}

#[test]
fn sparks_last_message_states_usage() {
    let message = |status: u64, usage: Value| {
        json!({"header": {"code": 0, "message": "Success", "sid": "s-1", "status": status},
            "payload": {"choices": {"text": [{"content": "x"}]}, "usage": usage}})
    };
    let stated = json!({"text": {"question_tokens": 4, "prompt_tokens": 12,
        "completion_tokens": 30, "total_tokens": 42}});
    // Each message of the server comes as a document of its own.
    let case =
        Case::json(Dialect::Spark, &message(0, Value::Null)).then(&message(2, stated).to_string());
    let (settled, found) = case.read();
    assert_eq!(settled, Some(case.body.len()));
    assert_eq!(found.response_id.as_deref(), Some("s-1"));
    assert_eq!(
        counts(&found.usage.expect("usage")),
        [Some(12), None, Some(30), None]
    );
    let error = json!({"header": {"code": 10_907, "message": "token limit", "status": 2}});
    let (_, found) = Case::json(Dialect::Spark, &error).read();
    assert_eq!(
        (found.error, found.usage),
        (Some(ErrorType::TokenLimit), None)
    );
}

#[test]
fn minimaxs_own_numbers_are_told_apart() {
    for (code, kind) in [
        (1004, ErrorType::Auth),
        (1002, ErrorType::RateLimit),
        (2013, ErrorType::InvalidRequest),
    ] {
        let body = json!({"choices": null, "base_resp": {"status_code": code, "status_msg": "x"}});
        let (_, found) = Case::json(Dialect::OpenaiChat, &body).read();
        assert_eq!((found.error, found.usage), (Some(kind), None));
    }
}
