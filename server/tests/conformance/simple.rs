//! Classes written the simple way: those of the guide, with the tests that it shows.

#[path = "../../../tests/outside_classes/src/counter.rs"]
mod counter;
#[path = "../../../tests/outside_classes/src/room.rs"]
mod room;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tickstone_server::object::caller::Caller;
use tickstone_server::object::context::Context;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::job::{Job, JobId, JobResult};
use tickstone_server::object::simple::Simple;
use tickstone_server::object::socket::SocketEvent;
use tickstone_server::object::typed::Methods;
use tickstone_server::testing::Testbed;

use counter::{Counter, CounterCall};

#[test]
fn store_3_who_only_reads_a_simple_object_stores_nothing() {
    let mut bench = Testbed::new().object::<Counter>();
    assert_eq!(bench.ask::<Counter>("empty", &CounterCall::Get), Ok(0));
    assert_eq!(bench.stored("counter", "empty").record(), Ok(None));
    assert_eq!(bench.ask::<Counter>("empty", &CounterCall::Add(1)), Ok(1));
    assert!(bench.stored("counter", "empty").record().unwrap().is_some());
}

/// Grows by what it is sent, and echoes it; over 2 MiB it cannot be stored.
#[derive(Default, Serialize, Deserialize)]
struct Heap(Vec<u8>);

#[derive(Serialize, Deserialize)]
enum HeapCall {
    Size,
    Work,
}

impl Methods for HeapCall {
    type Reply = usize;
}

const TOO_MUCH: usize = 2 * 1024 * 1024;

impl Simple for Heap {
    const CLASS: &'static str = "heap";
    type Call = HeapCall;

    fn call(&mut self, ctx: &mut Context<'_>, _: &Caller, call: HeapCall) -> Result<usize, CallError> {
        if let HeapCall::Work = call {
            ctx.start(Job::Sleep(Duration::from_secs(1)));
        }
        Ok(self.0.len())
    }
    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        match event {
            SocketEvent::Connected { socket, .. } => ctx.peers().accept(socket, ["all"]).unwrap(),
            SocketEvent::Received { socket, payload } => {
                self.0.resize(payload.bytes().len(), 1);
                ctx.storage().put("beside", "it").unwrap();
                ctx.set_alarm("wake", 0).unwrap();
                ctx.peers().send(socket, "taken");
            }
            _ => {}
        }
    }
    fn on_done(&mut self, ctx: &mut Context<'_>, _: JobId, _: JobResult) {
        self.0.resize(TOO_MUCH, 1);
        ctx.storage().put("done", "it").unwrap();
        ctx.peers().broadcast(None, &[], "done");
    }
}

#[test]
fn gate_4_a_handler_whose_state_cannot_be_stored_keeps_none_of_its_effects() {
    let mut bed = Testbed::new().object::<Heap>();
    let socket = bed.connect("heap", "a", Caller::Anonymous);
    bed.send("heap", "a", socket, vec![0; 100]);
    assert_eq!(bed.client(socket).texts(), ["taken"]);
    let keys = |bed: &Testbed| bed.stored("heap", "a").keys(b"").unwrap();
    let before = (keys(&bed), bed.commits());
    bed.send("heap", "a", socket, vec![0; TOO_MUCH]);
    assert_eq!(bed.client(socket).texts(), ["taken"], "nothing is sent");
    assert_eq!((keys(&bed), bed.commits()), before, "nothing is written");
    assert_eq!(bed.ask::<Heap>("a", &HeapCall::Size), Ok(100), "and the struct is as it was");
    assert_eq!(bed.ask::<Heap>("a", &HeapCall::Work), Ok(100));
    bed.advance(Duration::from_secs(5));
    assert_eq!(bed.client(socket).texts(), ["taken"]);
    assert_eq!(keys(&bed), before.0);
    assert_eq!(bed.ask::<Heap>("a", &HeapCall::Size), Ok(100));
}
