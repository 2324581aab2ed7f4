//! The class.

use super::board::Board;
use super::http;
use super::reading::SHOW;
use super::seasons::SWEEP;
use super::words::{BoardCall, BoardReply, Done};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::{no_sockets, users};
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::caller::Caller;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, CallId, DurableObject, WakeError, WakeReason};
use crate::object::request::{ObjectRequest, ObjectResponse};
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, to_reply};
use crate::object::values::StorageError;

/// A token moderates a board by a scope `leaderboard_moderator:BOARD:call`, beside the one for the board itself.
pub const MODERATOR_SCOPE: &str = "leaderboard_moderator";

/// One board, an object of the class `leaderboard`. Who may call posts results, so that takes a token with a scope,
/// which players have not: nobody posts their own. Reading is for everybody, over HTTP and by what the board shows.
#[derive(Debug, Default)]
pub struct Leaderboard {
    /// Read when it is first asked for; none again after a handler that failed, which may have changed it.
    board: Option<Board>,
}

impl Typed for Leaderboard {
    const CLASS: &'static str = "leaderboard";
    type Call = BoardCall;

    fn rules() -> ClassRules {
        let access = ClassAccess { http: Access::Public, ..ClassAccess::all(Access::Token) };
        ClassRules { access, listed: true, ..ClassRules::default() }
    }
}

impl DurableObject for Leaderboard {
    fn wake(&mut self, _: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let reply = self.answer(ctx, &call.caller, from_call(call.method, call.body)?)?;
        Ok(Answer::Now(to_reply::<BoardCall>(&reply)?))
    }

    fn on_http(
        &mut self,
        ctx: &mut Context<'_>,
        _: CallId,
        request: ObjectRequest,
    ) -> Result<Answer, CallError> {
        let reply = self.answer(ctx, &Caller::Anonymous, http::asked(&request)?)?;
        Ok(ObjectResponse::json(&to_reply::<BoardCall>(&reply)?).into())
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        no_sockets::refuse(ctx, &event);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, alarm: &AlarmFired) -> Result<(), AlarmError> {
        let mut board = self.take(ctx)?;
        match &*alarm.name {
            SHOW => board.show_now(ctx)?,
            SWEEP => board.sweep(ctx)?,
            // The end of a season is looked for whatever comes.
            _ => {}
        }
        Ok(self.put(ctx, board)?)
    }
}

impl Leaderboard {
    /// The board as of now. It is to be put back unless what was done with it failed.
    fn take(&mut self, ctx: &mut Context<'_>) -> Result<Board, StorageError> {
        let mut board = match self.board.take() {
            Some(board) => board,
            None => Board::stored(ctx)?,
        };
        board.mind_season(ctx)?;
        Ok(board)
    }

    fn put(&mut self, ctx: &mut Context<'_>, mut board: Board) -> Result<(), StorageError> {
        board.keep(ctx)?;
        self.board = Some(board);
        Ok(())
    }

    fn answer(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        call: BoardCall,
    ) -> Result<BoardReply, CallError> {
        let mut board = self.take(ctx)?;
        let (is_same, reads) = (!board.has_changed(), call.reads());
        let reply = if reads { read(&board, ctx, call) } else { change(&mut board, ctx, caller, call) };
        if reply.is_ok() || is_same && reads {
            self.put(ctx, board)?;
        }
        reply
    }
}

fn read(board: &Board, ctx: &mut Context<'_>, call: BoardCall) -> Result<BoardReply, CallError> {
    Ok(match call {
        BoardCall::Top(page) => BoardReply::Standing(board.page(ctx, &page.unwrap_or_default())?),
        BoardCall::Rank(of) => BoardReply::Rank(board.rank(ctx, &of)?),
        BoardCall::Seasons => BoardReply::Seasons(board.seasons(ctx)?),
        BoardCall::Season(which) => BoardReply::Season(board.season(ctx, which.season)?),
        _ => BoardReply::Rules(board.meta.rules.clone()),
    })
}

fn change(
    board: &mut Board,
    ctx: &mut Context<'_>,
    caller: &Caller,
    call: BoardCall,
) -> Result<BoardReply, CallError> {
    if call.moderates() && !users::moderates(ctx, caller, MODERATOR_SCOPE) {
        let reason = format!("expected a key, or a token with a scope of {MODERATOR_SCOPE}");
        return Err(CallError::Forbidden(reason));
    }
    board.begin(ctx);
    let mut done = true;
    match call {
        BoardCall::Submit(submission) => {
            return Ok(BoardReply::Counted(board.submit(ctx, caller, &submission)?));
        }
        BoardCall::Configure(change) => {
            board.configure(ctx, &change)?;
            return Ok(BoardReply::Rules(board.meta.rules.clone()));
        }
        BoardCall::Settle(settled) => done = board.settle(ctx, caller, &settled.key)?,
        BoardCall::Remove(user) => board.remove(ctx, &user.user)?,
        _ => board.reset(ctx)?,
    }
    Ok(BoardReply::Done(Done { done }))
}
