//! OpenAI's realtime client: sessions that its own WebSocket library opens and compresses.

use serde_json::Value;

use super::driver::{Mode, Run, Sdk, drive, python};
use crate::sessions::{COST, CREATED, begun_with, done};
use crate::support::ledger::Row;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::Transport;
use crate::support::websocket::{Act, Deflater, frame, says, upstream};
use crate::support::weir::Weir;

/// In the clear and compressed, by both ways in; compressed, each message refers to those before it.
const WAYS: [(Transport, Mode, &str, &str); 2] = [
    (
        Transport::Plain,
        Mode::BaseUrl,
        "session-deflate",
        "permessage-deflate",
    ),
    (Transport::Tls(Alpn::Either), Mode::Proxy, "session", ""),
];

/// A session that answers so many requests.
fn answers(turns: usize, extensions: &str) -> Vec<Act> {
    let mut deflater = Deflater::new();
    let mut say = |text: &str| {
        Act::Say(match extensions {
            "" => says(text),
            _ => deflater.says(text),
        })
    };
    let mut script = vec![say(CREATED)];
    for turn in 0..turns {
        let id = format!("r{turn}");
        script.push(Act::Hear(1));
        script.extend(begun_with(&id).map(|text| say(&text)));
        script.push(say(&done(&id)));
    }
    script
}

fn of(operation: &str, calls: &[Row]) -> Vec<Row> {
    let fits = |call: &&Row| call.text("operation") == Some(operation);
    calls.iter().filter(fits).cloned().collect()
}

#[tokio::test]
async fn each_response_that_the_realtime_client_gets_is_a_row() {
    if python().is_none() {
        return;
    }
    for (transport, mode, case, extensions) in WAYS {
        let mut script = answers(3, extensions);
        let close = frame(0x88, &1000_u16.to_be_bytes(), None);
        script.extend([Act::Hear(1), Act::Say(close), Act::HangUp]);
        let upstream = upstream(transport, extensions, script).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let seen = drive(&weir, "realtime", mode, "gpt-realtime", &[case]).await;
        let seen = &seen[0];
        assert_eq!(seen["exception"], Value::Null, "{mode:?}: {seen}");
        assert_eq!(seen["attempts"], 1, "{mode:?}: {seen}");
        assert_eq!(seen["text"], "Hello there".repeat(3), "{mode:?}: {seen}");
        assert_eq!(seen["close_code"], 1000, "{mode:?}: {seen}");
        let agreed = &seen["headers"]["sec-websocket-extensions"];
        assert_eq!(
            agreed.as_str().unwrap_or_default(),
            extensions,
            "{mode:?}: {seen}"
        );
        let usage = seen["usage"].as_array().expect("a usage for each response");
        assert_eq!(usage.len(), 3, "{mode:?}: {seen}");

        let calls = weir.calls_eventually(4).await;
        let sessions = of("session", &calls);
        assert_eq!(sessions.len(), 1, "{mode:?}: {calls:?}");
        assert_eq!(sessions[0].text("outcome"), Some("ok"));
        assert_eq!(sessions[0].int("cost_picousd"), Some(0));
        let responses = of("realtime", &calls);
        assert_eq!(responses.len(), 3, "{mode:?}: {calls:?}");
        for (call, usage) in responses.iter().zip(usage) {
            assert_eq!(call.text("model"), Some("gpt-realtime"));
            assert_eq!(call.text("usage_source"), Some("reported"));
            assert_eq!(call.int("input_tokens"), usage["input_tokens"].as_i64());
            assert_eq!(call.int("output_tokens"), usage["output_tokens"].as_i64());
            assert_eq!(call.int("cost_picousd"), Some(COST));
            assert_eq!(call.text("key"), sessions[0].text("key"));
        }
    }
}

#[tokio::test]
async fn a_spent_session_is_the_realtime_clients_closed_connection() {
    if python().is_none() {
        return;
    }
    for (transport, mode, case, extensions) in WAYS {
        let mut script = answers(2, extensions);
        let close = frame(0x88, &1008_u16.to_be_bytes(), None);
        script.extend([Act::Hear(1), Act::Say(close), Act::HangUp]);
        let upstream = upstream(transport, extensions, script).await;
        // Two responses are more than it allows, and one is not.
        let budget = "budgets:\n  - { name: two, limit: 0.002 USD, per: total }";
        let weir = Weir::start(&Settings::to(&upstream).and(budget)).await;
        let cases = [case, "refusal"];
        let seen = drive(&weir, "realtime", mode, "gpt-realtime", &cases).await;
        let (closed, refused) = (&seen[0], &seen[1]);
        let exception = "websockets.ConnectionClosedError";
        assert_eq!(closed["exception"], exception, "{mode:?}: {closed}");
        assert_eq!(closed["attempts"], 1, "{mode:?}: {closed}");
        assert_eq!(closed["close_code"], 1008, "{mode:?}: {closed}");
        assert_eq!(closed["close_reason"], "budget two spent", "{mode:?}");
        let told = closed["message"].as_str().expect("a message");
        assert!(told.contains("budget two spent"), "{mode:?}: {told}");

        assert_eq!(refused["is_rate_limit"], true, "{mode:?}: {refused}");
        assert_eq!(refused["attempts"], 1, "{mode:?}: {refused}");
        assert_eq!(refused["headers"]["x-weir-budget"], "two", "{mode:?}");

        let calls = weir.calls_eventually(4).await;
        assert_eq!(of("realtime", &calls).len(), 2, "{mode:?}: {calls:?}");
        let costs = calls.iter().filter_map(|call| call.int("cost_picousd"));
        assert_eq!(costs.sum::<i64>(), 2 * COST, "{mode:?}: {calls:?}");
        assert_eq!(upstream.received().len(), 1, "{mode:?}");
    }
}

#[tokio::test]
async fn a_spent_session_closes_the_socket_of_nodes_realtime_client_and_says_why() {
    let mut script = answers(2, "");
    let close = frame(0x88, &1008_u16.to_be_bytes(), None);
    script.extend([Act::Hear(1), Act::Say(close), Act::HangUp]);
    let upstream = upstream(Transport::Tls(Alpn::Either), "", script).await;
    let budget = "budgets:\n  - { name: two, limit: 0.002 USD, per: total }";
    let weir = Weir::start(&Settings::to(&upstream).and(budget)).await;
    let run = Run {
        sdk: Sdk::Node("realtime"),
        mode: Mode::Proxy,
        model: "gpt-realtime",
        tasks: &[],
        cases: &["plain", "plain"],
        max_tokens: None,
        never_sleeps: false,
    };
    let Some(seen) = run.of(&weir).await else {
        return;
    };
    assert_eq!(seen[0]["text"], "1008 budget two spent", "{}", seen[0]);
    assert_eq!(seen[1]["is_rate_limit"], true, "{}", seen[1]);
    // The session, its two responses, and one handshake that was refused.
    let calls = weir.calls_eventually(4).await;
    assert_eq!(of("realtime", &calls).len(), 2, "{calls:?}");
    assert_eq!(upstream.received().len(), 1);
}
