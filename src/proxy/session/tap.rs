//! The tap: reads a copy of what passes in both directions, and tells where a session must end.
//!
//! A WebSocket's bytes are not kept back. Only where the client asks for a response that no budget has room
//! for, and the request lies whole in what has just come, does it go no further.

use std::sync::Arc;

use tracing::debug;

use super::part::{Begun, Parts};
use crate::budget::{Facts, Full};
use crate::providers::ErrorType;
use crate::proxy::call::Call;
use crate::proxy::engine::Engine;
use crate::proxy::settle::Ending;
use crate::usage::session::{Event, Session};
use crate::usage::{Extraction, UsageSource};
use crate::wire::websocket::{Extensions, Item, Reader, State};

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// What becomes of bytes that have just come.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// How many of them go on.
    pub bytes: usize,
    /// What follows them in place of the rest: the session's end, and its reason.
    pub close: Option<String>,
}

impl Passage {
    fn all(bytes: &[u8]) -> Passage {
        Passage {
            bytes: bytes.len(),
            close: None,
        }
    }
}

/// What is read of one session.
#[derive(Debug)]
pub struct Tap {
    client: Reader,
    server: Reader,
    session: Session,
    parts: Parts,
    /// The budget that ends the session once nothing is being made.
    full: Option<Full>,
    /// The client asked for what no budget has room for: nothing that it says goes on.
    holds_client: bool,
    /// The model that the session was last set up for, once it was looked at.
    set_up: Option<String>,
    /// How the session ended, where the connections alone do not tell.
    end: Option<Ending>,
    client_closed: bool,
    server_closed: bool,
    /// Which frames there are is not known, or one could not be read.
    is_unread: bool,
}

impl Tap {
    /// A tap from the first frame on.
    pub fn new(session: Session, extensions: Extensions) -> Self {
        let (client, server, is_unread) = match extensions {
            Extensions::None => (None, None, false),
            Extensions::Deflate {
                client_forgets,
                server_forgets,
            } => (Some(client_forgets), Some(server_forgets), false),
            Extensions::Unknown => (None, None, true),
        };
        Tap {
            client: Reader::new(client),
            server: Reader::new(server),
            session,
            parts: Parts::default(),
            full: None,
            holds_client: false,
            set_up: None,
            end: None,
            client_closed: false,
            server_closed: false,
            is_unread,
        }
    }

    /// Whether a frame of weir's own may follow what of this side has passed. A client that is held was cut at a
    /// message's beginning.
    pub fn may_insert(&self, side: Side) -> bool {
        !self.is_unread
            && match side {
                Side::Client if self.holds_client => true,
                Side::Client => self.client.is_between_frames() && !self.client_closed,
                Side::Server => self.server.is_between_frames() && !self.server_closed,
            }
    }

    /// Reads what goes no further, for the side's Close alone.
    pub fn skim(&mut self, side: Side, mut bytes: &[u8]) {
        let (reader, closed) = match side {
            Side::Client => (&mut self.client, &mut self.client_closed),
            Side::Server => (&mut self.server, &mut self.server_closed),
        };
        while !bytes.is_empty() {
            let used = reader.feed(bytes, &mut |item| *closed |= matches!(item, Item::Close));
            bytes = &bytes[used..];
        }
    }

    /// Whether the side has said that it closes.
    pub fn is_closed(&self, side: Side) -> bool {
        match side {
            Side::Client => self.client_closed,
            Side::Server => self.server_closed,
        }
    }

    /// The budget that ends the session.
    pub fn full_budget(&self) -> Option<&str> {
        self.full.as_ref().map(|full| full.budget.as_str())
    }

    /// Why the session ends here, where it does: a budget is spent, nothing is being made, and the server's
    /// last frame is whole.
    fn ending(&self) -> Option<String> {
        let full = self.full.as_ref()?;
        (self.parts.is_empty() && self.may_insert(Side::Server)).then(|| full.text())
    }

