//! What is asked of every SDK of the table: when it gives up, when it waits, when it comes in.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use weir::providers::refusal::error_response;
use weir::providers::{Api, ErrorType};

use super::driver::{Mode, Run, Sdk};
use super::matrix::{AT_ONCE, MAX_TOKENS, MODEL, RATES, Row, STOPS, Situation, spent, weir_with};
use crate::support::canned;
use crate::support::client::Way;
use crate::support::gate::Gate;
use crate::support::patience::eventually;
use crate::support::upstream::{Received, Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;

/// A run of one SDK, to be made more particular.
fn run(row: &Row) -> Run<'static> {
    Run {
        sdk: row.sdk,
        mode: row.ways[0],
        model: MODEL,
        tasks: &[],
        cases: &["plain"],
        max_tokens: Some(MAX_TOKENS),
        never_sleeps: false,
    }
}

/// How often the SDK asked under a task, by the rows that weir has of it; `before` were others' calls.
fn attempts(weir: &Weir, task: &str, before: usize) -> usize {
    let calls = weir.calls();
    let of = calls.iter().filter(|call| call.text("task") == Some(task));
    of.count() - before
}

/// Holds what an SDK saw against what it is to see.
fn check(row: &Row, mode: Mode, seen: &Value, situation: &Situation, raised: &str, status: u16) {
    let what = format!("{:?} {mode:?} {}: {seen}", row.sdk, situation.task);
    assert_eq!(seen["exception"], raised, "{what}");
    assert_eq!(seen["is_rate_limit"], true, "{what}");
    assert_eq!(seen["status"], status, "{what}");
    let told = seen["message"].as_str().expect("a message");
    let named = format!("budget {}-budget", situation.task);
    for text in situation.says.iter().copied().chain([named.as_str()]) {
        assert!(told.contains(text), "{text}: {what}");
    }
}

/// An SDK asks once of a budget that is spent for long, streamed or not, by each way in.
pub async fn gives_up_at_once(row: &Row) {
    let cases = ["plain", "stream"];
    for &mode in row.ways {
        let upstream = chat().await;
        let weir = spent(&upstream, &STOPS).await;
        let tasks = STOPS.each_ref().map(|situation| situation.task);
        let run = Run {
            mode,
            tasks: &tasks,
            cases: &cases,
            ..run(row)
        };
        let Some(lines) = run.of(&weir).await else {
            return;
        };
        let (raised, status) = row.stopped;
        for (seen, at) in lines.iter().zip(0..) {
            check(row, mode, seen, &STOPS[at / cases.len()], raised, status);
        }
        weir.calls_eventually(STOPS.len() * (1 + cases.len())).await;
        for task in tasks {
            assert_eq!(
                attempts(&weir, task, 1),
                cases.len(),
                "{:?} {mode:?} {task}",
                row.sdk
            );
        }
        // The call that spends `large` is refused itself.
        assert_eq!(upstream.received().len(), STOPS.len() - 1);
    }
}

/// An SDK sleeps what it is told where a rate comes back, and tries again, if it does so by default.
pub async fn waits_as_told(row: &Row) {
    let (raised, expected) = row.rated;
    let upstream = chat().await;
    let weir = spent(&upstream, &RATES).await;
    let tasks = RATES.each_ref().map(|situation| situation.task);
    let run = Run {
        tasks: &tasks,
        never_sleeps: true,
        ..run(row)
    };
    let Some(mut lines) = run.of(&weir).await else {
        return;
    };
    let mut asked: u64 = lines
        .iter()
        .filter_map(|seen| seen["attempts"].as_u64())
        .sum();
    // A minute that turned over just here lets a call pass, and that one spends the next.
    if lines.iter().any(|seen| seen["status"] == 200) {
        lines = run.of(&weir).await.expect("they were found before");
        asked += lines
            .iter()
            .filter_map(|seen| seen["attempts"].as_u64())
            .sum::<u64>();
    }
    for (seen, situation) in lines.iter().zip(&RATES) {
        let what = format!("{:?} {}: {seen}", row.sdk, situation.task);
        check(row, run.mode, seen, situation, raised, 429);
        assert_eq!(seen["attempts"], expected, "{what}");
        let after = seen["headers"]["retry-after"].as_str().expect("a wait");
        let after: f64 = after.parse().expect("seconds");
        assert!((1.0..=60.0).contains(&after), "{what}");
        assert_eq!(seen["headers"]["x-should-retry"], Value::Null, "{what}");
        let naps = seen["naps"].as_array().expect("a list");
        assert_eq!(naps.len(), expected - 1, "{what}");
        for nap in naps {
            let nap = nap.as_f64().expect("seconds");
            // AWS's SDK goes by its own clock; the last answer may be seconds after the first.
            let heard = row.sdk == Sdk::Python("bedrock") || (nap - after).abs() <= 5.0;
            assert!(heard && nap <= 60.0, "{what}");
        }
    }
    let rows = RATES.len() + usize::try_from(asked).expect("a few");
    weir.calls_eventually(rows).await;
}

