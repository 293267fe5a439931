//! What a reload changes, and what of it has to wait for a restart.

use std::collections::BTreeMap;

use super::{Admin, Config, Policy};

/// What differs between two settings, one line each, without secrets.
pub fn changes(old: &Config, new: &Config) -> Vec<String> {
    let mut out = Vec::new();
    // Taken apart in full, so that a new setting cannot be left out.
    let Config {
        listen,
        admin: Admin {
            listen: admin_listen,
            token,
        },
        data_dir,
        tunnel,
        default_provider,
        labels,
        trust_client_labels,
        require_key,
        identify,
        timezone,
        providers,
        currencies,
        budgets,
        prices,
        alerts,
        anomaly,
        on_ledger_fault,
        orphans,
        response_headers,
        shutdown_grace,
    } = new;
    said(&mut out, "listen", &old.listen, listen);
    said(&mut out, "admin.listen", &old.admin.listen, admin_listen);
    silent(&mut out, "admin.token", &old.admin.token, token);
    said(
        &mut out,
        "data_dir",
        &old.data_dir.display(),
        &data_dir.display(),
    );
    said(
        &mut out,
        "tunnel",
        &tunnel_word(old.tunnel),
        &tunnel_word(*tunnel),
    );
    said(
        &mut out,
        "default_provider",
        &old.default_provider,
        default_provider,
    );
    silent(&mut out, "labels", &old.labels, labels);
    said(
        &mut out,
        "trust_client_labels",
        &old.trust_client_labels,
        trust_client_labels,
    );
    said(&mut out, "require_key", &old.require_key, require_key);
    silent(&mut out, "identify", &old.identify, identify);
    silent(&mut out, "timezone", &old.timezone, timezone);
    named(&mut out, "providers", &old.providers, providers, |p| {
        p.name.clone()
    });
    let [before, after] =
        [&old.currencies, currencies].map(|rates| rates.iter().collect::<Vec<_>>());
    named(&mut out, "currencies", &before, &after, |currency| {
        currency.code().to_string()
    });
    named(&mut out, "budgets", &old.budgets, budgets, |b| {
        b.name.clone()
    });
    named(
        &mut out,
        "prices",
        &old.prices,
        prices,
        |price| match &price.provider {
            Some(provider) => format!("{provider}/{}", price.model),
            None => price.model.clone(),
        },
    );
    named(&mut out, "alerts", &old.alerts, alerts, |webhook| {
        webhook.name.clone()
    });
    silent(&mut out, "anomaly", &old.anomaly, anomaly);
    silent(
        &mut out,
        "on_ledger_fault",
        &old.on_ledger_fault,
        on_ledger_fault,
    );
    silent(&mut out, "orphans", &old.orphans, orphans);
    said(
        &mut out,
        "response_headers",
        &old.response_headers,
        response_headers,
    );
    silent(
        &mut out,
        "shutdown.grace",
        &old.shutdown_grace,
        shutdown_grace,
    );
    out
}

fn tunnel_word(policy: Policy) -> &'static str {
    match policy {
        Policy::Allow => "allow",
        Policy::Block => "deny",
    }
}

fn said<T: ToString>(out: &mut Vec<String>, key: &str, old: &T, new: &T) {
    let (old, new) = (old.to_string(), new.to_string());
    if old != new {
        out.push(format!("{key}: {old} -> {new}"));
    }
}

fn silent<T: PartialEq>(out: &mut Vec<String>, key: &str, old: &T, new: &T) {
    if old != new {
        out.push(format!("{key}: changed"));
    }
}

