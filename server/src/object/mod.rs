//! What a durable object is: the contract between a class and the runtime, sans-io.
//!
//! Responsible for: identity, the handlers, what a handler may ask for (effects), what was stored. Not
//! responsible for: which thread runs a handler, where bytes are kept, how a socket works.
//! Must never happen here: a clock, a file, a lock, an await.
//!
//! [`contract`] has the handlers; [`context`] is what they get. What they ask of it: [`values`] (storage),
//! [`alarm`], [`job`], [`peers`] (sockets), ticks and answers.

pub mod alarm;
pub mod caller;
pub mod class;
pub mod context;
pub mod contract;
pub mod effects;
pub mod gate;
pub mod id;
pub mod job;
pub mod peer;
pub mod peers;
pub mod request;
pub mod resume;
pub mod sight;
pub mod simple;
pub mod socket;
pub mod storage;
pub mod typed;
pub mod values;