    /// A connection ended. Where neither side had said so by a Close, and something was being made, that
    /// side broke off.
    pub fn side_ended(&mut self, side: Side) {
        let in_order = self.client_closed || self.server_closed || self.parts.is_empty();
        self.end = match side {
            _ if in_order => None,
            Side::Client => Some(Ending::ClientClosed),
            Side::Server => Some(Ending::Upstream(ErrorType::Network)),
        };
    }

    /// Reads the next frame, or what there is of it; tells how many bytes that took.
    fn read(&mut self, side: Side, bytes: &[u8], events: &mut Vec<Event>) -> usize {
        let session = &mut self.session;
        let (reader, closed) = match side {
            Side::Client => (&mut self.client, &mut self.client_closed),
            Side::Server => (&mut self.server, &mut self.server_closed),
        };
        let used = reader.feed(bytes, &mut |item| match (item, side) {
            (Item::Piece(piece), Side::Client) => session.client_piece(piece),
            (Item::Piece(piece), Side::Server) => session.server_piece(piece),
            (Item::End, Side::Client) => session.client_end(events),
            (Item::End, Side::Server) => session.server_end(events),
            (Item::Close, _) => *closed = true,
        });
        if reader.state() != State::Ok {
            self.is_unread = true;
        }
        used
    }

    fn is_at_message(&self, side: Side) -> bool {
        let reader = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        reader.is_between_frames() && !reader.is_within_message()
    }
}

impl Call {
    /// Reads a copy of bytes of a session, settles what ended, and tells how many of them may go on.
    pub fn watch_session(&mut self, engine: &Arc<Engine>, side: Side, bytes: &[u8]) -> Passage {
        match side {
            Side::Client => self.request.bytes += bytes.len() as u64,
            Side::Server => self.response.bytes += bytes.len() as u64,
        }
        let Some(mut tap) = self.tap.take() else {
            return Passage::all(bytes);
        };
        let was_unread = tap.is_unread;
        let passage = match side {
            _ if was_unread => Passage::all(bytes),
            Side::Client if tap.holds_client => {
                tap.skim(side, bytes);
                Passage::default()
            }
            _ => self.pass(engine, &mut tap, side, bytes),
        };
        if tap.is_unread && !was_unread {
            debug!(provider = self.head.provider, "a session cannot be read on");
            engine.metrics.unmetered(&self.head.provider);
        }
        self.tap = Some(tap);
        passage
    }

    fn pass(&self, engine: &Arc<Engine>, tap: &mut Tap, side: Side, bytes: &[u8]) -> Passage {
        let mut at = 0;
        let mut message_at = None;
        let mut events = Vec::new();
        while at < bytes.len() {
            if tap.is_at_message(side) {
                message_at = Some(at);
            }
            at += tap.read(side, &bytes[at..], &mut events);
            for event in events.drain(..) {
                let Some(refused) = self.heed(engine, tap, event) else {
                    continue;
                };
                let Some(start) = message_at else {
                    // Its beginning is gone already.
                    tap.parts.admit(engine, refused);
                    continue;
                };
                tap.session.forget(refused.number);
                tap.holds_client = true;
                tap.skim(side, &bytes[at..]);
                return Passage {
                    bytes: start,
                    close: tap.ending(),
                };
            }
            if side == Side::Client
                && let Some(full) = self.forbids(engine, tap)
            {
                tap.full = Some(full);
                tap.holds_client = true;
                return Passage {
                    bytes: message_at.unwrap_or(at),
                    close: tap.ending(),
                };
            }
            if side == Side::Server
                && let Some(reason) = tap.ending()
            {
                tap.skim(side, &bytes[at..]);
                return Passage {
                    bytes: at,
                    close: Some(reason),
                };
            }
        }
        Passage::all(bytes)
    }

