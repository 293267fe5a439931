//! One session over a WebSocket: the messages of both directions in, what they made out, each by itself.
//!
//! A response is open from the client's request for it, or from the server's first word of it, until the
//! server states its usage. What is open when the session ends is counted by weir.

use crate::providers::reader::{CAPTURE_BYTES_MAX, Reader, Said, Text};
use crate::providers::report::Report;
use crate::providers::session::{Asked, ClientReader, Signal, Signals, session_reader};
use crate::providers::{Dialect, ErrorType, RequestFacts, Selectors};
use crate::wire::json::Scanner;

use super::estimate::TextSample;
use super::restate::restate;
use super::{Extraction, Usage, UsageSource, take};

/// Most responses that are open at a time; one more ends the oldest.
const OPEN_MAX: usize = 16;
/// Bytes of a token of the client's text, which is not kept.
const BYTES_PER_TOKEN: u64 = 4;

/// Names one thing that a session makes; never given twice in a session.
pub type Number = u64;

/// What a message brought about.
#[derive(Debug)]
pub enum Event {
    /// Something begins that will be charged.
    Began(Number, Beginning),
    /// It ended, with what its provider said of it.
    Ended(Number, Box<Extraction>),
    /// It came to nothing.
    Failed(Number, ErrorType),
    /// It was given up before its end: more are open than are kept apart.
    Dropped(Number, Box<Unended>),
}

/// What is known of something at its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginning {
    /// The model, where the session or the request names one.
    pub model: Option<String>,
    pub max_output_tokens: Option<u64>,
    /// The conversation so far, as far as it was counted; `None` where none of it was.
    pub input_tokens: Option<u64>,
    /// Whether the client asked for it just then.
    pub asked: bool,
}

/// Something whose end was never said: what there is to count.
#[derive(Debug, Default)]
pub struct Unended {
    model: Option<String>,
    input_tokens: Option<u64>,
    text: TextSample,
    report: Option<Report>,
}

impl Unended {
    /// Gives the kept text up: it goes by its length then.
    pub fn forget_text(&mut self) {
        self.text.forget();
    }

    /// Counts; takes some milliseconds where there is text.
    pub fn extraction(&self) -> Extraction {
        let written = (!self.text.is_empty()).then(|| self.text.tokens(self.model.as_deref()));
        let (usage, source) = match &self.report {
            Some(report) => {
                let mut usage = restate(report);
                usage.output = usage.output.max(written);
                (Some(usage), UsageSource::Partial)
            }
            None if self.input_tokens.is_none() && written.is_none() => (None, UsageSource::None),
            None => {
                let usage = Usage {
                    input: self.input_tokens,
                    output: Some(written.unwrap_or(0)),
                    ..Usage::default()
                };
                (Some(usage), UsageSource::Estimated)
            }
        };
        Extraction {
            model: self.model.clone(),
            usage,
            source,
            ..Extraction::nothing()
        }
    }
}

/// One response, or the running total of a session.
#[derive(Debug)]
struct Open {
    number: Number,
    /// The server's name for it, once it has one.
    id: Option<String>,
    /// The client's name for its request.
    asked_as: Option<String>,
    /// Whether the server spoke of it.
    is_created: bool,
    model: Option<String>,
    input_tokens: Option<u64>,
    text: TextSample,
}

/// Reads one session.
#[derive(Debug)]
pub struct Session {
    dialect: Dialect,
    facts: RequestFacts,
    scanner: Scanner,
    reader: Box<dyn Reader>,
    said: Said,
    signals: Signals,
    client: ClientReader,
    open: Vec<Open>,
    /// What the session as a whole is charged for so far.
    total: Option<(Number, Report)>,
    next: Number,
    /// Tokens of the conversation up to the last response that stated them.
    context: Option<u64>,
    /// Bytes of the client's text since then.
    heard: u64,
}

impl Session {
    /// A session of this dialect; `facts` is what the handshake said.
    pub fn new(dialect: Dialect, facts: RequestFacts) -> Self {
        let reader = session_reader(dialect, &facts);
        Session {
            dialect,
            scanner: Scanner::new(reader.paths().fields(), CAPTURE_BYTES_MAX),
            said: fresh(None),
            reader,
            facts,
            signals: Signals::new(dialect),
            client: ClientReader::new(dialect),
            open: Vec::new(),
            total: None,
            next: 0,
            context: None,
            heard: 0,
        }
    }

    /// Whether anything is open that the server will end.
    pub fn is_busy(&self) -> bool {
        !self.open.is_empty()
    }

