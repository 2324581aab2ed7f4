//! Inputs that wait for the tick that consumes them.
//!
//! Nothing needs an input before its object's next tick, and the memory it goes to is cold until then: taken
//! at the tick, seat and world are fetched into the cache once (one by one as they came, inputs were 11 % of a
//! tick thread's time with 100 matches). Bounded by what a worker takes from its inbox in a period; what finds no room is
//! not held but run at once.

use std::collections::VecDeque;
use std::time::Duration;

use tickstone_shared::time::Moment;

use super::alarm_queue::PHASES;
use super::inbox::{Addressed, Event};
use crate::object::id::ObjectId;
use crate::object::socket::SocketEvent;

/// Inputs of one phase that are held.
pub(super) const HELD_MAX: usize = 8192;
/// Whatever becomes of the ticks, nothing is held longer.
const HELD_FOR: Duration = Duration::from_millis(50);

/// The inputs a worker holds, by the phase of their objects' ticks.
#[derive(Default)]
pub(super) struct HeldInputs {
    phases: [Held; PHASES as usize],
}

#[derive(Default)]
struct Held {
    /// When the first of them was held.
    since: Moment,
    inputs: VecDeque<Addressed>,
}

impl HeldInputs {
    /// Holds an event until ticks of this phase are due, if it is an input; gives back what is not held.
    #[expect(clippy::result_large_err, reason = "the event comes back by value: refusing must not allocate")]
    pub(super) fn hold(&mut self, phase: u32, event: Addressed, now: Moment) -> Result<(), Addressed> {
        let held = &mut self.phases[phase as usize];
        let is_input = matches!(event.event, Event::Socket(SocketEvent::Inputs { .. }));
        if !is_input || held.inputs.len() >= HELD_MAX {
            return Err(event);
        }
        if held.inputs.is_empty() {
            held.since = now;
        }
        held.inputs.push_back(event);
        Ok(())
    }

    /// The next input of a phase whose ticks are due.
    pub(super) fn next(&mut self, phase: u32) -> Option<Addressed> {
        self.phases[phase as usize].inputs.pop_front()
    }

    /// The next input that has been held too long.
    pub(super) fn overdue(&mut self, now: Moment) -> Option<Addressed> {
        let overdue = |held: &&mut Held| !held.inputs.is_empty() && now.since(held.since) >= HELD_FOR;
        self.phases.iter_mut().find(overdue)?.inputs.pop_front()
    }

    /// Moves the inputs of an object that goes elsewhere to the end of `events`.
    pub(super) fn take_of(&mut self, object: ObjectId, events: &mut VecDeque<Event>) {
        for held in &mut self.phases {
            for _ in 0..held.inputs.len() {
                let Some(addressed) = held.inputs.pop_front() else { break };
                if addressed.object == object {
                    events.push_back(addressed.event);
                } else {
                    held.inputs.push_back(addressed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::id::Identity;
    use crate::object::socket::SocketId;
    use tickstone_shared::ids::{Epoch, ObjectName};
    use tickstone_shared::input::{Acknowledged, InputBatch};
    use tickstone_shared::time::Tick;

    fn object(name: &str) -> ObjectId {
        Identity::named("match", ObjectName::parse(name).unwrap()).id
    }

    fn input(name: &str, seq: u32) -> Addressed {
        let batch = InputBatch {
            epoch: Epoch(1),
            first_tick: Tick(1),
            first_seq: seq,
            acknowledged: Acknowledged::only(Tick(0)),
            rows: Default::default(),
        };
        let event = Event::Socket(SocketEvent::Inputs { socket: SocketId(1), batch });
        Addressed { object: object(name), event }
    }

    fn seq(event: Event) -> u32 {
        match event {
            Event::Socket(SocketEvent::Inputs { batch, .. }) => batch.first_seq,
            _ => panic!("not an input"),
        }
    }

    #[test]
    fn inputs_come_out_in_order_at_their_phase_or_when_they_are_overdue() {
        let mut held = HeldInputs::default();
        let now = Moment(1);
        for number in 1..=3 {
            assert!(held.hold(2, input("a", number), now).is_ok());
        }
        assert!(held.next(1).is_none());
        assert_eq!(held.next(2).map(|addressed| seq(addressed.event)), Some(1));
        assert!(held.overdue(now).is_none());
        assert_eq!(held.overdue(now + HELD_FOR).map(|addressed| seq(addressed.event)), Some(2));
        let mut events = VecDeque::new();
        held.take_of(object("b"), &mut events);
        assert!(events.is_empty());
        held.take_of(object("a"), &mut events);
        assert_eq!(events.into_iter().map(seq).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn what_is_no_input_or_finds_no_room_comes_back() {
        let mut held = HeldInputs::default();
        let leave = Event::Socket(SocketEvent::Leave { socket: SocketId(1) });
        assert!(held.hold(0, Addressed { object: object("a"), event: leave }, Moment(0)).is_err());
        for number in 0..HELD_MAX {
            assert!(held.hold(0, input("a", number as u32), Moment(0)).is_ok());
        }
        assert!(held.hold(0, input("a", 9), Moment(0)).is_err());
        assert!(held.hold(1, input("a", 9), Moment(0)).is_ok());
    }
}
