//! Removing an object: nothing stays stored, its sockets end, and nothing of before has it come back.

use tickstone_shared::wire::close::CloseCode;

use crate::object::contract::CallId;
use crate::object::effects::{Control, Effects, Output, PeerOutput, Release};
use crate::object::socket::SocketEvent;
use crate::object::storage::Write;
use crate::runtime::activation::Activation;
use crate::runtime::inbox::Event;

/// The effects of a deletion: sockets are closed, nothing stays stored, the activation ends.
pub(in crate::runtime) fn delete_everything(
    activation: &mut Activation,
    reply: CallId,
    effects: &mut Effects,
) {
    const REASON: &str = "the object was deleted";
    activation.aside.deleted = true;
    effects.clear();
    effects.writes.push(Write::DeleteAll);
    let aside = &activation.aside;
    let lasting = aside.kept.sockets.values().filter(|info| info.lasting).map(|info| info.socket);
    effects.writes.extend(lasting.chain(aside.absent.keys().copied()).map(Write::ForgetSocket));
    let framed = activation.sockets.iter().map(|socket| Output::Close {
        socket: *socket,
        code: CloseCode::MatchOver,
        reason: REASON,
    });
    let own = Output::Peer(Box::new(PeerOutput::Abandon { object: activation.identity.id }));
    let shown = Output::Snapshot(None);
    let outputs = framed.chain([own, shown]).map(|output| (Release::Gated, output));
    effects.outputs.extend(outputs);
    effects
        .outputs
        .push((Release::Gated, Output::Reply { call: reply, result: Ok(serde_json::Value::Null) }));
    effects.controls.extend([Control::StopTicks, Control::Finish, Control::CommitNow]);
}

/// Nothing that would have an object come back after it was removed: its sockets and alarms are gone.
pub(super) fn is_of_before(event: &Event) -> bool {
    match event {
        Event::Socket(event) => !matches!(event, SocketEvent::Connected { .. } | SocketEvent::Opened { .. }),
        Event::Alarm | Event::Gone(_) | Event::NobodyReturns | Event::Done(..) => true,
        Event::Call(..) | Event::Resume(..) | Event::Restore(_) | Event::Delete(_) => false,
    }
}
