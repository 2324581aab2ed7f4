//! What moderators do: taking messages away, keeping somebody from speaking.

use super::pace::Pace;
use super::part_words::Whom;
use super::room::Chat;
use super::rules::RulesChange;
use super::talk;
use super::words::{ChatReply, Mute, Told};
use crate::access::scope::Subject;
use crate::object::context::Context;
use crate::object::contract::CallError;

/// A token moderates a room by a scope `chat_moderator:ROOM:call`, beside the one for the room itself.
pub const MODERATOR_SCOPE: &str = "chat_moderator";
/// Users that may be muted in a room at the same time.
pub const MUTES_MAX: u32 = 1_000;
/// The longest mute that ends by itself: a year.
pub const MUTE_SECONDS_MAX: u64 = 31_536_000;

/// Where mutes are stored: until when (ms since 1970), by user.
const MUTE: &str = "mute/";
/// A mute that does not end by itself.
const FOR_EVER: u64 = u64::MAX;

fn key(user: &str) -> Vec<u8> {
    format!("{MUTE}{user}").into_bytes()
}

fn shown(until_ms: u64) -> Option<u64> {
    (until_ms != FOR_EVER).then_some(until_ms)
}

impl Chat {
    /// Changes what holds in the room.
    pub(super) fn configure(
        &mut self,
        ctx: &mut Context<'_>,
        change: &RulesChange,
    ) -> Result<ChatReply, CallError> {
        self.rules = self.rules.changed(change)?;
        self.pace = Pace::default();
        self.trim(ctx)?;
        self.publish_anew(ctx);
        Ok(ChatReply::Rules(self.rules.clone()))
    }

    /// Takes a message away.
    pub(super) fn delete(&mut self, ctx: &mut Context<'_>, id: u64) -> Result<ChatReply, CallError> {
        if ctx.storage().get(&talk::key(id))?.is_none() {
            let reason = format!("the history has no message {id}");
            return Err(CallError::Missing { code: "no_such_message", reason });
        }
        ctx.storage().delete(talk::key(id));
        self.tell(ctx, Whom::Everybody, &[], Told::Deleted { id }.text());
        Ok(ChatReply::Done { done: true })
    }

    /// Keeps a user from speaking.
    pub(super) fn mute(
        &mut self,
        ctx: &mut Context<'_>,
        user: &str,
        seconds: Option<u64>,
    ) -> Result<ChatReply, CallError> {
        let user = Subject::parse(user).map_err(|error| CallError::Invalid(error.to_string()))?;
        if seconds.is_some_and(|seconds| !(1..=MUTE_SECONDS_MAX).contains(&seconds)) {
            return Err(CallError::Invalid(format!("seconds: expected 1 to {MUTE_SECONDS_MAX}, or nothing")));
        }
        let now_ms = ctx.unix_ms();
        if ctx.storage().get(&key(user.as_str()))?.is_none() {
            self.make_place_for_a_mute(ctx, now_ms)?;
            self.mutes += 1;
        }
        let until_ms = seconds.map_or(FOR_EVER, |seconds| now_ms + seconds * 1000);
        ctx.storage().put_as(key(user.as_str()), &until_ms)?;
        let muted = Told::Muted { until_unix_ms: shown(until_ms) };
        self.tell(ctx, Whom::User(user.as_str().to_owned()), &[], muted.text());
        Ok(ChatReply::Done { done: true })
    }

    fn make_place_for_a_mute(&mut self, ctx: &mut Context<'_>, now_ms: u64) -> Result<(), CallError> {
        if self.mutes < MUTES_MAX {
            return Ok(());
        }
        for (key, until) in ctx.storage().list_prefix(MUTE)? {
            if read(&until)? <= now_ms {
                ctx.storage().delete(key);
                self.mutes -= 1;
            }
        }
        if self.mutes < MUTES_MAX {
            return Ok(());
        }
        let reason = format!("{MUTES_MAX} users are muted: unmute some, or mute for a time");
        Err(CallError::Conflict { code: "too_many_mutes", reason })
    }

    /// Lets a user speak again.
    pub(super) fn unmute(&mut self, ctx: &mut Context<'_>, user: &str) -> Result<ChatReply, CallError> {
        if ctx.storage().get(&key(user))?.is_none() {
            let reason = "this user is not muted".to_owned();
            return Err(CallError::Missing { code: "not_muted", reason });
        }
        ctx.storage().delete(key(user));
        self.mutes -= 1;
        self.tell(ctx, Whom::User(user.to_owned()), &[], Told::Unmuted {}.text());
        Ok(ChatReply::Done { done: true })
    }

    /// Whether a user may speak.
    pub(super) fn check_mute(&mut self, ctx: &mut Context<'_>, user: &str) -> Result<(), CallError> {
        if self.mutes == 0 {
            return Ok(());
        }
        match ctx.storage().get_as::<u64>(&key(user))? {
            None => Ok(()),
            Some(until_ms) if until_ms <= ctx.unix_ms() => {
                ctx.storage().delete(key(user));
                self.mutes -= 1;
                Ok(())
            }
            Some(_) => Err(CallError::Forbidden("muted by a moderator".to_owned())),
        }
    }
}

/// Who may not speak.
pub(super) fn list(ctx: &mut Context<'_>) -> Result<ChatReply, CallError> {
    let now_ms = ctx.unix_ms();
    let mut mutes = Vec::new();
    for (key, until) in ctx.storage().list_prefix(MUTE)? {
        let until_ms = read(&until)?;
        if until_ms > now_ms {
            let user = String::from_utf8_lossy(&key[MUTE.len()..]).into_owned();
            mutes.push(Mute { user, until_unix_ms: shown(until_ms) });
        }
    }
    Ok(ChatReply::Mutes { mutes })
}

fn read(until: &[u8]) -> Result<u64, CallError> {
    postcard::from_bytes(until).map_err(|error| CallError::SetAside(error.to_string()))
}
