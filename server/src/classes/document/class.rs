//! The class: what a document is asked, what becomes due, and what its memory is.

use super::calls::{DocumentCall, DocumentReply, Wanted};
use super::maps::{self, Set, Told};
use super::messages;
use super::presence::Presence;
use super::record::{DOCUMENT_BYTES_MAX, Kept, Loaded};
use super::replica::{NotApplied, Replica};
use super::versions::{self, Which};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::users::moderates;
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, WakeError, WakeReason};
use crate::object::peer::SocketRules;
use crate::object::socket::{SocketEvent, SocketId};
use crate::object::typed::{Typed, from_call, to_reply};

/// Who may edit has a token with the scope `document_editor:NAME:call` beside the one that lets them in.
pub const EDITOR_SCOPE: &str = "document_editor";
/// Sockets of a document.
pub const SOCKETS_MAX: usize = 256;

/// Bytes of a message from a client: a whole document, and what is around it.
const MESSAGE_BYTES_MAX: usize = DOCUMENT_BYTES_MAX + 64;

/// One document. Its memory is made again from what is stored, when it is needed.
#[derive(Default)]
pub struct Document {
    loaded: Option<Loaded>,
    pub(super) presence: Option<Presence>,
}

impl Typed for Document {
    const CLASS: &'static str = "document";
    type Call = DocumentCall;

    fn rules() -> ClassRules {
        let sockets = SocketRules {
            message_bytes_max: MESSAGE_BYTES_MAX,
            sockets_max: SOCKETS_MAX,
            ..SocketRules::default()
        };
        let access = ClassAccess { connect: Access::Token, call: Access::Token, http: Access::Admin };
        ClassRules { sockets, access, ..ClassRules::default() }
    }
}

impl DurableObject for Document {
    fn wake(&mut self, _: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let asked = from_call(call.method, call.body)?;
        let is_look = matches!(asked, DocumentCall::Get(_) | DocumentCall::Versions);
        if !is_look && !moderates(ctx, &call.caller, EDITOR_SCOPE) {
            return Err(CallError::Forbidden("an editor does that".to_owned()));
        }
        let reply = self.answer(ctx, &asked);
        if reply.is_err() {
            // Nothing of it is written, so nothing of it may be remembered.
            self.loaded = None;
        }
        Ok(Answer::Now(to_reply::<DocumentCall>(&reply?)?))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        self.happened(ctx, event);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        let done = self.loaded(ctx).and_then(|loaded| loaded.on_alarm(ctx));
        done.map_err(|error| {
            self.loaded = None;
            AlarmError(error.to_string())
        })
    }
}

impl Document {
    /// What is stored of it, in memory.
    pub(super) fn loaded(&mut self, ctx: &mut Context<'_>) -> Result<&mut Loaded, CallError> {
        if self.loaded.is_none() {
            self.loaded = Some(Loaded::load(ctx)?);
        }
        Ok(self.loaded.as_mut().expect("it was loaded just now"))
    }

    /// Who is there.
    pub(super) fn presence(&mut self, ctx: &mut Context<'_>) -> &mut Presence {
        self.presence.get_or_insert_with(|| Presence::load(ctx))
    }

    fn answer(&mut self, ctx: &mut Context<'_>, asked: &DocumentCall) -> Result<DocumentReply, CallError> {
        match asked {
            DocumentCall::Get(look) => match look.as_ref().and_then(|look| look.version) {
                None => Ok(content(&self.loaded(ctx)?.replica)),
                Some(version) => Ok(content(&older(&versions::find(ctx, Which::Number(version))?.1)?)),
            },
            DocumentCall::Versions => Ok(DocumentReply::Versions { versions: versions::list(ctx)? }),
            DocumentCall::Keep => {
                let now = self.loaded(ctx)?.as_it_is();
                versions::keep(ctx, &now).map(DocumentReply::Kept)
            }
            DocumentCall::Restore(wanted) => self.restore(ctx, wanted),
            DocumentCall::Set(set) => self.set(ctx, set).map(|changed| DocumentReply::Set { changed }),
        }
    }

    /// Makes it what it was, by an edit like any other.
    fn restore(&mut self, ctx: &mut Context<'_>, wanted: &Wanted) -> Result<DocumentReply, CallError> {
        let (restored, kept) = versions::find(ctx, wanted.which()?)?;
        let now = self.loaded(ctx)?.as_it_is();
        let before = versions::keep(ctx, &now)?;
        let old = older(&kept)?;
        let edit = self.loaded(ctx)?.replica.become_like(&old);
        let edit = edit.map_err(|broken| CallError::SetAside(broken.to_string()))?;
        edit.map_or(Ok(()), |edit| self.spread(ctx, None, edit))?;
        Ok(DocumentReply::Restored { restored, before })
    }

    /// Changes entries of a map; answers how many it has changed.
    pub(super) fn set(&mut self, ctx: &mut Context<'_>, set: &Set) -> Result<usize, CallError> {
        let changes = set.checked()?;
        let replica = &mut self.loaded(ctx)?.replica;
        let news = replica.news(&set.map, changes);
        let changed = news.len();
        let edit = replica.set(&set.map, news).map_err(|broken| CallError::SetAside(broken.to_string()))?;
        edit.map_or(Ok(()), |edit| self.spread(ctx, None, edit))?;
        Ok(changed)
    }

    /// Applies what a client sent.
    pub(super) fn apply(
        &mut self,
        ctx: &mut Context<'_>,
        socket: SocketId,
        update: &[u8],
    ) -> Result<Result<(), NotApplied>, CallError> {
        match self.loaded(ctx)?.replica.apply(update) {
            Ok(None) => Ok(Ok(())),
            Ok(Some(edit)) => self.spread(ctx, Some(socket), edit).map(Ok),
            Err(not_applied) => {
                if let NotApplied::Broken(_) = not_applied {
                    self.loaded = None;
                }
                Ok(Err(not_applied))
            }
        }
    }

    /// Stores an edit that has been applied, and tells everybody but who made it.
    fn spread(
        &mut self,
        ctx: &mut Context<'_>,
        from: Option<SocketId>,
        edit: Vec<u8>,
    ) -> Result<(), CallError> {
        let told = messages::update(&edit);
        let seen = self.presence(ctx).maps();
        let changes: Vec<_> = {
            let replica = &self.loaded(ctx)?.replica;
            seen.into_iter().map(|map| (maps::tag(Some(&map)), replica.changes(&map, &edit))).collect()
        };
        if let Err(error) = self.loaded(ctx)?.store(ctx, edit) {
            self.loaded = None;
            return Err(error);
        }
        ctx.peers().broadcast(Some(&maps::tag(None)), from.as_slice(), told);
        for (tag, changes) in changes.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            ctx.peers().broadcast(Some(&tag), &[], Told::Set { changes }.text());
        }
        Ok(())
    }
}

fn content(replica: &Replica) -> DocumentReply {
    DocumentReply::Content { content: replica.json(), bytes: replica.state().len() }
}

fn older(kept: &Kept) -> Result<Replica, CallError> {
    Replica::of(0, [&*kept.state]).map_err(|_| CallError::SetAside("a version cannot be read".to_owned()))
}
