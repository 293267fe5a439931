//! The gate: from how much of a request a call is decided.
//!
//! The head alone where a budget is spent; a small body before an upstream is chosen; a large one while it is
//! kept back from the upstream, and only where the size or the owner of the hold depends on it.

use bytes::Bytes;
use pingora::proxy::Session;
use pingora::{Error, ErrorType as Fault, Result};

use super::admit::Decision;
use super::answer::{self, content_length};
use super::call::Call;
use super::engine::Engine;

/// A body up to this size is read before an upstream is chosen. It is what Pingora can replay: one byte more
/// and it would wait for ever.
const EARLY_BODY_MAX: u64 = 64 * 1024;
/// Most bytes of a body that are withheld for admission; past this the hold is sized by what was read and by
/// the length that the head states.
const WITHHELD_MAX: u64 = 32 * 1024 * 1024;

/// Decides as early as it can; `true` where the answer was written.
pub async fn decide(session: &mut Session, call: &mut Call, engine: &Engine) -> Result<bool> {
    if call.refused_by_head(engine) {
        answer::decision(session, call, Decision::Refuse).await?;
        return Ok(true);
    }
    if session.is_body_empty() {
        call.request.known = true;
    } else if body_is_small(session) {
        read_early(session, call).await?;
    } else if call.needs_body(engine) {
        return Ok(false);
    }
    call.body_is_known(session);
    match call.admit(engine).await {
        Decision::Forward => Ok(false),
        other => {
            answer::decision(session, call, other).await?;
            Ok(true)
        }
    }
}

/// Keeps body bytes back until the call is admitted.
pub async fn withhold(
    session: &mut Session,
    call: &mut Call,
    engine: &Engine,
    body: &mut Option<Bytes>,
    end_of_stream: bool,
) -> Result<()> {
    if let Some(bytes) = body.take() {
        call.request.withheld.push(bytes);
    }
    if !end_of_stream && call.request.bytes < WITHHELD_MAX {
        // `None` would tell the upstream that the body is over.
        *body = Some(Bytes::new());
        return Ok(());
    }
    if end_of_stream {
        call.body_is_known(session);
    }
    match call.admit(engine).await {
        Decision::Forward => {
            let whole = call.request.withheld.concat();
            call.request.withheld.clear();
            *body = (!whole.is_empty()).then(|| whole.into());
            Ok(())
        }
        // Without a source Pingora swallows the error when the upstream speaks h2, and the client hangs.
        Decision::Refuse => Err(Error::explain(Fault::HTTPStatus(429), "budget").into_down()),
        Decision::LedgerFault => Err(Error::explain(Fault::HTTPStatus(503), "ledger").into_down()),
    }
}

/// Whether the whole body can be read before an upstream is chosen.
fn body_is_small(session: &Session) -> bool {
    content_length(session).is_some_and(|length| length <= EARLY_BODY_MAX)
        && !session
            .req_header()
            .headers
            .contains_key(http::header::EXPECT)
}

/// Reads a small body; Pingora keeps it and sends it upstream itself.
async fn read_early(session: &mut Session, call: &mut Call) -> Result<()> {
    session.enable_retry_buffering();
    while let Some(chunk) = session
        .read_request_body()
        .await
        .map_err(|error| error.into_down())?
    {
        call.request.watch(&chunk);
    }
    call.request.known = true;
    Ok(())
}
