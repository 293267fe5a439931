//! A bad config never takes effect; a good one takes effect without losing a call.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::canned;
use crate::support::client::{Request, Way, secure, tunnel};
use crate::support::patience::eventually;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

/// The storm: an edit every 10 ms for 10 s.
const EDITS: u32 = 1000;
const EDIT_EVERY: Duration = Duration::from_millis(10);

async fn chat() -> Upstream {
    let reply = canned::openai_chat().reply();
    Upstream::answering(Transport::Plain, move |_| reply.clone()).await
}

fn labelled(settings: &Settings, team: &str) -> String {
    settings
        .clone()
        .and(&format!("labels: {{ team: {team} }}"))
        .yaml()
}

fn broken(edit: u32) -> String {
    match edit % 3 {
        0 => "listen: [not, an, address\n".to_owned(),
        1 => "budgets:\n  - { name: x, limit: -5 USD, per: day }\n".to_owned(),
        _ => "bugdets: []\n".to_owned(),
    }
}

/// Waits until a call is labelled with the team.
async fn in_force(weir: &Weir, team: &str) {
    eventually(&format!("team {team} is in force"), async || {
        let response = weir
            .send(Way::BaseUrl, "openai", &canned::openai_chat().request())
            .await;
        assert_eq!(response.status(), 200);
        let task = weir.calls();
        (task.last()?.text("team") == Some(team)).then_some(())
    })
    .await;
}

async fn successful(weir: &Weir, wanted: f64) {
    weir.metrics_eventually(
        &format!("the metric of the last reload is {wanted}"),
        |metrics| metrics.sum("weir_config_last_reload_successful", &[]) == Some(wanted),
    )
    .await;
}

