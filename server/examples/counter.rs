//! A server whose counters can be asked over sockets, too: what `loadtest idle` measures unless told otherwise.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tickstone_server::App;
use tickstone_server::object::caller::Caller;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::simple::Simple;
use tickstone_server::object::socket::SocketEvent;
use tickstone_server::object::typed::Methods;

/// How often it was added to.
#[derive(Default, Serialize, Deserialize)]
struct Counter(u64);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CounterCall {
    Get,
    Add,
}

impl Methods for CounterCall {
    type Reply = u64;
}

impl Simple for Counter {
    const CLASS: &'static str = "counter";
    type Call = CounterCall;

    fn call(&mut self, _: &mut Context<'_>, _: &Caller, call: CounterCall) -> Result<u64, CallError> {
        self.0 += u64::from(matches!(call, CounterCall::Add));
        Ok(self.0)
    }

    /// A message is the name of a method, and is answered with the count.
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        match event {
            SocketEvent::Connected { socket, .. } => {
                ctx.peers().accept(socket, [""; 0]).expect("no tag is too many");
            }
            SocketEvent::Received { socket, payload } => {
                self.0 += u64::from(payload.bytes() == b"add");
                ctx.peers().send(socket, self.0.to_string());
            }
            _ => {}
        }
    }
}

fn main() -> ExitCode {
    App::new().object::<Counter>().run()
}
