//! Bodies that name several models: a form with the field twice, JSON with the key twice.
//!
//! Which of them an upstream takes is its parser's affair: the first, or the last. A budget must not be fooled by
//! the other, so all of them must be allowed, and the dearest is what the call is held and recorded as.

use std::sync::Arc;

use super::call::Call;
use super::engine::Engine;
use crate::budget::{Pending, Preview, Refusal};
use crate::providers::RequestFacts;

impl Call {
    /// Takes the dearest of the models that the body names for the one that is asked for. `Err` where a budget
    /// refuses one of them whatever it costs.
    pub(super) fn choose_model(
        &mut self,
        engine: &Engine,
        request: &mut RequestFacts,
    ) -> Result<(), Box<Refusal>> {
        let others = self.request.other_models();
        // What is sent in its place is one model, whatever the body names.
        if others.is_empty() || self.head.sent_model.is_some() {
            return Ok(());
        }
        // The last one first: of equals it is what most parsers take.
        let mut names: Vec<String> = request.model.clone().into_iter().collect();
        names.extend_from_slice(others);
        let now = engine.clock.unix_ms();
        let mut dearest = None;
        for model in names {
            self.ask_for(request, &model);
            let sure = self.costs_for_sure();
            let said = engine
                .budgets
                .preview(&self.facts, Pending::NOTHING, sure, now);
            if let Preview::Refuse(refusal) = said {
                return Err(refusal);
            }
            let worst = self.sizes(engine, request).worst_case;
            let tokens = worst.input_tokens.saturating_add(worst.output_tokens);
            let size = (worst.cost, tokens);
            if dearest.as_ref().is_none_or(|(held, _)| *held < size) {
                dearest = Some((size, model));
            }
        }
        if let Some((_, model)) = dearest {
            self.ask_for(request, &model);
        }
        Ok(())
    }

    fn ask_for(&mut self, request: &mut RequestFacts, model: &str) {
        request.model = Some(model.to_owned());
        Arc::make_mut(&mut self.head).request_model = Some(model.to_owned());
        Arc::make_mut(&mut self.facts).model = Some(model.to_owned());
    }
}
