//! A key is shown once: neither it nor the provider's own is anywhere else.

use super::rig::{OWN, chat, create, keys, listed, own_key, settings};
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

const BUDGET: &str = "budgets: [{ name: all, limit: 9 USD, per: day, each: key }]";

#[tokio::test]
async fn neither_key_is_in_the_ledger_the_log_the_metrics_or_an_answer() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let yaml = settings(&upstream, &own_key(), BUDGET);
    let talkative = [("WEIR_LOG", "trace,pingora_proxy=trace,pingora_core=trace")];
    let mut weir = Weir::start_with(&yaml, &talkative).await;
    let mut secrets = vec![create(&weir, &["--name", "first", "--user", "ann"])];
    secrets.push(create(
        &weir,
        &["--name", "second", "--budget", "5 USD per day"],
    ));
    secrets.push(keys(&weir, &["rotate", "first"]));
    for secret in &secrets {
        for way in Way::ALL {
            let mut request = chat(secret)
                .header("x-weir-user", secret)
                .header("x-weir-tags", &format!("k={secret}"));
            request.path = format!("{}?key={secret}&trace={secret}", request.path);
            assert_eq!(weir.send(way, "openai", &request).await.status(), 200);
        }
    }
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.prefix = format!("/@task={},k={}/openai", secrets[0], secrets[0]);
    client.send(&chat(&secrets[0])).await;
    keys(&weir, &["revoke", "second"]);
    super::rig::send(&weir, &secrets[1]).await;
    weir.calls_eventually(14).await;

    let mut seen = vec![
        ("log", weir.log().into_bytes()),
        ("list", format!("{:?}", listed(&weir)).into_bytes()),
    ];
    for path in ["/metrics", "/api/v1/keys", "/api/v1/budgets"] {
        let answer = weir.admin(&Request::get(path)).await;
        assert_eq!(answer.status(), 200);
        seen.push((path, answer.body.data));
    }
    let mut files = 0;
    for round in ["running", "stopped"] {
        for file in std::fs::read_dir(weir.data_dir()).expect("a folder") {
            let bytes = std::fs::read(file.expect("a file").path()).expect("a readable file");
            files += usize::from(!bytes.is_empty());
            seen.push((round, bytes));
        }
        if round == "running" {
            weir.signal("TERM");
            assert!(weir.ended().await.success());
        }
    }
    assert!(files >= 6, "{files} files were looked at");
    let mut canaries: Vec<&[u8]> = secrets
        .iter()
        .map(|secret| &secret.as_bytes()[9..])
        .collect();
    canaries.push(OWN.as_bytes());
    for (place, bytes) in &seen {
        for canary in &canaries {
            let found = bytes.windows(canary.len()).any(|window| window == *canary);
            assert!(!found, "a key is in {place}");
        }
    }
}
