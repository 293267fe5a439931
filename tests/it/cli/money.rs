//! Costs after the fact: priced anew, explained, and read in another currency.

use std::path::Path;

use serde_json::{Value, json};

use super::run;
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::ledger::{self, Row};
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// A chat of a model that nobody prices, one whose cost the provider states, one that fails.
fn answer(received: &Received) -> Reply {
    let body = String::from_utf8_lossy(&received.body.data).into_owned();
    if body.contains("stated-model") {
        let answer = json!({"id": "chatcmpl-9", "object": "chat.completion", "model": "stated-model",
            "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "It is said."}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
                "cost_in_usd_ticks": 1_466_250}});
        return Reply::json(answer.to_string());
    }
    if body.contains("no-model") {
        let answer = json!({"error": {"message": "There is no such model.",
            "type": "invalid_request_error", "param": null, "code": "model_not_found"}});
        return Reply::json(answer.to_string()).status(404, "Not Found");
    }
    canned::openai_chat().reply()
}

fn chat(model: &str) -> Request {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Of herons."}]});
    Request::json("/v1/chat/completions", &body)
}

/// A weir without a price for `test-gpt` that has forwarded two chats of it, one of a stated cost
/// and one that failed; and its settings.
async fn unpriced() -> (Upstream, Weir, Settings) {
    let upstream = Upstream::answering(Transport::Plain, answer).await;
    let mut settings = Settings::to(&upstream);
    settings.top.clear();
    let weir = Weir::start(&settings).await;
    for model in ["test-gpt", "test-gpt", "stated-model", "no-model"] {
        weir.send(Way::BaseUrl, "openai", &chat(model)).await;
    }
    weir.calls_eventually(4).await;
    (upstream, weir, settings)
}

const PRICE: &str = "prices: [{ provider: openai, model: test-gpt, input: 2.00, cached_input: 0.50, output: 8.00 }]";

fn json_of(folder: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(["--format", "json"])
        .collect();
    serde_json::from_str(&run(folder, &arguments).done()).expect("JSON")
}

/// `(cost, version)` of the calls of a model.
fn costs(calls: &[Row], model: &str) -> Vec<(Option<i64>, Option<String>)> {
    let of_model = calls.iter().filter(|row| row.text("model") == Some(model));
    let cost = |row: &Row| {
        (
            row.int("cost_picousd"),
            row.text("price_version").map(str::to_owned),
        )
    };
    of_model.map(cost).collect()
}

#[tokio::test]
async fn a_price_that_was_added_is_put_on_the_calls_before_it() {
    let (_upstream, weir, settings) = unpriced().await;
    let before = weir.calls();
    assert!(
        costs(&before, "test-gpt")
            .iter()
            .all(|(cost, _)| cost.is_none())
    );
    weir.edit(&settings.and(PRICE).yaml());

    let dry = json_of(weir.folder(), &["reprice", "--since", "1h", "--dry-run"]);
    assert_eq!(dry["total"]["priced"], 2, "{dry}");
    assert_eq!(dry["running_weir"], Value::Null, "{dry}");
    assert_eq!(weir.calls(), before, "a dry run writes nothing");

    let said = json_of(weir.folder(), &["reprice", "--since", "1h"]);
    let total = &said["total"];
    assert_eq!(
        (&total["calls"], &total["priced"], &total["changed"]),
        (&json!(4), &json!(2), &json!(0)),
        "{said}"
    );
    assert_eq!(total["left"]["provider_stated"], 1, "{said}");
    assert_eq!(total["left"]["free"], 1, "{said}");
    // Two chats of 0.00045 USD; the stated cost is in both sums.
    assert_eq!(total["before_usd"], "0.000146625", "{said}");
    assert_eq!(total["after_usd"], "0.001046625", "{said}");
    assert_eq!(total["difference_usd"], "0.0009", "{said}");
    assert!(said["running_weir"].is_string(), "{said}");

    let after = weir.calls();
    let overrides = |version: &str| version.split_once('+').map(|(_, digest)| digest.to_owned());
    let in_force = said["price_version"].as_str().and_then(overrides);
    for (cost, from) in costs(&after, "test-gpt") {
        assert_eq!(cost, Some(450_000_000));
        assert!(in_force.is_some() && from.as_deref().and_then(overrides) == in_force);
    }
    for untouched in ["stated-model", "no-model"] {
        assert_eq!(costs(&after, untouched), costs(&before, untouched));
    }
    let history = ledger::query(&weir.data_dir(), "SELECT * FROM repricings");
    assert_eq!(history.len(), 2);
    for was in &history {
        let call = before
            .iter()
            .find(|row| row.text("id") == was.text("call_id"));
        let call = call.expect("a call of before");
        assert_eq!(was.int("cost_picousd"), None);
        assert_eq!(was.text("price_version"), call.text("price_version"));
    }

    let again = json_of(weir.folder(), &["reprice", "--since", "1h"]);
    assert_eq!(again["total"]["unchanged"], 2, "{again}");
    assert_eq!(again["total"]["difference_usd"], "0", "{again}");
    assert_eq!(weir.calls(), after, "a second run changes nothing");
    assert_eq!(
        ledger::query(&weir.data_dir(), "SELECT * FROM repricings").len(),
        2
    );
}

