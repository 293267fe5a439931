//! The paths of providers with an API of their own.

use super::*;

#[test]
fn each_vendors_paths_lead_to_its_dialect() {
    use Dialect::*;
    for (path, dialect, operation) in [
        ("/api/v3/context/chat/completions", OpenaiChat, "chat"),
        ("/api/v3/bots/chat/completions", OpenaiChat, "chat"),
        ("/api/v2/cortex/inference:complete", OpenaiChat, "chat"),
        ("/v1/conversations/conv_1", OpenaiChat, "chat"),
        ("/v1/ocr", MistralOcr, "ocr"),
        ("/v2/chat", Cohere, "chat"),
        ("/v2/rerank", Cohere, "rerank"),
        ("/rerank", Voyage, "rerank"),
        ("/api/chat", Ollama, "chat"),
        ("/completion", Llamacpp, "text_completion"),
        ("/generate_stream", Tgi, "text_completion"),
        (
            "/api/v1/services/aigc/text-generation/generation",
            Dashscope,
            "chat",
        ),
        (
            "/ml/v1/text/generation_stream?version=1",
            Watsonx,
            "text_completion",
        ),
        ("/ml/v1-beta/generation/text", Watsonx, "text_completion"),
        ("/v1/predictions", Replicate, "predictions"),
    ] {
        check("POST", path, Some(dialect), operation);
    }
}

#[test]
fn vendors_name_the_model_in_the_path() {
    use Dialect::*;
    for (path, dialect, operation, model) in [
        (
            "/client/v4/accounts/a/ai/run/@cf/meta/Llama-3",
            OpenaiChat,
            "chat",
            "@cf/meta/Llama-3",
        ),
        (
            "/serving-endpoints/my-model/invocations",
            OpenaiChat,
            "chat",
            "my-model",
        ),
        (
            "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/completions_pro",
            Qianfan,
            "chat",
            "completions_pro",
        ),
        (
            "/v1/models/meta/llama-2-70b-chat/predictions",
            Replicate,
            "predictions",
            "meta/llama-2-70b-chat",
        ),
    ] {
        let found = check("POST", path, Some(dialect), operation);
        assert_eq!(found.model.as_deref(), Some(model));
    }
    let spark = endpoint(Api::Spark, "UPGRADE", "/v3.5/chat");
    assert_eq!(spark.model.as_deref(), Some("Spark-Max"));
}

#[test]
fn mistral_charges_for_moderations() {
    let found = || endpoint(Api::Openai, "POST", "/v1/moderations");
    assert_eq!(found().at(Some("openai")).metering, Metering::Free);
    let charged = found().at(Some("mistral"));
    assert_eq!(charged.metering, Metering::Metered);
    assert_eq!(charged.dialect, Some(Dialect::OpenaiEmbeddings));
}

#[test]
fn ollama_streams_where_it_is_not_told() {
    let streams = |path: &str, asked| endpoint(Api::Auto, "POST", path).streams(asked);
    assert!(streams("/api/chat", None));
    assert!(!streams("/api/chat", Some(false)));
    assert!(!streams("/api/embed", None));
    assert!(!streams("/v1/chat/completions", None));
}
