//! What a wallet can be asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::ObjectName;

use super::log::Entry;
use super::senders::Decision;
use crate::object::typed::Methods;

/// The methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletCall {
    /// What there is of a key.
    Balance(Option<Of>),
    /// What there is of every key, and what is on its way to other wallets.
    List,
    /// A page of the log, the newest entries first.
    Log(Option<Page>),
    /// Adds an amount that was in no wallet.
    Deposit(Change),
    /// Takes an amount out, to no other wallet.
    Withdraw(Change),
    /// Moves an amount to another key, or to another wallet.
    Transfer(Transfer),
    /// Another wallet sends an amount; asked by wallets alone.
    Receive(Incoming),
}

/// Which amount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Of {
    /// Its key.
    pub key: String,
}

/// Which entries of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Those before the entry of this number; else the newest.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What comes or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Names it: the same again is the same change.
    pub id: String,
    /// Of this key.
    #[serde(default)]
    pub key: String,
    /// So much.
    pub amount: u64,
}

/// What is moved, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Names it: the same again is the same transfer.
    pub id: String,
    /// From this key.
    #[serde(default)]
    pub key: String,
    /// To this wallet; none: it stays in this one.
    #[serde(default)]
    pub to_wallet: Option<ObjectName>,
    /// To this key.
    #[serde(default)]
    pub to_key: String,
    /// So much.
    pub amount: u64,
}

/// What a wallet sends to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incoming {
    /// Its number in the sender's log.
    pub number: u64,
    /// What the sender was told to call it.
    pub id: String,
    /// To this key.
    pub key: String,
    /// So much.
    pub amount: u64,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// By key, without those that are 0.
    pub balances: BTreeMap<String, u64>,
    /// What has left, and has not been received or refused yet.
    pub on_the_way: Vec<Entry>,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// What goes into `before` for those that follow; none: these were the last.
    pub next: Option<u64>,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WalletReply {
    /// What there is of a key.
    Balance(u64),
    /// What there is.
    Standing(Standing),
    /// A part of the log.
    Log(LogPage),
    /// What a change or a transfer did.
    Done(Box<Entry>),
    /// What became of what another wallet sends.
    Decided(Decision),
}

impl Methods for WalletCall {
    type Reply = WalletReply;
}