    /// Leaves out what was asked for and does not reach the server.
    pub fn forget(&mut self, number: Number) {
        self.open.retain(|open| open.number != number);
    }

    /// Reads the next bytes of the client's current message.
    pub fn client_piece(&mut self, piece: &[u8]) {
        self.client.feed(piece);
    }

    /// Ends the client's current message.
    pub fn client_end(&mut self, events: &mut Vec<Event>) {
        let asked = self.client.end();
        self.heard = self.heard.saturating_add(self.client.take_text_bytes());
        if let Some(asked) = asked {
            self.begin(None, Some(asked), events);
        }
    }

    /// Reads the next bytes of the server's current message.
    pub fn server_piece(&mut self, piece: &[u8]) {
        self.signals.feed(piece);
        let Session {
            scanner,
            reader,
            said,
            open,
            ..
        } = self;
        let paths = reader.paths();
        scanner.feed(piece, &mut |found| {
            let path = paths.name(found.field);
            reader.found(said, path, &found, &mut |text| keep(open, text));
        });
    }

    /// Ends the server's current message.
    pub fn server_end(&mut self, events: &mut Vec<Event>) {
        let Session {
            scanner,
            reader,
            said,
            open,
            ..
        } = self;
        reader.message_end(said, &mut |text| keep(open, text));
        scanner.reset();
        match self.signals.end() {
            Signal::Nothing => {}
            Signal::Begins(id) => self.begins(id, events),
            Signal::Ends(id) => self.ends(id, events),
            Signal::Fails(cause) => self.fails(cause, events),
            Signal::Heard(model) => self.heard(model, events),
            Signal::Total => self.total(events),
        }
        self.said.error = None;
    }

    /// Ends the session: what is still open, and its total, which is the provider's last word where the
    /// session ended as it should.
    pub fn close(&mut self, complete: bool, events: &mut Vec<Event>) {
        for open in std::mem::take(&mut self.open) {
            let left = self.unended(open);
            events.push(Event::Dropped(left.0, Box::new(left.1)));
        }
        if let Some((number, report)) = self.total.take() {
            let mut extraction = self.extraction(Some(report), None);
            if !complete {
                extraction.source = UsageSource::Partial;
            }
            events.push(Event::Ended(number, Box::new(extraction)));
        }
    }

    /// The model that the client last set the session up for, without asking for a response.
    pub fn set_up(&self) -> Option<&str> {
        self.client.model()
    }

    /// The model of what is made next, as far as it is known.
    fn model(&self) -> Option<String> {
        let named = [
            self.said.model.as_deref(),
            self.client.model(),
            self.facts.model.as_deref(),
        ];
        named.into_iter().flatten().next().map(str::to_owned)
    }

    fn input_tokens(&self) -> Option<u64> {
        let text = (self.heard > 0).then(|| self.heard.div_ceil(BYTES_PER_TOKEN));
        match (self.context, text) {
            (None, None) => None,
            (context, text) => Some(context.unwrap_or(0).saturating_add(text.unwrap_or(0))),
        }
    }

    fn begin(&mut self, id: Option<String>, asked: Option<Asked>, events: &mut Vec<Event>) {
        if self.open.len() >= OPEN_MAX {
            let oldest = self.open.remove(0);
            let (number, left) = self.unended(oldest);
            events.push(Event::Dropped(number, Box::new(left)));
        }
        let is_created = asked.is_none();
        let asked = asked.unwrap_or_default();
        let beginning = Beginning {
            model: asked.model.or_else(|| self.model()),
            max_output_tokens: asked.max_output_tokens,
            input_tokens: self.input_tokens(),
            asked: !is_created,
        };
        let number = self.number();
        self.open.push(Open {
            number,
            id,
            asked_as: asked.id,
            is_created,
            model: beginning.model.clone(),
            input_tokens: beginning.input_tokens,
            text: TextSample::default(),
        });
        events.push(Event::Began(number, beginning));
    }

    /// The server's word of a response: one that was asked for, else one that it makes by itself.
    fn begins(&mut self, id: Option<String>, events: &mut Vec<Event>) {
        if self.place(id.as_deref()).is_some() {
            return;
        }
        match self.open.iter_mut().find(|open| !open.is_created) {
            Some(open) => (open.id, open.is_created) = (id, true),
            None => self.begin(id, None, events),
        }
    }

    /// A response that the server spoke of already, by its name where it has one.
    fn place(&self, id: Option<&str>) -> Option<usize> {
        let known = |open: &Open| open.is_created && (open.id.as_deref() == id || id.is_none());
        self.open.iter().position(known)
    }

