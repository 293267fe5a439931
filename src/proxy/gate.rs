//! The gate: from how much of a request a call is decided.
//!
//! The head alone where a budget is spent; a small body before an upstream is chosen; a large one while it is
//! kept back from the upstream, and only where the size or the owner of the hold depends on it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use pingora::proxy::Session;
use pingora::{Error, ErrorType as Fault, Result};

use super::admit::Decision;
use super::answer::{self, content_length};
use super::call::{Admission, Call};
use super::downgrade::{self, Sent};
use super::engine::Engine;
use crate::budget::Preview;

/// A body up to this size is read before an upstream is chosen. It is what Pingora can replay: one byte more
/// and it would wait for ever.
const EARLY_BODY_MAX: u64 = 64 * 1024;
/// Most bytes of a body that are withheld for admission; past this the hold is sized by what was read and by
/// the length that the head states.
pub const WITHHELD_MAX: u64 = 32 * 1024 * 1024;

/// Most bytes that are withheld over all calls; past this a call is decided with what was read of it, as one of
/// unknown size.
const WITHHELD_TOTAL_MAX: u64 = 512 * 1024 * 1024;

/// Bytes withheld over all calls.
static WITHHELD: AtomicU64 = AtomicU64::new(0);

/// A body that waits for admission; counted in the total until it goes.
#[derive(Debug, Default)]
pub struct Held {
    pieces: Vec<Bytes>,
    bytes: u64,
}

impl Held {
    /// Keeps a piece; `false` where that was the last for which there is room.
    fn push(&mut self, piece: Bytes) -> bool {
        let length = piece.len() as u64;
        self.bytes += length;
        self.pieces.push(piece);
        WITHHELD.fetch_add(length, Ordering::Relaxed) + length < WITHHELD_TOTAL_MAX
    }

    /// Gives all of it back in one piece.
    pub fn take(&mut self) -> Bytes {
        self.release();
        std::mem::take(&mut self.pieces).concat().into()
    }

    fn release(&mut self) {
        WITHHELD.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// Decides as early as it can; `true` where the answer was written.
pub async fn decide(session: &mut Session, call: &mut Call, engine: &Engine) -> Result<bool> {
    if let Some(no) = call.passage.answer(&call.target) {
        call.admission = Admission::Refused;
        call.response.own_status = Some(no.status);
        answer::write(session, no, &[]).await?;
        return Ok(true);
    }
    let preview = downgrade::preview(session, call, engine);
    let needs_body = matches!(preview, Preview::NeedBody);
    if let Preview::Refuse(refusal) = preview {
        let refused = call.refuse(refusal);
        answer::decision(session, call, refused).await?;
        return Ok(true);
    }
    if session.is_body_empty() {
        call.request.known = true;
    } else if body_is_small(session) {
        read_early(session, call).await?;
    } else if needs_body {
        return Ok(false);
    }
    call.body_is_known(session);
    let sent = if call.request.known {
        Sent::Nothing
    } else {
        Sent::Body
    };
    match downgrade::admit(session, call, engine, sent).await {
        Decision::Forward => Ok(false),
        Decision::Left => Err(left()),
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
    let mut room = true;
    if let Some(bytes) = body.take() {
        room = call.request.withheld.push(bytes);
    }
    if !room {
        engine.metrics.bound_hit("withheld");
    }
    if !end_of_stream && room && call.request.bytes < WITHHELD_MAX {
        // `None` would tell the upstream that the body is over.
        *body = Some(Bytes::new());
        return Ok(());
    }
    if end_of_stream {
        call.request.is_over = true;
        call.body_is_known(session);
    }
    let sent = if end_of_stream {
        Sent::Head
    } else {
        Sent::Body
    };
    match downgrade::admit(session, call, engine, sent).await {
        Decision::Forward => {
            let whole = call.sent_body();
            *body = (!whole.is_empty()).then_some(whole);
            Ok(())
        }
        // Without a source Pingora swallows the error when the upstream speaks h2, and the client hangs.
        Decision::Refuse => Err(Error::explain(Fault::HTTPStatus(429), "budget").into_down()),
        Decision::Left => Err(left()),
        Decision::LedgerFault => Err(Error::explain(Fault::HTTPStatus(503), "ledger").into_down()),
    }
}

impl Call {
    /// The body that was withheld, or what is sent in its place. That is kept only where Pingora may send the
    /// body again.
    fn sent_body(&mut self) -> Bytes {
        let whole = self.request.withheld.take();
        let replaced = if self.request.bytes > EARLY_BODY_MAX {
            self.request.replaced.take()
        } else {
            self.request.replaced.clone()
        };
        replaced.unwrap_or(whole)
    }
}

fn left() -> Box<Error> {
    Error::explain(
        Fault::ConnectionClosed,
        "the client left while it waited for room",
    )
    .into_down()
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
