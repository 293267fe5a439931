//! The log: stderr, one line an event.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt};

/// What is logged unless `WEIR_LOG` says otherwise.
const DEFAULT: &str = "info";

/// Libraries that print requests, credentials among them, below `warn`: they stay at `warn` whatever is asked.
///
/// Each stands for every target that begins with it: `pingora` for `pingora_proxy::proxy_h1` too.
const CAPPED: [&str; 5] = ["pingora", "h2", "hyper", "reqwest", "rustls"];

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
    let filter = EnvFilter::try_new(&asked).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = fmt::layer::<Registry>().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // The cap is a layer of its own: a directive of the other would yield to a longer one in `WEIR_LOG`.
    let log = tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .with(filter_fn(may_be_logged));
    // A log that was started before, by a test say, stays.
    let _ = log.try_init();
}

/// Whether an event keeps to the cap of the library that it comes from.
fn may_be_logged(event: &Metadata<'_>) -> bool {
    *event.level() <= Level::WARN || !is_capped(event.target())
}

fn is_capped(target: &str) -> bool {
    CAPPED.iter().any(|library| target.starts_with(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_a_library_that_prints_requests_is_capped() {
        for target in [
            "pingora",
            "pingora_proxy::proxy_h1",
            "pingora_core::protocols::http::v1::server",
            "h2::codec::framed_read",
            "hyper::proto::h1::io",
            "rustls::conn",
        ] {
            assert!(is_capped(target), "{target}");
        }
        for target in ["weir", "weir::proxy::phases", "log", "notify"] {
            assert!(!is_capped(target), "{target}");
        }
    }
}