#[tokio::test]
async fn a_price_that_is_gone_leaves_its_costs_unless_they_are_to_be_cleared() {
    let (_upstream, weir, settings) = unpriced().await;
    weir.edit(&settings.clone().and(PRICE).yaml());
    run(weir.folder(), &["reprice", "--since", "1h"]).done();
    weir.edit(&settings.yaml());
    let kept = json_of(
        weir.folder(),
        &["reprice", "--since", "1h", "--where", "model=test-gpt"],
    );
    assert_eq!(
        (&kept["total"]["calls"], &kept["total"]["kept"]),
        (&json!(2), &json!(2)),
        "{kept}"
    );
    let cleared = json_of(weir.folder(), &["reprice", "--since", "1h", "--clear"]);
    assert_eq!(cleared["total"]["cleared"], 2, "{cleared}");
    assert!(
        costs(&weir.calls(), "test-gpt")
            .iter()
            .all(|(cost, _)| cost.is_none())
    );
    assert_eq!(
        ledger::query(&weir.data_dir(), "SELECT * FROM repricings").len(),
        4
    );
}

#[tokio::test]
async fn reprice_asks_for_its_span_and_says_it_in_rows_too() {
    let (_upstream, weir, settings) = unpriced().await;
    let ran = run(weir.folder(), &["reprice"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    weir.edit(&settings.and(PRICE).and("currencies: { CNY: 0.14 }").yaml());
    let arguments = [
        "reprice",
        "--since",
        "1h",
        "--dry-run",
        "--currency",
        "CNY",
        "--format",
        "csv",
    ];
    let csv = run(weir.folder(), &arguments).done();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|column| column == name);
    let (model, after) = (
        column("model").expect("models"),
        column("after_cny").expect("sums"),
    );
    let rows: Vec<csv::StringRecord> = reader.records().filter_map(Result::ok).collect();
    let row = rows
        .iter()
        .find(|row| &row[model] == "test-gpt")
        .expect("its row");
    // 0.0009 USD at 0.14 USD each.
    assert_eq!(&row[after], "0.006428571429");
}

#[tokio::test]
async fn reports_and_calls_answer_in_a_currency_with_a_rate() {
    let (_upstream, weir, settings) = unpriced().await;
    weir.edit(&settings.and(PRICE).and("currencies: { CNY: 0.14 }").yaml());
    run(weir.folder(), &["reprice", "--since", "1h"]).done();
    let rows = json_of(
        weir.folder(),
        &["report", "--by", "model", "--currency", "CNY"],
    );
    let of = |model: &str| {
        let rows = rows.as_array().expect("rows");
        let row = rows
            .iter()
            .find(|row| row["model"] == model)
            .expect("its row");
        row["cost_cny"].clone()
    };
    assert_eq!(of("test-gpt"), "0.006428571429");
    assert_eq!(of("stated-model"), "0.001047321429");
    assert!(!rows.to_string().contains("cost_usd"), "{rows}");
    let calls = json_of(weir.folder(), &["calls", "--currency", "CNY"]);
    let calls = calls.as_array().expect("rows");
    assert_eq!(calls[0]["cost_cny"], "0.003214285714");
    let unknown = run(weir.folder(), &["report", "--currency", "EUR"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.err.contains("EUR")
            && unknown.err.contains("currencies:")
            && unknown.err.contains("CNY"),
        "{}",
        unknown.err
    );
    let no_code = run(weir.folder(), &["report", "--currency", "yuan"]);
    assert_eq!(no_code.code, Some(2), "{}", no_code.err);
}

#[tokio::test]
async fn an_unknown_cost_stays_unknown_in_any_currency() {
    let (_upstream, weir, settings) = unpriced().await;
    weir.edit(&settings.and("currencies: { CNY: 0.14 }").yaml());
    let calls = json_of(weir.folder(), &["calls", "--currency", "CNY"]);
    assert_eq!(calls[0]["cost_cny"], Value::Null, "{calls}");
}

/// A message in a tier of long context, cached in part, with two searches.
fn tiered() -> Reply {
    let answer = json!({"id": "msg_9", "type": "message", "role": "assistant",
        "model": "claude-sonnet-4-5-20250929", "stop_reason": "end_turn", "stop_sequence": null,
        "content": [{"type": "text", "text": "Herons stand."}],
        "usage": {"input_tokens": 50_001, "cache_read_input_tokens": 150_000,
            "cache_creation_input_tokens": 1_000,
            "cache_creation": {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 1_000, "server_tool_use": {"web_search_requests": 2}}});
    Reply::json(answer.to_string())
}

#[tokio::test]
async fn the_lines_of_an_explanation_are_the_cost_on_record() {
    let upstream = Upstream::answering(Transport::Plain, |_| tiered()).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 2_000,
        "messages": [{"role": "user", "content": "All of herons."}]});
    let request = Request::json("/v1/messages", &body)
        .header("anthropic-version", "2023-06-01")
        .header("X-Weir-Team", "birds");
    weir.send(Way::BaseUrl, "anthropic", &request).await;
    let call = weir.only_call().await;
    // (50 001 × 6 + 150 000 × 0.6 + 1 000 × 7.5 + 1 000 × 22.5) / 10⁶ + 2 × 10 / 10³ USD
    assert_eq!(call.int("cost_picousd"), Some(440_006_000_000));
    let id = call.text("id").expect("an id");

    let said = json_of(weir.folder(), &["explain", id]);
    assert_eq!(said["cost_usd"], "0.440006", "{said}");
    assert_eq!(said["present"]["cost_usd"], "0.440006", "{said}");
    assert_eq!(said["present"]["rounding_usd"], "0", "{said}");
    assert_eq!(said["is_of_present_prices"], true, "{said}");
    let lines = said["present"]["lines"].as_array().expect("lines");
    let line = |what: &str| {
        let line = lines.iter().find(|line| line["what"] == what);
        line.unwrap_or_else(|| panic!("no line of {what}: {said}"))
    };
    assert_eq!(
        (
            &line("cache read")["usd"],
            &line("cache read")["above_tokens"]
        ),
        (&json!("0.6"), &json!(200_000))
    );
    assert_eq!(
        (
            &line("web searches")["count"],
            &line("web searches")["amount_usd"]
        ),
        (&json!(2), &json!("0.02"))
    );
    assert_eq!(line("input")["count"], 50_001);

    let page = run(weir.folder(), &["explain", &id[..id.len() - 4]]).done();
    for part in [
        "team=birds",
        "claude-sonnet-4-5-20250929",
        "200000",
        "0.02",
        "total     0.440006 USD",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let csv = run(weir.folder(), &["explain", id, "--format", "csv"]).done();
    assert_eq!(csv.lines().count(), lines.len() + 1, "{csv}");
}

#[tokio::test]
async fn an_explanation_tells_what_was_before_and_what_the_prices_in_force_give() {
    let (_upstream, weir, settings) = unpriced().await;
    let calls = weir.calls();
    let id = |model: &str| {
        let row = calls.iter().find(|row| row.text("model") == Some(model));
        row.and_then(|row| row.text("id"))
            .expect("its call")
            .to_owned()
    };
    let unknown = run(weir.folder(), &["explain", &id("test-gpt")]).done();
    assert!(unknown.contains("on record unknown"), "{unknown}");
    let stated = run(weir.folder(), &["explain", &id("stated-model")]).done();
    assert!(
        stated.contains("0.000146625 USD, stated by the provider"),
        "{stated}"
    );

    weir.edit(&settings.clone().and(PRICE).yaml());
    run(weir.folder(), &["reprice", "--since", "1h"]).done();
    weir.edit(&settings.and(&PRICE.replace("8.00", "10.00")).yaml());
    let said = json_of(weir.folder(), &["explain", &id("test-gpt")]);
    assert_eq!(said["is_of_present_prices"], false, "{said}");
    assert_eq!(said["difference_usd"], "0.00006", "{said}");
    assert_eq!(said["earlier"].as_array().map(Vec::len), Some(1), "{said}");
    assert_eq!(said["earlier"][0]["cost_usd"], Value::Null, "{said}");
    let page = run(weir.folder(), &["explain", &id("test-gpt")]).done();
    assert!(page.contains("a difference of 0.00006 USD"), "{page}");
    assert!(page.contains(": unknown, from genai-prices"), "{page}");
}

#[tokio::test]
async fn an_id_that_names_no_call_or_several_is_told() {
    let (_upstream, weir, _settings) = unpriced().await;
    let none = run(weir.folder(), &["explain", "ffffffff"]);
    assert_eq!(none.code, Some(1));
    assert!(
        none.err.contains("ffffffff") && none.err.contains("weir calls"),
        "{}",
        none.err
    );
    let several = run(weir.folder(), &["explain", "0"]);
    assert_eq!(several.code, Some(1));
    assert!(several.err.contains("several calls"), "{}", several.err);
    let no_id = run(weir.folder(), &["explain", "not-an-id"]);
    assert_eq!(no_id.code, Some(2), "{}", no_id.err);
}

#[tokio::test]
async fn a_refusal_shows_the_currency_of_its_limit() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let settings = Settings::to(&upstream)
        .and("currencies: { CNY: 0.14 }")
        .and("budgets: [{ name: month, limit: 0.000_001 CNY, per: month, hold: worst_case }]");
    let weir = Weir::start(&settings).await;
    let response = weir
        .send(Way::BaseUrl, "openai", &canned::openai_chat().request())
        .await;
    assert_eq!(response.status(), 429);
    let message = response.json()["error"]["message"].to_string();
    assert!(
        message.contains("limit 0.000001 CNY per month"),
        "{message}"
    );
    let limit = weir
        .metrics()
        .await
        .count("weir_budget_limit", &[("budget", "month")]);
    assert!((limit - 0.000_000_14).abs() < 1e-15, "{limit}");
}
