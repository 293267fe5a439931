use super::*;
use crate::budget::limits::{Dimension, HoldMode, Per, Unit, Unknown};
use crate::units::PicoUsd;

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

pub(super) fn read(text: &str) -> Config {
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
  mirror: { upstream: 'https://api.openai.com/eu' }
budgets:
  - name: team-month
    limit: ${AMOUNT}
    per: month
    match: { team: search, model: [gpt-4o, 'claude-*'], tags: { env: [prod, stage] } }
    warn_at: [95%, 80, 80%]
  - { name: in-flight, limit: 20 concurrent, each: key }
  - { name: bulk, limit: 1_000_000 tokens, per: total, hold: worst_case, unpriced: block, wait: 2s }
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
    } = &vllm.upstream;
    assert_eq!((host.as_str(), *port, base_path.as_str(), *tls), upstream);
    assert_eq!(vllm.timeouts.connect, Duration::from_millis(500));
    assert_eq!(vllm.timeouts.write, Duration::from_secs(60));
    assert_eq!(vllm.catalog_id, None);
    let azure = provider(&config, "azure-east");
    assert_eq!(azure.upstream.host, "example.openai.azure.com");
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
        (bulk.unpriced, bulk.unmetered),
        (Unknown::Block, Unknown::Allow)
    );
    assert_eq!(bulk.wait, Duration::from_secs(2));
    let price = &config.prices[0];
    assert_eq!(price.input, Some(PicoUsd::new(3 * 10_i128.pow(12))));
    assert_eq!(price.cached_input, Some(PicoUsd::new(37_500_000)));
    assert_eq!(
        (price.output.map(PicoUsd::get), price.request),
        (Some(12 * 10_i128.pow(12)), None)
    );
}

#[test]
fn a_price_keeps_digits_that_a_float_would_lose() {
    let config = read("prices: [{ model: m, input: 123456.000000000001, output: 0.1 }]");
    assert_eq!(
        config.prices[0].input,
        Some(PicoUsd::new(123_456_000_000_000_001))
    );
    assert_eq!(config.prices[0].output, Some(PicoUsd::new(100_000_000_000)));
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

/// Parses a faulty file and compares all of its problems, line by line.
fn check(text: &str, expected: &[&str]) {
    let problems = parse(text, "f", &env).map(|_| ()).expect_err(text);
    assert!(!problems.to_string().contains(CANARY), "{problems}");
    let lines: Vec<String> = problems.list.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), expected.len(), "{text}\n{problems}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(
            line.starts_with(expected),
            "{text}\nexpected {expected}\ngot      {line}"
        );
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    let cases: &[(&str, &str)] = &[
        ("", "1:1: the file holds no settings (write `{}`"),
        ("# only a comment\n", "1:1: the file holds no settings"),
        ("listen", "1:1: expected a mapping, got a single value"),
        ("- a", "1:1: expected a mapping, got a list"),
        ("a: [1\nb: 2", "2:"),
        (
            "labels: {}\n---\nlabels: {}",
            "3:1: expected one document, got a second one",
        ),
        (
            "budget: []",
            "1:1: budget: unknown key (did you mean `budgets`?)",
        ),
        (
            "admin: { tokn: x }",
            "1:10: admin.tokn: unknown key (did you mean `token`?)",
        ),
        (
            "tunnel: allow\ntunnel: deny",
            "2:1: tunnel: written twice, first on line 1",
        ),
        ("? [a, b]\n: c", "1:3: expected a text as key"),
        (
            "labels: { team: *x }",
            "1:17: labels.team: aliases (`*name`) are not read",
        ),
        ("labels: { team: !!str 5 }", "1:"),
        (
            "listen: 8900",
            "1:9: listen: expected an IP address and a port, got \"8900\"",
        ),
        (
            "listen: localhost:1",
            "1:9: listen: expected an IP address and a port",
        ),
        (
            "listen: { port: 1 }",
            "1:9: listen: expected an IP address and a port, got a mapping",
        ),
        (
            "admin: x",
            "1:8: admin: expected a mapping, got a single value",
        ),
        (
            "admin:\n  listen: 0.0.0.0:1",
            "2:11: admin.listen: an admin address that is not",
        ),
        (
            "listen: 0.0.0.0:8901",
            "1:9: listen: the proxy (0.0.0.0:8901) and the admin side",
        ),
        ("data_dir: ''", "1:11: data_dir: expected a path, got \"\""),
        (
            "tunnel: block",
            "1:9: tunnel: expected allow or deny, got \"block\" (known are allow, deny)",
        ),
        (
            "tunnel: dney",
            "1:9: tunnel: expected allow or deny, got \"dney\" (did you mean `deny`?)",
        ),
        (
            "on_ledger_fault: deny",
            "1:18: on_ledger_fault: expected allow or block",
        ),
        (
            "response_headers: yes",
            "1:19: response_headers: expected true or false, got \"yes\"",
        ),
        (
            "timezone: Mars/Base",
            "1:11: timezone: expected an IANA time zone, got \"Mars/Base\"",
        ),
        (
            "default_provider: opnai",
            "1:19: default_provider: expected a provider's name, but none",
        ),
        (
            "shutdown: { grace: 2h }",
            "1:20: shutdown.grace: expected at most 3600s, got 7200s",
        ),
        (
            "shutdown: { grace: 30 }",
            "1:20: shutdown.grace: expected a duration",
        ),
        (
            "alerts: []",
            "1:1: alerts: `alerts`: not supported by this version",
        ),
        (
            "currencies: {}",
            "1:1: currencies: `currencies`: not supported",
        ),
        ("identify: []", "1:1: identify: `identify`: not supported"),
        (
            "labels: { team: '${UNSET}' }",
            "1:17: labels.team: the environment variable UNSET is not set",
        ),
        (
            "labels: { team: '${SECRET' }",
            "1:17: labels.team: `${` without a closing `}`",
        ),
        (
            "labels: { team: '${a b}' }",
            "1:17: labels.team: expected a variable's name",
        ),
        ("labels: { tags: { a: } }", "1:"),
    ];
    for (text, expected) in cases {
        check(text, &[expected]);
    }
}

