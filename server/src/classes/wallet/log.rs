//! The log of a wallet: it only grows, and says what became of every id that a change or a transfer had.

use std::num::NonZeroUsize;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{ObjectName, changes_the_line};

use super::calls::{LogPage, Page};
use super::senders::Refusal;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::storage::Range;
use crate::object::values::{Row, StorageError};

/// Bytes of an id.
pub const ID_BYTES_MAX: usize = 128;
/// Entries of a page.
pub const LOG_PAGE_MAX: usize = 100;
/// Entries of a page, unless somebody says how many.
const LOG_PAGE: usize = 20;

/// What rows of entries begin with.
const ENTRIES: &str = "log/";
/// What rows of ids begin with.
const IDS: &str = "id/";

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An amount that was in no wallet.
    Deposit,
    /// An amount that is in no wallet any more.
    Withdrawal,
    /// From one key to another.
    Move,
    /// To another wallet.
    Sent,
    /// From another wallet.
    Received,
    /// Not taken by the other wallet: it is here again.
    Returned,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub entry: u64,
    /// When, in ms since 1970.
    pub at_unix_ms: u64,
    /// What it is about.
    pub kind: Kind,
    /// What whoever asked called it.
    pub id: String,
    /// The key here.
    pub key: String,
    /// How much.
    pub amount: u64,
    /// What there was of the key afterwards.
    pub balance: u64,
    /// The other wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<ObjectName>,
    /// The key it went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_key: Option<String>,
    /// What there was of that key afterwards, if it is of this wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_balance: Option<u64>,
}

impl Entry {
    /// One that is not in the log yet.
    pub(super) fn of(kind: Kind, id: &str, key: &str, amount: u64) -> Self {
        Self {
            entry: 0,
            at_unix_ms: 0,
            kind,
            id: id.to_owned(),
            key: key.to_owned(),
            amount,
            balance: 0,
            wallet: None,
            to_key: None,
            to_balance: None,
        }
    }

    /// Was the same asked for?
    fn asks_the_same(&self, other: &Entry) -> bool {
        let asked = |of: &Entry| (of.kind, of.key.clone(), of.amount, of.wallet.clone(), of.to_key.clone());
        asked(self) == asked(other)
    }
}

/// What became of what had an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// The other wallet has not decided yet.
    OnTheWay,
    /// The other wallet did not take it.
    Refused(Refusal),
}

/// The log.
#[derive(Debug)]
pub(super) struct Log {
    /// The number of the next entry.
    next: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { next: 1 }
    }
}

impl Log {
    /// As it is stored.
    pub(super) fn stored(ctx: &mut Context<'_>) -> Result<Self, StorageError> {
        let last = Range {
            prefix: ENTRIES.into(),
            reverse: true,
            limit: Some(NonZeroUsize::MIN),
            ..Range::default()
        };
        let last = ctx.storage().list(&last)?.first().map(parsed::<Entry>).transpose()?;
        Ok(Self { next: last.map_or(1, |entry| entry.entry + 1) })
    }

    /// What is known of an id; an error where it was for something else.
    pub(super) fn known(
        &self,
        ctx: &mut Context<'_>,
        asked: &Entry,
    ) -> Result<Option<(Entry, Outcome)>, CallError> {
        let key = format!("{IDS}{}", asked.id);
        let Some((number, outcome)) = ctx.storage().get_as(key.as_bytes())? else { return Ok(None) };
        let entry = self.entry(ctx, number)?;
        if entry.asks_the_same(asked) {
            return Ok(Some((entry, outcome)));
        }
        let reason = "this id has been used for something else".to_owned();
        Err(CallError::Conflict { code: "id_used", reason })
    }

    /// An entry by its number.
    pub(super) fn entry(&self, ctx: &mut Context<'_>, number: u64) -> Result<Entry, StorageError> {
        let key = row(number);
        let value = ctx.storage().get(&key)?;
        let value = value.ok_or_else(|| StorageError::Type("an entry of the log is missing".to_owned()))?;
        parsed(&(key, value))
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, ctx: &mut Context<'_>, entry: Entry) -> Result<Entry, StorageError> {
        let entry = Entry { entry: self.next, at_unix_ms: ctx.unix_ms(), ..entry };
        let value = serde_json::to_vec(&entry).map_err(|error| StorageError::Type(error.to_string()))?;
        ctx.storage().put(row(entry.entry), value)?;
        self.next += 1;
        Ok(entry)
    }

    /// Says what became of an entry's id.
    pub(super) fn settle(
        &self,
        ctx: &mut Context<'_>,
        entry: &Entry,
        outcome: Outcome,
    ) -> Result<(), StorageError> {
        ctx.storage().put_as(format!("{IDS}{}", entry.id), &(entry.entry, outcome))
    }

    /// A page, the newest first.
    pub(super) fn page(&self, ctx: &mut Context<'_>, page: &Page) -> Result<LogPage, CallError> {
        let limit = page.limit.unwrap_or(LOG_PAGE);
        let wanted = NonZeroUsize::new(limit).filter(|limit| limit.get() <= LOG_PAGE_MAX);
        let limit =
            wanted.ok_or_else(|| CallError::Invalid(format!("limit: expected 1 to {LOG_PAGE_MAX}")))?;
        let range = Range {
            prefix: ENTRIES.into(),
            end: page.before.map(row),
            reverse: true,
            limit: Some(limit),
            ..Range::default()
        };
        let rows = ctx.storage().list(&range)?;
        let entries = rows.iter().map(parsed::<Entry>).collect::<Result<Vec<_>, _>>()?;
        let next = entries.last().map(|entry| entry.entry).filter(|number| *number > 1);
        Ok(LogPage { entries, next })
    }
}

fn row(number: u64) -> Vec<u8> {
    format!("{ENTRIES}{number:020}").into_bytes()
}

fn parsed<T: DeserializeOwned>((_, value): &Row) -> Result<T, StorageError> {
    serde_json::from_slice(value).map_err(|error| StorageError::Type(error.to_string()))
}

/// An id that is one.
pub(super) fn check_id(id: &str) -> Result<(), CallError> {
    if (1..=ID_BYTES_MAX).contains(&id.len()) && !id.contains(changes_the_line) {
        return Ok(());
    }
    Err(CallError::Invalid(format!("id: expected 1 to {ID_BYTES_MAX} bytes, none of them a control")))
}
