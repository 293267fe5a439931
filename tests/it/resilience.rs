//! Other attempts, another upstream, or none for a while: each only where a provider's settings ask for it.

mod billed;
mod breaker;
mod failover;
mod retries;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::canned::{self, Canned};
use crate::support::client::Request;
use crate::support::ledger::Row;
use crate::support::settings::Settings;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Retries whose pauses cost a test no time.
const RETRY: &str = "retry: { attempts: 3, backoff: { first: 1ms, most: 2s } }";

/// The file with more settings of every provider.
fn yaml(settings: &Settings, of_providers: &str) -> String {
    let yaml = settings.yaml();
    let told = yaml.replace("    hosts: [", &format!("    {of_providers}\n    hosts: ["));
    assert_ne!(told, yaml, "providers are in the file");
    told
}

/// weir before `upstream`, with more settings of every provider.
async fn weir_with(upstream: &Upstream, of_providers: &str) -> Weir {
    Weir::start_with_yaml(&yaml(&Settings::to(upstream), of_providers)).await
}

/// An upstream that gives these answers in turn, and the last one from then on.
async fn in_turn(transport: Transport, replies: Vec<Reply>) -> Upstream {
    let next = AtomicUsize::new(0);
    Upstream::answering(transport, move |_| {
        let at = next.fetch_add(1, Ordering::SeqCst);
        replies[at.min(replies.len() - 1)].clone()
    })
    .await
}

/// An answer that is an error.
fn failing(status: u16) -> Reply {
    let body = format!("{{\"error\": {{\"message\": \"no {status}\"}}}}");
    Reply::json(body).status(status, "As Told")
}

/// A connection that ends under the request, before a byte of an answer.
fn cut() -> Reply {
    Reply::silence([])
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address")
}

/// A canned request whose body is `bytes` long.
fn padded(canned: &Canned, bytes: usize) -> Request {
    let mut body = canned.request.clone();
    body["messages"][0]["content"] = "a ".repeat(bytes / 2).into();
    Request::json(canned.path, &body)
}

fn chat() -> Canned {
    canned::openai_chat()
}

/// Waits for `count` rows; the call's first, then its failed attempts by their status. Ids of one millisecond have
/// no order.
async fn call_and_attempts(weir: &Weir, count: usize) -> Vec<Row> {
    let mut rows = weir.calls_eventually(count).await;
    rows.sort_by_key(|row| (row.text("attempt_of").is_some(), row.int("http_status")));
    assert_eq!(rows[0].text("attempt_of"), None);
    let of_the_call = rows[1..]
        .iter()
        .all(|row| row.text("attempt_of") == rows[0].text("id"));
    assert!(of_the_call, "{rows:#?}");
    rows
}
