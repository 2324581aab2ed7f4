//! What a client on a stream has: nothing is lost there, but a state that was not begun may be replaced by a newer
//! one.

use std::sync::Arc;

use super::history::VIEWS_MAX;
use crate::ids::Epoch;
use crate::time::Tick;

/// A state that is shown.
pub trait Shown {
    /// The activation it belongs to.
    fn epoch(&self) -> Epoch;
    /// Its tick.
    fn tick(&self) -> Tick;
}

/// May a state be told by its difference to `base`, if the receiver has that?
pub fn is_base_of<S: Shown>(base: &S, state: &S) -> bool {
    let age = state.tick().0.checked_sub(base.tick().0);
    base.epoch() == state.epoch() && age.is_some_and(|age| (1..=VIEWS_MAX as u64).contains(&age))
}

/// What became of a state on its way to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has begun to leave: all of it will.
    Leaves,
    /// It waits, and may be taken back.
    Waits,
    /// The connection is ending.
    Ignored,
}

/// The state that the next one to a client is relative to.
#[derive(Debug)]
pub struct StreamBase<S> {
    /// The last that left.
    left: Option<Arc<S>>,
    /// One that waits, or has left since.
    waits: Option<Arc<S>>,
}

impl<S> Default for StreamBase<S> {
    fn default() -> Self {
        Self { left: None, waits: None }
    }
}

impl<S: Shown> StreamBase<S> {
    /// The state that the client has when `next` reaches it, if it can be its base. One that waits is taken back
    /// by `take_back`, which answers whether it still was there; so none waits when this returns.
    #[inline]
    pub fn before(&mut self, next: &S, take_back: impl FnOnce() -> bool) -> Option<&Arc<S>> {
        if let Some(waited) = self.waits.take()
            && !take_back()
        {
            self.left = Some(waited);
        }
        // What is too old is never needed again.
        self.left.take_if(|left| !is_base_of(&**left, next));
        self.left.as_ref()
    }

    /// What became of a state that was sent; answers the one whose place it takes.
    #[inline]
    pub fn sent(&mut self, state: &Arc<S>, fate: Fate) -> Option<Arc<S>> {
        match fate {
            Fate::Leaves => self.left.replace(Arc::clone(state)),
            Fate::Waits => self.waits.replace(Arc::clone(state)),
            Fate::Ignored => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct State(u32, u64);

    impl Shown for State {
        fn epoch(&self) -> Epoch {
            Epoch(self.0)
        }
        fn tick(&self) -> Tick {
            Tick(self.1)
        }
    }

    fn base(bases: &mut StreamBase<State>, next: u64, was_there: bool) -> Option<u64> {
        bases.before(&State(1, next), || was_there).map(|base| base.1)
    }

    #[test]
    fn the_base_is_what_has_left_and_not_what_was_taken_back() {
        let mut bases = StreamBase::default();
        let send =
            |bases: &mut StreamBase<State>, tick, fate| drop(bases.sent(&Arc::new(State(1, tick)), fate));
        let never = || unreachable!("none waits");
        assert_eq!(bases.before(&State(1, 1), never), None, "nothing was sent");
        send(&mut bases, 1, Fate::Leaves);
        assert_eq!(bases.before(&State(1, 2), never).map(|base| base.1), Some(1));
        send(&mut bases, 2, Fate::Waits);
        assert_eq!(base(&mut bases, 3, true), Some(1), "2 was taken back");
        send(&mut bases, 3, Fate::Waits);
        assert_eq!(base(&mut bases, 4, false), Some(3), "3 has left meanwhile");
        send(&mut bases, 4, Fate::Ignored);
        assert_eq!(base(&mut bases, 5, false), Some(3));
    }

    #[test]
    fn a_base_is_of_the_same_epoch_older_and_at_most_32_ticks() {
        for (next, expected) in [
            (State(1, 101), true),
            (State(1, 132), true),
            (State(1, 133), false),
            (State(1, 100), false),
            (State(1, 99), false),
            (State(2, 101), false),
        ] {
            let mut bases = StreamBase::default();
            bases.sent(&Arc::new(State(1, 100)), Fate::Leaves);
            assert_eq!(bases.before(&next, || false).is_some(), expected, "{next:?}");
            let again = bases.before(&State(1, 101), || false).is_some();
            assert_eq!(again, expected, "what is too old is let go");
        }
    }
}
