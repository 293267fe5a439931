//! A failed attempt as a call of its own: its row, and what it takes from the budgets.
//!
//! The call's permit goes with the attempt that it was taken for and is settled with what that may have cost; the
//! next attempt is admitted like any call. So the budgets hold as if each attempt had been a call, and where one has
//! no room for another, the failure stands.

use std::sync::Arc;

use tracing::debug;

use crate::config::resilience::Failure;
use crate::ledger::{self, CallHead, Outcome};
use crate::providers::{ErrorType, Selectors, by_status};
use crate::proxy::call::Call;
use crate::proxy::engine::Engine;
use crate::proxy::settle::{Priced, milliseconds, size_of};
use crate::usage::Extraction;

impl Call {
    /// Ends an attempt that reached the upstream, and holds for the next one. `false` where a budget has no room for
    /// it: the call then ends with this attempt, whose charge is its own.
    pub(super) fn end_attempt(&mut self, engine: &Engine, failure: Failure) -> bool {
        let extraction = self.failed_extraction(failure);
        let selectors = self.selectors(&extraction);
        let priced = self.price(&extraction, &selectors);
        if let Some(permit) = self.permit.take() {
            let sizes = *permit.worth();
            permit.settle(&size_of(extraction.usage.as_ref(), priced.cost));
            let now = engine.clock.unix_ms();
            match engine.budgets.admit_shared(&self.facts, &sizes, now) {
                Ok(permit) => self.permit = Some(permit),
                Err(refusal) => {
                    debug!(budget = refusal.budget, "no room for another attempt");
                    if self.response.status.is_none() {
                        self.response.extraction = Some(extraction);
                    }
                    return false;
                }
            }
        }
        let row = self.attempt_row(engine, extraction, selectors, priced);
        // From here on the call counts with its next attempt.
        let started_at = self.head.started_at;
        let next = self.permit.as_ref();
        Arc::make_mut(&mut self.head).counted_at =
            next.and_then(|permit| permit.counted_apart_from(started_at));
        engine.metrics.call_settled(&row, None);
        engine.ledger.settle(row);
        if let Some(permit) = &self.permit {
            let sizes = *permit.worth();
            engine.ledger.amend(self.hold(&sizes));
        }
        true
    }

    /// What is known of the attempt: the status says what an answer was, and a provider that gave none may bill the
    /// input.
    fn failed_extraction(&self, failure: Failure) -> Extraction {
        let (mut extraction, error) = match self.response.status {
            Some(status) => (Extraction::nothing(), by_status(status)),
            None => {
                let held = self.permit.as_ref().map(|permit| permit.worth().expected);
                let extraction = match held {
                    Some(held) if self.may_bill_input() => self.input_alone(held.input_tokens),
                    _ => Extraction::nothing(),
                };
                let error = match failure {
                    Failure::Timeout => ErrorType::Timeout,
                    _ => ErrorType::Network,
                };
                (extraction, Some(error))
            }
        };
        extraction.error = error;
        extraction
    }

    fn attempt_row(
        &self,
        engine: &Engine,
        extraction: Extraction,
        selectors: Selectors,
        priced: Priced,
    ) -> ledger::Call {
        let started_at = self.attempts.started_at;
        let took = engine.clock.monotonic().saturating_sub(self.attempts.began);
        let duration_ms = milliseconds(took);
        let head = CallHead {
            id: ledger::new_id(started_at),
            started_at,
            attempt_of: Some(self.head.id),
            counted_at: Some(self.head.counted_at.unwrap_or(self.head.started_at))
                .filter(|at| *at != started_at),
            ..CallHead::clone(&self.head)
        };
        ledger::Call {
            ended_at: started_at.saturating_add(duration_ms),
            model: self.head.asked_model().map(str::to_owned),
            usage: extraction.usage,
            usage_source: extraction.source,
            selectors,
            response_id: None,
            cost: priced.cost,
            price_version: priced.version,
            http_status: self.response.status,
            outcome: Outcome::UpstreamError,
            error_type: extraction.error,
            first_byte_ms: None,
            duration_ms: Some(duration_ms),
            request_bytes: self.request.bytes,
            response_bytes: 0,
            upstream_request_id: self.response.upstream_request_id.clone(),
            refused_by: None,
            forwarded: true,
            head: Arc::new(head),
        }
    }
}