/// An SDK's own retry passes as soon as a call in flight has left its place.
pub async fn comes_in_when_there_is_room(row: &Row) {
    let (raised, expected) = row.rated;
    let gate = Gate::shut();
    let upstream = {
        let gate = gate.clone();
        Upstream::answering(Transport::Plain, move |received| {
            match received.head.get("x-hold") {
                None => answer(received),
                Some(_) => Reply::steps([Step::Wait(gate.clone())]),
            }
        })
        .await
    };
    let weir = weir_with(&upstream, &[AT_ONCE]).await;
    let request = canned::openai_chat().request();
    let request = request
        .header("X-Weir-Task", AT_ONCE.task)
        .header("X-Hold", "1");
    let mut holder = weir.h1(Way::BaseUrl, "openai").await;
    holder.start(&request).await;
    upstream
        .eventually("the holder is there", |all| all.len() == 1)
        .await;
    let run = Run {
        tasks: &[AT_ONCE.task],
        ..run(row)
    };
    let (lines, ()) = tokio::join!(run.of(&weir), async {
        let refused = async || (attempts(&weir, AT_ONCE.task, 0) > 0).then_some(());
        eventually("the SDK was refused once", refused).await;
        gate.open();
    });
    let Some(lines) = lines else { return };
    let what = format!("{:?}: {}", row.sdk, lines[0]);
    if expected == 1 {
        check(row, row.ways[0], &lines[0], &AT_ONCE, raised, 429);
    } else {
        assert_eq!(lines[0]["exception"], Value::Null, "{what}");
        assert_eq!(upstream.received().len(), 2, "{what}");
    }
    // The holder's own, the refusal, and the retry.
    weir.calls_eventually(1 + expected.min(2)).await;
}

/// An SDK tells a key that is not valid from a call that is not allowed, and asks once. The upstream answers with
/// what weir itself says in these cases: the shapes are judged apart from who asks for them.
pub async fn is_denied(row: &Row) {
    let api = row.api;
    let asked = AtomicUsize::new(0);
    let upstream = Upstream::answering(Transport::Plain, move |_| {
        let first = asked.fetch_add(1, Ordering::Relaxed) < 2;
        said(api, if first { 401 } else { 403 })
    })
    .await;
    let weir = weir_with(&upstream, &[]).await;
    let cases = ["plain", "stream", "plain", "stream"];
    let Some(lines) = (Run {
        cases: &cases,
        ..run(row)
    })
    .of(&weir)
    .await
    else {
        return;
    };
    let (unknown, forbidden) = row.denied;
    let expected = [
        (401, unknown),
        (401, unknown),
        (403, forbidden),
        (403, forbidden),
    ];
    for (seen, (status, raised)) in lines.iter().zip(expected) {
        let what = format!("{:?} {status}: {seen}", row.sdk);
        assert_eq!(seen["exception"], raised, "{what}");
        assert_eq!(seen["status"], status, "{what}");
        assert_eq!(seen["is_rate_limit"], false, "{what}");
        let told = seen["message"].as_str();
        assert!(told.is_some_and(|text| text.contains(MESSAGE)), "{what}");
    }
    let calls = weir.calls_eventually(cases.len()).await;
    let statuses = calls.iter().map(|call| call.int("http_status"));
    assert!(
        statuses.eq(expected.map(|(status, _)| Some(status))),
        "{calls:?}"
    );
}

const MESSAGE: &str = "weir: this key is not valid here";

/// What weir says, as the upstream's answer.
fn said(api: Api, status: u16) -> Reply {
    let said = error_response(api, status, ErrorType::Auth, MESSAGE);
    let reply = Reply::ok(said.body).status(said.status, "No");
    let headers = said.headers.iter();
    headers.fold(reply, |reply, (name, value)| reply.header(name, value))
}

/// What each provider answers to a call that is not streamed.
fn answer(received: &Received) -> Reply {
    match received.head.target() {
        path if path.ends_with("/converse") => super::bedrock::scripted(received),
        "/v2/chat" => {
            let tokens = json!({"input_tokens": 5, "output_tokens": 3});
            let text = json!([{"type": "text", "text": "A heron."}]);
            let answer = json!({"id": "c1", "finish_reason": "COMPLETE",
                "message": {"role": "assistant", "content": text},
                "usage": {"billed_units": tokens, "tokens": tokens}});
            Reply::json(answer.to_string())
        }
        _ => super::fitting(received).reply(),
    }
}

async fn chat() -> Upstream {
    Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await
}
