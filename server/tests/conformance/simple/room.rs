//! A chat room with history.

use serde::{Deserialize, Serialize};
use tickstone_server::object::{caller::Caller, context::Context, contract::CallError};
use tickstone_server::object::{simple::Simple, socket::SocketEvent, storage::Range};
use tickstone_server::object::{typed::Methods, values::StorageError};

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Room {
    said: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoomCall {
    Last(usize),
}

impl Methods for RoomCall {
    type Reply = Vec<String>;
}

fn last(ctx: &mut Context<'_>, limit: usize) -> Result<Vec<String>, StorageError> {
    let newest =
        Range { prefix: b"m".to_vec(), reverse: true, limit: limit.try_into().ok(), ..Range::default() };
    let rows = ctx.storage().list(&newest)?;
    Ok(rows.into_iter().rev().map(|(_, text)| String::from_utf8_lossy(&text).into_owned()).collect())
}

impl Simple for Room {
    const CLASS: &'static str = "room";
    type Call = RoomCall;

    fn call(&mut self, ctx: &mut Context<'_>, _: &Caller, call: RoomCall) -> Result<Vec<String>, CallError> {
        let RoomCall::Last(limit) = call;
        Ok(last(ctx, limit)?)
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        if let SocketEvent::Connected { socket, .. } = event {
            ctx.peers().accept(socket, [""; 0]).expect("no tags");
            last(ctx, 100).unwrap_or_default().into_iter().for_each(|text| ctx.peers().send(socket, text));
        } else if let SocketEvent::Received { socket, payload } = event {
            self.said += 1;
            let _full = ctx.storage().put(format!("m{:020}", self.said), payload.bytes());
            ctx.peers().broadcast(None, &[socket], payload);
        }
    }
}
