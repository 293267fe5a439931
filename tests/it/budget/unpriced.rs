//! What a money budget does with what costs nothing, and with what nobody knows the price of.

use serde_json::json;

use super::weir_with;
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// One call of the canned chat costs 0.00045 USD: the first passes, then this is spent.
const ONE_CALL: &str = "name: b, limit: 0.0004 USD, per: total";

/// Answers as `test-gpt`, which has a price, whatever was asked for.
async fn priced() -> Upstream {
    let reply = canned::openai_chat().reply();
    Upstream::answering(Transport::Plain, move |_| reply.clone()).await
}

fn asks_for(model: &str) -> Request {
    let body = json!({"model": model, "max_tokens": 1, "messages": []});
    Request::json("/v1/chat/completions", &body)
}

async fn status(weir: &Weir, provider: &str, model: &str) -> u16 {
    let response = weir.send(Way::BaseUrl, provider, &asks_for(model)).await;
    response.status()
}

#[tokio::test]
async fn a_name_without_a_price_passes_no_spent_budget_where_what_answers_may_have_one() {
    let upstream = priced().await;
    for hold in ["expected", "worst_case"] {
        let weir = weir_with(&upstream, &format!("{{ {ONE_CALL}, hold: {hold} }}")).await;
        assert_eq!(status(&weir, "openai", "an-alias").await, 200, "{hold}");
        let first = weir.only_call().await;
        assert_eq!(first.int("cost_picousd"), Some(450_000_000), "{hold}");
        for model in ["an-alias", "another-alias"] {
            assert_eq!(status(&weir, "openai", model).await, 429, "{hold} {model}");
        }
        let calls = weir.calls_eventually(3).await;
        let spent: i64 = calls.iter().filter_map(|c| c.int("cost_picousd")).sum();
        assert_eq!(spent, 450_000_000, "{hold}");
        assert_eq!(
            upstream.received().last().map(|one| one.answered),
            Some(true)
        );
    }
    assert_eq!(upstream.received().len(), 2, "no refused call gets through");
}

#[tokio::test]
async fn an_alias_holds_what_its_calls_cost_of_late_and_after_a_restart_too() {
    let upstream = priced().await;
    // Two calls of 0.00045 USD and half of a third.
    let mut weir = weir_with(&upstream, "{ name: b, limit: 0.0010 USD, per: total }").await;
    assert_eq!(status(&weir, "openai", "an-alias").await, 200);
    weir.calls_eventually(1).await;
    weir.restart().await;
    assert_eq!(status(&weir, "openai", "an-alias").await, 200);
    weir.calls_eventually(2).await;
    // Something is left, but no more than a fifth of what it will cost.
    assert_eq!(status(&weir, "openai", "an-alias").await, 429);
    assert_eq!(upstream.received().len(), 2);
}

#[tokio::test]
async fn a_name_in_the_path_without_a_price_passes_no_spent_budget_either() {
    let canned = canned::gemini();
    let reply = canned.reply();
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = weir_with(&upstream, "{ name: b, limit: 0.000001 USD, per: total }").await;
    let alias = Request::json("/v1beta/models/an-alias:generateContent", &canned.request);
    let send = async || weir.send(Way::BaseUrl, "gemini", &alias).await.status();
    assert_eq!(send().await, 200);
    weir.only_call().await;
    assert_eq!(send().await, 429);
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn what_costs_nothing_passes_a_spent_money_budget() {
    let upstream = Upstream::answering(Transport::Plain, |request| {
        let body = String::from_utf8_lossy(&request.body.data).into_owned();
        let asked = ["gratis", "of-mine"]
            .into_iter()
            .find(|name| body.contains(name));
        let answer = canned::openai_chat().answer;
        Reply::json(answer.replace("test-gpt", asked.unwrap_or("test-gpt")))
    })
    .await;
    let mut settings = Settings::to(&upstream);
    let mine = format!("  mine: {{ api: openai, upstream: {} }}", upstream.url());
    settings.top.insert(0, mine);
    let gratis = "  - { provider: openai, model: gratis, input: 0, output: 0 }";
    settings.top[1].push_str(gratis);
    let weir = Weir::start(&settings.and(&format!("budgets:\n  - {{ {ONE_CALL} }}"))).await;
    assert_eq!(status(&weir, "openai", "test-gpt").await, 200);
    weir.only_call().await;
    assert_eq!(status(&weir, "openai", "test-gpt").await, 429);
    assert_eq!(
        status(&weir, "openai", "gratis").await,
        200,
        "its price is 0"
    );
    assert_eq!(
        status(&weir, "mine", "of-mine").await,
        200,
        "nobody sells it"
    );
    let calls = weir.calls_eventually(4).await;
    let costs: Vec<_> = calls.iter().map(|call| call.int("cost_picousd")).collect();
    assert_eq!(costs, [Some(450_000_000), Some(0), Some(0), None]);
}

#[tokio::test]
async fn without_a_budget_nothing_is_refused() {
    let upstream = priced().await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for model in ["test-gpt", "an-alias", "test-gpt"] {
        assert_eq!(status(&weir, "openai", model).await, 200, "{model}");
    }
    weir.calls_eventually(3).await;
    let refusals = weir.metrics().await.sum("weir_refusals_total", &[]);
    assert_eq!(refusals.unwrap_or(0.0), 0.0);
}
