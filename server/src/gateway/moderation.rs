//! Interrupt moderation, as network cards have it: a busy gateway looks at its sockets about once a millisecond
//! rather than for every packet.
//!
//! Every wait and waking costs a change of threads (800 clients at 30 messages a second woke the gateway 2,400 times
//! a second, and about 1,000 times with this; changes of threads had been 4 % of the server's time). A thread that was
//! awake within the last [`INTERVAL`] therefore rests until that has passed before it waits for sockets; what comes
//! meanwhile is read in one go. A state that is ready ends the rest at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tickstone_shared::time::Moment;

use crate::clock::ClockRef;

/// Sockets are looked at this often at most; what a client sends waits this much longer at most.
const INTERVAL: Duration = Duration::from_millis(1);

/// Shared by the threads of the gateway and whoever has something for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Moderation(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// When a rest last ended.
    last: Moment,
    rung: bool,
}

impl State {
    /// How long to rest from now on.
    fn rest_left(&self, now: Moment) -> Duration {
        if self.rung { Duration::ZERO } else { (self.last + INTERVAL).since(now) }
    }
}

impl Moderation {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something to do: nobody rests now, nor the next time.
    pub(super) fn ring(&self) {
        self.state().rung = true;
        self.0.bell.notify_all();
    }

    /// Called by a thread that is about to wait for its sockets.
    pub(super) fn rest(&self, clock: &ClockRef) {
        let mut state = self.state();
        let left = state.rest_left(clock.now());
        if !left.is_zero() {
            // Once: to wake too early costs a look at the sockets.
            let rested = self.0.bell.wait_timeout(state, left);
            state = rested.unwrap_or_else(PoisonError::into_inner).0;
        }
        *state = State { last: clock.now(), rung: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn who_was_awake_within_the_interval_rests_for_what_is_left_of_it() {
        let last = Moment(5_000_000);
        let mut state = State { last, rung: false };
        assert_eq!(state.rest_left(last), INTERVAL);
        assert_eq!(state.rest_left(last + INTERVAL / 4), INTERVAL * 3 / 4);
        assert_eq!(state.rest_left(last + INTERVAL), Duration::ZERO);
        assert_eq!(state.rest_left(last + 9 * INTERVAL), Duration::ZERO);
        state.rung = true;
        assert_eq!(state.rest_left(last), Duration::ZERO);
    }

    #[test]
    fn a_bell_ends_the_rest_and_is_not_lost() {
        let (moderation, clock): (_, ClockRef) = (Moderation::default(), Arc::new(SystemClock::new()));
        moderation.state().last = Moment(u64::MAX / 2);
        moderation.ring();
        moderation.rest(&clock);
        moderation.state().last = clock.now() + Duration::from_secs(3600);
        let resting = std::thread::spawn({
            let (moderation, clock) = (moderation.clone(), clock.clone());
            move || moderation.rest(&clock)
        });
        moderation.ring();
        resting.join().unwrap();
    }
}
