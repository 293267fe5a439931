//! `weir demo`: the whole job on this machine alone.
//!
//! A scripted provider stands in for OpenAI, Anthropic and Gemini; weir itself is the real one, with a ledger
//! in a temporary folder and a small budget that the traffic spends until it is refused.

mod provider;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::out::{self, Format};
use super::serve::{self, Running, Signals};
use super::settings::File;
use super::{logging, report};
use crate::ledger::query::{Filter, Group, Reader};
use crate::units::Currency;

/// Arguments of `weir demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Go on serving until Ctrl-C, so that the URLs can be looked at [default: on a terminal].
    #[arg(long)]
    keep: bool,
    /// End after the report, on a terminal too.
    #[arg(long, conflicts_with = "keep")]
    exit: bool,
}

/// What the demo may spend in a day.
const LIMIT: &str = "0.05 USD";
/// More calls than the limit can pay for.
const CALLS_MAX: usize = 60;
/// How long one of the calls may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demo.
pub fn run(args: &Args) -> anyhow::Result<()> {
    logging::start_quiet();
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let upstream = listener.local_addr()?;
    runtime.spawn(async move { axum::serve(listener, provider::router()).await });
    let file = settings(folder.path(), upstream)?;
    let config = file.load()?;
    let weir = Running::start(&serve::Args::default(), &file, config)?;
    let keep = args.keep || (!args.exit && std::io::stdout().is_terminal());
    let shown = runtime.block_on(show(&weir, folder.path(), keep));
    weir.stop(&runtime)?;
    shown
}

/// Writes the demo's proxy.yaml.
fn settings(folder: &Path, upstream: SocketAddr) -> anyhow::Result<File> {
    let data_dir = folder.join("data");
    let text = format!(
        "listen: 127.0.0.1:0\n\
         admin: {{ listen: 127.0.0.1:0 }}\n\
         data_dir: {}\n\
         labels: {{ team: demo }}\n\
         providers:\n  \
           openai: {{ upstream: http://{upstream} }}\n  \
           anthropic: {{ upstream: http://{upstream} }}\n  \
           gemini: {{ upstream: http://{upstream} }}\n\
         budgets:\n  \
           - {{ name: demo-day, limit: {LIMIT}, per: day, match: {{ team: demo }} }}\n",
        serde_json::to_string(&data_dir.display().to_string())?,
    );
    let path = folder.join("proxy.yaml");
    std::fs::write(&path, text)?;
    Ok(File::new(Some(path)))
}

async fn show(weir: &Running, folder: &Path, keep: bool) -> anyhow::Result<()> {
    let addresses = weir.addresses();
    let proxy = addresses.proxy_url();
    out::line(&format!(
        "weir serves at {proxy}; a scripted provider answers for OpenAI, Anthropic and Gemini.\n"
    ))?;
    let refusal = spend(&proxy).await?;
    weir.flush().await;
    let reader = Reader::open(&folder.join("data"))?;
    let by = [
        "provider".to_owned(),
        "model".to_owned(),
        "outcome".to_owned(),
    ];
    let groups: Vec<Group> = by
        .iter()
        .map(|name| name.parse())
        .collect::<Result<_, _>>()?;
    let rows = reader.report(&Filter::default(), &groups, &jiff::tz::TimeZone::UTC)?;
    report::print(Format::Table, &by, &rows, Currency::USD)?;
    out::line(&format!(
        "\nThe budget demo-day of {LIMIT} is spent. What a client is told now, with status 429:\n{refusal}\n"
    ))?;
    out::line(&format!("metrics   {}/metrics", addresses.admin_url()))?;
    out::line(&format!(
        "ledger    {}",
        folder.join("data").join("weir.db").display()
    ))?;
    out::line(&format!(
        "settings  {}",
        folder.join("proxy.yaml").display()
    ))?;
    if keep {
        out::line("\nweir goes on until Ctrl-C; edit the settings while it runs.")?;
        weir.until_told(Signals::catch()?).await;
    }
    Ok(())
}

/// One request of the demo.
struct Request {
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Value,
}

fn requests() -> Vec<Request> {
    let prompt = json!([{ "role": "user", "content": "What does a weir do?" }]);
    let chat = |stream: bool| Request {
        path: "/openai/v1/chat/completions",
        headers: &[("authorization", "Bearer demo")],
        body: json!({
            "model": "gpt-4o", "messages": prompt, "stream": stream,
            "stream_options": { "include_usage": true },
        }),
    };
    let messages = |stream: bool| Request {
        path: "/anthropic/v1/messages",
        headers: &[("x-api-key", "demo"), ("anthropic-version", "2023-06-01")],
        body: json!({ "model": "claude-sonnet-4-5", "max_tokens": 500, "messages": prompt, "stream": stream }),
    };
    let generate = |path: &'static str| Request {
        path,
        headers: &[("x-goog-api-key", "demo")],
        body: json!({ "contents": [{ "parts": [{ "text": "What does a weir do?" }] }] }),
    };
    vec![
        chat(false),
        chat(true),
        messages(false),
        messages(true),
        generate("/gemini/v1beta/models/gemini-2.5-pro:generateContent"),
        generate("/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"),
    ]
}

/// Sends traffic until the budget refuses; returns the refusal's body.
async fn spend(proxy: &str) -> anyhow::Result<String> {
    let client = crate::alert::http().timeout(PATIENCE).build()?;
    for request in requests().iter().cycle().take(CALLS_MAX) {
        let mut sending = client
            .post(format!("{proxy}{}", request.path))
            .header("content-type", "application/json")
            .body(request.body.to_string());
        for (name, value) in request.headers {
            sending = sending.header(*name, *value);
        }
        let response = sending.send().await.context("the demo's own call failed")?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        if status == 429 {
            return Ok(text);
        }
        ensure!(status == 200, "{} answered {status}: {text}", request.path);
    }
    anyhow::bail!("{CALLS_MAX} calls did not spend {LIMIT}")
}
