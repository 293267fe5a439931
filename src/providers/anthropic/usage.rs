//! The usage object of Anthropic's messages, and the rounds within it.
//!
//! What an object leaves out keeps its value. Rounds of compaction and advice are billed but lie outside
//! the totals; a context tier is chosen for each round, so rounds whose sum may reach one are kept apart.

use crate::providers::node::Node;
use crate::providers::openai_usage;
use crate::providers::reader::Said;
use crate::providers::report::{Convention, Placement, Report};
use crate::units::PicoUsd;

/// Total input below which rounds need not be told apart: no published context tier begins lower.
const ONE_TIER_MAX: u64 = 32_000;

/// Server tools by the field that counts their calls, and the unit each is kept as.
const SERVER_TOOLS: [(&str, &str); 3] = [
    ("web_search_requests", "web_searches"),
    ("web_fetch_requests", "web_fetches"),
    ("code_execution_requests", "code_executions"),
];

/// The fields as they stand after every object seen so far.
#[derive(Debug, Default)]
pub struct Counts {
    tokens: Tokens,
    thinking: Option<u64>,
    tools: [Option<u64>; SERVER_TOOLS.len()],
    cost: Option<PicoUsd>,
    /// A round answered by another model than was asked; it outranks what the start said.
    pub fallback: Option<String>,
    /// The rounds that the totals contain, and those that they do not.
    rounds: Vec<Report>,
    extra: Vec<(Option<String>, Report)>,
}

/// The counts that totals and rounds have alike.
#[derive(Debug, Default)]
struct Tokens {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    write_5m: Option<u64>,
    write_1h: Option<u64>,
}

impl Tokens {
    /// Overwrites what the object names.
    fn note(&mut self, usage: Node<'_>) {
        let split = usage.at("cache_creation");
        for (slot, stated) in [
            (&mut self.input, usage.at("input_tokens")),
            (&mut self.output, usage.at("output_tokens")),
            (&mut self.cache_read, usage.at("cache_read_input_tokens")),
            (
                &mut self.cache_write,
                usage.at("cache_creation_input_tokens"),
            ),
            (&mut self.write_5m, split.at("ephemeral_5m_input_tokens")),
            (&mut self.write_1h, split.at("ephemeral_1h_input_tokens")),
        ] {
            *slot = stated.count().or(*slot);
        }
    }

    fn report(&self) -> Report {
        // The split may be missing, or older than a total that grew: what it does not explain was
        // written for five minutes, the default.
        let split = [self.write_5m, self.write_1h];
        let sum = || {
            let stated = split.iter().any(Option::is_some);
            stated.then(|| split.into_iter().flatten().sum())
        };
        let written = self.cache_write.or_else(sum);
        let write_1h = self.write_1h.map(|count| count.min(written.unwrap_or(0)));
        Report {
            convention: Convention {
                cache: Placement::Beside,
                reasoning: Placement::Within,
            },
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write_5m: written.map(|count| count - write_1h.unwrap_or(0)),
            cache_write_1h: write_1h,
            ..Report::default()
        }
    }
}

impl Counts {
    /// Overwrites what the object names; tells whether it is a usage object at all.
    pub fn note(&mut self, said: &mut Said, usage: Node<'_>) -> bool {
        if !usage.exists() {
            return false;
        }
        self.tokens.note(usage);
        let thinking = usage.at("output_tokens_details").at("thinking_tokens");
        self.thinking = thinking.count().or(self.thinking);
        let tools = usage.at("server_tool_use");
        for (slot, (field, _)) in self.tools.iter_mut().zip(SERVER_TOOLS) {
            *slot = tools.at(field).count().or(*slot);
        }
        self.cost = openai_usage::cost(usage).or(self.cost);
        for (slot, stated) in [
            (&mut said.selectors.service_tier, usage.at("service_tier")),
            (&mut said.selectors.speed, usage.at("speed")),
            (&mut said.selectors.geo, usage.at("inference_geo")),
        ] {
            // Where the place is not told, the request's own may be known.
            let told = stated.text().filter(|text| *text != "not_available");
            *slot = told.map(str::to_owned).or(slot.take());
        }
        if usage.at("iterations").exists() {
            self.note_iterations(usage.at("iterations"));
        }
        true
    }

    fn note_iterations(&mut self, iterations: Node<'_>) {
        (self.rounds, self.extra) = Default::default();
        let mut long_writes = None;
        for entry in iterations.items() {
            let mut tokens = Tokens::default();
            tokens.note(entry);
            let model = entry.at("model").text().map(str::to_owned);
            match entry.at("type").text() {
                Some("compaction") => self.extra.push((None, tokens.report())),
                Some("advisor_message") => self.extra.push((model, tokens.report())),
                Some("fallback_message") => self.fallback = model.or(self.fallback.take()),
                _ => {
                    if let Some(count) = tokens.write_1h {
                        *long_writes.get_or_insert(0) += count;
                    }
                    self.rounds.push(tokens.report());
                }
            }
        }
        // The final totals come without a split; the rounds have theirs.
        self.tokens.write_1h = long_writes.or(self.tokens.write_1h);
    }

    /// What was stated, as it stands.
    pub fn report(&self) -> Report {
        let mut report = Report {
            reasoning: self.thinking,
            cost: self.cost,
            extra: self.extra.clone(),
            ..self.tokens.report()
        };
        for (count, (_, unit)) in self.tools.iter().zip(SERVER_TOOLS) {
            report.units.extend(count.map(|count| (unit, count)));
        }
        report.rounds = self.rounds(&report);
        report
    }

    /// The rounds with the context of each, where their tiers may differ from that of their sum.
    fn rounds(&self, totals: &Report) -> Vec<(u64, Report)> {
        let mut sum = Report::default();
        for round in &self.rounds {
            sum.add(round);
        }
        let own = self.extra.iter().filter(|(model, _)| model.is_none());
        let own: Vec<&Report> = own.map(|(_, report)| report).collect();
        let all = own
            .iter()
            .fold(totals.context(), |sum, round| sum + round.context());
        let several = self.rounds.len() > 1 || !own.is_empty();
        if all <= ONE_TIER_MAX || !several {
            return Vec::new();
        }
        // A declined hop is no part of the totals, and neither is what a later version may add.
        let agree = (sum.context(), sum.output) == (totals.context(), totals.output);
        let totals = [bare(totals)];
        let answered = if agree { &self.rounds[..] } else { &totals };
        let rounds = answered.iter().chain(own);
        rounds
            .map(|round| (round.context(), round.clone()))
            .collect()
    }
}

/// The tokens of a report alone.
fn bare(report: &Report) -> Report {
    let mut bare = Report::default();
    bare.add(report);
    bare.units.clear();
    bare.extra.clear();
    bare
}
