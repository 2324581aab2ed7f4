//! What stands in the place of an object that could not be woken: it says so and touches nothing.

use tickstone_shared::wire::close::CloseCode;

use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, WakeError, WakeReason};
use crate::object::effects::{Listing, Release};
use crate::object::socket::SocketEvent;

/// The state listings show.
pub const SET_ASIDE: &str = "set_aside";

/// An object that is set aside, and why.
pub struct SetAside {
    reason: String,
}

impl SetAside {
    /// For this reason, in words for an operator.
    pub fn new(reason: String) -> Self {
        Self { reason }
    }

    /// What listings show.
    pub fn listing(&self, name: &str) -> Listing {
        let entry = serde_json::json!({ "match_id": name, "state": SET_ASIDE, "reason": self.reason });
        Listing { state: SET_ASIDE, entry }
    }
}

impl DurableObject for SetAside {
    fn wake(&mut self, _: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        Ok(())
    }

    fn on_call(&mut self, _: &mut Context<'_>, _: Call) -> Result<Answer, CallError> {
        Err(CallError::SetAside(self.reason.clone()))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        if let SocketEvent::Opened { socket, .. } = event {
            ctx.close(Release::Ungated, socket, CloseCode::MatchOver, "the match is set aside");
        }
    }
}
