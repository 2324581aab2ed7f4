//! The class.

use serde_json::Value;

use super::calls::{Change, Incoming, Standing, Transfer, WalletCall, WalletReply};
use super::log::{Entry, Kind, Log, Outcome, check_id};
use super::purses::{Purses, check_amount, check_key};
use super::senders::{Decision, Refusal, Senders};
use super::transfers::{OnTheWay, Transfers, id_of};
use crate::access::scope::{Scope, Verb};
use crate::classes::no_sockets;
use crate::object::alarm::{AlarmError, AlarmFired};
use crate::object::caller::Caller;
use crate::object::context::Context;
use crate::object::contract::{Answer, Call, CallError, CallId, DurableObject, WakeError, WakeReason};
use crate::object::job::{JobId, JobResult};
use crate::object::socket::SocketEvent;
use crate::object::typed::{Typed, from_call, reply_of, to_reply};

/// One wallet.
///
/// A token with a scope is needed for everything: who has one for a wallet sees it and spends what is in it. What
/// makes or destroys amounts wants more than that: a key, or a scope for every wallet.
#[derive(Debug, Default)]
pub struct Wallet {
    purses: Purses,
    log: Log,
    senders: Senders,
    transfers: Transfers,
}

impl Typed for Wallet {
    const CLASS: &'static str = "wallet";
    type Call = WalletCall;
}

impl DurableObject for Wallet {
    fn wake(&mut self, ctx: &mut Context<'_>, _: &WakeReason) -> Result<(), WakeError> {
        self.purses = Purses::stored(ctx)?;
        self.log = Log::stored(ctx)?;
        self.senders = Senders::stored(ctx)?;
        self.transfers = Transfers::stored(ctx, &self.log)?;
        self.transfers.entries().for_each(|entry| self.purses.is_away(&entry.key, entry.amount));
        Ok(())
    }

    fn on_call(&mut self, ctx: &mut Context<'_>, call: Call) -> Result<Answer, CallError> {
        let reply = match from_call(call.method, call.body)? {
            WalletCall::Balance(of) => {
                let key = of.unwrap_or_default().key;
                check_key("key", &key)?;
                WalletReply::Balance(self.purses.of(&key))
            }
            WalletCall::List => WalletReply::Standing(Standing {
                balances: self.purses.all(),
                on_the_way: self.transfers.entries().cloned().collect(),
            }),
            WalletCall::Log(page) => WalletReply::Log(self.log.page(ctx, &page.unwrap_or_default())?),
            WalletCall::Deposit(change) => self.change(ctx, &call.caller, Kind::Deposit, &change)?,
            WalletCall::Withdraw(change) => self.change(ctx, &call.caller, Kind::Withdrawal, &change)?,
            WalletCall::Transfer(transfer) => return self.transfer(ctx, call.id, transfer),
            WalletCall::Receive(incoming) => self.receive(ctx, &call.caller, &incoming)?,
        };
        Ok(Answer::Now(to_reply::<WalletCall>(&reply)?))
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        no_sockets::refuse(ctx, &event);
    }

    fn on_alarm(&mut self, ctx: &mut Context<'_>, _: &AlarmFired) -> Result<(), AlarmError> {
        self.transfers.ask_again(ctx).map_err(|error| AlarmError(error.to_string()))
    }

    /// A wallet has decided, or it is not known whether it has: then the alarm asks again.
    fn on_done(&mut self, ctx: &mut Context<'_>, job: JobId, result: JobResult) {
        let Some(number) = self.transfers.answered(job) else { return };
        match reply_of::<Self>(result) {
            Ok(WalletReply::Decided(decision)) if decision.number == number => {
                self.decided(ctx, decision).expect("what a transfer comes to fits the store");
            }
            other => tracing::debug!(name = %ctx.identity().name, number, ?other, "not decided yet"),
        }
    }
}

impl Wallet {
    /// Adds an amount or takes it away.
    fn change(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        kind: Kind,
        change: &Change,
    ) -> Result<WalletReply, CallError> {
        if !may_make(caller) {
            let reason = "expected a key, or a token whose scope is wallet:*:call".to_owned();
            return Err(CallError::Forbidden(reason));
        }
        let Change { id, key, amount } = change;
        check(id, key, *amount)?;
        let asked = Entry::of(kind, id, key, *amount);
        if let Some((entry, _)) = self.log.known(ctx, &asked)? {
            return Ok(WalletReply::Done(Box::new(entry)));
        }
        let balance = if kind == Kind::Deposit {
            self.purses.room(key, *amount)?;
            self.purses.put(ctx, key, *amount)?
        } else {
            self.purses.funds(key, *amount)?;
            self.purses.take(ctx, key, *amount)?
        };
        self.done(ctx, Entry { balance, ..asked })
    }

    fn done(&mut self, ctx: &mut Context<'_>, entry: Entry) -> Result<WalletReply, CallError> {
        let entry = self.log.add(ctx, entry)?;
        self.log.settle(ctx, &entry, Outcome::Done)?;
        Ok(WalletReply::Done(Box::new(entry)))
    }

