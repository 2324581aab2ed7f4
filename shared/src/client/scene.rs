//! What a client shows of a match: its own body ahead of the server, everybody else a little behind.
//!
//! Responsible for: giving states, inputs and moments to prediction, smoothing and interpolation in the right
//! order. Not responsible for: the session, sockets, drawing.

use super::interpolation::{Interpolation, Picture};
use super::playout::Playout;
use super::prediction::{Outcome, Prediction};
use super::session::Came;
use super::smoothing::Smoothing;
use super::view::{View, ViewError};
use crate::input::InputBatch;
use crate::predicted::Predicted;
use crate::time::{Moment, TICK_RATE_HZ, Tick};
use crate::wire::message::Welcome;
use crate::wire::state::StateMessage;

/// One player's scene.
#[derive(Debug)]
pub struct Scene<P: Predicted> {
    view: View,
    prediction: Prediction<P>,
    smoothing: Smoothing,
    playout: Playout,
    interpolation: Interpolation,
    picture: Picture,
}

impl<P: Predicted> Scene<P> {
    /// A scene by the rules of a game.
    pub fn new(game: P) -> Self {
        Self {
            view: View::default(),
            prediction: Prediction::new(game),
            smoothing: Smoothing::new(P::SNAP_UNITS),
            playout: Playout::new(TICK_RATE_HZ),
            interpolation: Interpolation::default(),
            picture: Picture::default(),
        }
    }

    /// A connection begins.
    pub fn begin(&mut self, welcome: &Welcome) {
        self.prediction.begin(&welcome.schema, welcome.seat);
        self.interpolation.begin(&welcome.schema, P::MOVING);
        self.smoothing.set();
        self.playout = Playout::new(welcome.tick_rate_hz);
        self.view.clear();
    }

    /// Takes a state, newer than every one before. One of which a part is missing says nothing of what was foreseen:
    /// the player's own row in it may be that of a tick before.
    pub fn on_state(
        &mut self,
        state: &StateMessage,
        came: Came,
        welcome: &Welcome,
        now: Moment,
    ) -> Result<Outcome, ViewError> {
        self.view.replace(state, &welcome.schema)?;
        self.playout.on_state(state.tick, now);
        self.interpolation.on_state(state.tick, &self.view);
        if came == Came::InPart {
            return Ok(Outcome::Unforeseen);
        }
        let outcome = self.prediction.on_state(state.tick, self.view.entities());
        match outcome {
            Outcome::Compared { moved, .. } => self.smoothing.on_correction(moved, now),
            Outcome::Jumped | Outcome::Unforeseen => self.smoothing.set(),
        }
        Ok(outcome)
    }

    /// Inputs were made.
    pub fn on_inputs(&mut self, batch: &InputBatch) {
        for (offset, row) in (0..).zip(&batch.rows) {
            self.prediction.on_input(Tick(batch.first_tick.0.saturating_add(offset)), *row);
        }
    }

    /// The newest state.
    pub fn newest(&self) -> &View {
        &self.view
    }

    /// The last states, one by one.
    pub fn states(&self) -> &Interpolation {
        &self.interpolation
    }

    /// What is foreseen of the player's own body.
    pub fn prediction(&self) -> &Prediction<P> {
        &self.prediction
    }

    /// Where the player's own body is drawn when the input clock is at `position`, in units of the game. None
    /// while nothing is foreseen: then the picture has what there is of it.
    pub fn own_place(&self, position: f64, now: Moment) -> Option<[f64; 2]> {
        let [x, y] = self.prediction.place_at(position)?;
        let [off_x, off_y] = self.smoothing.offset(now);
        Some([x + off_x, y + off_y])
    }

    /// What is to be drawn now of everybody; the player's own body in it is that of the past. Empty before the
    /// first state.
    pub fn picture(&mut self, now: Moment) -> &Picture {
        if let Some(tick) = self.playout.tick(now) {
            self.interpolation.show(tick, &mut self.picture);
        }
        &self.picture
    }
}

#[cfg(test)]
#[path = "scene_tests.rs"]
mod tests;
