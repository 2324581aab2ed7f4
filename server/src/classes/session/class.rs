//! The class.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::calls::{Create, Of, SessionCall, SessionReply};
use super::token::{Secrets, fresh, hash_of, of_the_system};
use crate::access::scope::{Access, ClassAccess};
use crate::classes::no_sockets;
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::class::ClassRules;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, Class, DurableObject, WakeError, WakeReason};
use crate::object::id::Identity;
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, to_reply};
use crate::object::values::StorageError;

/// A session nobody asks for lasts at least so long.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// And at most so much longer: it is stored anew at most once in this time, however often it is asked for.
pub const SLACK: Duration = Duration::from_secs(60);
/// Sessions of one object; one more ends the one that would end first.
pub const SESSIONS_MAX: usize = 64;

/// The alarm at the earliest end of a session.
const END: &str = "end";
/// What rows of sessions begin with; the hash follows.
const PREFIX: &str = "session/";

/// The class `session`. Operators' keys alone: whoever makes a session has checked who its user is, and asks for it on
/// their behalf.
#[derive(Clone)]
pub struct SessionClass {
    secrets: Secrets,
}

impl SessionClass {
    /// With random bits from here.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets }
    }
}

impl Default for SessionClass {
    fn default() -> Self {
        Self::new(of_the_system())
    }
}

impl Class for SessionClass {
    fn name(&self) -> &'static str {
        Sessions::CLASS
    }

    fn instantiate(&self, _: &Identity) -> Box<dyn DurableObject> {
        Box::new(Sessions { secrets: self.secrets.clone(), sessions: Vec::new() })
    }

    fn rules(&self) -> ClassRules {
        ClassRules { access: ClassAccess::all(Access::Admin), ..ClassRules::default() }
    }
}

/// The sessions of one user, or of whatever the object's name says.
pub struct Sessions {
    secrets: Secrets,
    /// By when they end: the first is over first.
    sessions: Vec<Session>,
}

struct Session {
    hash: blake3::Hash,
    stored: Stored,
}

/// What is stored of a session, beside the hash of its token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    created_ms: u64,
    expires_ms: u64,
    /// JSON.
    data: String,
}

impl Typed for Sessions {
    const CLASS: &'static str = "session";
    type Call = SessionCall;
}

impl DurableObject for Sessions {
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        for (key, value) in ctx.storage().list_prefix(PREFIX)? {
            let unreadable = |why: String| StorageError::Type(why);
            let hash = <[u8; 32]>::try_from(&key[PREFIX.len()..]).map_err(|e| unreadable(e.to_string()))?;
            let stored = postcard::from_bytes(&value).map_err(|error| unreadable(error.to_string()))?;
            self.sessions.push(Session { hash: hash.into(), stored });
        }
        self.sessions.sort_by_key(|session| session.stored.expires_ms);
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let reply = match from_call(call.method, call.body)? {
            SessionCall::Create(create) => self.create(ctx, &create.unwrap_or_default())?,
            SessionCall::Get(Of { token }) => self.seen(ctx, &token)?,
            SessionCall::Invalidate(Of { token }) => {
                let place = self.find(ctx, &token)?;
                self.end(ctx, place..place + 1)
            }
            SessionCall::InvalidateAll => {
                let over = self.over(ctx.unix_ms());
                self.end(ctx, 0..over);
                self.end(ctx, 0..self.sessions.len())
            }
        };
        Ok(Answer::Now(to_reply::<SessionCall>(&reply)?))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        no_sockets::refuse(ctx, &event);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        let over = self.over(ctx.unix_ms());
        self.end(ctx, 0..over);
        if let Some(next) = self.sessions.first() {
            ctx.set_alarm(END, next.stored.expires_ms)?;
        }
        Ok(())
    }
}

impl Sessions {
    fn create(&mut self, ctx: &mut Context<'_>, create: &Create) -> Result<SessionReply, CallError> {
        let data = create.checked()?;
        let (token, now_ms) = (fresh(&self.secrets), ctx.unix_ms());
        if self.sessions.len() >= SESSIONS_MAX {
            self.end(ctx, 0..1);
        }
        let expires_unix_ms = expiry(now_ms);
        let stored = Stored { created_ms: now_ms, expires_ms: expires_unix_ms, data };
        self.keep(ctx, Session { hash: hash_of(&token), stored });
        // It ends after all others: an alarm that is set is early enough.
        if ctx.alarm(END).is_none() {
            ctx.set_alarm(END, expires_unix_ms)?;
        }
        Ok(SessionReply::Created { token, expires_unix_ms })
    }

    /// Somebody was seen: their session goes on. It is stored only where that is worth it, and the alarm, which is
    /// early now, looks again when it fires.
    fn seen(&mut self, ctx: &mut Context<'_>, token: &str) -> Result<SessionReply, CallError> {
        let place = self.find(ctx, token)?;
        let now_ms = ctx.unix_ms();
        let mut stored = self.sessions[place].stored.clone();
        if stored.expires_ms < now_ms + millis(IDLE) {
            stored.expires_ms = expiry(now_ms);
            let hash = self.sessions.remove(place).hash;
            self.keep(ctx, Session { hash, stored: stored.clone() });
        }
        let data =
            serde_json::from_str(&stored.data).map_err(|error| CallError::SetAside(error.to_string()))?;
        let (created_unix_ms, expires_unix_ms) = (stored.created_ms, stored.expires_ms);
        Ok(SessionReply::Session { data, created_unix_ms, expires_unix_ms })
    }

    fn keep(&mut self, ctx: &mut Context<'_>, session: Session) {
        ctx.storage().put_as(row(&session.hash), &session.stored).expect("a session fits a value");
        let later = |other: &Session| other.stored.expires_ms <= session.stored.expires_ms;
        let place = self.sessions.partition_point(later);
        self.sessions.insert(place, session);
    }

    /// Ends some of them. With the last of all nothing stays stored.
    fn end(&mut self, ctx: &mut Context<'_>, places: std::ops::Range<usize>) -> SessionReply {
        let ended: Vec<_> = self.sessions.drain(places).map(|session| row(&session.hash)).collect();
        let reply = SessionReply::Ended { ended: ended.len() };
        if self.sessions.is_empty() && !ended.is_empty() {
            ctx.storage().delete_all();
        } else {
            ctx.storage().delete_keys(ended);
        }
        reply
    }

    /// How many of them are over.
    fn over(&self, now_ms: u64) -> usize {
        self.sessions.partition_point(|session| session.stored.expires_ms <= now_ms)
    }

    /// The place of a session that is not over. Every hash is compared, each in constant time, and who offers a wrong
    /// token does not learn whether it was one.
    fn find(&self, ctx: &Context<'_>, token: &str) -> Result<usize, CallError> {
        let offered = hash_of(token);
        let mut found = None;
        for (place, session) in self.sessions.iter().enumerate() {
            if session.hash == offered {
                found = Some(place);
            }
        }
        found.filter(|place| *place >= self.over(ctx.unix_ms())).ok_or_else(|| CallError::Missing {
            code: "no_such_session",
            reason: "there is no such session, or it is over".to_owned(),
        })
    }
}

fn row(hash: &blake3::Hash) -> Vec<u8> {
    [PREFIX.as_bytes(), hash.as_bytes()].concat()
}

const fn millis(time: Duration) -> u64 {
    time.as_secs() * 1000
}

fn expiry(now_ms: u64) -> u64 {
    now_ms + millis(IDLE) + millis(SLACK)
}