    fn transfer(
        &mut self,
        ctx: &mut Context<'_>,
        call: CallId,
        asked: Transfer,
    ) -> Result<Answer, CallError> {
        let Transfer { id, key, to_wallet, to_key, amount } = asked;
        check(&id, &key, amount)?;
        check_key("to_key", &to_key)?;
        let wallet = to_wallet.filter(|to| id_of(to) != ctx.identity().id);
        let kind = if wallet.is_some() { Kind::Sent } else { Kind::Move };
        let asked = Entry { wallet, to_key: Some(to_key), ..Entry::of(kind, &id, &key, amount) };
        match self.log.known(ctx, &asked)? {
            None if kind == Kind::Sent => self.send(ctx, call, asked),
            None => {
                let reply = self.shift(ctx, asked)?;
                Ok(Answer::Now(to_reply::<WalletCall>(&reply)?))
            }
            Some((entry, Outcome::OnTheWay)) => {
                self.transfers.wait(entry.entry, call)?;
                Ok(Answer::Later)
            }
            Some((entry, Outcome::Done)) => Ok(Answer::Now(done(&entry)?)),
            Some((_, Outcome::Refused(refusal))) => Err(refusal.into()),
        }
    }

    /// From one key to another.
    fn shift(&mut self, ctx: &mut Context<'_>, asked: Entry) -> Result<WalletReply, CallError> {
        let to_key = asked.to_key.clone().unwrap_or_default();
        if to_key == asked.key {
            return Err(CallError::Invalid("to_key: expected another key, or another wallet".to_owned()));
        }
        self.purses.funds(&asked.key, asked.amount)?;
        self.purses.room(&to_key, asked.amount)?;
        let balance = self.purses.take(ctx, &asked.key, asked.amount)?;
        let to_balance = Some(self.purses.put(ctx, &to_key, asked.amount)?);
        self.done(ctx, Entry { balance, to_balance, ..asked })
    }

    /// To another wallet: what is taken here and what is on its way are one commit, and only then is it asked.
    fn send(&mut self, ctx: &mut Context<'_>, call: CallId, asked: Entry) -> Result<Answer, CallError> {
        self.purses.funds(&asked.key, asked.amount)?;
        self.transfers.room()?;
        let balance = self.purses.send(ctx, &asked.key, asked.amount)?;
        let entry = self.log.add(ctx, Entry { balance, ..asked })?;
        self.log.settle(ctx, &entry, Outcome::OnTheWay)?;
        self.transfers.leave(ctx, entry, call)?;
        Ok(Answer::Later)
    }

    /// Another wallet sends something, perhaps not for the first time.
    fn receive(
        &mut self,
        ctx: &mut Context<'_>,
        caller: &Caller,
        incoming: &Incoming,
    ) -> Result<WalletReply, CallError> {
        let Caller::Object { class: Self::CLASS, name } = caller else {
            let reason = "wallets alone send; expected transfer of the sender's wallet".to_owned();
            return Err(CallError::Forbidden(reason));
        };
        let (sender, number) = (id_of(name), incoming.number);
        let newest = self.senders.newest(ctx, sender)?;
        match newest {
            Some(known) if known.number == number => return Ok(WalletReply::Decided(known)),
            // Its sender has this one's decision already: it was asked again before that came.
            Some(known) if known.number > number => return Err(CallError::Over),
            None if self.senders.is_full() => {
                let refused = Some(Refusal::TooManySenders);
                return Ok(WalletReply::Decided(Decision { number, refused }));
            }
            _ => {}
        }
        let decision = Decision { number, refused: self.purses.room(&incoming.key, incoming.amount).err() };
        if decision.refused.is_none() {
            let balance = self.purses.put(ctx, &incoming.key, incoming.amount)?;
            let entry = Entry::of(Kind::Received, &incoming.id, &incoming.key, incoming.amount);
            self.log.add(ctx, Entry { balance, wallet: Some(name.clone()), ..entry })?;
        }
        self.senders.decide(ctx, (sender, newest.is_none()), decision)?;
        Ok(WalletReply::Decided(decision))
    }

    /// The other wallet has decided: for this wallet the transfer ends, and the next one may begin.
    fn decided(&mut self, ctx: &mut Context<'_>, decision: Decision) -> Result<(), CallError> {
        let Some(OnTheWay { entry, waiting, .. }) = self.transfers.end(ctx, decision.number) else {
            return Ok(());
        };
        let answer = match decision.refused {
            None => {
                self.purses.arrive(&entry.key, entry.amount);
                self.log.settle(ctx, &entry, Outcome::Done)?;
                done(&entry)
            }
            Some(refusal) => {
                let balance = self.purses.come_back(ctx, &entry.key, entry.amount)?;
                self.log.settle(ctx, &entry, Outcome::Refused(refusal))?;
                self.log.add(ctx, Entry { kind: Kind::Returned, balance, ..entry })?;
                Err(refusal.into())
            }
        };
        waiting.into_iter().for_each(|call| ctx.reply(call, answer.clone()));
        self.transfers.ask(ctx)
    }
}

fn done(entry: &Entry) -> Result<Value, CallError> {
    to_reply::<WalletCall>(&WalletReply::Done(Box::new(entry.clone())))
}

fn check(id: &str, key: &str, amount: u64) -> Result<(), CallError> {
    check_id(id)?;
    check_key("key", key)?;
    check_amount(amount)
}

/// Who may add what was in no wallet, and take away to none.
fn may_make(caller: &Caller) -> bool {
    let has_every = |scope: &Scope| scope.allows_all(Wallet::CLASS, Verb::Call);
    match caller {
        Caller::Operator | Caller::Object { .. } => true,
        Caller::User { scopes, .. } => scopes.iter().any(has_every),
        Caller::Anonymous => false,
    }
}
