//! The contract of durable objects, rule by rule: a test's name begins with the rule's number.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

mod alarms;
mod gate;
mod life;
mod restoring;
mod returning;
mod script;
mod simple;
mod storage;
mod typed;
