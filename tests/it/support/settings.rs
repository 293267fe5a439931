//! A proxy.yaml for a test: free ports, the known providers pointed at a scripted upstream, prices in round figures.

use super::upstream::Upstream;

/// The known providers: name, host that CONNECT claims, port of `plain.example` that absolute-form claims.
pub const PROVIDERS: [(&str, &str, u16); 3] = [
    ("openai", "api.openai.com", 8123),
    ("anthropic", "api.anthropic.com", 8124),
    ("gemini", "generativelanguage.googleapis.com", 8125),
];

/// The host that CONNECT claims for a provider.
pub fn connect_host(provider: &str) -> &'static str {
    known(provider).1
}

/// The host and port that absolute-form claims for a provider.
pub fn plain_host(provider: &str) -> String {
    format!("plain.example:{}", known(provider).2)
}

fn known(provider: &str) -> &'static (&'static str, &'static str, u16) {
    let found = PROVIDERS.iter().find(|(name, ..)| *name == provider);
    found.unwrap_or_else(|| panic!("no known provider {provider}"))
}

/// The parts of a proxy.yaml that tests change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// URL of the upstream of all three providers.
    pub upstream: String,
    /// More top-level entries, each with its key.
    pub top: Vec<String>,
}

/// Prices of the canned bodies' models in USD per million tokens, so that costs are round.
pub const PRICES: &str = "prices:
  - { provider: openai, model: test-gpt, input: 2.00, cached_input: 0.50, output: 8.00 }
  - { provider: openai, model: test-embed, input: 0.10 }
  - { provider: openai, model: test-race, input: 0, output: 10.00 }
  - { provider: anthropic, model: test-claude, input: 3.00, cached_input: 0.30, cache_write_5m: 3.75, output: 15.00 }
  - { provider: gemini, model: test-gemini, input: 1.00, cached_input: 0.25, output: 4.00 }
";

impl Settings {
    pub fn to(upstream: &Upstream) -> Settings {
        Settings::to_url(&upstream.url())
    }

    pub fn to_url(url: &str) -> Settings {
        Settings {
            upstream: url.to_owned(),
            top: vec![PRICES.to_owned()],
        }
    }

    /// Adds a top-level entry.
    pub fn and(mut self, entry: &str) -> Settings {
        self.top.push(entry.to_owned());
        self
    }

    /// The file's text; `weir-data` and `upstream-root.pem` lie beside it.
    pub fn yaml(&self) -> String {
        let mut text = String::from(
            "listen: 127.0.0.1:0\nadmin:\n  listen: 127.0.0.1:0\ndata_dir: ./weir-data\nproviders:\n",
        );
        for (name, host, port) in PROVIDERS {
            text.push_str(&format!(
                "  {name}:\n    upstream: {}\n    ca: ./upstream-root.pem\n    hosts: [{host}, \"plain.example:{port}\"]\n",
                self.upstream
            ));
        }
        for entry in &self.top {
            text.push_str(entry.trim_end());
            text.push('\n');
        }
        text
    }
}
