//! The player's own body ahead of the server: what every input of theirs will come to, and what a state says it
//! has come to.
//!
//! Responsible for: the inputs and what was foreseen of the last two seconds; comparing with each state, number
//! by number; running again from a state that says otherwise. Not responsible for: the rules of a body
//! ([`Predicted`]), how a correction is shown ([`super::smoothing`]).

use crate::entity::EntityView;
use crate::ids::Seat;
use crate::input::InputRow;
use crate::predicted::Predicted;
use crate::schema::Schema;
use crate::time::Tick;

/// Ticks that are remembered: two seconds at 60 Hz. Where no state has come for so long nothing more is foreseen.
pub const RING_TICKS: usize = 128;

/// What a state says of what was foreseen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Nothing was foreseen for its tick: the first state, or one of a player who is dead.
    Unforeseen,
    /// The body was put somewhere else, as at the beginning of a round: nothing that a client can foresee.
    Jumped,
    /// What was foreseen beside what came.
    Compared {
        /// How far the body was from where it was first foreseen for this tick, in units of the game.
        error: f64,
        /// By how much the newest body that is foreseen was moved, from where to where it was: a correction.
        /// Zero where all was right.
        moved: [f64; 2],
    },
}

/// One player's prediction.
#[derive(Debug)]
pub struct Prediction<P: Predicted> {
    game: P,
    /// By tick; each with the tick, to tell it from an older one in its place.
    inputs: Box<[Option<(Tick, InputRow)>; RING_TICKS]>,
    foreseen: Box<[Option<Foreseen<P::Body>>; RING_TICKS]>,
    /// The newest state with the player's body, unless a newer one is without.
    known: Option<(Tick, P::Body)>,
    /// The newest tick with an input or a state.
    newest: Tick,
}

#[derive(Debug, Clone, Copy)]
struct Foreseen<B> {
    tick: Tick,
    body: B,
    /// As it was foreseen before any state corrected it: what the player was shown.
    first: B,
}

impl<P: Predicted> Prediction<P> {
    /// A prediction by the rules of a game.
    pub fn new(game: P) -> Self {
        Self {
            game,
            inputs: Box::new([None; RING_TICKS]),
            foreseen: Box::new([None; RING_TICKS]),
            known: None,
            newest: Tick(0),
        }
    }

    /// A connection begins: nothing is known, and nothing that was sent is believed to count.
    pub fn begin(&mut self, schema: &Schema, seat: Seat) {
        self.game.begin(schema, seat);
        self.inputs.fill(None);
        self.foreseen.fill(None);
        (self.known, self.newest) = (None, Tick(0));
    }

    /// The game's rules.
    pub fn game(&self) -> &P {
        &self.game
    }

    /// An input was made for this tick. As on the server the first one wins.
    pub fn on_input(&mut self, tick: Tick, row: InputRow) {
        let made = &mut self.inputs[place(tick)];
        if made.is_some_and(|(of, _)| of == tick) {
            return;
        }
        *made = Some((tick, row));
        if tick > self.newest {
            let before = std::mem::replace(&mut self.newest, tick);
            self.run(before, Shown::Now);
        }
    }

