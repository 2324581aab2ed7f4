//! The amounts of one wallet: in memory, and each in a row of its own.

use std::collections::BTreeMap;

use tickstone_shared::ids::changes_the_line;

use super::senders::Refusal;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::values::StorageError;

/// Keys of one wallet of which there is anything, or anything on its way to another.
pub const KEYS_MAX: usize = 1000;
/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;
/// An amount, and all there is of a key, is at most this: every JSON library reads it exactly.
pub const AMOUNT_MAX: u64 = (1 << 53) - 1;

/// What rows of amounts begin with.
const PREFIX: &str = "balance/";

#[derive(Debug, Clone, Copy, Default)]
struct Purse {
    /// What can be spent.
    free: u64,
    /// What is on its way to others; there is room for it to come back.
    away: u64,
}

/// The amounts by key. What is 0 is not there.
#[derive(Debug, Default)]
pub(super) struct Purses(BTreeMap<String, Purse>);

impl Purses {
    /// As they are stored. What is away is to be said with [`Purses::is_away`].
    pub(super) fn stored(ctx: &mut Context<'_>) -> Result<Self, StorageError> {
        let rows = ctx.storage().list_prefix(PREFIX)?;
        let purse = |(key, value): (Vec<u8>, Vec<u8>)| {
            let key = String::from_utf8(key[PREFIX.len()..].to_vec());
            let key = key.map_err(|error| StorageError::Type(error.to_string()))?;
            let free = postcard::from_bytes(&value).map_err(|error| StorageError::Type(error.to_string()))?;
            Ok((key, Purse { free, away: 0 }))
        };
        Ok(Self(rows.into_iter().map(purse).collect::<Result<_, StorageError>>()?))
    }

    /// So much of a key is on its way, as was stored.
    pub(super) fn is_away(&mut self, key: &str, amount: u64) {
        self.0.entry(key.to_owned()).or_default().away += amount;
    }

    fn purse(&self, key: &str) -> Purse {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// What can be spent of one.
    pub(super) fn of(&self, key: &str) -> u64 {
        self.purse(key).free
    }

    /// What can be spent, by key.
    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        let free = self.0.iter().map(|(key, purse)| (key.clone(), purse.free));
        free.filter(|(_, free)| *free > 0).collect()
    }

    /// Is there room for so much more?
    pub(super) fn room(&self, key: &str, amount: u64) -> Result<(), Refusal> {
        let purse = self.purse(key);
        if purse.free + purse.away + amount > AMOUNT_MAX {
            return Err(Refusal::OutOfRange);
        }
        let is_known = self.0.contains_key(key);
        if is_known || self.0.len() < KEYS_MAX { Ok(()) } else { Err(Refusal::TooManyKeys) }
    }

    /// Is there so much?
    pub(super) fn funds(&self, key: &str, amount: u64) -> Result<(), CallError> {
        let free = self.of(key);
        if free >= amount {
            return Ok(());
        }
        let reason = format!("the balance is {free}: {amount} is more");
        Err(CallError::Conflict { code: "insufficient_funds", reason })
    }

    /// Adds what there is room for; answers what there is then.
    pub(super) fn put(&mut self, ctx: &mut Context<'_>, key: &str, amount: u64) -> Result<u64, CallError> {
        let purse = self.purse(key);
        self.set(ctx, key, Purse { free: purse.free + amount, ..purse })
    }

    /// Takes what there is.
    pub(super) fn take(&mut self, ctx: &mut Context<'_>, key: &str, amount: u64) -> Result<u64, CallError> {
        let purse = self.purse(key);
        self.set(ctx, key, Purse { free: purse.free - amount, ..purse })
    }

    /// Takes what there is; it is on its way then.
    pub(super) fn send(&mut self, ctx: &mut Context<'_>, key: &str, amount: u64) -> Result<u64, CallError> {
        let purse = self.purse(key);
        self.set(ctx, key, Purse { free: purse.free - amount, away: purse.away + amount })
    }

    /// What was on its way has come back.
    pub(super) fn come_back(
        &mut self,
        ctx: &mut Context<'_>,
        key: &str,
        amount: u64,
    ) -> Result<u64, CallError> {
        let purse = self.purse(key);
        self.set(ctx, key, Purse { free: purse.free + amount, away: purse.away - amount })
    }

    /// What was on its way has arrived.
    pub(super) fn arrive(&mut self, key: &str, amount: u64) {
        let purse = self.purse(key);
        self.keep(key, Purse { away: purse.away - amount, ..purse });
    }

    fn set(&mut self, ctx: &mut Context<'_>, key: &str, purse: Purse) -> Result<u64, CallError> {
        let row = format!("{PREFIX}{key}");
        if purse.free == 0 {
            ctx.storage().delete(row);
        } else {
            ctx.storage().put_as(row, &purse.free)?;
        }
        self.keep(key, purse);
        Ok(purse.free)
    }

    fn keep(&mut self, key: &str, purse: Purse) {
        if purse.free == 0 && purse.away == 0 {
            self.0.remove(key);
        } else {
            self.0.insert(key.to_owned(), purse);
        }
    }
}

/// A key that is one.
pub(super) fn check_key(field: &str, key: &str) -> Result<(), CallError> {
    if key.len() > KEY_BYTES_MAX || key.contains(changes_the_line) {
        let reason = format!("{field}: expected at most {KEY_BYTES_MAX} bytes, none of them a control");
        return Err(CallError::Invalid(reason));
    }
    Ok(())
}

/// An amount that is one.
pub(super) fn check_amount(amount: u64) -> Result<(), CallError> {
    if (1..=AMOUNT_MAX).contains(&amount) {
        Ok(())
    } else {
        Err(CallError::Invalid(format!("amount: expected 1 to {AMOUNT_MAX}")))
    }
}
