//! *Duel*: two players, five cards each, and a clock. A game without ticks, and with secrets.
//!
//! The deck is 1 to 7 twice. Who leads lays a card face down, the other one answers, both are turned up: the
//! higher card makes a point, equal cards none, and who answered leads next. After five rounds more points win.
//! Who does not play in time, or leaves, has lost.
//!
//! What is hidden is in no kind: a hand goes to its player alone, and everybody sees how many cards it has. So
//! nothing that is sent to one player depends on the cards of the other before they are turned up.

mod cards;
mod game;

pub use game::{Duel, Rules};
