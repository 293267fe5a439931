//! Carries a handshake to the upstream and its answer back, then the bytes of both directions.

use std::sync::Arc;

use bytes::Bytes;
use pingora::connectors::http::v1::Connector;
use pingora::http::ResponseHeader;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::v1::client::HttpSession as Upstream;
use pingora::proxy::Session;
use pingora::upstreams::peer::Peer as _;
use pingora::{Error, ErrorType as Fault, Result};

use super::tap::{Passage, Side, Tap};
use super::{close, handshake};
use crate::providers::RequestFacts;
use crate::proxy::answer;
use crate::proxy::call::Call;
use crate::proxy::engine::Engine;
use crate::usage;
use crate::wire::websocket::{Extensions, negotiated};

/// Carries one session from its handshake to its end.
pub async fn relay(
    session: &mut Session,
    call: &mut Call,
    engine: &Arc<Engine>,
    connector: &Connector,
) -> Result<()> {
    let mut upstream = greet(session, call, connector).await?;
    if !answer(session, &mut upstream, call, engine).await? {
        return Ok(());
    }
    // Two people on the phone may both be silent for as long as an answer may take.
    let silence = call.target.provider.timeouts.read;
    session.set_read_timeout(Some(silence));
    carry(session, &mut upstream, call, engine).await
}

/// Connects and sends the handshake.
async fn greet(session: &Session, call: &mut Call, connector: &Connector) -> Result<Upstream> {
    let missing = || Error::new(Fault::InternalError);
    let destination = call.destination.clone().ok_or_else(missing)?;
    let peer = destination.peer(true, 0);
    let mut head = handshake::head(session.req_header(), &destination, &call.target.path)?;
    call.passage.rewrite(&mut head, &call.target)?;
    let (mut upstream, _) = connector
        .get_http_session(&peer)
        .await
        .map_err(|error| error.into_up())?;
    if let Some(options) = peer.get_peer_options() {
        upstream.read_timeout = options.read_timeout;
        upstream.write_timeout = options.write_timeout;
    }
    // From here on the provider may have it.
    call.reached_upstream = true;
    upstream
        .write_request_header(head)
        .await
        .map_err(|error| error.into_up())?;
    Ok(upstream)
}

/// Carries the answer to the handshake; whether it opened the session.
async fn answer(
    session: &mut Session,
    upstream: &mut Upstream,
    call: &mut Call,
    engine: &Arc<Engine>,
) -> Result<bool> {
    loop {
        let read = upstream.read_response_task().await;
        let mut task = read.map_err(|error| error.into_up())?;
        match &mut task {
            HttpTask::Header(head, ends) => {
                answer::pass_head(call, head)?;
                handshake::frame_answer(head, *ends)?;
                if head.status == http::StatusCode::SWITCHING_PROTOCOLS {
                    call.open_tap(engine, head);
                }
            }
            HttpTask::Body(Some(bytes), _) => call.watch_body(engine, bytes),
            _ => {}
        }
        let ends = task.is_end();
        let done = session.write_response_tasks(vec![task]).await?;
        if session.was_upgraded() {
            return Ok(true);
        }
        if ends || done {
            return Ok(false);
        }
    }
}

/// Carries bytes both ways until one side is done.
async fn carry(
    session: &mut Session,
    upstream: &mut Upstream,
    call: &mut Call,
    engine: &Arc<Engine>,
) -> Result<()> {
    upstream.maybe_upgrade_body_writer();
    loop {
        tokio::select! {
            read = session.as_downstream_mut().read_request_body() => {
                let Some(bytes) = read.map_err(|error| error.into_down())? else {
                    call.side_ended(Side::Client);
                    return finish(session, upstream).await;
                };
                let Passage { bytes: passed, close } =
                    call.watch_session(engine, Side::Client, &bytes);
                if passed > 0 {
                    let written = upstream.write_body(&bytes[..passed]).await;
                    written.map_err(|error| error.into_up())?;
                }
                if let Some(reason) = close {
                    return close::close(session, upstream, call, engine, &reason).await;
                }
            }
            read = upstream.read_body_bytes() => {
                let Some(bytes) = read.map_err(|error| error.into_up())? else {
                    call.side_ended(Side::Server);
                    return finish(session, upstream).await;
                };
                let passage = call.watch_session(engine, Side::Server, &bytes);
                forward(session, call, engine, bytes.slice(..passage.bytes)).await?;
                if let Some(reason) = passage.close {
                    return close::close(session, upstream, call, engine, &reason).await;
                }
            }
        }
    }
}

/// Hands bytes to the client.
async fn forward(
    session: &mut Session,
    call: &mut Call,
    engine: &Engine,
    bytes: Bytes,
) -> Result<()> {
    if call.response.first_byte.is_none() {
        call.response.first_byte = Some(engine.clock.monotonic());
    }
    let task = HttpTask::UpgradedBody(Some(bytes), false);
    session.write_response_tasks(vec![task]).await.map(drop)
}

/// Lets both connections end in order. One of them has ended, so it may not take another word.
async fn finish(session: &mut Session, upstream: &mut Upstream) -> Result<()> {
    let end = HttpTask::UpgradedBody(None, true);
    let _ = session.write_response_tasks(vec![end]).await;
    let _ = upstream.finish_body().await;
    Ok(())
}

impl Call {
    /// Begins to read, where the dialect is known, by what the handshake agreed on.
    fn open_tap(&mut self, engine: &Engine, head: &ResponseHeader) {
        let endpoint = &self.target.endpoint;
        let Some(dialect) = endpoint.dialect else {
            return;
        };
        let values = head.headers.get_all("sec-websocket-extensions").iter();
        let extensions = negotiated(values.map(|value| value.to_str().unwrap_or("unreadable")));
        if extensions == Extensions::Unknown {
            engine.metrics.unmetered(&self.head.provider);
        }
        let facts = RequestFacts {
            model: endpoint.model.clone(),
            ..RequestFacts::default()
        };
        let session = usage::session::Session::new(dialect, facts);
        self.tap = Some(Box::new(Tap::new(session, extensions)));
    }

    /// A connection ended by itself; where nobody said so before, that side broke off.
    fn side_ended(&mut self, side: Side) {
        if let Some(tap) = &mut self.tap {
            tap.side_ended(side);
        }
    }
}
