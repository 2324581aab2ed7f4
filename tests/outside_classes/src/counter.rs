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
            self.count = self.count.saturating_add(number);
        }
        if self.count > 1_000_000 {
            return Err(CallError::Invalid("it counts to a million".to_owned()));
        }
        Ok(self.count)
    }
}

#[cfg(test)]
mod tests {
    use tickstone_server::testing::Testbed;

    use super::*;

    #[test]
    fn a_counter_counts_whatever_is_forgotten_and_whenever_it_crashes() {
        let mut bed = Testbed::new().object::<Counter>().forgetful();
        assert_eq!(bed.ask::<Counter>("a", &CounterCall::Add(2)), Ok(2));
        assert_eq!(bed.call("counter", "a", "add", 3), Ok(5.into()), "as over HTTP");
        assert_eq!(bed.ask::<Counter>("b", &CounterCall::Get), Ok(0), "another one");
        let refused = bed.ask::<Counter>("a", &CounterCall::Add(999_996));
        assert!(matches!(refused, Err(CallError::Invalid(_))));
        assert_eq!(bed.ask::<Counter>("a", &CounterCall::Get), Ok(5), "a call that fails changes nothing");
        bed.crash_at_commit(1);
        assert_eq!(bed.ask::<Counter>("a", &CounterCall::Add(1)), Err(CallError::Reset), "nobody knows");
        assert_eq!(bed.ask::<Counter>("a", &CounterCall::Get), Ok(5), "it was not durable, and not told");
    }
}
