//! Pingora's phases: each hands to the step that does the work.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::v1::Connector;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType as Fault, Result};
use tracing::debug;

use super::answer;
use super::call::{Admission, Call, Ctx};
use super::engine::Engine;
use super::forward::Destination;
use super::gate;
use super::keys;
use super::resilience;
use super::route::{self, Route};
use super::session;
use super::settle::Ending;
use crate::listen::connect::Connect;

/// A client that does not take its answer is let go after this long.
const CLIENT_WRITE_LIMIT: Duration = Duration::from_secs(120);

/// The proxy app: transparent but for what its steps decide.
pub struct Weir {
    engine: Arc<Engine>,
    /// Connects the upstreams of sessions.
    upgrades: Connector,
}

impl Weir {
    /// The app over `engine`; `options` is how it connects, as Pingora's own does.
    pub fn new(engine: Arc<Engine>, options: ConnectorOptions) -> Self {
        Weir {
            engine,
            upgrades: Connector::new(Some(options)),
        }
    }
}

impl std::fmt::Debug for Weir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Weir")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ProxyHttp for Weir {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Ctx::new(Arc::clone(&self.engine))
    }

    /// No module: nothing may recompress a body.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        transparent(session);
        let live = self.engine.live.load_full();
        let connect = connect_of(session);
        match route::route(&live, session.req_header(), connect.as_ref()) {
            Route::Provider(target) => {
                let call = Call::begin(&self.engine, live, target, session, connect.as_ref());
                let call = ctx.call.insert(Box::new(call));
                let opens_session = session::opens_web_socket(session.req_header());
                let is_let_in = !call.passage.is_refused();
                if is_let_in
                    && !opens_session
                    && resilience::answer_if_shut(session, call, &self.engine).await?
                {
                    return Ok(true);
                }
                let answered = gate::decide(session, call, &self.engine).await?;
                if answered || !opens_session {
                    return Ok(answered);
                }
                session::relay(session, call, &self.engine, &self.upgrades).await?;
                Ok(true)
            }
            Route::Passthrough(upstream, path) => {
                let (admitted, path) = keys::passes(&self.engine, session.req_header(), path);
                if let Err(why) = admitted {
                    answer::write(session, answer::keyless(why), &[]).await?;
                    return Ok(true);
                }
                let destination = Destination::passthrough(upstream);
                let guard = self.engine.metrics.inflight();
                ctx.passthrough = Some((destination, path, guard));
                Ok(false)
            }
            Route::NotFound => {
                answer::write(session, answer::not_found(&route::prefixes(&live)), &[]).await?;
                Ok(true)
            }
            Route::NoUpstream(provider) => {
                answer::write(session, answer::no_upstream(&provider), &[]).await?;
                Ok(true)
            }
            Route::Denied => {
                answer::write(session, answer::denied(), &[]).await?;
                Ok(true)
            }
        }
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if end_of_stream && body.as_ref().is_some_and(Bytes::is_empty) {
            // Pingora would write an empty last chunk besides the end of the body: two ends on the wire, and
            // the second would stand before the next request of the pooled connection.
            *body = None;
        }
        let Some(call) = ctx.call.as_deref_mut() else {
            return Ok(());
        };
        if session.was_upgraded() {
            call.request.bytes += body.as_ref().map_or(0, |bytes| bytes.len() as u64);
            return Ok(());
        }
        if let (Some(body), Some(replaced)) = (body.as_mut(), &call.request.replaced) {
            // What Pingora kept of the body comes in one piece.
            body.clone_from(replaced);
            return Ok(());
        }
        if call.request.known {
            return Ok(());
        }
        if let Some(bytes) = body {
            call.request.watch(bytes);
        }
        if call.admission == Admission::Awaiting {
            return gate::withhold(session, call, &self.engine, body, end_of_stream).await;
        }
        if end_of_stream {
            call.request.is_over = true;
            call.body_is_known(session);
            call.amend(&self.engine);
        }
        Ok(())
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        let upgrade = session.is_upgrade_req();
        if let Some(call) = ctx.call.as_deref_mut() {
            call.begin_attempt(session);
            resilience::begin(session, call, &self.engine).await?;
        }
        let (destination, _) = ctx
            .destination()
            .ok_or_else(|| Error::new(Fault::InternalError))?;
        let at_once = ctx.call.as_ref().map_or(0, |call| call.body_at_once());
        Ok(Box::new(destination.peer(upgrade, at_once)))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        head: &mut RequestHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if head.version == http::Version::HTTP_2
            && head.remove_header(&http::header::EXPECT).is_some()
        {
            // Pingora takes no 100 Continue from an h2 upstream, and the client would wait for it.
            session.write_continue_response().await?;
        }
        let (destination, path) = ctx
            .destination()
            .ok_or_else(|| Error::new(Fault::InternalError))?;
        destination.rewrite(head, path)?;
        match &ctx.call {
            Some(call) => call.passage.rewrite(head, &call.target)?,
            None => keys::take_off(head)?,
        }
        // From here on the provider may have it.
        if let Some(call) = ctx.call.as_deref_mut() {
            call.frame(head)?;
            call.reached_upstream = true;
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if let Some(call) = ctx.call.as_deref_mut() {
            resilience::answered(session, call, &self.engine, head)?;
            answer::pass_head(call, head)?;
        }
        Ok(())
    }

    fn upstream_response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> Result<Option<Duration>> {
        if let (Some(call), Some(chunk)) = (ctx.call.as_deref_mut(), body) {
            if session.was_upgraded() {
                call.response.bytes += chunk.len() as u64;
            } else {
                call.watch_body(&self.engine, chunk);
            }
        }
        Ok(None)
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Ctx,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Some(call) = ctx.call.as_deref_mut() {
            resilience::unconnected(session, call, &self.engine, &mut error);
        }
        error
    }

    /// Unless the settings ask for more, a POST is sent again only where a pooled connection turned out dead before a byte of the answer, and the
    /// whole body can be replayed. A provider that read the request before it closed would bill twice, so
    /// idle connections are kept for seconds only.
    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Ctx,
        client_reused: bool,
    ) -> Box<Error> {
        let mut error = error.more_context(format!("upstream {}", peer.sni));
        let replayable = !session.as_ref().retry_buffer_truncated();
        if replayable && answer::given(session).is_none() {
            error.retry.decide_reuse(client_reused);
        } else {
            error.set_retry(false);
        }
        if let Some(call) = ctx.call.as_deref_mut() {
            resilience::broke(session, call, &self.engine, &mut error);
        }
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Ctx,
    ) -> FailToProxy {
        let code = answer::failure(session, error, ctx).await;
        FailToProxy {
            error_code: code,
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Ctx) {
        let Some(mut call) = ctx.call.take() else {
            return;
        };
        let written = answer::given(session);
        if call.response.status.is_none() {
            call.response.own_status = written;
        }
        call.settle(&self.engine, Ending::of(error));
    }

    /// Another attempt is counted; a line for each would fill the disk while an upstream is down.
    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        ctx: &Ctx,
        error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        debug!(
            provider = ctx.provider(),
            kind = error.etype().as_str(),
            "attempt failed"
        );
        true
    }

    /// Pingora's own lines hold the query, and Gemini's clients put their key there.
    fn suppress_error_log(&self, _session: &Session, ctx: &Ctx, error: &Error) -> bool {
        debug!(
            provider = ctx.provider(),
            kind = error.etype().as_str(),
            source = error.esource().as_str(),
            "call failed"
        );
        true
    }

    fn request_summary(&self, session: &Session, ctx: &Ctx) -> String {
        format!("{} {}", session.req_header().method, ctx.provider())
    }
}

/// Sets the session's knobs so that the hop itself is not seen.
fn transparent(session: &mut Session) {
    session.set_write_timeout(Some(CLIENT_WRITE_LIMIT));
    let downstream = session.as_downstream_mut();
    // Else an upstream's 100 Continue marks the final answer `Connection: close`.
    downstream.set_close_on_response_before_downstream_finish(false);
    downstream.set_pipelining_enabled(true);
}

/// The CONNECT that the connection began with.
fn connect_of(session: &Session) -> Option<Connect> {
    let digest = session.digest()?.proxy_digest.as_ref()?;
    digest
        .user_data
        .as_ref()?
        .downcast_ref::<Connect>()
        .cloned()
}
