//! Answers that weir gives itself: refusals, paths that fit nothing, upstreams that cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType as Fault, Result};
use tracing::debug;

use super::admit::Decision;
use super::call::{Call, Ctx};
use super::resilience;
use super::settle::upstream_fault;
use crate::budget::Reason;
use crate::config::Provider;
use crate::listen::front::ASKS_FOR_KEY;
use crate::providers::refusal::{self, Client};
use crate::providers::{Api, ErrorType, RefusalResponse};

/// A body up to this size is read to its end after an early answer, so that the connection can be used again.
const DRAIN_MAX: u64 = 64 * 1024;
/// How long that may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Writes `answer` without waiting for the request's body.
pub async fn write(
    session: &mut Session,
    answer: RefusalResponse,
    extra: &[(&'static str, String)],
) -> Result<()> {
    let body = Bytes::from(answer.body);
    let mut head =
        ResponseHeader::build(answer.status, Some(answer.headers.len() + extra.len() + 1))?;
    for (name, value) in answer.headers.iter().chain(extra) {
        head.insert_header(*name, value.as_str())?;
    }
    head.insert_header("content-length", body.len().to_string())?;
    let drained = prepare_body(session);
    let is_head = session.req_header().method == http::Method::HEAD;
    session
        .write_response_header(Box::new(head), is_head)
        .await?;
    if !is_head {
        session.write_response_body(Some(body), true).await?;
    }
    if drained {
        // A client that never sends the rest loses its connection, nothing else.
        let _ = session.drain_request_body().await;
    }
    Ok(())
}

/// Whether the unread body is small enough to be drained; else the connection is closed after the answer.
fn prepare_body(session: &mut Session) -> bool {
    let small = content_length(session).is_some_and(|length| length <= DRAIN_MAX);
    if session.is_body_done() || session.is_http2() {
        return false;
    }
    if small {
        session
            .as_downstream_mut()
            .set_total_drain_timeout(Some(DRAIN_LIMIT));
    } else {
        session.set_keepalive(None);
    }
    small
}

/// The length that the request's head states.
pub fn content_length(session: &Session) -> Option<u64> {
    session
        .req_header()
        .headers
        .get(http::header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The answer to a path that fits no provider.
pub fn not_found(prefixes: &[&str]) -> RefusalResponse {
    refusal::not_found(prefixes)
}

/// The answer to a call by base URL of a provider that has no upstream to go to.
pub fn no_upstream(provider: &Provider) -> RefusalResponse {
    let name = &provider.name;
    let example = provider
        .hosts
        .first()
        .map_or("api.example.com", |claim| &claim.host);
    let message = format!(
        "weir: {name} has no one upstream; name yours in proxy.yaml, as in `{name}: {{ upstream: https://{} }}`, \
         or reach it through HTTPS_PROXY",
        example.replace('*', "NAME")
    );
    let mut answer =
        refusal::error_response(provider.api, 404, ErrorType::InvalidRequest, &message);
    let stop = ("x-should-retry", "false".to_owned());
    answer.headers.push(stop);
    answer
}

/// The answer to a host that is not to be reached through weir.
pub fn denied() -> RefusalResponse {
    let message = "weir: no provider claims this host and `tunnel: deny` is set";
    refusal::error_response(Api::Auto, 403, ErrorType::Auth, message)
}

/// The answer to one who may not reach such a host without a key, or with this one.
pub fn keyless(why: &str) -> RefusalResponse {
    let mut answer = refusal::error_response(Api::Auto, 407, ErrorType::Auth, why);
    let (name, value) = ASKS_FOR_KEY;
    answer.headers.push((name, value.to_owned()));
    answer
}

/// The answer where a host that no provider claims cannot be reached.
pub fn unreachable(status: u16, kind: ErrorType) -> RefusalResponse {
    refusal::error_response(Api::Auto, status, kind, "weir cannot reach this host")
}

/// The status that the client got; `100 Continue` and early hints are none yet.
pub fn given(session: &Session) -> Option<u16> {
    let status = session.response_written()?.status;
    let is_final = !status.is_informational() || status == http::StatusCode::SWITCHING_PROTOCOLS;
    is_final.then(|| status.as_u16())
}

/// Writes what was decided instead of forwarding.
pub async fn decision(session: &mut Session, call: &mut Call, decided: Decision) -> Result<()> {
    let (answer, extra) = match (decided, call.refusal_answer(client(session))) {
        (Decision::Refuse, Some(refusal)) => refusal,
        _ => (
            call.error_answer(503, ErrorType::ServerError, LEDGER_FAULT),
            Vec::new(),
        ),
    };
    call.response.own_status = Some(answer.status);
    write(session, answer, &extra).await
}

/// The library that made the call.
fn client(session: &Session) -> Client {
    let headers = &session.req_header().headers;
    Client::of(|name| headers.get(name)?.to_str().ok())
}

/// Headers besides the answer's own.
type Extra = Vec<(&'static str, String)>;

const LEDGER_FAULT: &str = "weir cannot record this call and `on_ledger_fault: block` is set";

/// What every head from upstream passes on its way to the client: weir's note of it, and the call's id where
/// `response_headers` asks for it.
pub fn pass_head(call: &mut Call, head: &mut ResponseHeader) -> Result<()> {
    call.watch_head(head);
    call.tell_downgrade(head)?;
    if call.live.config.response_headers && !head.status.is_informational() {
        head.insert_header("x-weir-call-id", call.head.id.to_string())?;
        if call.attempts.made() > 1 {
            head.insert_header("x-weir-attempts", call.attempts.made().to_string())?;
        }
        if call.attempts.over().is_some() {
            head.insert_header("x-weir-failover", call.upstream_host().to_owned())?;
        }
    }
    Ok(())
}

/// Answers in the upstream's place where nothing was answered yet; 0 where nobody listens.
pub async fn failure(session: &mut Session, error: &Error, ctx: &mut Ctx) -> u16 {
    if given(session).is_some() {
        return 0;
    }
    let (status, kind) = match (error.etype(), error.esource()) {
        (Fault::HTTPStatus(429), ErrorSource::Downstream) => (429, ErrorType::RateLimit),
        (Fault::HTTPStatus(status), _) => (*status, ErrorType::ServerError),
        (
            Fault::ConnectionClosed | Fault::ReadError | Fault::WriteError,
            ErrorSource::Downstream,
        ) => return 0,
        (_, ErrorSource::Downstream) => (400, ErrorType::InvalidRequest),
        _ => match upstream_fault(error) {
            ErrorType::Timeout => (504, ErrorType::Timeout),
            kind => (502, kind),
        },
    };
    // Pingora closes this connection whatever it says.
    session.set_keepalive(None);
    let engine = Arc::clone(&ctx.engine);
    let written = match ctx.call.as_deref_mut() {
        Some(call) if call.attempts.shut_for().is_some() => {
            resilience::write_shut(session, call, &engine).await
        }
        Some(call) if status == 429 || status == 503 => {
            let decided = if status == 429 {
                Decision::Refuse
            } else {
                Decision::LedgerFault
            };
            decision(session, call, decided).await
        }
        Some(call) => {
            let host = call.upstream_host();
            let message = format!("weir cannot reach {host}: {}", error.etype().as_str());
            let answer = call.error_answer(status, kind, &message);
            write(session, answer, &[]).await
        }
        None => write(session, unreachable(status, kind), &[]).await,
    };
    if let Err(error) = written {
        debug!(%error, "the client left before its answer");
    }
    status
}

impl Call {
    /// The budget's refusal in the provider's own shape.
    fn refusal_answer(&self, client: Client) -> Option<(RefusalResponse, Extra)> {
        let refused = self.refusal.as_ref()?;
        let (api, dialect) = (self.target.provider.api, self.target.endpoint.dialect);
        let text = refused.text();
        let mut extra = vec![("x-weir-budget", refused.budget.clone())];
        if refused.reason != Reason::Model {
            return Some((refusal::refusal(api, dialect, client, &text), extra));
        }
        // No room is wanting: the caller may not ask for it at all.
        extra.push(("x-should-retry", "false".to_owned()));
        let api = refusal::spoken(api, dialect);
        let answer = refusal::error_response(api, 403, ErrorType::Auth, &text.message);
        Some((answer, extra))
    }

    /// An error of weir's own in the provider's shape.
    pub fn error_answer(&self, status: u16, kind: ErrorType, message: &str) -> RefusalResponse {
        let (api, dialect) = (self.target.provider.api, self.target.endpoint.dialect);
        refusal::error_response(refusal::spoken(api, dialect), status, kind, message)
    }
}
