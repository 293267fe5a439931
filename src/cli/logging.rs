//! The log: stderr, one line an event.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// What is logged unless `WEIR_LOG` says otherwise.
///
/// Pingora prints request headers at `debug`, credentials among them, so it stays at `warn` whatever is asked.
const DEFAULT: &str = "info";
const CAPPED: [&str; 6] = [
    "pingora=warn",
    "pingora_core=warn",
    "pingora_proxy=warn",
    "pingora_http=warn",
    "h2=warn",
    "rustls=warn",
];

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Starts the log; `WEIR_LOG` takes tracing's directives (`debug`, `weir::proxy=trace`).
pub fn start(format: LogFormat) {
    start_at(DEFAULT, format);
}

/// Starts the log for a command that speaks itself: only what goes wrong.
pub fn start_quiet() {
    start_at("error", LogFormat::Text);
}

fn start_at(level: &str, format: LogFormat) {
    let asked = std::env::var("WEIR_LOG").unwrap_or_else(|_| level.to_owned());
    let mut filter = EnvFilter::try_new(&asked).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    for directive in CAPPED {
        filter = filter.add_directive(directive.parse().expect("the directives are well formed"));
    }
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log that was started before, by a test say, stays.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
