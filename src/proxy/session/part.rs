//! What a session makes: each a call of its own, with its hold, its row and its cost.

use std::sync::Arc;

use crate::budget::estimate::{Ask, Known};
use crate::budget::{Facts, Full, Reason, Sizes};
use crate::ledger::{self, CallHead};
use crate::providers::{ErrorType, RequestFacts, Selectors, session};
use crate::proxy::call::Call;
use crate::proxy::engine::Engine;
use crate::proxy::settle::Ending;
use crate::usage::Extraction;
use crate::usage::session::{Beginning, Number, Unended};

/// Bytes that stand for one token where only tokens are known.
const BYTES_PER_TOKEN: u64 = 4;

/// Something that begins and is not held yet.
pub struct Begun {
    pub number: Number,
    pub part: Box<Call>,
    pub sizes: Sizes,
    input_tokens: Option<u64>,
}

/// What a session has open.
#[derive(Default)]
pub struct Parts {
    open: Vec<(Number, Box<Call>)>,
    /// What the last to end was to the budgets.
    last: Option<(Arc<Facts>, Sizes)>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

impl Parts {
    /// Whether nothing is being made.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Holds for something on every budget that covers it, whatever is left, and puts the hold on record.
    pub fn admit(&mut self, engine: &Engine, begun: Begun) {
        let Begun {
            number,
            mut part,
            sizes,
            input_tokens,
        } = begun;
        let started_at = part.head.started_at;
        let permit = engine.budgets.hold_anyway(&part.facts, &sizes, started_at);
        if let Some(at) = permit.counted_apart_from(started_at) {
            Arc::make_mut(&mut part.head).counted_at = Some(at);
        }
        part.permit = Some(permit);
        engine.ledger.amend(part.claim(&sizes, input_tokens));
        self.last = Some((Arc::clone(&part.facts), sizes));
        self.open.push((number, part));
    }

    /// Settles what its provider stated.
    pub fn ended(&mut self, engine: &Arc<Engine>, number: Number, said: Extraction) {
        let Some(mut part) = self.take(number) else {
            return;
        };
        let said = part.count_once(engine, said);
        part.response.failed = said.error.is_some() && said.usage.is_none();
        part.response.extraction = Some(said);
        part.settle(engine, Ending::Complete);
    }

    /// Settles what came to nothing.
    pub fn failed(&mut self, engine: &Arc<Engine>, number: Number, error: ErrorType) {
        let mut said = Extraction::nothing();
        said.error = Some(error);
        self.ended(engine, number, said);
    }

    /// Settles what was left without a word of its provider.
    pub fn left(&mut self, engine: &Arc<Engine>, number: Number, left: Unended, ending: Ending) {
        if let Some(mut part) = self.take(number) {
            part.response.left = Some(left);
            part.settle(engine, ending);
        }
    }

    /// A budget that leaves no room for another like the last.
    pub fn spent(&self, engine: &Engine) -> Option<Full> {
        let (facts, sizes) = self.last.as_ref()?;
        let full = engine
            .budgets
            .full_for(facts, sizes, engine.clock.unix_ms());
        full.filter(|full| full.reason == Reason::Spent)
    }

    fn take(&mut self, number: Number) -> Option<Box<Call>> {
        let at = self.open.iter().position(|(open, _)| *open == number)?;
        Some(self.open.remove(at).1)
    }
}

impl Call {
    /// Something that this session makes, as a call of its own.
    pub(super) fn begun(&self, engine: &Engine, number: Number, beginning: Beginning) -> Begun {
        let dialect = self.target.endpoint.dialect;
        let started_at = engine.clock.unix_ms();
        let head = CallHead {
            id: ledger::new_id(started_at),
            started_at,
            operation: dialect.map_or("realtime", session::operation).to_owned(),
            request_model: beginning.model.clone(),
            streamed: true,
            sent_model: None,
            attempt_of: None,
            counted_at: None,
            ..CallHead::clone(&self.head)
        };
        let mut facts = Facts::clone(&self.facts);
        facts.model.clone_from(&beginning.model);
        let part = Box::new(Call::part(engine, self, head, facts));
        let sizes = part.part_sizes(engine, &beginning);
        Begun {
            number,
            part,
            sizes,
            input_tokens: beginning.input_tokens,
        }
    }

    fn part_sizes(&self, engine: &Engine, beginning: &Beginning) -> Sizes {
        let request = RequestFacts {
            model: beginning.model.clone(),
            max_output_tokens: beginning.max_output_tokens,
            choices: 1,
            ..RequestFacts::default()
        };
        let model = self.priced_model().unwrap_or_default();
        let lookup = self.lookup(model, Selectors::NONE);
        let known = Known::of(&self.live.catalog, &lookup, self.target.endpoint.dialect);
        let input = beginning.input_tokens.unwrap_or(0);
        let sizes = engine.estimator.sizes(&Ask {
            provider: &self.head.provider,
            key: self.head.labels.key.as_deref(),
            request: &request,
            answers: true,
            body_bytes: input.saturating_mul(BYTES_PER_TOKEN),
            input_tokens: Some(input),
            text_only: false,
            known: &known,
        });
        self.may_be_charged(sizes)
    }
}