#[test]
fn says_what_is_wrong_with_providers() {
    let cases: &[(&str, &str)] = &[
        (
            "'@x': { upstream: 'http://h' }",
            "2:3: providers.@x: expected a provider's name",
        ),
        (
            "A: { upstream: 'http://h' }",
            "2:3: providers.A: expected a provider's name",
        ),
        (
            "'': { upstream: 'http://h' }",
            "2:3: providers.\"\": expected a provider's name",
        ),
        (
            "opnai: {}",
            "2:3: providers.opnai: weir does not know \"opnai\", so it needs an upstream \
            (did you mean `openai`?)",
        ),
        (
            "x: { upstream: h }",
            "2:18: providers.x.upstream: expected an http or https URL",
        ),
        (
            "x: { upstream: 'ftp://h' }",
            "2:18: providers.x.upstream: expected an http or https URL",
        ),
        (
            "x: { upstream: 'http://h/?q=${SECRET}' }",
            "2:18: providers.x.upstream: expected",
        ),
        (
            "x: { upstream: 'http://${SECRET}@h' }",
            "2:18: providers.x.upstream: expected",
        ),
        (
            "x: { upstream: 'http://h:0' }",
            "2:18: providers.x.upstream: expected",
        ),
        (
            "x: { upstream: 'http://' }",
            "2:18: providers.x.upstream: expected",
        ),
        (
            "openai: { api: vertex }",
            "2:18: providers.openai.api: `vertex`: not supported by this",
        ),
        (
            "openai: { api: opneai }",
            "2:18: providers.openai.api: expected a dialect, got \"opneai\" \
            (did you mean `openai`?)",
        ),
        (
            "openai: { hosts: ['*.openai.com'] }",
            "2:21: providers.openai.hosts[0]: `*` in a host: not",
        ),
        (
            "openai: { hosts: ['a b'] }",
            "2:21: providers.openai.hosts[0]: expected a host name",
        ),
        (
            "openai: { hosts: h }",
            "2:20: providers.openai.hosts: expected a list, got a single value",
        ),
        (
            "gemini: { hosts: [api.openai.com] }",
            "2:21: providers.gemini.hosts[0]: api.openai.com:443 \
            is claimed by provider `openai` already",
        ),
        (
            "openai: { hosts: [a, A.] }",
            "2:24: providers.openai.hosts[1]: a:443 is claimed",
        ),
        (
            "openai: { ca: /nowhere.pem }",
            "2:17: providers.openai.ca: cannot read the file",
        ),
        (
            "openai: { upstream_proxy: 'https://h' }",
            "2:29: providers.openai.upstream_proxy: a proxy",
        ),
        (
            "openai: { upstream_proxy: 'http://u:${SECRET}@' }",
            "2:29: providers.openai.upstream_proxy",
        ),
        (
            "openai: { timeouts: { connect: 0s } }",
            "2:34: providers.openai.timeouts.connect: expected",
        ),
        (
            "openai: { timeouts: { read: 25h } }",
            "2:31: providers.openai.timeouts.read: expected",
        ),
        (
            "openai: { on_client_close: drain }",
            "2:13: providers.openai.on_client_close: `on_client_cl",
        ),
    ];
    for (text, expected) in cases {
        check(&format!("providers:\n  {text}"), &[expected]);
    }
}

