//! What is known of one key: who does its work, or what that came to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calls::{Kind, Outcome, SingleFlightReply};
use super::errand::Errand;
use crate::classes::waiting::Queue;
use crate::object::context::Context;
use crate::object::contract::{CallError, CallId};
use crate::object::job::JobId;
use crate::object::values::StorageError;

/// What rows of outcomes begin with; those of flights have the kind alone.
const OUTCOME: &str = "outcome/";

/// A key of one of the kinds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) kind: Kind,
    pub(super) key: String,
}

/// One key.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) stored: Stored,
    /// Who waits for what it comes to.
    pub(super) waiting: Queue,
    /// Whose call had the object do it.
    pub(super) first: Option<CallId>,
    /// The call that the object makes now.
    pub(super) job: Option<JobId>,
}

/// What is stored of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    /// Of who does it, or did it.
    pub(super) number: u64,
    pub(super) stage: Stage,
}

/// How far it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Stage {
    /// A caller does it, until a time.
    Led { holder: String, until_ms: u64 },
    /// The object asks another, again and again until it is answered.
    Asked(Errand),
    /// It is done; what it came to lies in a row of its own.
    Kept { until_ms: u64 },
}

impl Id {
    pub(super) fn of(kind: Kind, key: &str) -> Self {
        Self { kind, key: key.to_owned() }
    }

    /// The key of its row, and the name of its alarm.
    pub(super) fn row(&self) -> String {
        let kind = match self.kind {
            Kind::Begin => "begin",
            Kind::Do => "do",
        };
        format!("{kind}/{}", self.key)
    }

    /// What a row or an alarm is of.
    pub(super) fn parse(row: &str) -> Option<Self> {
        match row.split_once('/')? {
            ("begin", key) => Some(Self::of(Kind::Begin, key)),
            ("do", key) => Some(Self::of(Kind::Do, key)),
            _ => None,
        }
    }

    fn outcome(&self) -> String {
        format!("{OUTCOME}{}", self.row())
    }
}

impl Flight {
    pub(super) fn new(stored: Stored) -> Self {
        Self { stored, waiting: Queue::default(), first: None, job: None }
    }

    /// Every flight that is stored.
    pub(super) fn all(ctx: &mut Context<'_>) -> Result<Vec<(Id, Self)>, StorageError> {
        let mut all = Vec::new();
        for kind in [Kind::Begin, Kind::Do] {
            for (row, value) in ctx.storage().list_prefix(Id::of(kind, "").row())? {
                let stored =
                    postcard::from_bytes(&value).map_err(|error| StorageError::Type(error.to_string()))?;
                let id = String::from_utf8(row).ok().and_then(|row| Id::parse(&row));
                let id = id.ok_or_else(|| StorageError::Type("a row has no key".to_owned()))?;
                all.push((id, Self::new(stored)));
            }
        }
        Ok(all)
    }

    /// Whether its time is over, though the alarm that says so has not come yet.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        match &self.stored.stage {
            Stage::Led { until_ms, .. } | Stage::Kept { until_ms } => *until_ms <= now_ms,
            Stage::Asked(_) => false,
        }
    }

    /// What is kept, as it is told.
    pub(super) fn kept(&self, ctx: &mut Context<'_>, id: &Id) -> Result<SingleFlightReply, CallError> {
        let outcome = ctx.storage().get_as(id.outcome().as_bytes())?;
        let outcome = outcome.ok_or_else(|| CallError::SetAside("a result is missing".to_owned()))?;
        told(&outcome, self.stored.number, true)
    }

    /// Stores how far it is, and when to look at it again.
    pub(super) fn store(&self, ctx: &mut Context<'_>, id: &Id, look_ms: u64) -> Result<(), StorageError> {
        ctx.storage().put_as(id.row(), &self.stored)?;
        Ok(ctx.set_alarm(&id.row(), look_ms)?)
    }
}

/// Keeps what a flight came to.
pub(super) fn keep(ctx: &mut Context<'_>, id: &Id, outcome: &Outcome) -> Result<(), StorageError> {
    ctx.storage().put_as(id.outcome(), outcome)
}

/// Forgets everything of a key.
pub(super) fn forget(ctx: &mut Context<'_>, id: &Id) {
    ctx.storage().delete(id.row());
    ctx.storage().delete(id.outcome());
    ctx.cancel_alarm(&id.row());
}

/// What work came to, as it is told.
pub(super) fn told(outcome: &Outcome, number: u64, shared: bool) -> Result<SingleFlightReply, CallError> {
    let read = |text: &str| {
        serde_json::from_str::<Value>(text).map_err(|error| CallError::SetAside(error.to_string()))
    };
    Ok(match outcome {
        Outcome::Result(text) => SingleFlightReply::Result { result: read(text)?, number, shared },
        Outcome::Error(text) => SingleFlightReply::Error { error: read(text)?, number, shared },
    })
}
