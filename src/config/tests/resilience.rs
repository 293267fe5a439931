use super::*;
use crate::config::resilience::{Breaker, Failure, Retry};

fn resilience(settings: &str) -> Resilience {
    let config = read(&format!("providers: {{ openai: {settings} }}"));
    provider(&config, "openai").resilience.clone()
}

#[test]
fn nothing_is_on_unless_it_is_written() {
    for provider in &defaults().providers {
        assert_eq!(provider.resilience, Resilience::default());
    }
    assert_eq!(resilience("{ retry: ~ }"), Resilience::default());
    assert_eq!(Resilience::default().retry, None);
}

#[test]
fn an_empty_mapping_turns_it_on_with_what_the_schema_says() {
    let on = resilience("{ retry: {}, breaker: {} }");
    let retry = on.retry.expect("it is on");
    assert_eq!(retry, Retry::default());
    assert_eq!(
        retry.on,
        [Failure::Connect, Failure::RateLimit, Failure::Server]
    );
    assert_eq!((retry.attempts, retry.most.as_secs()), (3, 5));
    assert_eq!(retry.within, Duration::from_secs(60));
    assert_eq!(on.breaker, Some(Breaker::default()));
    assert_eq!(on.failover, None);
}

#[test]
fn every_key_is_read() {
    let on = resilience(
        "{ retry: { attempts: 5, on: [reset, timeout, 5xx], backoff: { first: 1s, most: 9s }, within: 2m },
           breaker: { failures: 2, within: 1m, open_for: 10m },
           failover: { upstream: 'https://second.example.com/base/' } }",
    );
    let retry = Retry {
        attempts: 5,
        on: vec![Failure::Reset, Failure::Timeout, Failure::Server],
        first: Duration::from_secs(1),
        most: Duration::from_secs(9),
        within: Duration::from_secs(120),
    };
    assert_eq!(on.retry, Some(retry));
    let breaker = Breaker {
        failures: 2,
        within: Duration::from_secs(60),
        open_for: Duration::from_secs(600),
    };
    assert_eq!(on.breaker, Some(breaker));
    let second = on.failover.expect("it is written");
    assert_eq!(second.upstream.base_path, "/base");
    let short = resilience("{ failover: 'https://second.example.com/base', retry: { on: 429 } }");
    assert_eq!(short.failover, Some(second));
    assert_eq!(
        short.retry.map(|retry| retry.on),
        Some(vec![Failure::RateLimit])
    );
}

#[test]
fn says_what_is_wrong_with_it() {
    for (settings, expected) in [
        (
            "{ retry: { attempts: 1 } }",
            "retry.attempts: expected a number of attempts from 2",
        ),
        (
            "{ retry: { attempts: 11 } }",
            "retry.attempts: expected a number of attempts from 2",
        ),
        (
            "{ retry: { on: [] } }",
            "retry.on: expected at least one value",
        ),
        (
            "{ retry: { on: [404] } }",
            "retry.on[0]: expected a kind of failure, got \"404\"",
        ),
        (
            "{ retry: { backoff: { first: 0s } } }",
            "retry.backoff.first: expected a duration of more",
        ),
        (
            "{ retry: { backoff: { first: 6s } } }",
            "retry: the first pause is longer than the longest",
        ),
        (
            "{ retry: { backoff: { most: 2m } } }",
            "retry.backoff.most: expected a duration of more",
        ),
        (
            "{ retry: { within: 2h } }",
            "retry.within: expected a duration of more than nothing",
        ),
        (
            "{ breaker: { failures: 0 } }",
            "breaker.failures: expected a number of failures from 1",
        ),
        (
            "{ breaker: { open_for: 11m } }",
            "breaker.open_for: expected a duration of more",
        ),
        (
            "{ failover: {} }",
            "failover.upstream: required, but not written",
        ),
        (
            "{ failover: { upstream: 'http://h', api_key: x } }",
            "failover.api_key: `api_key`: not",
        ),
        (
            "{ failover: { upstream: 'http://h', ca: ./none.pem } }",
            "failover.ca: cannot read",
        ),
        (
            "{ failover: 'https://api.openai.com' }",
            "failover: expected a second upstream",
        ),
        (
            "{ failover: 'http://localhost:8900' }",
            "failover: expected a provider's upstream",
        ),
        (
            "{ failover: 'second.example.com' }",
            "failover: expected an http or https URL",
        ),
    ] {
        let text = format!("providers: {{ openai: {settings} }}");
        let problems = parse(&text, "f", &env).map(|_| ()).expect_err(&text);
        assert_eq!(problems.list.len(), 1, "{text}\n{problems}");
        let said = problems.to_string();
        let expected = format!("providers.openai.{expected}");
        assert!(
            said.contains(&expected),
            "{text}\nexpected {expected}\ngot      {said}"
        );
    }
}
