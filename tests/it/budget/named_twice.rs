//! A body that names two models fools no budget, whichever of them the upstream takes.

use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

/// `test-gpt` is the dearer one.
const ORDERS: [[&str; 2]; 2] = [["test-gpt", "test-embed"], ["test-embed", "test-gpt"]];

async fn rig(budgets: &str) -> (Upstream, Weir) {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start(&Settings::to(&upstream).and(budgets)).await;
    (upstream, weir)
}

fn json_naming([one, other]: [&str; 2]) -> Request {
    let body = format!(
        r#"{{"model":"{one}","messages":[{{"role":"user","content":"Hi."}}],"max_tokens":9,"model":"{other}"}}"#
    );
    Request::post("/v1/chat/completions", body).header("content-type", "application/json")
}

fn form_naming(models: [&str; 2]) -> Request {
    let field = |model| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n")
    };
    let body = models.map(field).concat() + "--XX--\r\n";
    Request::post("/v1/audio/transcriptions", body)
        .header("Content-Type", "multipart/form-data; boundary=XX")
}

#[tokio::test]
async fn a_model_that_is_denied_is_denied_under_either_of_two_names() {
    let (upstream, weir) = rig("budgets: [{ name: rule, models: { deny: test-gpt } }]").await;
    for order in ORDERS {
        for request in [json_naming(order), form_naming(order)] {
            let answer = weir.send(Way::BaseUrl, "openai", &request).await;
            assert_eq!(answer.status(), 403, "{order:?}");
            assert_eq!(answer.head.get("x-weir-budget"), Some("rule"));
        }
    }
    assert_eq!(upstream.received().len(), 0);
}

#[tokio::test]
async fn the_dearer_of_two_models_is_what_is_held_and_recorded() {
    let (upstream, weir) = rig("").await;
    for order in ORDERS {
        let sent = json_naming(order);
        assert_eq!(weir.send(Way::BaseUrl, "openai", &sent).await.status(), 200);
    }
    let calls = weir.calls_eventually(2).await;
    for call in &calls {
        assert_eq!(call.text("request_model"), Some("test-gpt"));
    }
    let bodies: Vec<String> = upstream
        .received()
        .iter()
        .map(|received| String::from_utf8_lossy(&received.body.data).into_owned())
        .collect();
    assert!(
        bodies[0].ends_with("\"model\":\"test-embed\"}"),
        "what is sent stays as it is"
    );
}
