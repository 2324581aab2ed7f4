//! What a bot with a full brain sees: its own body ahead of the server, the others between two states.

use std::sync::PoisonError;

use tickstone_shared::client::prediction::Outcome;
use tickstone_shared::client::scene::Scene;
use tickstone_shared::client::session::Came;
use tickstone_shared::client::view::{View, ViewError};
use tickstone_shared::games::arena::ArenaPrediction;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::input::InputBatch;
use tickstone_shared::time::{Moment, Tick};
use tickstone_shared::wire::message::Welcome;
use tickstone_shared::wire::state::StateMessage;

use super::Bot;
use crate::report::feel::Difference;

/// One bot's sight.
#[derive(Debug)]
pub(super) enum Sight {
    /// Of an arena whose map is known, all that a player sees.
    Scene(Box<Scene<ArenaPrediction>>),
    /// Of any other game, the newest state.
    Plain(View),
}

impl Sight {
    pub(super) fn of(map: Option<&Map>) -> Self {
        match map {
            Some(map) => Self::Scene(Box::new(Scene::new(ArenaPrediction::new(map)))),
            None => Self::Plain(View::default()),
        }
    }

    pub(super) fn begin(&mut self, welcome: &Welcome) {
        match self {
            Self::Scene(scene) => scene.begin(welcome),
            Self::Plain(view) => view.clear(),
        }
    }

    pub(super) fn on_inputs(&mut self, made: &InputBatch) {
        if let Self::Scene(scene) = self {
            scene.on_inputs(made);
        }
    }

    /// How far the picture of now is beyond the newest state; none where there is no picture.
    pub(super) fn beyond_ticks(&mut self, now: Moment) -> Option<f64> {
        match self {
            Self::Scene(scene) => Some(scene.picture(now).beyond_ticks()),
            Self::Plain(_) => None,
        }
    }

    fn take(
        &mut self,
        state: &StateMessage,
        came: Came,
        welcome: &Welcome,
        now: Moment,
    ) -> Result<Outcome, ViewError> {
        match self {
            Self::Scene(scene) => scene.on_state(state, came, welcome, now),
            Self::Plain(view) => view.replace(state, &welcome.schema).map(|()| Outcome::Unforeseen),
        }
    }

    fn newest(&self) -> &View {
        match self {
            Self::Scene(scene) => scene.newest(),
            Self::Plain(view) => view,
        }
    }

    fn of_tick(&self, tick: Tick) -> Option<&View> {
        match self {
            Self::Scene(scene) => scene.states().state(tick),
            Self::Plain(_) => None,
        }
    }
}

impl Bot {
    /// Looks at the newest state.
    pub(super) fn look(&mut self, now: Moment) {
        let (Some(state), Some(welcome)) = (self.session.newest(), self.session.welcome()) else { return };
        let tick = state.tick;
        match self.sight.take(state, self.session.newest_came(), welcome, now) {
            Err(error) => return self.meter().error(error.to_string()),
            Ok(outcome) if self.shared.window.contains(now) => self.meter().feel.compared(outcome),
            Ok(_) => {}
        }
        if let Some(brain) = &mut self.brain {
            brain.see(self.sight.newest());
        }
        self.compare(tick);
    }

    /// Compares what it has of older ticks with what an observer got as the server's.
    fn compare(&mut self, newest: Tick) {
        let Some(welcome) = self.session.welcome() else { return };
        let mut found = Difference::default();
        self.plan.board.truths(welcome.epoch, self.compared..=newest, |tick, truth| {
            if let Some(view) = self.sight.of_tick(tick) {
                found.add(&Difference::between(view, truth));
            }
            self.compared = tick.next();
        });
        if found.states > 0 {
            self.meter.lock().unwrap_or_else(PoisonError::into_inner).feel.difference.add(&found);
        }
    }
}
