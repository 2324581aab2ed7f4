//! What happens on the sockets of a document: the protocol of y-websocket, as its server speaks it, or JSON of one map.

use super::class::{Document, EDITOR_SCOPE};
use super::ledger::Refused;
use super::maps::{self, Said, Set, Told};
use super::messages::{self, Heard};
use super::presence::Seat;
use super::replica::NotApplied;
use crate::classes::user_sockets;
use crate::classes::users::moderates;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::peer::Payload;
use crate::object::socket::{PeerRequest, SocketEvent, SocketId};

/// Sockets of one user at a document.
pub const SOCKETS_PER_USER_MAX: usize = 32;

/// An update with nothing in it: two empty lists.
const NOTHING: [u8; 2] = [0, 0];

// Codes of closes. Of these y-websocket comes back by itself after the last alone.
const MALFORMED: u16 = 4400;
const FULL: u16 = 4423;
const UNREADABLE: u16 = 4500;

impl Document {
    /// An event of a socket.
    pub(super) fn happened(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        let socket = event.socket();
        let done = match event {
            SocketEvent::Connected { request, .. } => self.connected(ctx, socket, &request),
            SocketEvent::Resumed { .. } => {
                self.presence = None;
                self.greet(ctx, socket)
            }
            SocketEvent::Received { payload, .. } => self.received(ctx, socket, &payload),
            SocketEvent::Disconnected { end, .. } => {
                if let Some(told) = self.presence(ctx).leave(socket, end.attachment.bytes()) {
                    ctx.peers().broadcast(Some(&maps::tag(None)), &[], told);
                }
                Ok(())
            }
            _ => Ok(()),
        };
        match done {
            Ok(()) => {}
            Err(CallError::Conflict { reason, .. }) => ctx.peers().close(socket, FULL, &reason),
            Err(error) => {
                tracing::error!(name = %ctx.identity().name, %error, "a document cannot be used");
                ctx.peers().close(socket, UNREADABLE, "the document cannot be read now");
            }
        }
    }

    fn connected(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        request: &PeerRequest,
    ) -> Result<(), CallError> {
        let Some(user) = user_sockets::who(ctx, socket, &request.caller) else { return Ok(()) };
        if self.presence(ctx).sockets_of(user) >= SOCKETS_PER_USER_MAX {
            user_sockets::turn_away(ctx, socket, "too many sockets of one user");
            return Ok(());
        }
        let map = match maps::map_of(&request.query) {
            Ok(map) => map,
            Err(error) => {
                ctx.peers().close(socket, MALFORMED, &error.to_string());
                return Ok(());
            }
        };
        let may_edit = moderates(ctx, &request.caller, EDITOR_SCOPE);
        let tags = [user, &*maps::tag(map.as_deref())];
        ctx.peers().accept(socket, tags).expect("a subject and the name of a map fit tags");
        self.presence(ctx).enter(ctx, socket, Seat::new(user.to_owned(), may_edit, map));
        self.greet(ctx, socket)
    }

    /// Who may edit is asked what they have; everybody is told who is there. On a socket of a map: what is in it.
    fn greet(&mut self, ctx: &mut Context<'_>, socket: SocketId) -> Result<(), CallError> {
        let may_edit = self.may_edit(ctx, socket);
        if let Some(map) = self.map_of(ctx, socket) {
            let entries = self.loaded(ctx)?.replica.entries(&map);
            ctx.peers().send(socket, Told::Map { map: &map, entries, may_edit }.text());
            return Ok(());
        }
        if may_edit {
            let ask = messages::ask(&self.loaded(ctx)?.replica.vector());
            ctx.peers().send(socket, ask);
        }
        self.tell_presence(ctx, socket);
        Ok(())
    }

    fn map_of(&mut self, ctx: &mut Context<'_>, socket: SocketId) -> Option<String> {
        self.presence(ctx).seat(socket)?.map.clone()
    }

    /// What came on the socket of a map.
    fn said(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        map: String,
        payload: &Payload,
    ) -> Result<(), CallError> {
        let Said::Set { changes } = user_sockets::heard(payload, r#"{"t":"set","changes":{"key":"value"}}"#)?;
        if !self.may_edit(ctx, socket) {
            return Err(CallError::Forbidden("this token may read, and not edit".to_owned()));
        }
        self.set(ctx, &Set { map, changes }).map(drop)
    }

    fn may_edit(&mut self, ctx: &mut Context<'_>, socket: SocketId) -> bool {
        self.presence(ctx).seat(socket).is_some_and(|seat| seat.may_edit)
    }

    fn tell_presence(&mut self, ctx: &mut Context<'_>, socket: SocketId) {
        let now_ms = ctx.unix_ms();
        if let Some(told) = self.presence(ctx).greeting(now_ms) {
            ctx.peers().send(socket, told);
        }
    }

    fn received(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        payload: &Payload,
    ) -> Result<(), CallError> {
        if let Some(map) = self.map_of(ctx, socket) {
            let done = self.said(ctx, socket, map, payload);
            user_sockets::answer(ctx, socket, done);
            return Ok(());
        }
        let Payload::Bytes(frame) = payload else {
            ctx.peers().close(socket, MALFORMED, "expected bytes, not text");
            return Ok(());
        };
        let done = match Heard::read(frame) {
            Ok(Heard::Ask(vector)) => self.loaded(ctx)?.replica.beyond(vector).map(|update| {
                ctx.peers().send(socket, messages::answer(&update));
            }),
            Ok(Heard::Answer(update)) => return self.edited(ctx, socket, update, Rest::Known),
            Ok(Heard::Update(update)) => return self.edited(ctx, socket, update, Rest::Unknown),
            Ok(Heard::Awareness(states)) => self.presence(ctx).hear(ctx, socket, states).map(|told| {
                if let Some(told) = told {
                    // To who sent it, too: a client that hears nothing for 30 s believes that nobody is there.
                    ctx.peers().broadcast(Some(&maps::tag(None)), &[], told);
                }
            }),
            Ok(Heard::QueryAwareness) => {
                self.tell_presence(ctx, socket);
                Ok(())
            }
            Ok(Heard::Auth) => Ok(()),
            Err(malformed) => Err(malformed),
        };
        if let Err(malformed) = done {
            ctx.peers().close(socket, MALFORMED, malformed.0);
        }
        Ok(())
    }

    fn edited(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        update: &[u8],
        rest: Rest,
    ) -> Result<(), CallError> {
        if !self.may_edit(ctx, socket) {
            if update != NOTHING {
                ctx.peers().send(socket, messages::denied("this token may read, and not edit"));
            }
            return Ok(());
        }
        match self.apply(ctx, socket, update)? {
            Ok(()) => {}
            Err(NotApplied::Refused(Refused::Incomplete)) => {
                // A client that edits before it has told what it has. Whoever has told keeps what is left.
                if let Rest::Unknown = rest {
                    let ask = messages::ask(&self.loaded(ctx)?.replica.vector());
                    ctx.peers().send(socket, ask);
                }
            }
            Err(NotApplied::Refused(Refused::Malformed(malformed))) => {
                ctx.peers().close(socket, MALFORMED, malformed.0);
            }
            Err(NotApplied::Broken(broken)) => ctx.peers().close(socket, MALFORMED, &broken.to_string()),
        }
        Ok(())
    }
}

/// What a client has beside an update.
#[derive(Debug, Clone, Copy)]
enum Rest {
    /// Nothing: it was asked.
    Known,
    /// It may have more.
    Unknown,
}
