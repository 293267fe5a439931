//! The admin port: probes, metrics, the certificate, reload.

use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::{Weir, command};

async fn rig(more: &str) -> (Upstream, Weir) {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start(&Settings::to(&upstream).and(more)).await;
    (upstream, weir)
}

#[tokio::test]
async fn probes_answer_as_soon_as_weir_is_ready() {
    let (_upstream, weir) = rig("").await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(
            weir.admin(&Request::get(path)).await.status(),
            200,
            "{path}"
        );
    }
    assert_eq!(
        weir.admin(&Request::get("/no/such/page")).await.status(),
        404
    );
}

#[tokio::test]
async fn metrics_are_the_ones_that_are_promised() {
    let (_upstream, weir) = rig("budgets:\n  - { name: b, limit: 1 USD, per: day }").await;
    weir.send(Way::BaseUrl, "openai", &canned::openai_chat().request())
        .await;
    weir.only_call().await;
    let response = weir.admin(&Request::get("/metrics")).await;
    let kind = response
        .head
        .get("content-type")
        .expect("a content type")
        .to_owned();
    assert!(kind.starts_with("text/plain"), "{kind}");
    let metrics = weir.metrics().await;
    let promised = [
        (
            "weir_requests_total",
            &["provider", "model", "operation", "team", "code"][..],
        ),
        ("weir_tokens_total", &["provider", "model", "team", "class"]),
        ("weir_cost_usd_total", &["provider", "model", "team"]),
        ("weir_request_duration_seconds_bucket", &["le"]),
        ("weir_time_to_first_byte_seconds_bucket", &["le"]),
        ("weir_overhead_seconds_bucket", &["le"]),
        ("weir_inflight_requests", &[]),
        ("weir_budget_limit", &["budget", "unit"]),
        ("weir_budget_spent", &["budget", "unit"]),
        ("weir_budget_held", &["budget", "unit"]),
        ("weir_budget_beyond_holds", &["budget", "unit"]),
        ("weir_budget_reset_timestamp_seconds", &["budget"]),
        ("weir_extractions_total", &["provider", "outcome"]),
        ("weir_ledger_queue_depth", &[]),
        ("weir_ledger_commit_seconds_bucket", &["le"]),
        ("weir_ledger_faults_total", &[]),
        ("weir_config_last_reload_successful", &[]),
        ("weir_config_last_reload_success_timestamp_seconds", &[]),
        ("weir_price_catalog_timestamp_seconds", &[]),
        ("weir_build_info", &["version"]),
    ];
    for (name, labels) in promised {
        let found = metrics.0.iter().find(|sample| sample.name == name);
        let sample = found.unwrap_or_else(|| panic!("{name} is not exposed"));
        for label in labels {
            assert!(
                sample.labels.contains_key(*label),
                "{name} has no label {label}: {sample:?}"
            );
        }
    }
}

#[tokio::test]
async fn metrics_obey_the_text_format() {
    let (_upstream, weir) = rig("").await;
    weir.send(Way::BaseUrl, "openai", &canned::openai_chat().request())
        .await;
    weir.only_call().await;
    let text =
        String::from_utf8(weir.admin(&Request::get("/metrics")).await.body.data).expect("text");
    let mut typed = std::collections::BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().expect("a name");
        assert!(typed.insert(name.to_owned()), "{name} is declared once");
    }
    assert!(typed.iter().any(|name| name.starts_with("weir_")));
    for sample in crate::support::metrics::Metrics::parse(&text).0 {
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| {
                sample
                    .name
                    .strip_suffix(suffix)
                    .filter(|base| typed.contains(*base))
            })
            .unwrap_or(&sample.name);
        assert!(typed.contains(name), "{} has no type", sample.name);
    }
}

#[tokio::test]
async fn the_certificate_is_served_and_the_key_is_not() {
    let (_upstream, weir) = rig("").await;
    let response = weir.admin(&Request::get("/ca.pem")).await;
    assert_eq!(response.status(), 200);
    let file = std::fs::read(weir.data_dir().join("ca.pem")).expect("the certificate");
    assert_eq!(response.body.data, file);
    let text = String::from_utf8(response.body.data).expect("PEM");
    assert!(text.contains("BEGIN CERTIFICATE") && !text.contains("PRIVATE KEY"));
}

#[cfg(unix)]
#[tokio::test]
async fn the_ca_key_and_the_ledger_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_upstream, weir) = rig("").await;
    let mode = |name: &str| {
        let path = weir.data_dir().join(name);
        std::fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("ca.key"), 0o600);
    assert_eq!(mode("weir.db"), 0o600);
    assert_eq!(mode(""), 0o700);
}

#[tokio::test]
async fn the_ca_stays_the_same_over_a_restart() {
    let (_upstream, mut weir) = rig("").await;
    let before = weir.admin(&Request::get("/ca.pem")).await.body.data;
    weir.restart().await;
    assert_eq!(weir.admin(&Request::get("/ca.pem")).await.body.data, before);
}

#[tokio::test]
async fn writes_need_the_token_where_one_is_set() {
    let (upstream, plain) = rig("").await;
    assert_eq!(
        plain.admin(&Request::post("/-/reload", "")).await.status(),
        200
    );
    let yaml =
        Settings::to(&upstream)
            .yaml()
            .replacen("admin:\n", "admin:\n  token: open-sesame\n", 1);
    let weir = Weir::start_with_yaml(&yaml).await;
    let reload = Request::post("/-/reload", "");
    assert_eq!(weir.admin(&reload).await.status(), 401);
    let wrong = reload.clone().header("Authorization", "Bearer open-sesam");
    assert_eq!(weir.admin(&wrong).await.status(), 401);
    let right = reload.header("Authorization", "Bearer open-sesame");
    assert_eq!(weir.admin(&right).await.status(), 200);
    assert_eq!(
        weir.admin(&Request::get("/metrics")).await.status(),
        200,
        "reads need none on loopback"
    );
    assert!(!weir.log().contains("open-sesame"));
}

#[tokio::test]
async fn a_page_of_another_site_cannot_reload() {
    let (_upstream, weir) = rig("").await;
    let cross = Request::post("/-/reload", "").header("Origin", "https://evil.example");
    assert_eq!(weir.admin(&cross).await.status(), 403);
}

#[test]
fn an_open_admin_port_without_a_token_is_a_config_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "listen: 127.0.0.1:0\nadmin:\n  listen: 0.0.0.0:0\n";
    std::fs::write(folder.path().join("proxy.yaml"), text).expect("the folder is writable");
    let output = command(folder.path())
        .args(["serve", "--config", "proxy.yaml"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("admin") && told.contains("token"), "{told}");
}
