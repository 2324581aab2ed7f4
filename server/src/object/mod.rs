//! What a durable object is: the contract between a class and the runtime, sans-io.
//!
//! Responsible for: identity, the handlers, what a handler may ask for (effects), what was stored. Not
//! responsible for: which thread runs a handler, where bytes are kept, how a socket works.
//! Must never happen here: a clock, a file, a lock, an await.
//!
//! The place of what comes later: durable named alarms beside [`effects::Control::StartTicks`], jobs beside
//! [`contract::Call`], hibernation beside [`contract::WakeReason`].

pub mod caller;
pub mod context;
pub mod contract;
pub mod effects;
pub mod gate;
pub mod id;
pub mod id_map;
pub mod peer;
pub mod socket;
pub mod storage;
