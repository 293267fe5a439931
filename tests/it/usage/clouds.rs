//! The clouds: Bedrock's binary streams, and hosts that are a customer's or a region's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::client::{H1, H2, Request, secure, tunnel, tunnel_to};
use crate::support::event_stream::{converse_stream, frame};
use crate::support::ledger::Row;
use crate::support::tls::Alpn;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

const BEDROCK: &str = "bedrock-runtime.us-west-2.amazonaws.com";
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-west-2/bedrock/aws4_request, SignedHeaders=host, Signature=00";

fn invoke_stream() -> Vec<u8> {
    let chunks = [
        json!({"type": "message_start", "message": {"model": "claude-haiku-4-5-20251001", "usage":
            {"input_tokens": 3, "cache_read_input_tokens": 9511, "cache_creation_input_tokens": 1956,
             "output_tokens": 1}}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 44}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics":
            {"inputTokenCount": 3, "outputTokenCount": 44}}),
    ];
    let chunk = |native: &Value| {
        let bytes = STANDARD.encode(native.to_string());
        frame("chunk", &json!({"bytes": bytes, "p": "abcdef"}))
    };
    chunks.iter().flat_map(chunk).collect()
}

fn settings(providers: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nadmin:\n  listen: 127.0.0.1:0\ndata_dir: ./weir-data\nproviders:\n{providers}"
    )
}

fn assert_call(call: &Row, dialect: &str, model: &str, cost: i64) {
    assert_eq!(call.text("provider"), Some("bedrock"));
    assert_eq!(call.text("dialect"), Some(dialect));
    assert_eq!(call.text("request_model"), Some(model));
    assert_eq!(call.text("usage_source"), Some("reported"));
    assert_eq!(call.text("outcome"), Some("ok"));
    assert_eq!(call.int("streamed"), Some(1));
    for (column, count) in [
        ("input_tokens", 11_470),
        ("cache_read_tokens", 9511),
        ("cache_write_5m_tokens", 1956),
        ("output_tokens", 44),
        ("cost_picousd", cost),
    ] {
        assert_eq!(call.int(column), Some(count), "{column}");
    }
    assert!(call.text("key").is_some());
    // By the host that the client named, wherever its call went.
    let selectors = call.text("price_selectors").expect("a region");
    assert!(selectors.contains(r#""geo":"us-west-2""#), "{selectors}");
}

#[tokio::test]
async fn a_bedrock_stream_inside_connect_ends_in_its_row() {
    let upstream = Upstream::answering(Transport::Plain, |received| {
        let body = if received.head.target().ends_with("/converse-stream") {
            converse_stream()
        } else {
            invoke_stream()
        };
        Reply::chunked(body.into_iter().map(|byte| vec![byte]))
            .header("Content-Type", "application/vnd.amazon.eventstream")
    })
    .await;
    let yaml = settings(&format!(
        "  bedrock: {{ upstream: '{}' }}\n",
        upstream.url()
    ));
    let weir = Weir::start_with_yaml(&yaml).await;
    let request = |path: &str| {
        Request::json(
            path,
            &json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}),
        )
        .header("Authorization", SIGNED)
    };

    let wire = tunnel(weir.proxy, BEDROCK, "").await;
    let mut h1 = H1 {
        wire: secure(wire, BEDROCK, weir.roots(), Alpn::H1).await,
        prefix: String::new(),
        host: BEDROCK.to_owned(),
    };
    let path = "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream";
    let answer = h1.send(&request(path)).await;
    assert_eq!(answer.body.data, converse_stream());

    let wire = tunnel(weir.proxy, BEDROCK, "").await;
    let wire = secure(wire, BEDROCK, weir.roots(), Alpn::H2).await;
    let mut h2 = H2::over(wire.into_io().0, BEDROCK).await;
    let path =
        "/model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream";
    let answer = h2.send(&request(path)).await;
    assert_eq!(answer.body.data, invoke_stream());

    let calls = weir.calls_eventually(2).await;
    let model = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    assert_call(&calls[0], "bedrock.converse", model, 3_981_010_000);
    // The answer's own name of the model would be priced as a regional one.
    let model = "global.anthropic.claude-haiku-4-5-20251001-v1:0";
    assert_call(&calls[1], "bedrock.invoke", model, 3_619_100_000);
    assert_eq!(calls[0].text("key"), calls[1].text("key"));
}

#[tokio::test]
async fn a_claimed_host_is_dialled_itself_and_a_base_url_goes_to_the_upstream() {
    let usage = |model: &'static str| {
        move |_: &_| {
            let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
            Reply::json(json!({"model": model, "choices": [], "usage": usage}).to_string())
        }
    };
    let secured = Upstream::answering(Transport::Tls(Alpn::H1), usage("by-connect")).await;
    let plain = Upstream::answering(Transport::Plain, usage("by-absolute")).await;
    let other = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let (secured_at, plain_at) = (secured.address.port(), plain.address.port());
    let yaml = settings(&format!(
        "  openai:\n    ca: ./upstream-root.pem\n    hosts: ['localhost:{secured_at}', '127.0.0.1:{plain_at}']\n"
    ));
    let weir = Weir::start_with_yaml(&yaml).await;
    let request = Request::json(
        "/v1/chat/completions",
        &json!({"model": "m", "messages": []}),
    );

    let wire = tunnel_to(weir.proxy, &format!("localhost:{secured_at}"), "").await;
    let mut tunnelled = H1 {
        wire: secure(wire, "localhost", weir.roots(), Alpn::H1).await,
        prefix: String::new(),
        host: format!("localhost:{secured_at}"),
    };
    assert_eq!(tunnelled.send(&request).await.status(), 200);
    let host = format!("localhost:{secured_at}");
    assert_eq!(secured.only().head.get("host"), Some(host.as_str()));

    let mut absolute = H1 {
        wire: Wire::dial(weir.proxy).await,
        prefix: format!("http://127.0.0.1:{plain_at}"),
        host: format!("127.0.0.1:{plain_at}"),
    };
    assert_eq!(absolute.send(&request).await.status(), 200);
    let calls = weir.calls_eventually(2).await;
    let models: Vec<_> = calls.iter().map(|call| call.text("model")).collect();
    assert_eq!(models, [Some("by-connect"), Some("by-absolute")]);

    // Once the settings name an upstream, it gets them all.
    weir.edit(&yaml.replace(
        "    ca:",
        &format!("    upstream: '{}'\n    ca:", other.url()),
    ));
    let reload = Request::post("/-/reload", "");
    assert_eq!(weir.admin(&reload).await.status(), 200);
    assert_eq!(absolute.send(&request).await.status(), 200);
    assert_eq!(other.connections(), 1);
}

#[tokio::test]
async fn a_base_url_without_an_upstream_is_told_the_remedy() {
    let weir = Weir::start_with_yaml(&settings("  azure: {}\n")).await;
    let mut client = H1 {
        wire: Wire::dial(weir.proxy).await,
        prefix: "/azure".to_owned(),
        host: weir.proxy.to_string(),
    };
    let request = Request::json("/openai/v1/responses", &json!({"model": "m"}));
    let answer = client.send(&request).await;
    assert_eq!(answer.status(), 404);
    let body: Value = serde_json::from_slice(&answer.body.data).expect("JSON");
    let message = body["error"]["message"].as_str().expect("a message");
    assert!(
        message.contains("upstream: https://NAME.openai.azure.com"),
        "{message}"
    );
    assert!(weir.calls().is_empty());
}
