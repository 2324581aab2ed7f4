//! What single clients see of a state, where not everybody sees the same: states of their own, whose buffers are used
//! again.

use std::sync::Arc;

use tickstone_shared::ids::Seat;

use crate::object::socket::StateFrame;

/// States that wait to be used again: each that is sent brings back the one before it, soon or later.
const SPARE_MAX: usize = 64;

/// States nobody holds.
#[derive(Default)]
pub(in crate::gateway) struct Views {
    spare: Vec<Arc<StateFrame>>,
}

impl Views {
    /// What the player in `seat` sees of a state, as its receiver with this number.
    pub(in crate::gateway) fn cut(
        &mut self,
        whole: &StateFrame,
        number: usize,
        seat: Seat,
    ) -> Arc<StateFrame> {
        let mut own = self.spare.pop().unwrap_or_else(|| Arc::new(StateFrame::blank(&whole.shape)));
        let view = Arc::get_mut(&mut own).expect("nobody else holds a spare state");
        let StateFrame { epoch, hash, ref snapshot, ref shape, ref sights, .. } = *whole;
        (view.epoch, view.hash, view.snapshot.tick) = (epoch, hash, snapshot.tick);
        view.shape.clone_from(shape);
        view.snapshot.body.clear();
        shape.cut.view(snapshot, &shape.schema, sights.of(number), seat, &mut view.snapshot.body);
        own
    }

    /// Takes states back that nobody else holds.
    pub(in crate::gateway) fn take_back(&mut self, states: [Option<Arc<StateFrame>>; 2]) {
        for mut state in states.into_iter().flatten() {
            if self.spare.len() < SPARE_MAX && Arc::get_mut(&mut state).is_some() {
                self.spare.push(state);
            }
        }
    }
}
