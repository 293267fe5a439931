//! The second upstream: for what the first cannot take.

use super::{RETRY, chat, failing, in_turn, nobody, padded, yaml};
use crate::support::client::Way;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

async fn second(transport: Transport) -> Upstream {
    Upstream::answering(transport, |_| chat().reply()).await
}

fn to(second: &Upstream) -> String {
    let url = second.url();
    match second.transport {
        Transport::Plain => format!("failover: {url}/base"),
        Transport::Tls(_) => {
            format!("failover: {{ upstream: {url}/base, ca: ./upstream-root.pem }}")
        }
    }
}

#[tokio::test]
async fn a_call_that_cannot_reach_the_first_goes_to_the_second() {
    for transport in Transport::ALL {
        let second = second(transport).await;
        let first = Settings::to_url(&format!("http://{}/first", nobody()));
        let weir = Weir::start_with_yaml(&yaml(&first, &to(&second))).await;
        for (sent, way) in Way::ALL.into_iter().enumerate() {
            let request = chat().request();
            let response = weir.send(way, "openai", &request).await;
            assert_eq!(response.status(), 200, "{transport:?} {way:?}");
            assert_eq!(response.body.data, chat().answer.as_bytes());
            let received = second.received().pop().expect("it came here");
            assert_eq!(received.head.target(), "/base/v1/chat/completions");
            let host = second.address.to_string();
            assert_eq!(received.head.get("host"), Some(host.as_str()));
            assert_eq!(received.body.data, request.payload.data());
            let calls = weir.calls_eventually(sent + 1).await;
            let call = calls.last().expect("a row");
            assert_eq!(call.text("provider"), Some("openai"));
            assert_eq!(call.int("cost_picousd"), Some(chat().cost_picousd));
            assert_eq!(call.text("attempt_of"), None, "nothing was sent before");
        }
        let metrics = weir.metrics().await;
        let labels = [("provider", "openai")];
        assert_eq!(
            metrics.count("weir_failovers_total", &labels),
            Way::ALL.len() as f64
        );
        assert_eq!(metrics.sum("weir_retries_total", &[]), None);
    }
}

#[tokio::test]
async fn a_large_body_goes_over_whole_where_nothing_was_sent() {
    for budgets in [
        "",
        "budgets: [{ name: b, limit: 9 USD, per: day, each: model }]",
    ] {
        let second = second(Transport::Plain).await;
        let first = Settings::to_url(&format!("http://{}", nobody())).and(budgets);
        let weir = Weir::start_with_yaml(&yaml(&first, &to(&second))).await;
        let request = padded(&chat(), 300 * 1024);
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.status(), 200);
        assert!(second.only().body.data == request.payload.data());
        weir.only_call().await;
    }
}

#[tokio::test]
async fn an_answer_that_fails_stays_unless_its_kind_is_to_be_tried_again() {
    let first = in_turn(Transport::Plain, vec![failing(503)]).await;
    let second = second(Transport::Plain).await;
    let weir = Weir::start_with_yaml(&yaml(&Settings::to(&first), &to(&second))).await;
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.status(), 503);
    assert!(second.received().is_empty());
}

#[tokio::test]
async fn a_call_goes_over_once_its_attempts_are_used_up() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let first = in_turn(transport, vec![failing(503)]).await;
        let second = second(Transport::Plain).await;
        let settings = Settings::to(&first).and("response_headers: true");
        let both = format!("{RETRY}\n    {}", to(&second));
        let weir = Weir::start_with_yaml(&yaml(&settings, &both)).await;
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.head.get("x-weir-attempts"), Some("4"));
        assert_eq!(response.head.get("x-weir-failover"), Some("127.0.0.1"));
        assert_eq!(first.received().len(), 3);
        assert_eq!(second.received().len(), 1);
        weir.calls_eventually(4).await;
    }
}

#[tokio::test]
async fn an_open_breaker_sends_calls_to_the_second_until_both_are_open() {
    let first = in_turn(Transport::Plain, vec![failing(500)]).await;
    let replies = vec![chat().reply(), chat().reply(), failing(500)];
    let second = in_turn(Transport::Plain, replies).await;
    let settings = format!(
        "breaker: {{ failures: 1, open_for: 10m }}\n    {}",
        to(&second)
    );
    let weir = Weir::start_with_yaml(&yaml(&Settings::to(&first), &settings)).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        statuses.push(response.status());
    }
    assert_eq!(statuses, [500, 200, 200, 500, 503]);
    assert_eq!(first.received().len(), 1);
    assert_eq!(second.received().len(), 3);
    let metrics = weir.metrics().await;
    assert_eq!(metrics.count("weir_failovers_total", &[]), 3.0);
}

#[tokio::test]
async fn where_neither_can_be_reached_the_client_is_told() {
    let first = Settings::to_url(&format!("http://{}", nobody()));
    let settings = format!("failover: http://{}", nobody());
    let weir = Weir::start_with_yaml(&yaml(&first, &settings)).await;
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.status(), 502);
    let call = weir.only_call().await;
    assert_eq!(call.int("cost_picousd"), Some(0));
    assert_eq!(call.text("outcome"), Some("upstream_error"));
}