    fn ends(&mut self, id: Option<String>, events: &mut Vec<Event>) {
        self.begins(id.clone(), events);
        let Some(at) = self.place(id.as_deref()) else {
            return;
        };
        let open = self.open.remove(at);
        let error = self.said.error.take();
        let Some(report) = self.said.report.take() else {
            let (number, left) = self.unended(open);
            events.push(match error {
                Some(error) => Event::Failed(number, error),
                None => Event::Dropped(number, Box::new(left)),
            });
            return;
        };
        let mut extraction = self.extraction(Some(report), id);
        extraction.error = error;
        extraction.model = match self.dialect {
            // The session's model, unless the request named another.
            Dialect::OpenaiRealtime => open.model.or(extraction.model),
            _ => extraction.model.or(open.model),
        };
        if let Some(usage) = &extraction.usage {
            let whole = usage
                .input
                .unwrap_or(0)
                .saturating_add(usage.output.unwrap_or(0));
            self.context = Some(whole).filter(|whole| *whole > 0).or(self.context);
            self.heard = 0;
        }
        self.reader = session_reader(self.dialect, &self.facts);
        events.push(Event::Ended(open.number, Box::new(extraction)));
    }

    /// An error: of the request that it names, or of the newest that nothing was heard of yet.
    fn fails(&mut self, cause: Option<String>, events: &mut Vec<Event>) {
        let waits = |open: &Open| !open.is_created && open.asked_as == cause;
        let at = match self.dialect {
            Dialect::OpenaiRealtime => self.open.iter().rposition(waits),
            // There an error ends what is being made.
            _ => self.open.len().checked_sub(1).map(|_| 0),
        };
        let Some(at) = at else { return };
        let open = self.open.remove(at);
        let error = self.said.error.take().unwrap_or(ErrorType::Unknown);
        self.said.report = None;
        events.push(Event::Failed(open.number, error));
    }

    /// The caller's speech was transcribed by a model of its own.
    fn heard(&mut self, model: Option<String>, events: &mut Vec<Event>) {
        let Some(report) = self.said.report.take() else {
            return;
        };
        let mut extraction = self.extraction(Some(report), None);
        // Whose price the session's model has nothing to do with.
        extraction.model = model.clone();
        let number = self.number();
        let beginning = Beginning {
            model,
            ..Beginning::default()
        };
        events.push(Event::Began(number, beginning));
        events.push(Event::Ended(number, Box::new(extraction)));
    }

    /// The whole session's usage so far: it replaces what was said before.
    fn total(&mut self, events: &mut Vec<Event>) {
        let Some(report) = self.said.report.take() else {
            return;
        };
        let number = match &self.total {
            Some((number, _)) => *number,
            None => {
                let number = self.number();
                let beginning = Beginning {
                    model: self.model(),
                    ..Beginning::default()
                };
                events.push(Event::Began(number, beginning));
                number
            }
        };
        self.total = Some((number, report));
    }

    /// What was read, as the provider's own word; gets ready for the next.
    fn extraction(&mut self, report: Option<Report>, id: Option<String>) -> Extraction {
        let model = self.model();
        let said = std::mem::replace(&mut self.said, fresh(model.clone()));
        Extraction {
            model,
            source: UsageSource::Reported,
            selectors: said.selectors,
            response_id: id.or(said.response_id),
            provider_cost: report.as_ref().and_then(|report| report.cost),
            usage: report.as_ref().map(restate),
            error: None,
        }
    }

    fn unended(&mut self, open: Open) -> (Number, Unended) {
        let left = Unended {
            model: open.model.or_else(|| self.model()),
            input_tokens: open.input_tokens,
            text: open.text,
            report: self.said.report.take(),
        };
        (open.number, left)
    }

    fn number(&mut self) -> Number {
        self.next += 1;
        self.next
    }
}

/// What the server said of the session, with nothing of a response.
fn fresh(model: Option<String>) -> Said {
    Said {
        status: 200,
        model,
        selectors: Selectors::default(),
        ..Said::default()
    }
}

/// The server writes one response at a time, nearly always: its text belongs to the first that it spoke of.
fn keep(open: &mut [Open], text: Text<'_>) {
    let place = open.iter().position(|open| open.is_created).unwrap_or(0);
    if let Some(open) = open.get_mut(place) {
        take(&mut open.text, text);
    }
}

#[cfg(test)]
mod tests;
