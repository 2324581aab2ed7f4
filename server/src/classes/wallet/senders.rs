//! Wallets that have sent something here: the newest decision for each, so that what is asked again is answered
//! again and never received again.

use serde::{Deserialize, Serialize};

use super::purses::{AMOUNT_MAX, KEYS_MAX};
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::id::ObjectId;
use crate::object::values::StorageError;

/// Wallets that one wallet receives from. A row of less than 100 bytes for each stays for ever.
pub const SENDERS_MAX: u64 = 1_000_000;

/// What rows of decisions begin with.
const PREFIX: &str = "from/";
/// Where it is stored how many there are.
const COUNT: &[u8] = b"senders";

/// Why a wallet does not take an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There would be more of the key than can be counted.
    OutOfRange,
    /// It has as many keys as it may.
    TooManyKeys,
    /// It receives from as many wallets as it may.
    TooManySenders,
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        let (code, reason) = match refusal {
            Refusal::OutOfRange => ("out_of_range", format!("there is at most {AMOUNT_MAX} of a key")),
            Refusal::TooManyKeys => ("too_many_keys", format!("a wallet has at most {KEYS_MAX} keys")),
            Refusal::TooManySenders => {
                ("too_many_senders", format!("a wallet receives from at most {SENDERS_MAX} others"))
            }
        };
        CallError::Conflict { code, reason }
    }
}

/// What became of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Its number.
    pub number: u64,
    /// Why it was not received; none: it was.
    pub refused: Option<Refusal>,
}

/// Whom there are decisions for.
#[derive(Debug, Default)]
pub(super) struct Senders {
    count: u64,
}

impl Senders {
    /// As they are stored.
    pub(super) fn stored(ctx: &mut Context<'_>) -> Result<Self, StorageError> {
        Ok(Self { count: ctx.storage().get_as(COUNT)?.unwrap_or_default() })
    }

    /// The newest decision for a sender.
    pub(super) fn newest(
        &self,
        ctx: &mut Context<'_>,
        sender: ObjectId,
    ) -> Result<Option<Decision>, StorageError> {
        ctx.storage().get_as(row(sender).as_bytes())
    }

    /// Is there room for one more? Once there is none there never is again, so this refusal need not be stored.
    pub(super) fn is_full(&self) -> bool {
        self.count >= SENDERS_MAX
    }

    /// Remembers a decision instead of the one before.
    pub(super) fn decide(
        &mut self,
        ctx: &mut Context<'_>,
        (sender, is_new): (ObjectId, bool),
        decision: Decision,
    ) -> Result<(), StorageError> {
        ctx.storage().put_as(row(sender), &decision)?;
        if is_new {
            ctx.storage().put_as(COUNT, &(self.count + 1))?;
            self.count += 1;
        }
        Ok(())
    }
}

/// By its id: a wallet that is called by its id is the one that is called by its name.
fn row(sender: ObjectId) -> String {
    format!("{PREFIX}{sender}")
}
