//! What the log must not show, whatever it is asked to show.

use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

const BEARER: &str = "canary-bearer-5f1d";
const QUERY_KEY: &str = "canary-query-key-5f1d";
/// Longer targets than a cap of its own would name; a filter prefers the longest.
const NOSY: &str = "trace,pingora_proxy=trace,pingora_proxy::proxy_h1=trace,pingora_core::protocols=trace,\
                    pingora_core::protocols::http=trace,pingora_core::protocols::http::v1=trace,h2::codec=trace";

#[tokio::test]
async fn no_credential_is_logged_however_much_is_asked_for() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |_| canned::gemini().reply()).await;
        let yaml = Settings::to(&upstream).yaml();
        let weir = Weir::start_with(&yaml, &[("WEIR_LOG", NOSY)]).await;
        let body = canned::gemini().request();
        for way in Way::ALL {
            let mut request = Request {
                path: format!("{}?key={QUERY_KEY}", body.path),
                ..body.clone()
            };
            request = request.header("Authorization", &format!("Bearer {BEARER}"));
            let response = weir.send(way, "gemini", &request).await;
            assert_eq!(response.status(), 200, "{way:?}");
        }
        weir.calls_eventually(Way::ALL.len()).await;
        let log = weir.log();
        assert!(
            log.contains("TRACE"),
            "the log is at its most talkative: {log}"
        );
        for canary in [BEARER, QUERY_KEY] {
            assert!(!log.contains(canary), "{canary} is in the log");
        }
    }
}
