//! The currency that a command answers in.

use crate::config::Config;
use crate::units::{Currency, CurrencyCode, PicoUsd};

/// `--currency`.
#[derive(Debug, clap::Args)]
pub struct In {
    /// Show money in a currency of `currencies:` in proxy.yaml, at the rate there [default: USD].
    #[arg(long, value_name = "CODE")]
    currency: Option<CurrencyCode>,
}

impl In {
    /// The currency at its rate.
    pub fn of(&self, config: &Config) -> anyhow::Result<Currency> {
        let code = self.currency.unwrap_or(CurrencyCode::USD);
        config.currencies.get(code).ok_or_else(|| {
            let known = config.currencies.iter().map(|one| one.code());
            let known: Vec<String> = std::iter::once(CurrencyCode::USD)
                .chain(known)
                .map(|code| code.to_string())
                .collect();
            anyhow::anyhow!(
                "no rate is known for {code}; write what one {code} is worth in USD under `currencies:` in \
                 proxy.yaml (known are {})",
                known.join(", ")
            )
        })
    }
}

/// A column's name with the currency at its end: `cost_cny`.
pub fn column(name: &str, currency: Currency) -> String {
    format!("{name}_{}", currency.code().to_string().to_lowercase())
}

/// An amount as a cell; unknown is null, never 0.
pub fn cell(amount: Option<PicoUsd>, currency: Currency) -> serde_json::Value {
    amount.map(|amount| currency.amount(amount)).into()
}
