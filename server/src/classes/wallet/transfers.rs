//! Transfers to other wallets that are on their way: which of them are asked for, and who waits for an answer.
//!
//! Who waits is in memory alone; the transfers themselves are stored, and an alarm asks again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tickstone_shared::ids::ObjectName;

use super::calls::{Incoming, WalletCall};
use super::class::Wallet;
use super::log::{Entry, Log};
use crate::object::context::Context;
use crate::object::contract::{CallError, CallId};
use crate::object::id::{Identity, ObjectId};
use crate::object::job::JobId;
use crate::object::typed::Typed as _;
use crate::object::values::StorageError;

/// Transfers of one wallet that are on their way.
pub const ON_THE_WAY_MAX: usize = 64;
/// Callers who wait for one transfer.
pub const WAITING_MAX: usize = 16;
/// A wallet that did not answer is asked again after this, and each time after twice as long.
pub const RETRY_FIRST: Duration = Duration::from_secs(1);
/// At most so long.
pub const RETRY_MAX: Duration = Duration::from_secs(256);

/// The alarm that asks again.
const ALARM: &str = "transfers";
/// What rows of transfers begin with.
const PREFIX: &str = "sent/";

/// A transfer on its way.
#[derive(Debug)]
pub(super) struct OnTheWay {
    pub(super) entry: Entry,
    pub(super) waiting: Vec<CallId>,
    to: ObjectId,
    /// How often it was asked again.
    retries: u32,
}

/// Every transfer on its way, by number.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    all: BTreeMap<u64, OnTheWay>,
    asked: BTreeMap<JobId, u64>,
}

impl Transfers {
    /// As they are stored.
    pub(super) fn stored(ctx: &mut Context<'_>, log: &Log) -> Result<Self, StorageError> {
        let mut all = BTreeMap::new();
        for (_, value) in ctx.storage().list_prefix(PREFIX)? {
            let stored = postcard::from_bytes(&value).map_err(|error| StorageError::Type(error.to_string()));
            let (number, retries) = stored?;
            let entry = log.entry(ctx, number)?;
            let to = receiver(&entry).ok_or_else(|| StorageError::Type("it went nowhere".to_owned()))?;
            all.insert(number, OnTheWay { entry, waiting: Vec::new(), to: id_of(&to), retries });
        }
        Ok(Self { all, asked: BTreeMap::new() })
    }

    /// What is on its way.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.all.values().map(|transfer| &transfer.entry)
    }

    /// Is there room for one more?
    pub(super) fn room(&self) -> Result<(), CallError> {
        if self.all.len() < ON_THE_WAY_MAX {
            return Ok(());
        }
        let reason = format!("{ON_THE_WAY_MAX} transfers of this wallet are on their way");
        Err(CallError::Conflict { code: "too_many_on_the_way", reason })
    }

    /// One more leaves.
    pub(super) fn leave(
        &mut self,
        ctx: &mut Context<'_>,
        entry: Entry,
        caller: CallId,
    ) -> Result<(), CallError> {
        let to = receiver(&entry).ok_or(CallError::NotFound)?;
        let transfer = OnTheWay { entry, waiting: vec![caller], to: id_of(&to), retries: 0 };
        store(ctx, &transfer)?;
        self.all.insert(transfer.entry.entry, transfer);
        self.ask(ctx)
    }

    /// Waits for one that is on its way.
    pub(super) fn wait(&mut self, number: u64, caller: CallId) -> Result<(), CallError> {
        let transfer = self.all.get_mut(&number).ok_or(CallError::Reset)?;
        if transfer.waiting.len() >= WAITING_MAX {
            return Err(CallError::Overloaded);
        }
        transfer.waiting.push(caller);
        Ok(())
    }

    /// Asks every wallet to receive what is next for it, unless it is asked already.
    pub(super) fn ask(&mut self, ctx: &mut Context<'_>) -> Result<(), CallError> {
        for number in self.first_of_each() {
            if self.asked.values().any(|asked| *asked == number) {
                continue;
            }
            let entry = &self.all[&number].entry;
            let (Some(to), Some(key)) = (receiver(entry), entry.to_key.clone()) else { continue };
            let incoming = Incoming { number, id: entry.id.clone(), key, amount: entry.amount };
            let job = ctx.ask::<Wallet>(to, &WalletCall::Receive(incoming))?;
            self.asked.insert(job, number);
        }
        self.arm(ctx)
    }

    /// An order to ask has ended: which transfer it was for.
    pub(super) fn answered(&mut self, job: JobId) -> Option<u64> {
        self.asked.remove(&job)
    }

    /// One is no longer on its way.
    pub(super) fn end(&mut self, ctx: &mut Context<'_>, number: u64) -> Option<OnTheWay> {
        let ended = self.all.remove(&number)?;
        ctx.storage().delete(row(number));
        Some(ended)
    }

    /// It is time to ask again.
    pub(super) fn ask_again(&mut self, ctx: &mut Context<'_>) -> Result<(), CallError> {
        for number in self.first_of_each() {
            if let Some(transfer) = self.all.get_mut(&number) {
                transfer.retries = transfer.retries.saturating_add(1);
                store(ctx, transfer)?;
            }
        }
        self.ask(ctx)
    }

    /// The transfers that their wallets are to receive next.
    fn first_of_each(&self) -> Vec<u64> {
        let mut wallets = BTreeSet::new();
        let firsts = self.all.iter().filter(|(_, transfer)| wallets.insert(transfer.to));
        firsts.map(|(number, _)| *number).collect()
    }

    /// While anything is on its way there is an alarm, for the one that is to be asked again first.
    fn arm(&self, ctx: &mut Context<'_>) -> Result<(), CallError> {
        let (now, at) = (ctx.unix_ms(), ctx.alarm(ALARM));
        let retries = self.first_of_each().iter().map(|number| self.all[number].retries).min();
        let wait = |retries: u32| RETRY_FIRST.saturating_mul(1 << retries.min(16)).min(RETRY_MAX);
        match retries.map(|retries| now + wait(retries).as_millis() as u64) {
            Some(next) if at.is_none_or(|at| next < at) => ctx.set_alarm(ALARM, next)?,
            None if at.is_some() => ctx.cancel_alarm(ALARM),
            _ => {}
        }
        Ok(())
    }
}

fn store(ctx: &mut Context<'_>, transfer: &OnTheWay) -> Result<(), StorageError> {
    let number = transfer.entry.entry;
    ctx.storage().put_as(row(number), &(number, transfer.retries))
}

fn receiver(entry: &Entry) -> Option<ObjectName> {
    entry.wallet.clone()
}

/// Who a wallet is, by whatever name it is called.
pub(super) fn id_of(name: &ObjectName) -> ObjectId {
    Identity::named(Wallet::CLASS, name.clone()).id
}

fn row(number: u64) -> String {
    format!("{PREFIX}{number:020}")
}
