//! A class written the simple way, and callers who repeat what they do not know to have happened: exactly once each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickstone_server::object::caller::Caller;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::id::Identity;
use tickstone_server::object::simple::Simple;
use tickstone_server::object::typed::Methods;
use tickstone_shared::ids::ObjectName;

/// What is stored: how much was added, and the last number of each caller.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    total: u64,
    last: BTreeMap<u64, u64>,
}

/// Its methods.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TallyCall {
    /// Adds one, unless this caller's number was counted.
    Add { caller: u64, number: u64 },
}

impl Methods for TallyCall {
    /// The total.
    type Reply = u64;
}

impl Simple for Tally {
    const CLASS: &'static str = "tally";
    type Call = TallyCall;

    fn call(&mut self, _: &mut Context<'_>, _: &Caller, call: TallyCall) -> Result<u64, CallError> {
        let TallyCall::Add { caller, number } = call;
        let last = self.last.entry(caller).or_default();
        if number > *last + 1 {
            return Err(CallError::Invalid(format!("{number} after {last}: one in between was lost")));
        }
        if number == *last + 1 {
            *last = number;
            self.total += 1;
        }
        Ok(self.total)
    }
}

/// The one object of the class.
pub(crate) fn identity() -> Identity {
    Identity::named(Tally::CLASS, ObjectName::parse("one").expect("it is a name"))
}

/// A caller: one number at a time, again until it is answered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Adder {
    /// Numbers that were answered.
    pub(crate) done: u64,
    /// The call that is on its way.
    pub(crate) waits: Option<u64>,
}

/// What adders were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    highest: u64,
}

impl Told {
    /// The newest total.
    pub(crate) fn total(&self) -> u64 {
        self.highest
    }

    /// A total: never less than one that was told before, nor than what was answered.
    pub(crate) fn hears(&mut self, total: u64, adders: &[Adder]) -> Result<(), String> {
        let answered: u64 = adders.iter().map(|adder| adder.done).sum();
        let at_most = answered + adders.len() as u64;
        let before = std::mem::replace(&mut self.highest, total);
        if total < before || total < answered || total > at_most {
            return Err(format!(
                "a tally of {total} after {before}: {answered} answered, at most {at_most} asked"
            ));
        }
        Ok(())
    }
}
