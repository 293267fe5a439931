//! Every kind of fault, with its place and its words.

use super::*;

/// Parses a faulty file and compares the beginnings of all its problems.
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

/// Cases of one fault each: a file (`⏎` ends a line) within `frame`, `=>`, its problem's beginning.
fn check_each(frame: (&str, &str), cases: &str) {
    let mut checked = 0;
    for case in cases.lines().filter(|line| !line.is_empty()) {
        let (text, expected) = case.split_once(" => ").expect("a case has two sides");
        let text = format!("{}{}{}", frame.0, text.trim_start(), frame.1).replace('⏎', "\n");
        check(&text, &[expected]);
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn says_what_is_wrong_and_where() {
    check(
        "",
        &["1:1: the file holds no settings (write `{}` for the defaults)"],
    );
    check_each(("", ""), SETTINGS);
}

const SETTINGS: &str = r#"
# only a comment⏎ => 1:1: the file holds no settings
~ => 1:1: the file holds no settings
listen => 1:1: expected a mapping, got a single value (write `key: value` pairs)
- a => 1:1: expected a mapping, got a list
a: [1⏎b: 2 => 2:2: not YAML: 
labels: {}⏎---⏎labels: {} => 3:1: expected one document, got a second one
labels: { team: ${PORT} } => 1:18: not YAML: while parsing a flow mapping, did not find expected ',' or '}' (within `{…}` and `[…]` write a variable in quotes
budget: [] => 1:1: budget: unknown key (did you mean `budgets`?)
zzz: 1 => 1:1: zzz: unknown key (known are listen, admin, data_dir, tunnel,
admin: { tokn: x } => 1:10: admin.tokn: unknown key (did you mean `token`?)
tunnel: allow⏎tunnel: deny => 2:1: tunnel: written twice, first on line 1 (remove one of them)
? [a, b]⏎: c => 1:3: expected a text as key, got something else
labels: { team: *x } => 1:17: labels.team: aliases (`*name`) are not read (write the value out)
labels: { team: !!str 5 } => 1:23: labels.team: tags are not read, got "!!str" (remove the tag)
listen: 8900 => 1:9: listen: expected an IP address and a port, got "8900" (write it like `127.0.0.1:8900` or `[::1]:8900`)
listen: localhost:1 => 1:9: listen: expected an IP address and a port, got "localhost:1"
listen: { port: 1 } => 1:9: listen: expected an IP address and a port, got a mapping
listen: '127.0.0.1:${SECRET}' => 1:9: listen: expected an IP address and a port, got the value of "127.0.0.1:${SECRET}"
listen: 0.0.0.0:8901 => 1:9: listen: the proxy (0.0.0.0:8901) and the admin side (127.0.0.1:8901) share a port
providers: { openai: { upstream: "http://localhost:8900" } } => 1:34: providers.openai.upstream: expected a provider's upstream, got weir's own address 127.0.0.1:8900
admin: ${SECRET} => 1:8: admin: expected a mapping, got a single value
admin: { token: [a] } => 1:17: admin.token: expected a token of visible ASCII characters, got a list
admin: { token: 'a b${SECRET}' } => 1:17: admin.token: expected a token of visible ASCII characters, got a value that is not shown
admin:⏎  listen: 0.0.0.0:1 => 2:11: admin.listen: an admin address that is not a loopback one (0.0.0.0:1) needs a token (add `token: ${WEIR_ADMIN_TOKEN}` to `admin`)
admin:⏎  listen: 0.0.0.0:1⏎  token: ${EMPTY} => 2:11: admin.listen: an admin address that is not
data_dir: '' => 1:11: data_dir: expected a path, got ""
tunnel: block => 1:9: tunnel: expected allow or deny, got "block" (known are allow, deny)
tunnel: dney => 1:9: tunnel: expected allow or deny, got "dney" (did you mean `deny`?)
on_ledger_fault: deny => 1:18: on_ledger_fault: expected allow or block, got "deny"
response_headers: yes => 1:19: response_headers: expected true or false, got "yes"
timezone: Mars/Base => 1:11: timezone: expected an IANA time zone, got "Mars/Base" (write it like `UTC` or `Europe/Berlin`)
default_provider: azure => 1:19: default_provider: provider `azure` has no upstream to be the default (add `azure: { upstream: https://… }` to the providers)
default_provider: opnai => 1:19: default_provider: expected a provider's name, but none is called "opnai" (did you mean `openai`?)
shutdown: { grace: 2h } => 1:20: shutdown.grace: expected at most 3600s, got 7200s
shutdown: { grace: 30 } => 1:20: shutdown.grace: expected a duration in whole ms, s, m or h, at most 24h, got "30": the unit is missing
shutdown: { grace: 1.5s } => 1:20: shutdown.grace: expected a duration
alerts: [{}] => 1:10: alerts[0].webhook: required, but not written (add `webhook: ${SLACK_WEBHOOK:-}`)
alerts: [{ webhook: "ftp://${SECRET}" }] => 1:21: alerts[0].webhook: expected an http or https URL, got a value that is not shown
alerts: [{ webhook: "${SECRET}" }] => 1:21: alerts[0].webhook: expected an http or https URL, got a value that is not shown
alerts: [{ webhook: "http://h/${SECRET}", kinds: spent }] => 1:50: alerts[0].kinds: expected a kind of alert, got "spent" (
alerts: [{ webhook: "http://h/${SECRET}", format: slak }] => 1:51: alerts[0].format: expected json or slack, got "slak" (did you mean `slack`?)
alerts: [{ webhook: "http://h/${SECRET}", budgets: b }] => 1:52: alerts[0].budgets: expected a budget, but none is called "b"
alerts: [{ webhook: "http://h/${SECRET}" }, { webhook: "http://h/${SECRET}" }] => 1:45: alerts[1]: "h-
anomaly: on => 1:10: anomaly: expected off, or a mapping, got "on"
anomaly: { hour: 5 requests } => 1:18: anomaly.hour: expected an amount of money (write it like `5 USD`)
anomaly: { factor: 0 } => 1:20: anomaly.factor: expected a whole number from 1 to 1000, got "0"
currencies: [CNY] => 1:13: currencies: expected a mapping, got a list
currencies: { cny: 0.14 } => 1:15: currencies.cny: expected a currency's code of three capital letters, got "cny" (write `CNY`)
currencies: { yuan: 0.14 } => 1:15: currencies.yuan: expected a currency's code of three capital letters, got "yuan" (write it like `CNY` or `EUR`)
currencies: { USD: 1 } => 1:15: currencies.USD: USD is what the others are measured in, and worth 1 (remove it)
currencies: { CNY: 0 } => 1:15: currencies.CNY: expected what one CNY is worth in USD, more than 0 and at most 1000000, got 0
currencies: { CNY: -7 } => 1:15: currencies.CNY: expected what one CNY is worth in USD, more than 0 and at most 1000000, got -7
currencies: { CNY: 1_000_001 } => 1:15: currencies.CNY: expected what one CNY is worth in USD, more than 0 and at most 1000000, got 1000001
currencies: { CNY: 1e-1 } => 1:20: currencies.CNY: expected what one unit is worth in USD, at most 12 decimal places, got "1e-1" (write it like `0.14` or `1.08`)
currencies: { CNY: 0.14, CNY: 7 } => 1:26: currencies.CNY: written twice, first on line 1
currencies: { CNY: } => 1:18: currencies.CNY: expected what one unit is worth in USD, at most 12 decimal places, got nothing
identify: [{ labels: { team: a } }] => 1:12: identify[0].match: required, but not written
identify: [{ match: {}, labels: { team: a } }] => 1:21: identify[0].match: a rule for every call (add key, source, listener or via; labels for all calls stand in `labels`)
identify: [{ match: { key: '${EMPTY}' }, labels: { team: a } }] => 1:28: identify[0].match.key: expected something to match, got nothing
identify: [{ match: { via: base_url }, labels: {} }] => 1:12: identify[0]: a rule that gives no label
identify: [{ match: { via: carrier }, labels: { team: a } }] => 1:28: identify[0].match.via: expected a way in, got "carrier" (known are base_url, https_proxy, http_proxy)
identify: [{ match: { source: 10.0.0.1/8 }, labels: { team: a } }] => 1:31: identify[0].match.source: expected an IP address, or a network of them, got "10.0.0.1/8": the bits behind
identify: [{ match: { source: localhost }, labels: { team: a } }] => 1:31: identify[0].match.source: expected an IP address, or a network of them, got "localhost"
identify: [{ match: { key: 'sk-${SECRET}' }, labels: { team: a } }] => 1:28: identify[0].match.key: expected a key's 12 hex digits as the ledger shows them, or a prefix with `*`, got a value that is not shown
identify: [{ match: { listener: 127.0.0.1:x }, labels: { team: a } }] => 1:33: identify[0].match.listener: expected an IP address of this machine
labels: { team: '${UNSET}' } => 1:17: labels.team: the environment variable UNSET is not set (set it, or write a default: `${UNSET:-…}`)
labels: { team: '${SECRET' } => 1:17: labels.team: `${` without a closing `}` (write `$$` for a plain `$`)
labels: { team: '${a b}' } => 1:17: labels.team: expected a variable's name in `${…}`, got "a b"
labels: { tags: { a: ~ } } => 1:22: labels.tags.a: expected a text of at most 256 bytes on one line, got nothing
labels: { tags: { "a b": [] } } => 1:26: labels.tags."a b": expected a text of at most 256 bytes on one line, got a list
"#;

#[test]
fn says_what_is_wrong_with_providers() {
    check_each(("providers:\n  ", ""), PROVIDERS);
}

const PROVIDERS: &str = r#"
'@x': { upstream: 'http://h' } => 2:3: providers.@x: expected a provider's name: at most 64 lower-case letters, digits, `.`, `_` and `-`, got "@x" (rename it)
A: { upstream: 'http://h' } => 2:3: providers.A: expected a provider's name
a/b: { upstream: 'http://h' } => 2:3: providers.a/b: expected a provider's name
'': { upstream: 'http://h' } => 2:3: providers."": expected a provider's name
v1beta: { upstream: 'http://h' } => 2:3: providers.v1beta: expected a provider's name: at most 64 lower-case letters, digits, `.`, `_` and `-`, got "v1beta": it would take the paths of a base URL that names no provider
opnai: {} => 2:3: providers.opnai: weir does not know "opnai", so it needs an upstream (did you mean `openai`?)
my-own: => 2:3: providers.my-own: weir does not know "my-own", so it needs an upstream (add `upstream: https://…`)
x: { upstream: h } => 2:18: providers.x.upstream: expected an http or https URL without user, query and fragment, got a value that is not shown: it must start with http:// or https://
x: { upstream: 'ftp://h' } => 2:18: providers.x.upstream: expected an http or https URL
x: { upstream: 'http://h/?q=${SECRET}' } => 2:18: providers.x.upstream: expected an http or https URL
x: { upstream: 'http://${SECRET}@h' } => 2:18: providers.x.upstream: expected an http or https URL
x: { upstream: 'http://h:0' } => 2:18: providers.x.upstream: expected an http or https URL
x: { upstream: 'http://' } => 2:18: providers.x.upstream: expected an http or https URL
x: { upstream: 'http://[::1' } => 2:18: providers.x.upstream: expected an http or https URL
openai: [] => 2:11: providers.openai: expected a mapping, got a list
openai: { api: opneai } => 2:18: providers.openai.api: expected a dialect, got "opneai" (did you mean `openai`?)
openai: { hosts: ['*.com'] } => 2:21: providers.openai.hosts[0]: expected a host name, with a port if it is not 443, got "*.com": at least two labels must follow the last `*`, for weir's CA may sign for them all
openai: { hosts: ['api.*'] } => 2:21: providers.openai.hosts[0]: expected a host name, with a port if it is not 443, got "api.*": at least two labels must follow
openai: { hosts: ['**.a.com'] } => 2:21: providers.openai.hosts[0]: expected a host name, with a port if it is not 443, got "**.a.com": a label may hold one `*`
x: { upstream: 'https://*.a.com' } => 2:18: providers.x.upstream: expected an http or https URL without user, query and fragment, got a value that is not shown: `*` stands for no host to dial
gemini: { hosts: ['*.OpenAI.azure.com'] } => 2:21: providers.gemini.hosts[0]: *.openai.azure.com:443 is claimed by provider `azure` already
openai: { hosts: ['a b'] } => 2:21: providers.openai.hosts[0]: expected a host name, with a port if it is not 443, got "a b"
openai: { hosts: h } => 2:20: providers.openai.hosts: expected a list, got a single value
gemini: { hosts: [api.openai.com] } => 2:21: providers.gemini.hosts[0]: api.openai.com:443 is claimed by provider `openai` already (remove it, or take it from the other: `openai: { hosts: [] }`)
openai: { hosts: [a, A.] } => 2:24: providers.openai.hosts[1]: a:443 is claimed by provider `openai` already (remove one of them)
openai: { ca: /nowhere.pem } => 2:17: providers.openai.ca: cannot read the file: entity not found
openai: { api_key_file: /nowhere.key } => 2:27: providers.openai.api_key_file: cannot read the file: entity not found (write the path of a file with the key and nothing else)
openai: { api_key: k, api_key_file: /nowhere.key } => 2:39: providers.openai.api_key_file: `api_key` is written besides (remove one of them)
openai: { api_key: 'a ${SECRET}' } => 2:22: providers.openai.api_key: expected a token of visible ASCII characters, got a value that is not shown
openai: { upstream_proxy: 'https://h' } => 2:29: providers.openai.upstream_proxy: a proxy that is itself reached by https: not supported by this version
openai: { upstream_proxy: 'http://u:${SECRET}@' } => 2:29: providers.openai.upstream_proxy: expected an http URL of a proxy, got a value that is not shown
openai: { timeouts: { connect: 0s } } => 2:34: providers.openai.timeouts.connect: expected a duration of more than nothing, got 0
openai: { timeouts: { read: 25h } } => 2:31: providers.openai.timeouts.read: expected a duration in whole ms, s, m or h, at most 24h, got "25h"
openai: { on_client_close: drain } => 2:13: providers.openai.on_client_close: `on_client_close`: not supported by this version
"#;

#[test]
fn says_what_is_wrong_with_budgets() {
    check_each(("budgets:\n  - { ", " }"), BUDGETS);
    check_each(
        ("budgets:\n  - { name: a, limit: 5 USD, per: day, ", " }"),
        BUDGET_OPTIONS,
    );
}

const BUDGETS: &str = r#"
limit: 5 USD, per: day => 2:5: budgets[0].name: required, but not written (add `name: …`)
name: ~, limit: 5 USD, per: day => 2:5: budgets[0].name: required, but not written
name: 'a b', limit: 5 USD, per: day => 2:13: budgets[0].name: expected a name of at most 64 letters, digits, `.`, `_` and `-`, got "a b"
name: a, per: day => 2:5: budgets[0].limit: required, but not written (add `limit: 500 USD`, or `models` where only they are to be ruled)
name: a, limit: 5 USD => 2:5: budgets[0].per: required, but not written (add `per: month`, or another of
name: a, limit: 5, per: day => 2:23: budgets[0].limit: expected a positive amount and its unit (USD or another currency, tokens, input_tokens, output_tokens, requests, concurrent), got "5"
name: a, limit: 0 USD, per: day => 2:23: budgets[0].limit: expected a positive amount
name: a, limit: 1.5 requests, per: day => 2:23: budgets[0].limit: expected a positive amount
name: a, limit: 5 dollars, per: day => 2:23: budgets[0].limit: expected a positive amount
name: a, limit: 5 EUR, per: day => 2:23: budgets[0].limit: no rate is known for the currency EUR (write what one EUR is worth in USD, as `currencies: { EUR: 0.14 }`)
name: a, limit: 0 EUR, per: day => 2:23: budgets[0].limit: expected a positive amount
name: a, limit: 10_000_000 USD, per: day => 2:23: budgets[0].limit: expected a limit from 0.000000000001 to 9000000 USD, got one that is too large
name: a, limit: '${SECRET} USD', per: day => 2:23: budgets[0].limit: expected a positive amount and its unit (USD or another currency, tokens, input_tokens, output_tokens, requests, concurrent), got the value of "${SECRET} USD"
name: a, limit: 5 concurrent, per: day => 2:42: budgets[0].per: calls in flight are counted at every moment, not over a window (remove `per`)
name: a, limit: 5 USD, per: rolling 5 => 2:35: budgets[0].per: expected a window, got "rolling 5": a rolling window has a length in whole m, h or d, from 1m to 31d (write it like `month` or `rolling 5h`)
name: a, limit: 5 USD, per: rolling 32d => 2:35: budgets[0].per: expected a window, got "rolling 32d": a rolling window
name: a, limit: 5 USD, per: daily => 2:35: budgets[0].per: expected a window, got "daily"
name: a, limit: 5 USD, per: mnth => 2:35: budgets[0].per: expected a window, got "mnth" (did you mean `month`?)
name: a, limit: 5 USD, per: rolling 5h, rollover: true => 2:57: budgets[0].rollover: nothing is carried over from `per: rolling 5h` (remove it, or choose one of hour, day, week, month, year)
name: a, limit: 5 USD, per: total, rollover: true => 2:52: budgets[0].rollover: nothing is carried over from `per: total`
name: a, limit: 5 requests, per: day, rollover: true => 2:55: budgets[0].rollover: only money and tokens are carried over (remove `rollover`)
"#;

const BUDGET_OPTIONS: &str = r#"
each: tags => 2:46: budgets[0].each: `tags`: not supported by this version
each: usr => 2:46: budgets[0].each: expected what to separate by, got "usr" (did you mean `user`?)
action: warm => 2:48: budgets[0].action: expected block, warn or a mapping with downgrade, got
action: { downgrade: { a: b, b: c } } => 2:63: budgets[0].action.downgrade.a: "b" is itself sent to another model
models: ~ => 2:48: budgets[0].models: expected something to match, got nothing
on_spent: warn => 2:50: budgets[0].on_spent: expected close or leave, got "warn"
rollover: 5 tokens => 2:50: budgets[0].rollover: expected an amount in the limit's own unit, usd, got tokens (write `rollover: true`, or such an amount)
rollover: some => 2:50: budgets[0].rollover: expected true, false, or the most that is carried over, got "some"
rollover: 5 EUR => 2:50: budgets[0].rollover: no rate is known for the currency EUR
hold: worst => 2:46: budgets[0].hold: expected expected or worst_case, got "worst"
unpriced: deny => 2:50: budgets[0].unpriced: expected allow or block, got "deny"
wait: 61s => 2:46: budgets[0].wait: expected at most 60s, got 61s
warn_at: 0% => 2:49: budgets[0].warn_at: expected a percentage from 1% to 100%, got "0%"
warn_at: [80%, 101%] => 2:55: budgets[0].warn_at[1]: expected a percentage from 1% to 100%, got "101%"
match: ~ => 2:47: budgets[0].match: expected something to match, got nothing
match: { team: ~ } => 2:55: budgets[0].match.team: expected something to match, got nothing
match: { team: '${EMPTY}' } => 2:55: budgets[0].match.team: expected something to match, got nothing
match: { tags: { a: ~ } } => 2:60: budgets[0].match.tags.a: expected a text of at most 256 bytes
match: { team: [] } => 2:55: budgets[0].match.team: expected at least one value, got an empty list
match: { team: 'a*b' } => 2:55: budgets[0].match.team: expected a text of at most 256 bytes, or a prefix that ends in `*`, got "a*b": a `*` may only stand at the end
match: { key: '${SECRET}' } => 2:54: budgets[0].match.key: expected a key's 12 hex digits as the ledger shows them, or a prefix with `*`, got a value that is not shown
match: { provider: opnai } => 2:59: budgets[0].match.provider: expected a provider's name, but none is called "opnai" (did you mean `openai`?)
match: { provider: 'zz*' } => 2:59: budgets[0].match.provider: expected a provider's name, but none is called "zz*"
"#;

#[test]
fn says_what_is_wrong_with_prices() {
    check_each(("prices:\n  - { ", " }"), PRICES);
    let twice = "prices:\n  - { model: m, input: 1 }\n  - { model: m, output: 1 }";
    check(
        twice,
        &["3:5: prices[1]: \"m\" is priced twice (remove one of them)"],
    );
}

const PRICES: &str = r#"
input: 1 => 2:5: prices[0].model: required, but not written
model: m => 2:5: prices[0]: expected at least one price, got none
model: m, input: 1e3 => 2:24: prices[0].input: expected a price, at most 12 decimal places, got "1e3"
model: m, input: -1 => 2:24: prices[0].input: expected a price, at most 12 decimal places, got "-1": a price is never negative
model: m, input: .nan => 2:24: prices[0].input: expected a price
model: m, input: 0.0000000000001 => 2:24: prices[0].input: expected a price
model: m, input: 10_000_000 => 2:5: prices[0]: expected prices of at most 1000000 USD, got one that is too large
model: m, currency: CNY, input: 1 => 2:27: prices[0].currency: no rate is known for the currency CNY (write what one CNY is worth in USD, as `currencies: { CNY: 0.14 }`)
model: m, currency: yuan, input: 1 => 2:27: prices[0].currency: expected a currency's code of three capital letters, got "yuan" (write it like `CNY` or `EUR`)
provider: opnai, model: m, input: 1 => 2:17: prices[0].provider: expected a provider's name, but none is called "opnai"
"#;

#[test]
fn an_amount_is_bounded_in_usd_whatever_it_is_written_in() {
    let rate = "currencies: { XAU: 4000, VND: 0.00004 }\n";
    check(
        &format!("{rate}budgets: [{{ name: a, limit: 3_000 XAU, per: day }}]"),
        &[
            "2:29: budgets[0].limit: expected a limit from 0.000000000001 to 9000000 USD, got one that is too large",
        ],
    );
    check(
        &format!("{rate}budgets: [{{ name: a, limit: 0.00000001 VND, per: day }}]"),
        &[
            "2:29: budgets[0].limit: expected a limit from 0.000000000001 to 9000000 USD, got one that is too small",
        ],
    );
    check(
        &format!("{rate}prices: [{{ model: m, currency: XAU, input: 251 }}]"),
        &["2:10: prices[0]: expected prices of at most 1000000 USD, got one that is too large"],
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
            "3:10: admin.token: expected",
            "4:3: admin.lisen: unknown key (did you mean `listen`?)",
            "5:17: labels.team: the environment variable UNSET",
            "8:12: budgets[0].limit: expected",
            "9:10: budgets[0].per: expected",
            "10:5: budgets[1].per: required",
            "11:13: budgets[2].name: \"b\" names the budget on line 10 already",
            "12:9: prices: expected a list, got a single value",
        ],
    );
}

#[test]
fn a_problem_names_its_file() {
    let problems = parse("listen: 1\ntunnel: 2", "a/proxy.yaml", &env).expect_err("two faults");
    let text = problems.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("a/proxy.yaml:1:9: listen: expected"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("a/proxy.yaml:2:9: tunnel: expected"),
        "{text}"
    );
    let missing = load(std::path::Path::new("/nowhere/proxy.yaml"), &env).expect_err("no file");
    assert!(
        missing
            .to_string()
            .starts_with("/nowhere/proxy.yaml: cannot read the file: ")
    );
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), b"labels: {}\n# \xff\n").expect("written");
    let problems = load(file.path(), &env).expect_err("not UTF-8");
    assert!(
        problems
            .to_string()
            .contains("expected UTF-8, got another byte on line 2")
    );
    std::fs::write(file.path(), vec![b'#'; FILE_BYTES_MAX + 1]).expect("written");
    let problems = load(file.path(), &env).expect_err("too large");
    assert!(
        problems
            .to_string()
            .contains("expected at most 1048576 bytes"),
        "{problems}"
    );
}