#[test]
fn says_what_is_wrong_with_budgets_and_prices() {
    let cases: &[(&str, &str)] = &[
        (
            "limit: 5 USD, per: day",
            "2:5: budgets[0].name: required, but not written",
        ),
        (
            "name: 'a b', limit: 5 USD, per: day",
            "2:13: budgets[0].name: expected a name",
        ),
        (
            "name: a, per: day",
            "2:5: budgets[0].limit: required, but not written",
        ),
        (
            "name: a, limit: 5 USD",
            "2:5: budgets[0].per: required, but not written",
        ),
        (
            "name: a, limit: 5, per: day",
            "2:23: budgets[0].limit: expected a positive amount and",
        ),
        (
            "name: a, limit: 0 USD, per: day",
            "2:23: budgets[0].limit: expected a positive amount",
        ),
        (
            "name: a, limit: 1.5 requests, per: day",
            "2:23: budgets[0].limit: expected a positive",
        ),
        (
            "name: a, limit: 5 EUR, per: day",
            "2:23: budgets[0].limit: currencies other than USD: not",
        ),
        (
            "name: a, limit: 1_0000000_0 USD, per: day",
            "2:23: budgets[0].limit: expected a positive",
        ),
        (
            "name: a, limit: '${SECRET} USD', per: day",
            "2:23: budgets[0].limit: expected a positive \
            amount and its unit (USD, tokens, input_tokens, output_tokens, requests, concurrent), got \
            the value of \"${SECRET} USD\"",
        ),
        (
            "name: a, limit: 5 concurrent, per: day",
            "2:42: budgets[0].per: calls in flight",
        ),
        (
            "name: a, limit: 5 USD, per: rolling 5h",
            "2:35: budgets[0].per: `rolling 5h`: not supported",
        ),
        (
            "name: a, limit: 5 USD, per: daily",
            "2:35: budgets[0].per: expected a calendar window",
        ),
        (
            "name: a, limit: 5 USD, per: day, each: tags",
            "2:46: budgets[0].each: `tags`: not supported",
        ),
        (
            "name: a, limit: 5 USD, per: day, each: usr",
            "2:46: budgets[0].each: expected what to sep",
        ),
        (
            "name: a, limit: 5 USD, per: day, action: warn",
            "2:40: budgets[0].action: `action`: not",
        ),
        (
            "name: a, limit: 5 USD, per: day, hold: worst",
            "2:46: budgets[0].hold: expected expected or",
        ),
        (
            "name: a, limit: 5 USD, per: day, wait: 61s",
            "2:46: budgets[0].wait: expected at most 60s",
        ),
        (
            "name: a, limit: 5 USD, per: day, warn_at: 0%",
            "2:49: budgets[0].warn_at: expected a perc",
        ),
        (
            "name: a, limit: 5 USD, per: day, warn_at: []",
            "2:49: budgets[0].warn_at: expected at least",
        ),
        ("name: a, limit: 5 USD, per: day, match: { team: }", "2:"),
        (
            "name: a, limit: 5 USD, per: day, match: { team: 'a*b' }",
            "2:55: budgets[0].match.team: exp",
        ),
        (
            "name: a, limit: 5 USD, per: day, match: { team: '${EMPTY}' }",
            "2:55: budgets[0].match.team",
        ),
        (
            "name: a, limit: 5 USD, per: day, match: { key: '${SECRET}' }",
            "2:54: budgets[0].match.key: ",
        ),
        (
            "name: a, limit: 5 USD, per: day, match: { provider: opnai }",
            "2:59: budgets[0].match.prov",
        ),
    ];
    for (text, expected) in cases {
        check(&format!("budgets:\n  - {{ {text} }}"), &[expected]);
    }
    check(
        "budgets:\n - { name: a, limit: 1 USD, per: day }\n - { name: a, limit: 2 USD, per: day }",
        &["3:12: budgets[1].name: \"a\" names the budget on line 2 already"],
    );
    let cases: &[(&str, &str)] = &[
        (
            "input: 1",
            "2:5: prices[0].model: required, but not written",
        ),
        (
            "model: m",
            "2:5: prices[0]: expected at least one price, got none",
        ),
        (
            "model: m, input: 1e3",
            "2:24: prices[0].input: expected a price in USD",
        ),
        (
            "model: m, input: -1",
            "2:24: prices[0].input: expected a price in USD, at most 12",
        ),
        (
            "model: m, input: .nan",
            "2:24: prices[0].input: expected a price in USD",
        ),
        (
            "model: m, input: 0.0000000000001",
            "2:24: prices[0].input: expected a price in USD",
        ),
        (
            "provider: opnai, model: m, input: 1",
            "2:17: prices[0].provider: expected a provider's name",
        ),
    ];
    for (text, expected) in cases {
        check(&format!("prices:\n  - {{ {text} }}"), &[expected]);
    }
    check(
        "prices:\n  - { model: m, input: 1 }\n  - { model: m, output: 1 }",
        &["3:5: prices[1]: \"m\" is priced twice"],
    );
}

