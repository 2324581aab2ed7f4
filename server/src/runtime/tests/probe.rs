//! The class of the tests: does what a call says and writes down what happens to it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use serde_json::Value;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::{Pong, ServerMessage};

use crate::object::context::{Context, WakeAtStart};
use crate::object::contract::{
    Answer, Call, CallError, Class, DurableObject, TickDue, WakeError, WakeReason,
};
use crate::object::effects::{Listing, Release};
use crate::object::id::Identity;
use crate::object::socket::{SocketEvent, SocketId};

/// The class's name.
pub(super) const PROBE: &str = "probe";

/// Something that happened to an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    Wake { name: String, reason: WakeReason, stored: Option<Vec<u8>> },
    Note { name: String, number: u64 },
    Tick { name: String, tick: u64, catching_up: bool },
    Sleep { name: String },
    Gone { name: String },
}

#[derive(Default, Clone)]
pub(super) struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    pub(super) fn note(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// A handler that blocks tells the test, and waits for it.
pub(super) struct Blocker {
    pub(super) entered: mpsc::Sender<()>,
    pub(super) go_on: mpsc::Receiver<()>,
}

#[derive(Default)]
pub(super) struct ProbeClass {
    pub(super) log: Log,
    /// So many wakes will panic.
    pub(super) wake_panics: Arc<AtomicU32>,
    pub(super) blocker: Arc<Mutex<Option<Blocker>>>,
}

impl Class for ProbeClass {
    fn name(&self) -> &'static str {
        PROBE
    }

    fn instantiate(&self, identity: &Identity) -> Box<dyn DurableObject> {
        Box::new(Probe {
            name: identity.name.to_string(),
            log: self.log.clone(),
            wake_panics: self.wake_panics.clone(),
            blocker: self.blocker.clone(),
        })
    }
}

struct Probe {
    name: String,
    log: Log,
    wake_panics: Arc<AtomicU32>,
    blocker: Arc<Mutex<Option<Blocker>>>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.log.note(Seen::Gone { name: self.name.clone() });
    }
}

fn pong() -> Arc<ServerMessage> {
    Arc::new(ServerMessage::Pong(Pong { nonce: 1 }))
}

/// The socket that everything is sent to.
pub(super) const SOCKET: SocketId = SocketId(7);

impl Probe {
    fn start(&self, ctx: &mut Context<'_>, rate_hz: u32) {
        ctx.place(WorkerGroup::Tick);
        ctx.start_ticks(rate_hz, Tick(0));
    }

    fn write(&self, ctx: &mut Context<'_>, value: &Value) {
        ctx.storage().put(*b"value", value.to_string().into_bytes()).unwrap();
        ctx.wake_at_start(WakeAtStart::Yes);
    }

    fn block(&self) {
        let blocker = self.blocker.lock().unwrap().take().expect("the test has set it");
        blocker.entered.send(()).unwrap();
        blocker.go_on.recv().unwrap();
    }

    fn publish(&self, ctx: &mut Context<'_>) {
        ctx.publish(Listing { state: "shown", entry: self.name.clone().into() });
    }
}

impl DurableObject for Probe {
    fn wake(&mut self, ctx: &mut Context<'_>, reason: &WakeReason) -> Result<(), WakeError> {
        let fuse =
            self.wake_panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(fuse.is_err(), "the test wants a panic in wake");
        let stored = ctx.storage().get(b"value")?;
        self.log.note(Seen::Wake { name: self.name.clone(), reason: reason.clone(), stored });
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        match call.method.as_str() {
            "echo" => {}
            "note" => {
                let number = call.body.as_u64().unwrap();
                self.log.note(Seen::Note { name: self.name.clone(), number });
            }
            "write" => self.write(ctx, &call.body),
            "write_and_send" => {
                self.write(ctx, &call.body);
                ctx.send(SOCKET, pong());
            }
            "tell" => {
                self.write(ctx, &call.body);
                ctx.peers().send(SOCKET, "told");
                return Ok(Answer::AtOnce(Value::Null));
            }
            "tell_framed" => {
                self.write(ctx, &call.body);
                ctx.send(SOCKET, pong());
                return Ok(Answer::AtOnce(Value::Null));
            }
            "ask" => {
                self.write(ctx, &call.body);
                ctx.call(PROBE, ObjectName::parse("other").unwrap(), "tell", Value::Null);
                return Ok(Answer::AtOnce(Value::Null));
            }
            "send_ungated" => ctx.close(Release::Ungated, SOCKET, CloseCode::Left, "ungated"),
            "write_later" => {
                self.write(ctx, &call.body);
                return Ok(Answer::Later);
            }
            "later" => return Ok(Answer::Later),
            "finish" => ctx.finish(),
            "start" => self.start(ctx, 60),
            "tick_group" => ctx.place(WorkerGroup::Tick),
            "general_group" => ctx.place(WorkerGroup::General),
            "publish" => self.publish(ctx),
            "block" => self.block(),
            "panic" => {
                ctx.storage().put(*b"value", b"of a handler that panicked".to_vec()).unwrap();
                ctx.attempt(b"this");
                panic!("the test wants a panic");
            }
            other => return Err(CallError::Invalid(other.to_owned())),
        }
        Ok(Answer::Now(call.body))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        if let SocketEvent::Leave { socket } = event {
            ctx.close(Release::Ungated, socket, CloseCode::Left, "left");
        }
    }

    fn on_tick(&mut self, ctx: &mut Context<'_>, due: TickDue) {
        let TickDue { tick, catching_up } = due;
        self.log.note(Seen::Tick { name: self.name.clone(), tick: tick.0, catching_up });
        if !catching_up {
            ctx.close(Release::Ungated, SOCKET, CloseCode::Left, "ungated");
        }
    }

    fn on_sleep(&mut self, ctx: &mut Context<'_>) {
        self.log.note(Seen::Sleep { name: self.name.clone() });
        ctx.storage().put(*b"slept", b"yes".to_vec()).unwrap();
    }
}
