//! Origin: where a call comes from, and what the rules of `proxy.yaml` say of it.

use std::net::SocketAddr;

use pingora::protocols::l4::socket::SocketAddr as Address;
use pingora::proxy::Session;

use super::identify::Caller;
use super::route::is_absolute;
use crate::config::identify::{self, Origin, Rule, Way};

/// Lets the rules' labels stand before what the client says.
pub(super) fn overrule(caller: &mut Caller, rules: &[Rule], session: &Session, tunnelled: bool) {
    if rules.is_empty() {
        return;
    }
    let way = match tunnelled {
        true => Way::HttpsProxy,
        false if is_absolute(session.req_header().raw_path()) => Way::HttpProxy,
        false => Way::BaseUrl,
    };
    let mut labels = identify::said(
        rules,
        &Origin {
            key: caller.labels.key.as_deref(),
            source: session.client_addr().and_then(inet).map(|from| from.ip()),
            listener: session.server_addr().and_then(inet),
            way,
        },
    );
    labels.fill(&caller.labels);
    labels.key = caller.labels.key.take();
    caller.user_is_named = labels.user.is_some();
    caller.labels = labels;
}

fn inet(address: &Address) -> Option<SocketAddr> {
    address.as_inet().copied()
}
