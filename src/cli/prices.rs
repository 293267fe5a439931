//! `weir prices`: what a model costs and why; a price list brought in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use super::out::{self, Format, number, text};
use super::settings::File;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::listen::private;
use crate::pricing::{Catalog, Explanation, Lookup, Origin, Published, import};
use crate::providers::Selectors;
use crate::units::Currency;

/// Where an imported catalogue lies in `data_dir`; it takes the built-in one's place.
const IMPORTED: &str = "prices.json";

/// Arguments of `weir prices`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// The model to price; without it all models are listed.
    model: Option<String>,
    /// The provider's name in proxy.yaml [default: every one that prices the model].
    #[arg(long)]
    provider: Option<String>,
    #[command(flatten)]
    by: By,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a price may depend on besides provider and model, in the provider's own words.
#[derive(Debug, clap::Args)]
struct By {
    /// The service tier that answered: flex, priority, batch.
    #[arg(long)]
    tier: Option<String>,
    /// Anthropic's speed: fast.
    #[arg(long)]
    speed: Option<String>,
    /// Where it is served: us, eu, a cloud's region.
    #[arg(long)]
    geo: Option<String>,
    /// Width and height of what is made: 1024x1024.
    #[arg(long)]
    size: Option<String>,
    /// The quality of what is made: hd, high.
    #[arg(long)]
    quality: Option<String>,
    /// How much a search brings in: low, medium, high.
    #[arg(long)]
    search_context: Option<String>,
    /// The way that the request takes, where it has a price: eu.
    #[arg(long)]
    route: Option<String>,
    /// Which cache is read: explicit, implicit.
    #[arg(long)]
    cache_type: Option<String>,
}

impl By {
    fn selectors(&self) -> Selectors {
        Selectors {
            service_tier: self.tier.clone(),
            speed: self.speed.clone(),
            geo: self.geo.clone(),
            size: self.size.clone(),
            quality: self.quality.clone(),
            search_context: self.search_context.clone(),
            route: self.route.clone(),
            cache_type: self.cache_type.clone(),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring in published price lists: genai-prices' data.py, litellm's JSON, or both.
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// data.py of the genai-prices package, model_prices_and_context_window.json of litellm, or one
    /// of each. Without the former, litellm's completes the one that weir carries.
    #[arg(required = true, num_args = 1..=2)]
    files: Vec<PathBuf>,
    /// The package's version, for the record on each call; with two files, once for each.
    #[arg(long = "version", required = true, value_name = "VERSION")]
    versions: Vec<String>,
    /// The day the list was made, as 2026-11-20 [default: today].
    #[arg(long)]
    date: Option<String>,
    /// Write the catalogue there instead of into data_dir.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The catalogue in force: the imported one where there is one, else the built-in one.
pub fn catalog(config: &Config) -> anyhow::Result<Arc<Catalog>> {
    let path = config.data_dir.join(IMPORTED);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let catalog = Catalog::parse(&text).with_context(|| {
                format!(
                    "{}: not a catalogue; run `weir prices import` again or remove it",
                    path.display()
                )
            })?;
            Ok(Arc::new(catalog))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Catalog::builtin()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Prices a model, lists models, or imports a list.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    if let Some(Action::Import(import)) = &args.action {
        return run_import(import, &config);
    }
    let catalog = config.catalog(&catalog(&config)?);
    match &args.model {
        Some(model) => show(args, model, &config, &catalog),
        None => list(args.format, &catalog),
    }
}

fn list(format: Format, catalog: &Catalog) -> anyhow::Result<()> {
    let rows: Vec<Vec<Value>> = catalog
        .models()
        .map(|(provider, model)| vec![provider.into(), model.into()])
        .collect();
    out::rows(format, &[text("provider"), text("model")], &rows)
}

fn show(args: &Args, model: &str, config: &Config, catalog: &Catalog) -> anyhow::Result<()> {
    let now = SystemClock::shared().unix_ms();
    let selectors = args.by.selectors();
    let mut rows = Vec::new();
    for provider in &config.providers {
        if args
            .provider
            .as_ref()
            .is_some_and(|wanted| *wanted != provider.name)
        {
            continue;
        }
        let lookup = Lookup {
            provider: &provider.name,
            catalog_id: provider.catalog_id.as_deref(),
            model,
            at: now,
            selectors: &selectors,
        };
        let (Some(rates), Some(why)) = (catalog.find(&lookup), catalog.explain(&lookup)) else {
            continue;
        };
        for (item, above, rate) in rates.all() {
            rows.push(vec![
                json!(provider.name),
                json!(item.label()),
                json!(rate.to_string()),
                json!(rate.per),
                json!(above),
                json!(reason(&why)),
            ]);
        }
    }
    anyhow::ensure!(
        !rows.is_empty(),
        "no price is known for {model}; add one under `prices:` in proxy.yaml, or import a newer list"
    );
    let columns = [
        text("provider"),
        text("what"),
        number("usd"),
        number("per"),
        number("above_tokens"),
        text("why"),
    ];
    out::rows(args.format, &columns, &rows)
}

/// Where a price stands and what chose it.
pub(super) fn reason(why: &Explanation) -> String {
    let mut text = match &why.origin {
        Origin::Override {
            model, currency, ..
        } => match *currency {
            Currency::USD => format!("proxy.yaml, prices: {model}"),
            other => format!(
                "proxy.yaml, prices: {model}, in {} at {} USD",
                other.code(),
                other.usd()
            ),
        },
        Origin::Catalogue {
            provider,
            model,
            source,
            ..
        } => format!("{provider}/{model} of {source}"),
    };
    for more in why.condition.iter().chain(&why.variants) {
        text.push_str(&format!(", {more}"));
    }
    text
}

fn run_import(args: &ImportArgs, config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.files.len() == args.versions.len(),
        "give --version once for each file"
    );
    let read =
        |file: &PathBuf| std::fs::read_to_string(file).with_context(|| file.display().to_string());
    let texts = args
        .files
        .iter()
        .map(read)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let lists = texts.iter().zip(&args.versions);
    let lists: Vec<_> = lists
        .map(|(text, version)| Published { text, version })
        .collect();
    let today = || {
        let now =
            jiff::Timestamp::from_millisecond(SystemClock::shared().unix_ms()).unwrap_or_default();
        now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
    };
    let date = args.date.clone().unwrap_or_else(today);
    let names: Vec<_> = args
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let imported = import(&lists, &date).with_context(|| names.join(", "))?;
    let target = match &args.output {
        Some(target) => target.clone(),
        None => {
            private::folder(&config.data_dir)?;
            config.data_dir.join(IMPORTED)
        }
    };
    write(&target, &imported.text)?;
    for remark in &imported.skipped {
        out::complain(&format!("weir: {remark}"));
    }
    out::complain(&format!(
        "weir: {} models written to {}; a running weir takes them at its next start",
        imported.models,
        target.display()
    ));
    Ok(())
}

fn write(target: &Path, content: &str) -> anyhow::Result<()> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    private::write(target, content.as_bytes(), private::PUBLIC)?;
    Ok(())
}