#[tokio::test]
async fn a_storm_of_edits_loses_no_call_and_the_last_valid_one_is_in_force() {
    let upstream = chat().await;
    let settings = Settings::to(&upstream);
    let weir = Arc::new(Weir::start_with_yaml(&labelled(&settings, "t0")).await);
    let storm_over = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let mut load = tokio::task::JoinSet::new();
    for way in [Way::BaseUrl, Way::BaseUrl, Way::ConnectH1] {
        let (weir, storm_over, served) = (weir.clone(), storm_over.clone(), served.clone());
        load.spawn(async move {
            let mut client = weir.h1(way, "openai").await;
            while !storm_over.load(Ordering::SeqCst) {
                let response = client.send(&canned::openai_chat().request()).await;
                assert_eq!(response.status(), 200, "no call fails under the storm");
                assert_eq!(response.body.data, canned::openai_chat().answer.as_bytes());
                served.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let mut pace = tokio::time::interval(EDIT_EVERY);
    let mut last_valid = 0;
    for edit in 1..=EDITS {
        pace.tick().await;
        if edit % 2 == 0 {
            weir.edit(&broken(edit));
        } else {
            last_valid = edit;
            weir.edit(&labelled(&settings, &format!("t{edit}")));
        }
    }
    // The storm ends with a broken edit, and what was last valid may have been overtaken before it was read.
    successful(&weir, 0.0).await;
    weir.edit(&labelled(&settings, &format!("t{last_valid}")));
    in_force(&weir, &format!("t{last_valid}")).await;
    successful(&weir, 1.0).await;
    storm_over.store(true, Ordering::SeqCst);
    while let Some(client) = load.join_next().await {
        client.expect("no call failed");
    }
    assert!(served.load(Ordering::SeqCst) >= 100, "the load was a load");
}

#[tokio::test]
async fn a_bad_edit_keeps_the_last_good_one_and_raises_the_metric() {
    let upstream = chat().await;
    let settings = Settings::to(&upstream);
    let weir = Weir::start_with_yaml(&labelled(&settings, "good")).await;
    successful(&weir, 1.0).await;
    weir.edit(&broken(2));
    successful(&weir, 0.0).await;
    in_force(&weir, "good").await;
    let log = weir.log();
    assert!(
        log.contains("proxy.yaml") && log.contains("bugdets"),
        "the fault is named: {log}"
    );
    weir.edit(&labelled(&settings, "better"));
    in_force(&weir, "better").await;
    successful(&weir, 1.0).await;
}

#[tokio::test]
async fn an_editor_that_renames_is_noticed() {
    let upstream = chat().await;
    let settings = Settings::to(&upstream);
    let weir = Weir::start_with_yaml(&labelled(&settings, "before")).await;
    for team in ["after", "again"] {
        let beside = weir.folder().join(".proxy.yaml.swp");
        fs::write(&beside, labelled(&settings, team)).expect("the folder is writable");
        fs::rename(&beside, weir.config_path()).expect("the folder is writable");
        in_force(&weir, team).await;
    }
}

#[tokio::test]
async fn a_config_map_that_swaps_its_symlink_is_noticed() {
    let upstream = chat().await;
    let settings = Settings::to(&upstream);
    let mut weir = Weir::start_with_yaml(&labelled(&settings, "first")).await;
    // As Kubernetes mounts it: proxy.yaml -> ..data/proxy.yaml, ..data -> a folder of its own time.
    let folder = weir.folder().to_owned();
    let version = |name: &str| {
        let version = folder.join(name);
        fs::create_dir(&version).expect("the folder is writable");
        fs::write(version.join("proxy.yaml"), labelled(&settings, name))
            .expect("the folder is writable");
        std::os::unix::fs::symlink(name, folder.join("..data_tmp")).expect("a symlink");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a swap");
    };
    version("v1");
    fs::remove_file(weir.config_path()).expect("the folder is writable");
    std::os::unix::fs::symlink("..data/proxy.yaml", weir.config_path()).expect("a symlink");
    weir.restart().await;
    in_force(&weir, "v1").await;
    for name in ["v2", "v3"] {
        version(name);
        in_force(&weir, name).await;
    }
}

#[tokio::test]
async fn sighup_and_the_admin_port_reload_at_once() {
    let upstream = chat().await;
    let settings = Settings::to(&upstream);
    let weir = Weir::start_with_yaml(&labelled(&settings, "first")).await;
    weir.edit(&labelled(&settings, "second"));
    let reload = Request::post("/-/reload", "");
    assert_eq!(weir.admin(&reload).await.status(), 200);
    let response = weir
        .send(Way::BaseUrl, "openai", &canned::openai_chat().request())
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        weir.only_call().await.text("team"),
        Some("second"),
        "the reload was done when it was answered"
    );

    weir.edit(&broken(1));
    let refused = weir.admin(&reload).await;
    assert!((400..600).contains(&refused.status()), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.body.data).into_owned();
    assert!(told.contains("limit"), "the fault is told: {told}");

    weir.edit(&labelled(&settings, "third"));
    weir.signal("HUP");
    in_force(&weir, "third").await;
}

#[tokio::test]
async fn what_needs_a_restart_is_said_by_name() {
    let upstream = chat().await;
    let settings = Settings::to(&upstream);
    let weir = Weir::start(&settings).await;
    let moved = settings
        .yaml()
        .replacen("listen: 127.0.0.1:0", "listen: 127.0.0.1:1", 1);
    weir.edit(&moved);
    eventually("the log names the setting", async || {
        let log = weir.log();
        (log.contains("restart") && log.contains("listen")).then_some(())
    })
    .await;
    let response = weir
        .send(Way::BaseUrl, "openai", &canned::openai_chat().request())
        .await;
    assert_eq!(response.status(), 200, "the port that is open stays open");
}

#[tokio::test]
async fn a_call_in_flight_ends_under_the_settings_it_began_with() {
    let gate = crate::support::gate::Gate::shut();
    let script = {
        let gate = gate.clone();
        move |_: &crate::support::upstream::Received| {
            let mut reply = canned::openai_chat().reply();
            reply
                .steps
                .insert(0, crate::support::upstream::Step::Wait(gate.clone()));
            reply
        }
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let settings = Settings::to(&upstream);
    let weir = Weir::start_with_yaml(&labelled(&settings, "before")).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.start(&canned::openai_chat().request()).await;
    upstream
        .eventually("the call is in flight", |all| !all.is_empty())
        .await;
    let dearer = labelled(&settings, "after").replace("input: 2.00", "input: 200.00");
    weir.edit(&dearer);
    assert_eq!(
        weir.admin(&Request::post("/-/reload", "")).await.status(),
        200
    );
    gate.open();
    assert_eq!(client.finish("POST").await.status(), 200);
    let call = weir.only_call().await;
    assert_eq!(call.text("team"), Some("before"));
    assert_eq!(
        call.int("cost_picousd"),
        Some(canned::openai_chat().cost_picousd)
    );
}

#[tokio::test]
async fn a_host_that_a_reload_adds_is_refused_until_the_ca_may_sign_for_it() {
    let upstream = chat().await;
    let settings = Settings::to(&upstream);
    let mut weir = Weir::start(&settings).await;
    let added = "new.example";
    let more = format!("hosts: [{added}, api.openai.com, ");
    weir.edit(&settings.yaml().replace("hosts: [api.openai.com, ", &more));
    let reload = Request::post("/-/reload", "");
    assert_eq!(weir.admin(&reload).await.status(), 200);
    let log = weir.log();
    let warning = log.lines().find(|line| line.contains("weir ca rotate"));
    assert!(warning.is_some_and(|line| line.contains(added)), "{log}");

    let mut wire = Wire::dial(weir.proxy).await;
    let head = format!("CONNECT {added}:443 HTTP/1.1\r\nHost: {added}:443\r\n\r\n");
    wire.write(head.as_bytes())
        .await
        .expect("the head is taken");
    let answer = wire.read_head().await.expect("an answer");
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 502);
    let body = wire.read_body(answer.framing(None), &mut |_| {}).await;
    let body: serde_json::Value = serde_json::from_slice(&body.data).expect("JSON");
    let message = body["error"]["message"].as_str().expect("a message");
    assert!(
        message.contains(added) && message.contains("weir ca rotate"),
        "{message}"
    );

    let rotated = crate::support::weir::command(weir.folder())
        .args(["ca", "rotate", "--config", "proxy.yaml"])
        .output()
        .expect("the binary can be run");
    assert!(rotated.status.success(), "{rotated:?}");
    weir.restart().await;
    let wire = tunnel(weir.proxy, added, "").await;
    secure(wire, added, weir.roots(), Alpn::H1).await;
}
