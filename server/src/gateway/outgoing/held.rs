//! Which connections have messages held, to go out with the state that follows them.
//!
//! A write costs what another does however little is in it: with 1,000 players in one match, 40 messages a second to
//! each beside 60 states, two thirds of the gateway's time went into writing messages. A message waits for the next
//! state where one is expected soon, for a tick at most; else it goes as soon as nothing else is to be written.

use std::time::Duration;

use crate::object::socket::SocketId;

/// A message waits for a state so long once nothing else is to be written: about a tick.
pub(in crate::gateway) const HELD_FOR_MAX: Duration = Duration::from_millis(17);
/// While there is something to write: so many outputs.
const HELD_OUTPUTS_MAX: u32 = 256;

/// What is held of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::gateway) struct Holds {
    /// Messages are.
    pub(in crate::gateway) some: bool,
    /// Nothing has gone out by itself since its last state: another one comes soon.
    pub(in crate::gateway) expects: bool,
}

/// Of whom something is to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Expected {
    /// Of those of whom no state is expected.
    None,
    /// Of all.
    Anyway,
}

/// The connections of whom something was held: a state may have taken it along since.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Held {
    now: Vec<SocketId>,
    with_state: Vec<SocketId>,
    outputs: u32,
}

impl Held {
    /// The first message of a connection is held.
    pub(in crate::gateway) fn note(&mut self, socket: SocketId, holds: Holds) {
        if holds.expects { self.with_state.push(socket) } else { self.now.push(socket) }
    }

    /// Another output was written: has what is held been so for long enough?
    pub(in crate::gateway) fn is_long_enough(&mut self) -> bool {
        self.outputs += u32::from(!self.is_empty());
        self.outputs >= HELD_OUTPUTS_MAX
    }

    /// Nothing is held.
    pub(in crate::gateway) fn is_empty(&self) -> bool {
        self.now.is_empty() && self.with_state.is_empty()
    }

    /// One of whom something is to go out.
    pub(in crate::gateway) fn take(&mut self, expected: Expected) -> Option<SocketId> {
        let with_state = if expected == Expected::Anyway { self.with_state.pop() } else { None };
        let next = with_state.or_else(|| self.now.pop());
        if self.is_empty() {
            self.outputs = 0;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTS: Holds = Holds { some: false, expects: true };

    #[test]
    fn who_expects_a_state_waits_for_it_and_others_do_not() {
        let mut held = Held::default();
        held.note(SocketId(1), EXPECTS);
        held.note(SocketId(2), Holds::default());
        assert_eq!([held.take(Expected::None), held.take(Expected::None)], [Some(SocketId(2)), None]);
        assert!(!held.is_empty());
        assert_eq!([held.take(Expected::Anyway), held.take(Expected::Anyway)], [Some(SocketId(1)), None]);
        assert!(held.is_empty());
    }

    #[test]
    fn nothing_is_held_for_more_than_256_outputs() {
        let mut held = Held::default();
        assert!((0..1_000).all(|_| !held.is_long_enough()), "nothing is held");
        held.note(SocketId(1), EXPECTS);
        assert_eq!((0..1_000).position(|_| held.is_long_enough()), Some(HELD_OUTPUTS_MAX as usize - 1));
        while held.take(Expected::Anyway).is_some() {}
        assert!(!held.is_long_enough(), "and it counts anew");
    }
}
