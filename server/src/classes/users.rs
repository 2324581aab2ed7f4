//! The users of an object: who is on its sockets, each accepted with its user as its first tag, and who moderates it.

use crate::access::scope::Verb;
use crate::object::caller::Caller;
use crate::object::context::Context;
use crate::object::socket::SocketId;

/// The user of a socket.
pub fn user_of(ctx: &mut Context<'_>, socket: SocketId) -> Option<String> {
    ctx.peers().tags(socket)?.iter().next().map(str::to_owned)
}

/// The user of each socket but one; who has several is there several times.
pub fn users<'a>(ctx: &mut Context<'a>, except: Option<SocketId>) -> impl Iterator<Item = &'a str> + use<'a> {
    let others = ctx.peers().infos().filter(move |info| Some(info.socket) != except);
    others.filter_map(|info| info.tags.iter().next())
}

/// Whether somebody moderates this object: a key of operators, another object, or a token with a scope
/// `SCOPE_CLASS:NAME:call` beside the one that lets them call.
pub fn moderates(ctx: &Context<'_>, caller: &Caller, scope_class: &str) -> bool {
    match caller {
        Caller::Operator | Caller::Object { .. } => true,
        Caller::User { scopes, .. } => {
            scopes.iter().any(|scope| scope.allows(scope_class, &ctx.identity().name, Verb::Call))
        }
        Caller::Anonymous => false,
    }
}
