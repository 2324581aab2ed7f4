//! What comes due beside ticks: durable alarms, waits that end, sleep.
//!
//! Awake objects hold their alarms in their worker's queue; those of all others are in the store, ordered by
//! time, and the pump looks there: a million objects with alarms cost no memory.
//! Must never happen here: an alarm that runs before its time.

pub mod alarms;
pub mod pump;
pub mod timers;