    /// The budget that does not let the session go on to the model that the client has just set up.
    fn forbids(&self, engine: &Engine, tap: &mut Tap) -> Option<Full> {
        let model = tap.session.set_up()?;
        if tap.set_up.as_deref() == Some(model) {
            return None;
        }
        let mut facts = Facts::clone(&self.facts);
        facts.model = Some(model.to_owned());
        tap.set_up.clone_from(&facts.model);
        engine.budgets.forbids(&facts)
    }

    /// Takes note of an event; gives back a request that no budget has room for.
    fn heed(&self, engine: &Arc<Engine>, tap: &mut Tap, event: Event) -> Option<Begun> {
        let now = engine.clock.unix_ms();
        match event {
            Event::Began(number, beginning) => {
                let asked = beginning.asked;
                let begun = self.begun(engine, number, beginning);
                let full = engine
                    .budgets
                    .full_for(&begun.part.facts, &begun.sizes, now);
                if let Some(full) = full.filter(|_| asked) {
                    tap.full = Some(full);
                    return Some(begun);
                }
                tap.parts.admit(engine, begun);
                return None;
            }
            Event::Ended(number, said) => tap.parts.ended(engine, number, *said),
            Event::Failed(number, error) => tap.parts.failed(engine, number, error),
            Event::Dropped(number, left) => {
                tap.parts.left(engine, number, *left, Ending::Complete);
            }
        }
        if tap.full.is_none() {
            tap.full = tap.parts.spent(engine);
        }
        None
    }

    /// Ends what a session still has open, and the reading of it.
    pub(in crate::proxy) fn end_session(&mut self, engine: &Arc<Engine>, ending: Ending) -> Ending {
        let Some(mut tap) = self.tap.take() else {
            return ending;
        };
        let ending = match ending {
            Ending::Complete => tap.end.unwrap_or(ending),
            // After a Close whoever is first cuts the other off.
            Ending::ClientClosed | Ending::Upstream(_)
                if tap.client_closed || tap.server_closed =>
            {
                Ending::Complete
            }
            other => other,
        };
        let mut events = Vec::new();
        tap.session.close(ending == Ending::Complete, &mut events);
        for event in events {
            match event {
                Event::Dropped(number, left) => tap.parts.left(engine, number, *left, ending),
                Event::Ended(number, said) => tap.parts.ended(engine, number, *said),
                Event::Began(..) | Event::Failed(..) => {}
            }
        }
        let mut extraction = Extraction::nothing();
        if !tap.is_unread {
            extraction.source = UsageSource::Reported;
        }
        self.response.extraction = Some(extraction);
        ending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{Dialect, RequestFacts};
    use crate::wire::websocket::close_frame;

    fn tap() -> Tap {
        let session = Session::new(Dialect::OpenaiRealtime, RequestFacts::default());
        Tap::new(session, Extensions::None)
    }

    #[test]
    fn a_close_is_heard_at_any_split_behind_whatever_else_is_said() {
        let mask = Some([1, 2, 3, 4]);
        // A text of two bytes, a ping, the Close.
        let text = [&[0x81, 0x82, 0, 0, 0, 0][..], b"hi"].concat();
        let ping = vec![0x89, 0x80, 0, 0, 0, 0];
        let all = [text, ping, close_frame(1008, "spent", mask)].concat();
        for split in 0..all.len() {
            let mut tap = tap();
            tap.holds_client = true;
            tap.skim(Side::Client, &all[..split]);
            assert!(!tap.is_closed(Side::Client), "at {split}");
            assert!(tap.may_insert(Side::Client), "nothing of it went on");
            tap.skim(Side::Client, &all[split..]);
            assert!(tap.is_closed(Side::Client) && !tap.is_closed(Side::Server));
        }
        let mut tap = tap();
        tap.skim(Side::Server, &close_frame(1000, "", None));
        assert!(tap.is_closed(Side::Server) && !tap.may_insert(Side::Server));
    }
}
