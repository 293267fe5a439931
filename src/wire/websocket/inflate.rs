//! permessage-deflate undone (RFC 7692): messages of one direction, each with its own bounds.

use std::fmt;

use super::State;
use crate::wire::encoding::{Fault, Inflate, OUTPUT_MAX, RATIO_FREE, RATIO_MAX};

/// What a sender leaves off a compressed message's end.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Decompresses one message after the other, with the window of those before where it is kept.
pub(super) struct MessageInflate {
    state: Inflate,
    /// Every message begins with an empty window.
    forgets: bool,
    /// Bytes of the current message, before and after.
    fed: u64,
    made: u64,
}

impl MessageInflate {
    pub(super) fn new(forgets: bool) -> Self {
        MessageInflate {
            state: Inflate::new(false),
            forgets,
            fed: 0,
            made: 0,
        }
    }

    /// Decompresses the next bytes of a message.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        out: &mut dyn FnMut(&[u8]),
    ) -> Result<(), State> {
        self.fed += bytes.len() as u64;
        let MessageInflate {
            state, fed, made, ..
        } = self;
        loop {
            let left = state.feed(bytes, &mut |plain| {
                *made += plain.len() as u64;
                if *made > OUTPUT_MAX || (*made > RATIO_FREE && *made > *fed * RATIO_MAX) {
                    return Err(Fault::TooLarge);
                }
                out(plain);
                Ok(())
            });
            match left {
                Ok(None) => return Ok(()),
                // A sender may end its stream within a message and begin another.
                Ok(Some(rest)) => {
                    state.restart();
                    if rest.is_empty() {
                        return Ok(());
                    }
                    bytes = rest;
                }
                Err(Fault::Broken) => return Err(State::Broken),
                Err(Fault::TooLarge) => return Err(State::TooLarge),
            }
        }
    }

    /// Ends the message.
    pub(super) fn end(&mut self, out: &mut dyn FnMut(&[u8])) -> Result<(), State> {
        self.feed(&TAIL, out)?;
        (self.fed, self.made) = (0, 0);
        if self.forgets {
            self.state.restart();
        }
        Ok(())
    }
}

impl fmt::Debug for MessageInflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageInflate")
            .field("fed", &self.fed)
            .field("made", &self.made)
            .finish_non_exhaustive()
    }
}
