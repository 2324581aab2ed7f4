//! A counter.

use serde::{Deserialize, Serialize};
use tickstone_server::object::caller::Caller;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::simple::Simple;
use tickstone_server::object::typed::Methods;

/// What is stored of it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Counter {
    count: u64,
}

/// What it can be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CounterCall {
    Get,
    Add(u64),
}

impl Methods for CounterCall {
    type Reply = u64;
}

impl Simple for Counter {
    const CLASS: &'static str = "counter";
    type Call = CounterCall;

    fn call(&mut self, _: &mut Context<'_>, _: &Caller, call: CounterCall) -> Result<u64, CallError> {
        if let CounterCall::Add(number) = call {
            self.count += number;
        }
        if self.count > 1_000_000 {
            return Err(CallError::Invalid("it counts to a million".to_owned()));
        }
        Ok(self.count)
    }
}