#[test]
fn reports_every_fault_of_a_file_at_once() {
    check(
        "listen: nowhere
admin:
  token: '${SECRET} '
  lisen: 127.0.0.1:1
labels: { team: '${UNSET}' }
budgets:
  - name: a
    limit: -5 USD
    per: mnth
  - { name: b, limit: 5 USD }
  - { name: b, limit: 5 concurrent }
prices: 7
",
        &[
            "1:9: listen: expected",
            "3:10: admin.token: expected a token of visible ASCII characters, got a value that is not shown",
            "4:3: admin.lisen: unknown key (did you mean `listen`?)",
            "5:17: labels.team: the environment variable UNSET",
            "8:12: budgets[0].limit: expected",
            "9:10: budgets[0].per: expected",
            "10:5: budgets[1].per: required",
            "11:13: budgets[2].name: \"b\" names",
            "12:9: prices: expected a list, got a single value",
        ],
    );
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
fn hostile_files_are_refused_quickly_and_in_few_words() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]";
    let long_key = format!("{}: 1", "k".repeat(900));
    for (name, text) in [
        ("alias bomb", bomb.to_owned()),
        ("deep flow", "[".repeat(FILE_BYTES_MAX)),
        ("deep flow maps", "{a: ".repeat(FILE_BYTES_MAX / 4)),
        (
            "deep block",
            (0..600).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
        ),
        ("dashes", "- ".repeat(FILE_BYTES_MAX / 2)),
        ("question marks", "? ".repeat(FILE_BYTES_MAX / 2)),
        ("large", " ".repeat(100 * FILE_BYTES_MAX)),
        (
            "many strange keys",
            (0..100_000).map(|i| format!("k{i}: 1\n")).collect(),
        ),
        (
            "many faults",
            format!("budgets: [{}]", "{},".repeat(200_000)),
        ),
        ("duplicates", "listen: x\n".repeat(100_000)),
        ("long key", long_key),
        (
            "long scalar",
            format!("listen: {}", "x".repeat(FILE_BYTES_MAX - 100)),
        ),
        (
            "long quoted",
            format!("listen: \"{}\"", "\\x00".repeat(FILE_BYTES_MAX / 4 - 100)),
        ),
        (
            "variables",
            format!("listen: \"{}\"", "${PORT}".repeat(FILE_BYTES_MAX / 7 - 100)),
        ),
        ("comments", "#\n".repeat(FILE_BYTES_MAX / 2)),
    ] {
        let started = crate::clock::SystemClock::shared();
        let problems = parse(&text, "f", &env).map(|_| ()).expect_err(name);
        let took = started.monotonic();
        println!("{name}: {took:?}");
        assert!(
            !problems.list.is_empty() && problems.to_string().len() < 64 * 1024,
            "{name}"
        );
        assert!(took < Duration::from_secs(10), "{name} took {took:?}");
    }
}