fn named<T: PartialEq>(
    out: &mut Vec<String>,
    key: &str,
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> String,
) {
    let old: BTreeMap<String, &T> = old.iter().map(|item| (name(item), item)).collect();
    let new: BTreeMap<String, &T> = new.iter().map(|item| (name(item), item)).collect();
    for (name, item) in &new {
        match old.get(name) {
            None => out.push(format!("{key}.{name}: added")),
            Some(before) if before != item => out.push(format!("{key}.{name}: changed")),
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    out.extend(gone.map(|name| format!("{key}.{name}: removed")));
}

/// The keys whose new value has to wait for a restart.
///
/// What guards an address waits with it: a token or a tunnel policy that is right for the new
/// address may open the one that is still in use.
pub fn needs_restart(running: &Config, new: &Config) -> Vec<&'static str> {
    let listen = running.listen != new.listen;
    let admin_listen = running.admin.listen != new.admin.listen;
    [
        ("listen", listen),
        ("tunnel", listen && running.tunnel != new.tunnel),
        ("admin.listen", admin_listen),
        (
            "admin.token",
            admin_listen && running.admin.token != new.admin.token,
        ),
        ("data_dir", running.data_dir != new.data_dir),
    ]
    .into_iter()
    .filter_map(|(key, waits)| waits.then_some(key))
    .collect()
}

/// The new settings with the running value of whatever [`needs_restart`].
pub(super) fn held_back(running: &Config, new: &Config) -> Config {
    let mut held = new.clone();
    for key in needs_restart(running, new) {
        match key {
            "listen" => held.listen = running.listen,
            "tunnel" => held.tunnel = running.tunnel,
            "admin.listen" => held.admin.listen = running.admin.listen,
            "admin.token" => held.admin.token = running.admin.token.clone(),
            _ => held.data_dir = running.data_dir.clone(),
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn config(text: &str) -> Config {
        parse(text, "f", &|_| None).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn check(old: &str, new: &str, changed: &[&str], restart: &[&str]) {
        let (old, new) = (config(old), config(new));
        assert_eq!(changes(&old, &new), changed);
        assert_eq!(needs_restart(&old, &new), restart);
        let held = held_back(&old, &new);
        assert_eq!(
            needs_restart(&old, &held),
            [""; 0],
            "nothing waits once it is held back"
        );
    }

    #[test]
    fn says_what_changes() {
        check("{}", "{}", &[], &[]);
        check(
            "budgets: [{name: a, limit: 1 USD, per: day}, {name: b, limit: 1 USD, per: day}]",
            "budgets: [{name: a, limit: 2 USD, per: day}, {name: c, limit: 1 USD, per: day}]",
            &[
                "budgets.a: changed",
                "budgets.c: added",
                "budgets.b: removed",
            ],
            &[],
        );
        check(
            "{}",
            "{tunnel: deny, timezone: Europe/Berlin, response_headers: true,
              trust_client_labels: false, on_ledger_fault: block, orphans: expected, shutdown: {grace: 1s},
              default_provider: gemini, currencies: {CNY: 0.14},
              labels: {team: a}, identify: [{match: {via: base_url}, labels: {user: b}}],
              providers: {openai: {upstream: 'http://h'}, x: {upstream: 'http://h'}},
              prices: [{model: m, input: 1}, {provider: openai, model: m, input: 1}]}",
            &[
                "tunnel: allow -> deny",
                "default_provider: openai -> gemini",
                "labels: changed",
                "trust_client_labels: true -> false",
                "identify: changed",
                "timezone: changed",
                "providers.openai: changed",
                "providers.x: added",
                "currencies.CNY: added",
                "prices.m: added",
                "prices.openai/m: added",
                "on_ledger_fault: changed",
                "orphans: changed",
                "response_headers: false -> true",
                "shutdown.grace: changed",
            ],
            &[],
        );
    }

    #[test]
    fn a_changed_token_is_said_without_it() {
        check(
            "admin: {token: canary-1}",
            "admin: {token: canary-2}",
            &["admin.token: changed"],
            &[],
        );
    }

    #[test]
    fn addresses_and_the_data_folder_wait_for_a_restart() {
        check(
            "{}",
            "{listen: '127.0.0.1:1', admin: {listen: '127.0.0.1:2'}, data_dir: /d}",
            &[
                "listen: 127.0.0.1:8900 -> 127.0.0.1:1",
                "admin.listen: 127.0.0.1:8901 -> 127.0.0.1:2",
                "data_dir: ./weir-data -> /d",
            ],
            &["listen", "admin.listen", "data_dir"],
        );
    }

    #[test]
    fn an_open_address_keeps_its_guards_until_it_is_closed() {
        let open = "{listen: '0.0.0.0:1', admin: {listen: '0.0.0.0:2', token: t}}";
        let (old, new) = (config(open), config("{}"));
        let held = held_back(&old, &new);
        assert_eq!((held.tunnel, &held.admin), (Policy::Block, &old.admin));
        assert_eq!(
            needs_restart(&old, &new),
            ["listen", "tunnel", "admin.listen", "admin.token"]
        );
    }
}
