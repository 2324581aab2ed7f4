//! The contract of durable objects, rule by rule: a test's name begins with the rule's number.

mod alarms;
mod gate;
mod life;
mod script;
mod simple;
mod storage;
