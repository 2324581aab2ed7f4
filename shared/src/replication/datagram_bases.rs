//! What a client has of the states that come in datagrams: of those that were sent, those they acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;

use super::history::VIEWS_MAX;
use super::stream_base::{Shown, is_base_of};
use crate::ids::Epoch;
use crate::input::Acknowledged;
use crate::time::Tick;

/// How much older than the newest they have the base may be that they share with others.
const SHARED_AGE_MAX: u64 = 4;

/// The states that were sent to one client, and what they acknowledged of them.
#[derive(Debug)]
pub struct DatagramBases<S> {
    /// Of one epoch, oldest first, of the last [`VIEWS_MAX`] ticks.
    sent: VecDeque<Arc<S>>,
    acknowledged: Acknowledged,
    /// The newest that went whole on the stream, as it does not fit a datagram.
    streamed: Option<Tick>,
}

impl<S> Default for DatagramBases<S> {
    fn default() -> Self {
        Self { sent: VecDeque::new(), acknowledged: Acknowledged::default(), streamed: None }
    }
}

impl<S: Shown> DatagramBases<S> {
    /// The client says what it has. What was not sent is not believed.
    pub fn acknowledge(&mut self, epoch: Epoch, acknowledged: Acknowledged) {
        let Some(newest) = self.sent.back().filter(|newest| newest.epoch() == epoch) else { return };
        if acknowledged.tick <= newest.tick() {
            self.acknowledged.merge(acknowledged);
        }
    }

    /// Which states the client has.
    pub fn acknowledged(&self) -> Acknowledged {
        self.acknowledged
    }

    /// The state that `next` is relative to: the newest that the client has, or the one of `shared`, which others
    /// have, too, if that is not much older.
    pub fn before(&self, next: &S, shared: Option<Tick>) -> Option<&Arc<S>> {
        let has = |state: &&Arc<S>| self.acknowledged.has(state.tick()) && is_base_of(&***state, next);
        let newest = self.sent.iter().rev().find(has)?;
        let is_shared = |state: &&Arc<S>| {
            shared == Some(state.tick()) && newest.tick().0 - state.tick().0 <= SHARED_AGE_MAX
        };
        Some(self.sent.iter().rev().filter(has).find(is_shared).unwrap_or(newest))
    }

    /// Is `next`, which has no base and fits no datagram, to go on the stream? Not while the one before it that did
    /// is on its way.
    pub fn takes_whole(&mut self, next: &S) -> bool {
        let (next, acknowledged) = (next.tick(), self.acknowledged.tick);
        let is_under_way =
            |sent: Tick| acknowledged < sent && next.0.saturating_sub(sent.0) < VIEWS_MAX as u64;
        if self.streamed.is_some_and(is_under_way) {
            return false;
        }
        self.streamed = Some(next);
        true
    }

    /// A state was sent: answers one that is too old to be needed again.
    pub fn sent(&mut self, state: &Arc<S>) -> Option<Arc<S>> {
        if self.sent.back().is_some_and(|last| last.epoch() != state.epoch()) {
            *self = Self::default();
        }
        self.sent.push_back(Arc::clone(state));
        self.sent.pop_front_if(|oldest| state.tick().0 - oldest.tick().0 >= VIEWS_MAX as u64)
    }
}

/// The newest tick that more than half of these clients have.
pub fn shared_base(clients: &(impl Iterator<Item = Acknowledged> + Clone)) -> Option<Tick> {
    let newest = clients.clone().map(|client| client.tick).max()?;
    let count = clients.clone().count();
    let ticks = (0..=VIEWS_MAX as u64).filter_map(|age| newest.0.checked_sub(age)).map(Tick);
    ticks.into_iter().find(|tick| 2 * clients.clone().filter(|client| client.has(*tick)).count() > count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct State(u32, u64);

    impl Shown for State {
        fn epoch(&self) -> Epoch {
            Epoch(self.0)
        }
        fn tick(&self) -> Tick {
            Tick(self.1)
        }
    }

    fn acknowledged(tick: u64, mask: u32) -> Acknowledged {
        Acknowledged { tick: Tick(tick), mask }
    }

    fn base(bases: &DatagramBases<State>, next: u64, shared: Option<u64>) -> Option<u64> {
        bases.before(&State(1, next), shared.map(Tick)).map(|base| base.1)
    }

    fn sent(ticks: impl IntoIterator<Item = u64>) -> DatagramBases<State> {
        let mut bases = DatagramBases::default();
        ticks.into_iter().for_each(|tick| drop(bases.sent(&Arc::new(State(1, tick)))));
        bases
    }

    #[test]
    fn the_base_is_the_newest_that_was_sent_and_acknowledged() {
        let mut bases = sent([1, 2, 3, 5]);
        assert_eq!(base(&bases, 6, None), None);
        bases.acknowledge(Epoch(1), acknowledged(4, 0b10));
        assert_eq!(base(&bases, 6, None), Some(2), "4 was not sent");
        bases.acknowledge(Epoch(2), acknowledged(5, 0));
        bases.acknowledge(Epoch(1), acknowledged(6, 0));
        assert_eq!(base(&bases, 6, None), Some(2), "another epoch, and what was not sent yet");
        assert_eq!((base(&bases, 34, None), base(&bases, 35, None)), (Some(2), None), "32 ticks");
        bases.sent(&Arc::new(State(2, 1)));
        assert_eq!(bases.before(&State(2, 2), None).map(|base| base.1), None, "nothing of the epoch before");
    }

    #[test]
    fn a_shared_base_is_taken_if_the_client_has_it_and_it_is_not_much_older() {
        let mut bases = sent(1..=9);
        bases.acknowledge(Epoch(1), acknowledged(9, 0b1101_1110));
        assert_eq!(base(&bases, 10, Some(7)), Some(7));
        assert_eq!(base(&bases, 10, Some(8)), Some(9), "it has not this one");
        assert_eq!((base(&bases, 10, Some(5)), base(&bases, 10, Some(4))), (Some(5), Some(9)), "4 ticks");
        let clients = [acknowledged(9, 0), acknowledged(9, 0b11), acknowledged(7, 0), acknowledged(8, 1)];
        assert_eq!(shared_base(&clients.into_iter()), Some(Tick(7)), "three of four have it");
        assert_eq!(shared_base(&clients[..2].iter().copied()), Some(Tick(9)));
        assert_eq!(shared_base(&std::iter::empty()), None);
        assert_eq!(shared_base(&[Acknowledged::default()].into_iter()), None);
    }

    #[test]
    fn what_was_sent_is_kept_for_32_ticks() {
        let mut bases = sent(1..=32);
        assert_eq!(bases.sent(&Arc::new(State(1, 33))).map(|oldest| oldest.1), Some(1));
        assert_eq!(bases.sent.len(), VIEWS_MAX);
        bases.sent(&Arc::new(State(1, 500)));
        assert!(bases.sent.len() <= VIEWS_MAX);
    }

    #[test]
    fn one_whole_state_at_a_time_is_on_the_stream() {
        let mut bases = sent([1]);
        assert!(bases.takes_whole(&State(1, 2)));
        assert!(!bases.takes_whole(&State(1, 3)) && !bases.takes_whole(&State(1, 33)));
        assert!(bases.takes_whole(&State(1, 34)), "it has been lost sight of");
        bases.sent(&Arc::new(State(1, 34)));
        bases.acknowledge(Epoch(1), acknowledged(34, 0));
        assert!(bases.takes_whole(&State(1, 36)), "it has arrived");
    }
}
