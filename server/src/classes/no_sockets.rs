//! For classes that are called and have no sockets: whoever asks for one is told so.

use crate::object::context::Context;
use crate::object::socket::SocketEvent;

/// What such a socket is closed with.
const CODE: u16 = 4400;

/// Closes a socket that somebody wants.
pub(super) fn refuse(ctx: &mut Context<'_>, event: &SocketEvent) {
    if let SocketEvent::Connected { socket, .. } = event {
        ctx.peers().close(*socket, CODE, "objects of this class have no sockets");
    }
}
