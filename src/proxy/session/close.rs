//! Ends a session whose budget is spent: a Close to both sides, then both connections.

use std::time::Duration;

use bytes::Bytes;
use pingora::Result;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::v1::client::HttpSession as Upstream;
use pingora::proxy::Session;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::time::timeout;
use tracing::info;

use super::tap::{Side, Tap};
use crate::proxy::call::Call;
use crate::proxy::engine::Engine;
use crate::wire::websocket::close_frame;

/// "Policy violation": the status of a Close that a budget makes.
const STATUS: u16 = 1008;

/// How long both sides have to take the Close and to answer it with their own; then they are cut off.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Tells both sides, and waits until they have heard it: a connection that is closed with bytes unread takes
/// back what was sent on it.
pub async fn close(
    session: &mut Session,
    upstream: &mut Upstream,
    call: &mut Call,
    engine: &Engine,
    reason: &str,
) -> Result<()> {
    info!(provider = call.head.provider, reason, "closing a session");
    let frame = Bytes::from(close_frame(STATUS, reason, None));
    let task = HttpTask::UpgradedBody(Some(frame), false);
    session.write_response_tasks(vec![task]).await?;
    let may_insert = call
        .tap
        .as_ref()
        .is_some_and(|tap| tap.may_insert(Side::Client));
    let told = may_insert && tell_upstream(upstream, reason).await;
    let Some(tap) = call.tap.as_deref_mut() else {
        return Ok(());
    };
    if let Some(budget) = tap.full_budget() {
        engine.metrics.session_closed(budget);
    }
    // Who does not answer is cut off.
    let _ = timeout(CLOSE_LIMIT, hearing(session, upstream, tap, told)).await;
    Ok(())
}

/// Writes the upstream's Close; whether it was taken.
async fn tell_upstream(upstream: &mut Upstream, reason: &str) -> bool {
    let mut mask = [0; 4];
    if SystemRandom::new().fill(&mut mask).is_err() {
        return false;
    }
    upstream.maybe_upgrade_body_writer();
    let frame = close_frame(STATUS, reason, Some(mask));
    upstream.write_body(&frame).await.is_ok()
}

/// Reads what both sides still say, each up to its Close or to the end of its connection.
async fn hearing(session: &mut Session, upstream: &mut Upstream, tap: &mut Tap, told: bool) {
    let (mut client_is_gone, mut upstream_is_gone) = (tap.is_closed(Side::Client), !told);
    upstream_is_gone |= tap.is_closed(Side::Server);
    while !(client_is_gone && upstream_is_gone) {
        let (side, read) = tokio::select! {
            read = session.as_downstream_mut().read_request_body(), if !client_is_gone => {
                (Side::Client, read)
            }
            read = upstream.read_body_bytes(), if !upstream_is_gone => (Side::Server, read),
        };
        let is_over = match read {
            Ok(Some(bytes)) => {
                tap.skim(side, &bytes);
                tap.is_closed(side)
            }
            Ok(None) | Err(_) => true,
        };
        match side {
            Side::Client => client_is_gone |= is_over,
            Side::Server => upstream_is_gone |= is_over,
        }
    }
}
