//! The output gate: what an object sends after it wrote leaves only when the writes are durable
//! (contract: GATE 3). One gate for every activation.

use std::collections::VecDeque;
use std::sync::Arc;

use super::effects::Output;
use super::storage::{Ticket, TicketState};

/// Outputs one object may hold back; more resets it, as a gate that stays shut this long is broken.
pub const HELD_OUTPUTS_MAX: usize = 8192;

/// Outputs that wait, in order.
#[derive(Debug, Default)]
pub struct Gate {
    held: VecDeque<(Arc<Ticket>, Output)>,
}

/// The gate holds more than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{HELD_OUTPUTS_MAX} outputs wait for the disk")]
pub struct GateFull;

/// What a look at the gate found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// Nothing waits.
    Open,
    /// Something waits for its ticket.
    Shut,
    /// A commit failed: the object must be reset, what is held is never sent.
    Broken,
    /// The same, because it was over a quota.
    Full,
}

impl Gate {
    /// Holds an output until `ticket` is durable.
    pub fn hold(&mut self, ticket: Arc<Ticket>, output: Output) -> Result<(), GateFull> {
        if self.held.len() >= HELD_OUTPUTS_MAX {
            return Err(GateFull);
        }
        self.held.push_back((ticket, output));
        Ok(())
    }

    /// Moves what may leave to `released`, in order.
    pub fn release(&mut self, released: &mut Vec<Output>) -> GateState {
        while let Some((ticket, _)) = self.held.front() {
            match ticket.state() {
                TicketState::Pending => return GateState::Shut,
                TicketState::Failed => return GateState::Broken,
                TicketState::Full => return GateState::Full,
                TicketState::Durable => released.extend(self.held.pop_front().map(|(_, output)| output)),
            }
        }
        GateState::Open
    }

    /// Nothing waits.
    pub fn is_open(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes what will never be sent.
    pub fn abandon(&mut self) -> impl Iterator<Item = Output> + '_ {
        self.held.drain(..).map(|(_, output)| output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::contract::CallId;

    fn output(call: u64) -> Output {
        Output::Reply { call: CallId(call), result: Ok(serde_json::Value::Null) }
    }

    #[test]
    fn gate_3_later_writes_never_delay_earlier_messages() {
        let (first, second) = (Arc::new(Ticket::default()), Arc::new(Ticket::default()));
        let mut gate = Gate::default();
        gate.hold(Arc::clone(&first), output(1)).unwrap();
        gate.hold(Arc::clone(&second), output(2)).unwrap();
        let mut released = Vec::new();
        assert_eq!(gate.release(&mut released), GateState::Shut);
        assert!(released.is_empty());
        first.set_durable();
        assert_eq!(gate.release(&mut released), GateState::Shut);
        assert_eq!(released.len(), 1);
        second.set_failed();
        assert_eq!(gate.release(&mut released), GateState::Broken);
        assert_eq!(released.len(), 1);
        assert_eq!(gate.abandon().count(), 1);
    }

    #[test]
    fn a_gate_holds_its_limit_and_not_one_more() {
        let ticket = Arc::new(Ticket::default());
        let mut gate = Gate::default();
        for _ in 0..HELD_OUTPUTS_MAX {
            gate.hold(Arc::clone(&ticket), output(1)).unwrap();
        }
        assert_eq!(gate.hold(ticket, output(1)), Err(GateFull));
    }
}
