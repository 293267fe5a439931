//! What proxy.yaml may say, and what is told where it says something else.

mod alerts;
mod faults;
mod hostile;
mod resilience;
mod sample;

use super::*;
use crate::budget::limits::{Dimension, HoldMode, OnSpent, Per, Unit, Unknown};
use crate::units::{Currency, PICO_PER_USD};

/// The value of `${SECRET}`; no message may ever hold it.
const CANARY: &str = "canary-7f3a";

fn env(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some(CANARY.to_owned()),
        "PORT" => Some("9900".to_owned()),
        "AMOUNT" => Some("500 USD".to_owned()),
        "INJECTED" => Some("search\nlisten: 0.0.0.0:1".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn read(text: &str) -> Config {
    parse(text, "proxy.yaml", &env).unwrap_or_else(|problems| panic!("{problems}"))
}

fn provider<'c>(config: &'c Config, name: &str) -> &'c Provider {
    config
        .providers
        .iter()
        .find(|p| p.name == name)
        .expect("the provider is configured")
}

#[test]
fn an_empty_mapping_means_the_defaults() {
    let config = read("{}");
    assert_eq!(config, defaults());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8900");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8901");
    assert_eq!(
        (config.tunnel, config.on_ledger_fault),
        (Policy::Allow, Policy::Allow)
    );
    assert_eq!(config.default_provider, "openai");
    assert!(config.trust_client_labels && !config.response_headers);
    assert_eq!(config.shutdown_grace, Duration::from_secs(25));
    assert_eq!(config.timezone, jiff::tz::TimeZone::UTC);
    for name in ["openai", "anthropic", "gemini"] {
        let provider = provider(&config, name);
        assert!(
            provider.catalog_id.is_some() && !provider.hosts.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn reads_what_the_interface_shows() {
    let config = read(
        "listen: 127.0.0.1:${PORT}
admin: { listen: 127.0.0.1:8901, token: '${SECRET}' }
data_dir: ./weir-data
tunnel: deny
default_provider: local-vllm
labels: { team: search, tags: { run: 7 } }
timezone: Europe/Berlin
providers:
  openai: {}
  anthropic:
  local-vllm:
    api: openai
    upstream: http://127.0.0.1:8000/base/
    timeouts: { connect: 500ms, read: 2m }
  azure-east:
    api: openai
    upstream: https://Example.openai.azure.com.
    hosts: [example.openai.azure.com, 'other:8443']
    upstream_proxy: http://us%65r:${SECRET}@proxy:3128/
  mirror: { upstream: 'https://eu.api.openai.com/v9' }
budgets:
  - name: team-month
    limit: ${AMOUNT}
    per: month
    match: { team: search, model: [gpt-4o, 'claude-*'], tags: { env: [prod, stage] } }
    warn_at: [95%, 80, 80%]
  - { name: in-flight, limit: 20 concurrent, each: key }
  - { name: bulk, limit: 1_000_000 tokens, per: total, hold: worst_case, unpriced: block, on_spent: leave, wait: 2s }
prices:
  - { provider: openai, model: my-finetune, input: 3.00, cached_input: 0.0000375, output: '12' }
shutdown: { grace: 0s }
",
    );
    assert_eq!(config.listen.port(), 9900);
    assert_eq!(
        config.admin.token.as_ref().map(Secret::expose),
        Some(CANARY)
    );
    assert_eq!(config.labels.tags["run"], "7");
    assert_eq!(config.timezone.iana_name(), Some("Europe/Berlin"));
    let vllm = provider(&config, "local-vllm");
    let upstream = ("127.0.0.1", 8000, "/base", false);
    let Upstream {
        tls,
        host,
        port,
        base_path,
    } = vllm.upstream.as_ref().expect("an upstream is written");
    assert_eq!((host.as_str(), *port, base_path.as_str(), *tls), upstream);
    assert_eq!(vllm.timeouts.connect, Duration::from_millis(500));
    assert_eq!(vllm.timeouts.write, Duration::from_secs(60));
    assert_eq!(vllm.catalog_id, None);
    let azure = provider(&config, "azure-east");
    let host = azure.upstream.as_ref().map(|to| to.host.as_str());
    assert_eq!(host, Some("example.openai.azure.com"));
    assert!(azure.redirects && !provider(&config, "openai").redirects);
    assert_eq!(azure.catalog_id.as_deref(), Some("azure"));
    assert_eq!(
        azure.hosts[1],
        HostPort {
            host: "other".to_owned(),
            port: 8443
        }
    );
    let proxy = azure.upstream_proxy.as_ref().expect("a proxy is written");
    let credentials = proxy.credentials.as_ref().map(Secret::expose);
    assert_eq!(credentials, Some(format!("user:{CANARY}").as_str()));
    assert_eq!(
        provider(&config, "mirror").catalog_id.as_deref(),
        Some("openai")
    );
    assert_eq!(config.shutdown_grace, Duration::ZERO);
    let [month, flight, bulk] = config.budgets.as_slice() else {
        panic!("three budgets")
    };
    assert_eq!(
        (month.unit, month.amount, month.per),
        (Unit::Cost, 500 * 10_i128.pow(12), Per::Month)
    );
    assert_eq!(
        month.matches.dimensions[&Dimension::Model],
        ["gpt-4o", "claude-*"]
    );
    assert_eq!(month.matches.tags["env"], ["prod", "stage"]);
    assert_eq!(month.warn_at, [80, 95]);
    assert_eq!(
        (flight.unit, flight.amount, flight.per),
        (Unit::Concurrent, 20, Per::Total)
    );
    assert_eq!(flight.each, Some(Dimension::Key));
    assert_eq!((bulk.amount, bulk.hold), (1_000_000, HoldMode::WorstCase));
    assert_eq!(
        (bulk.on_spent, month.on_spent),
        (OnSpent::Leave, OnSpent::Close)
    );
    assert_eq!(
        (bulk.unpriced, bulk.unmetered),
        (Unknown::Block, Unknown::Allow)
    );
    assert_eq!(bulk.wait, Duration::from_secs(2));
    let price = &config.prices[0];
    assert_eq!(price.input, Some(3 * 10_i128.pow(12)));
    assert_eq!(price.cached_input, Some(37_500_000));
    assert_eq!(
        (price.output, price.request),
        (Some(12 * 10_i128.pow(12)), None)
    );
}

#[test]
fn a_price_keeps_digits_that_a_float_would_lose() {
    let config = read("prices: [{ model: m, input: 123456.000000000001, output: 0.1 }]");
    assert_eq!(config.prices[0].input, Some(123_456_000_000_000_001));
    assert_eq!(config.prices[0].output, Some(100_000_000_000));
}

#[test]
fn amounts_may_be_written_in_any_currency_with_a_rate() {
    let config = read(
        "currencies: { CNY: 0.14, EUR: '1.08' }
budgets:
  - { name: a, limit: 3_000 CNY, per: month }
  - { name: b, limit: 0.5 EUR, per: day }
  - { name: c, limit: 7 tokens, per: day }
prices: [{ model: m, currency: CNY, input: 2.4 }, { model: n, input: 2.4 }]",
    );
    let code = |text: &str| text.parse().expect("a code");
    let cny = config.currencies.get(code("CNY")).expect("a rate");
    assert_eq!(cny.usd().to_string(), "0.14");
    let [a, b, c] = config.budgets.as_slice() else {
        panic!("three budgets")
    };
    assert_eq!(
        (a.unit, a.amount, a.currency),
        (Unit::Cost, 420 * PICO_PER_USD, cny)
    );
    assert_eq!(
        (b.amount, b.currency.code()),
        (54 * PICO_PER_USD / 100, code("EUR"))
    );
    assert_eq!(
        (c.unit, c.amount, c.currency),
        (Unit::Tokens, 7, Currency::USD)
    );
    let written = config
        .prices
        .iter()
        .map(|price| (price.currency, price.input));
    let amount = Some(24 * PICO_PER_USD / 10);
    assert_eq!(
        written.collect::<Vec<_>>(),
        [(cny, amount), (Currency::USD, amount)]
    );
}

#[test]
fn an_address_that_others_reach_tunnels_nothing_by_default() {
    assert_eq!(read("listen: 0.0.0.0:8900").tunnel, Policy::Block);
    assert_eq!(read("listen: '[::1]:8900'").tunnel, Policy::Allow);
    assert_eq!(
        read("{ listen: '0.0.0.0:8900', tunnel: allow }").tunnel,
        Policy::Allow
    );
}

#[test]
fn a_variable_left_empty_counts_as_not_written() {
    let config =
        read("admin: { token: '${EMPTY}' }\nlabels: { team: \"${UNSET:-}\" }\ntimezone: ${EMPTY}");
    assert_eq!(config, defaults());
}

#[test]
fn a_variable_never_becomes_yaml() {
    let problems =
        parse("labels: { team: '${INJECTED}' }", "f", &env).expect_err("it has two lines");
    assert_eq!(problems.list.len(), 1);
    assert_eq!(problems.list[0].key, "labels.team");
    let config = read("labels: { team: '${UNSET:-[a, b]}' }");
    assert_eq!(config.labels.team.as_deref(), Some("[a, b]"));
}

#[test]
fn a_secret_is_never_printed() {
    let text = "admin: { token: '${SECRET}' }
providers: { openai: { upstream_proxy: 'http://u:${SECRET}@p:1' } }";
    let config = format!("{:?}", read(text));
    assert!(
        config.contains("********") && !config.contains(CANARY),
        "{config}"
    );
}

#[test]
fn variables_may_come_from_a_table_of_the_caller() {
    let table = std::collections::HashMap::from([("TEAM", "search")]);
    let env = |name: &str| table.get(name).map(|&value| value.to_owned());
    let config = parse("labels: { team: '${TEAM}' }", "f", &env).expect("the variable is set");
    assert_eq!(config.labels.team.as_deref(), Some("search"));
}