    /// Takes the state of a tick, newer than every one before.
    pub fn on_state<'a>(&mut self, tick: Tick, state: impl Iterator<Item = EntityView<'a>>) -> Outcome {
        let (last, shown) = (self.last(), self.newest_body());
        let foreseen = self.foreseen_at(tick);
        let was_alone = self.game.is_alone();
        let before = std::mem::replace(&mut self.known, self.game.look(state).map(|body| (tick, body)));
        self.newest = self.newest.max(tick);
        let Some((_, body)) = self.known else { return Outcome::Unforeseen };
        let Some(((then, before), foreseen)) = before.zip(foreseen) else {
            self.run(tick, Shown::Now);
            return Outcome::Unforeseen;
        };
        if self.game.is_jump(&before, &body, tick.0.saturating_sub(then.0)) {
            self.run(tick, Shown::Now);
            return Outcome::Jumped;
        }
        let error = length(self.between(&foreseen.first, &body));
        if foreseen.body != body || !was_alone || !self.game.is_alone() {
            self.run(tick, Shown::Before);
        }
        let now = self.body_at(last);
        let moved = shown.zip(now).map_or([0.0; 2], |(before, now)| self.between(&before, &now));
        Outcome::Compared { error, moved }
    }

    /// The body in the newest tick that is foreseen: with every input that was made. None while the player has
    /// none, or is dead.
    pub fn newest_body(&self) -> Option<P::Body> {
        self.body_at(self.last())
    }

    /// Where the body is when the input clock is at `position`. The clock passes a tick when its input is made;
    /// the body reaches it when the next one begins.
    pub fn place_at(&self, position: f64) -> Option<[f64; 2]> {
        let (known, _) = self.known?;
        let reached = Tick(position.max(0.0) as u64);
        let tick = reached.clamp(known, self.last());
        let to = self.game.place(&self.body_at(tick)?);
        let share = if tick == reached { position.fract() } else { 1.0 };
        if tick == known || share >= 1.0 {
            return Some(to);
        }
        let from = self.game.place(&self.body_at(Tick(tick.0 - 1))?);
        Some([0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * share))
    }

    /// From one body to another, in units of the game.
    fn between(&self, from: &P::Body, to: &P::Body) -> [f64; 2] {
        let (from, to) = (self.game.place(from), self.game.place(to));
        [to[0] - from[0], to[1] - from[1]]
    }

    /// The newest tick that can be foreseen.
    fn last(&self) -> Tick {
        let known = self.known.map_or(Tick(0), |(tick, _)| tick);
        self.newest.min(Tick(known.0.saturating_add(RING_TICKS as u64 - 1)))
    }

    fn foreseen_at(&self, tick: Tick) -> Option<Foreseen<P::Body>> {
        self.foreseen[place(tick)].filter(|foreseen| foreseen.tick == tick && self.known.is_some())
    }

    fn body_at(&self, tick: Tick) -> Option<P::Body> {
        let (known, body) = self.known?;
        if tick == known { Some(body) } else { self.foreseen_at(tick).map(|foreseen| foreseen.body) }
    }

    /// Foresees every tick after this one, to the newest.
    fn run(&mut self, after: Tick, shown: Shown) {
        let Some((known, _)) = self.known else { return };
        for tick in (after.max(known).0.saturating_add(1)..=self.last().0).map(Tick) {
            let Some(before) = self.body_at(Tick(tick.0 - 1)) else { return };
            let body = self.game.step(&before, &self.input_of(tick), tick.0 - known.0);
            let first = match shown {
                Shown::Before => self.foreseen_at(tick).map_or(body, |foreseen| foreseen.first),
                Shown::Now => body,
            };
            self.foreseen[place(tick)] = Some(Foreseen { tick, body, first });
        }
    }

    /// What the server will take for this tick, as far as one can know.
    fn input_of(&self, tick: Tick) -> InputRow {
        let back = (0..RING_TICKS as u64).take_while(|back| *back <= tick.0);
        let made = |at: Tick| self.inputs[place(at)].filter(|(of, _)| *of == at).map(|(_, row)| row);
        let mut last = back.filter_map(|back| Some((back, made(Tick(tick.0 - back))?)));
        match last.next() {
            Some((0, row)) => row,
            Some((back, row)) => self.game.starved(&row, back as u32),
            None => InputRow::default(),
        }
    }
}

/// When what is foreseen is first shown to the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Now,
    Before,
}

fn place(tick: Tick) -> usize {
    (tick.0 % RING_TICKS as u64) as usize
}

/// The length of a way.
pub fn length([x, y]: [f64; 2]) -> f64 {
    x.hypot(y)
}

#[cfg(test)]
#[path = "prediction_tests.rs"]
mod tests;
