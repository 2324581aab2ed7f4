//! Wallets: amounts by key, moved within a wallet and to others, and a log of all of it.
//!
//! Responsible for: that no amount is lost and none is there twice, whatever crashes. Not responsible for: what an
//! amount is worth, and who gets a token for a wallet.
//!
//! A transfer to another wallet takes the amount first, and stores that it is on the way. The other wallet is asked
//! to receive it until it has decided, and remembers its decision by the transfer's number. Between two wallets one
//! transfer is on its way at a time, in order of their numbers, so that the newest decision is all to be remembered.

mod calls;
mod class;
#[cfg(test)]
mod crash_tests;
mod log;
mod purses;
mod senders;
#[cfg(test)]
mod tests;
mod transfers;

pub use calls::{Change, Incoming, LogPage, Of, Page, Standing, Transfer, WalletCall, WalletReply};
pub use class::Wallet;
pub use log::{Entry, ID_BYTES_MAX, Kind, LOG_PAGE_MAX};
pub use purses::{AMOUNT_MAX, KEY_BYTES_MAX, KEYS_MAX};
pub use senders::{Decision, Refusal, SENDERS_MAX};
pub use transfers::{ON_THE_WAY_MAX, RETRY_FIRST, RETRY_MAX, WAITING_MAX};
