//! Downgrade: another model in the place of the one that was asked for, where a budget says so. The one step
//! that changes what is sent.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;

use super::admit::Decision;
use super::call::{Admission, Call};
use super::engine::Engine;
use crate::budget::{Downgrade, Preview};
use crate::providers::{self, request};

/// What a downgrade has to work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nothing went upstream yet, and the body, if there is one, is in Pingora's buffer.
    Nothing,
    /// The head went upstream; the whole body is withheld.
    Head,
    /// The body, or a part of it, cannot be had any more.
    Body,
}

const SIGNED: &str = "the request is signed";
const ENCODED: &str = "the body is compressed";
const UNREAD: &str = "the body is too large to be kept back";
const LATE: &str = "the path, which names the model, is sent before so large a body is read";
const ELSEWHERE: &str = "the place of its model is not known";

/// What the head alone decides, once a model that it names was replaced where a budget says so.
pub fn preview(session: &Session, call: &mut Call, engine: &Engine) -> Preview {
    let mut preview = call.preview(engine);
    if let Preview::Refuse(refusal) = &mut preview
        && let Some(downgrade) = refusal.downgrade.clone()
        && call.downgraded.is_none()
    {
        match call.put_in_head(session, &downgrade) {
            Ok(()) => return call.preview(engine),
            Err(obstacle) => refusal.obstacle = Some(obstacle),
        }
    }
    call.may_be_rewritten = preview == Preview::NeedBody
        && call.obstacle(session).is_none()
        && call.target.endpoint.model.is_none()
        && engine.budgets.may_downgrade(&call.facts, call.pending());
    preview
}

/// Admits the call, with another model where a budget that has no room says so.
pub async fn admit(
    session: &mut Session,
    call: &mut Call,
    engine: &Engine,
    sent: Sent,
) -> Decision {
    // A refusal takes the mark off.
    let was_downgraded = call.downgraded.is_some();
    let decided = call.admit(session, engine).await;
    let offered = call
        .refusal
        .as_ref()
        .and_then(|refusal| refusal.downgrade.clone());
    let Some(downgrade) = offered.filter(|_| decided == Decision::Refuse) else {
        return decided;
    };
    if was_downgraded {
        // One is what the operator wrote; a second no is final.
        return decided;
    }
    match call.put(session, &downgrade, sent) {
        Ok(()) => {
            call.refusal = None;
            call.admission = Admission::Awaiting;
            call.admit(session, engine).await
        }
        Err(obstacle) => {
            if let Some(refusal) = &mut call.refusal {
                refusal.obstacle = Some(obstacle);
            }
            decided
        }
    }
}

impl Call {
    /// Puts another model into the request.
    fn put(&mut self, session: &Session, to: &Downgrade, sent: Sent) -> Result<(), &'static str> {
        if self.target.endpoint.model.is_some() {
            return match sent {
                Sent::Nothing => self.put_in_head(session, to),
                Sent::Head | Sent::Body => Err(LATE),
            };
        }
        if let Some(obstacle) = self.obstacle(session) {
            return Err(obstacle);
        }
        let body = match sent {
            Sent::Nothing => session.as_ref().get_retry_buffer(),
            Sent::Head if self.may_be_rewritten => Some(self.request.withheld.take()),
            Sent::Head | Sent::Body => None,
        };
        let headers = &session.req_header().headers;
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let dialect = self.target.endpoint.dialect;
        let body = request::with_model(dialect, kind, &body.ok_or(UNREAD)?, &to.to);
        self.request.replaced = Some(Bytes::from(body.ok_or(ELSEWHERE)?));
        self.is_sent_to(to);
        Ok(())
    }

    /// Puts another model into the path, or into the query of a session.
    fn put_in_head(&mut self, session: &Session, to: &Downgrade) -> Result<(), &'static str> {
        if let Some(obstacle) = self.signature(session) {
            return Err(obstacle);
        }
        let target = Arc::make_mut(&mut self.target);
        let base = target.upstream.base_path.len();
        let path = target
            .path
            .get(base..)
            .and_then(|path| std::str::from_utf8(path).ok());
        let renamed = providers::paths::with_model(
            target.provider.api,
            session.req_header().method.as_str(),
            path.ok_or(ELSEWHERE)?,
            &target.endpoint,
            &to.to,
        );
        let renamed = renamed.ok_or(ELSEWHERE)?;
        target.path.truncate(base);
        target.path.extend_from_slice(renamed.as_bytes());
        target.endpoint.model = Some(to.to.clone());
        self.is_sent_to(to);
        Ok(())
    }

    fn is_sent_to(&mut self, to: &Downgrade) {
        self.request.rename(&to.to);
        Arc::make_mut(&mut self.head).sent_model = Some(to.to.clone());
        Arc::make_mut(&mut self.facts).model = Some(to.to.clone());
        self.downgraded = Some(to.budget.clone());
    }

    /// Takes a downgrade back that did not help: nothing was sent.
    pub(super) fn is_not_sent(&mut self) {
        if self.downgraded.take().is_some() {
            Arc::make_mut(&mut self.head).sent_model = None;
        }
    }

    /// Why the body cannot be replaced, as far as the head tells.
    fn obstacle(&self, session: &Session) -> Option<&'static str> {
        let headers = &session.req_header().headers;
        let coding = headers.get(CONTENT_ENCODING);
        let is_encoded = coding.is_some_and(|coding| coding != "identity");
        self.signature(session).or(is_encoded.then_some(ENCODED))
    }

    /// A signature covers path and body.
    fn signature(&self, session: &Session) -> Option<&'static str> {
        let head = session.req_header();
        let authorization = head.headers.get(AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok());
        let query = head.uri.query().unwrap_or_default();
        let digest = request::DIGESTS
            .iter()
            .any(|name| head.headers.contains_key(*name));
        let is_signed = digest || request::is_signed(authorization.unwrap_or_default(), query);
        is_signed.then_some(SIGNED)
    }

    /// Gives the head for the upstream the length of what is sent: none where that is still to be decided.
    pub(super) fn frame(&self, head: &mut RequestHeader) -> Result<()> {
        if !head.headers.contains_key(CONTENT_LENGTH) {
            return Ok(());
        }
        match &self.request.replaced {
            Some(body) => head.insert_header(CONTENT_LENGTH, body.len().to_string())?,
            None if self.may_be_rewritten && self.admission == Admission::Awaiting => {
                head.remove_header(&CONTENT_LENGTH);
            }
            None => {}
        }
        Ok(())
    }

    /// Tells the client: a program that sees another model answer must be able to learn why.
    pub(super) fn tell_downgrade(&self, head: &mut ResponseHeader) -> Result<()> {
        let (Some(budget), Some(model)) = (&self.downgraded, &self.head.sent_model) else {
            return Ok(());
        };
        let opens = head.status == http::StatusCode::SWITCHING_PROTOCOLS;
        if head.status.is_informational() && !opens {
            return Ok(());
        }
        head.insert_header("x-weir-model", &**model)?;
        head.insert_header("x-weir-budget", &**budget)
    }
}
