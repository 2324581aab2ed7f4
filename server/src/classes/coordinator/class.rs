//! The class.

use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use super::calls::{ChildMembers, CoordinatorCall, CoordinatorReply, Plan, PlanChange, check};
use super::members::Members;
use super::shards::shard;
use crate::access::scope::{Access, ClassAccess};
use crate::classes::children::child;
use crate::classes::no_sockets;
use crate::classes::users::moderates;
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, DurableObject, WakeError, WakeReason};
use crate::object::effects::Listing;
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, to_reply};

/// A token changes what holds by a scope `coordinator_moderator:NAME:call`, beside the one for the object itself.
pub const COORDINATOR_MODERATOR_SCOPE: &str = "coordinator_moderator";

/// Where what holds is stored.
const PLAN: &[u8] = b"plan";

/// One parent.
///
/// A token with a scope is needed to call it: places are given to whoever is named, so it is for those who run the
/// children. Everything else is for operators, as there are no sockets and no requests.
#[derive(Debug, Default)]
pub struct Coordinator {
    plan: Plan,
    members: Members,
}

impl Typed for Coordinator {
    const CLASS: &'static str = "coordinator";
    type Call = CoordinatorCall;

    fn rules() -> ClassRules {
        let access = ClassAccess { call: Access::Token, ..ClassAccess::all(Access::Admin) };
        ClassRules { access, ..ClassRules::default() }
    }
}

impl DurableObject for Coordinator {
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        self.plan = ctx.storage().get_as(PLAN)?.unwrap_or_default();
        self.members = Members::stored(ctx)?;
        self.publish(ctx);
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let reply = match from_call(call.method, call.body)? {
            CoordinatorCall::Shard { key } => {
                check("key", &key)?;
                place(ctx, shard(&key, self.plan.shards))?
            }
            CoordinatorCall::Enter { member } => self.enter(ctx, &member)?,
            CoordinatorCall::Leave { member } => {
                check("member", &member)?;
                let left = self.members.leave(ctx, &member);
                self.publish(ctx);
                CoordinatorReply::Left { left }
            }
            CoordinatorCall::Find { member } => {
                check("member", &member)?;
                place(ctx, self.members.find(&member).ok_or_else(no_such_member)?)?
            }
            CoordinatorCall::Children => self.children(&ctx.identity().name)?,
            CoordinatorCall::Plan => CoordinatorReply::Plan(self.plan.clone()),
            CoordinatorCall::Configure(change) => {
                if !moderates(ctx, &call.caller, COORDINATOR_MODERATOR_SCOPE) {
                    return Err(CallError::Forbidden("a moderator does that".to_owned()));
                }
                self.configure(ctx, &change)?
            }
        };
        Ok(Answer::Now(to_reply::<CoordinatorCall>(&reply)?))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        no_sockets::refuse(ctx, &event);
    }
}

impl Coordinator {
    fn enter(&mut self, ctx: &mut Context<'_>, member: &str) -> Result<CoordinatorReply, CallError> {
        check("member", member)?;
        // Before anything changes: the longest name there may be.
        child(&ctx.identity().name, self.plan.children_max.saturating_sub(1))?;
        let number = match self.members.find(member) {
            Some(number) => number,
            None => self.members.enter(ctx, member, &self.plan)?,
        };
        self.publish(ctx);
        place(ctx, number)
    }

    fn configure(
        &mut self,
        ctx: &mut Context<'_>,
        change: &PlanChange,
    ) -> Result<CoordinatorReply, CallError> {
        let plan = self.plan.changed(change)?;
        child(&ctx.identity().name, plan.shards.max(plan.children_max).saturating_sub(1))?;
        ctx.storage().put_as(PLAN, &plan)?;
        self.plan = plan;
        Ok(CoordinatorReply::Plan(self.plan.clone()))
    }

    fn children(&self, parent: &ObjectName) -> Result<CoordinatorReply, CallError> {
        let counts = (0_u32..).zip(self.members.counts());
        let children = counts
            .map(|(number, members)| Ok(ChildMembers { name: child(parent, number)?, members: *members }));
        let members = u32::try_from(self.members.len()).expect("they are bounded");
        Ok(CoordinatorReply::Children { members, children: children.collect::<Result<_, CallError>>()? })
    }

    /// Says how many are there; of a parent without members, nothing.
    fn publish(&self, ctx: &mut Context<'_>) {
        let members = self.members.len();
        let children = self.members.counts().len();
        let entry = json!({ "name": ctx.identity().name, "members": members, "children": children });
        ctx.publish(Listing { state: "open", entry: if members > 0 { entry } else { Value::Null } });
    }
}

fn place(ctx: &Context<'_>, number: u32) -> Result<CoordinatorReply, CallError> {
    Ok(CoordinatorReply::Place { child: number, name: child(&ctx.identity().name, number)? })
}

fn no_such_member() -> CallError {
    CallError::Missing { code: "no_such_member", reason: "this member has no place".to_owned() }
}
