//! Work that many want done at once, done once: by whoever asked first, or by a call that the object itself makes.
//!
//! Responsible for: who does the work, who waits for it, what it came to and for how long that is kept. Not responsible
//! for: the work. A call that the object makes is made again after a crash, until it is known what it came to.
//!
//! From the top down: [`class`] takes what is asked, [`flight`] is what is known of one key, [`errand`] the calls that
//! the object makes.

mod calls;
mod class;
mod errand;
mod flight;
#[cfg(test)]
mod tests;

pub use calls::{
    Begin, Do, Finish, Forget, Get, Kind, LEASE_SECONDS_MAX, OUTCOME_BYTES_MAX, SingleFlightCall,
    SingleFlightReply, WAIT_SECONDS_MAX,
};
pub use class::{KEYS_MAX, SingleFlight, WAITERS_MAX};
pub use errand::ERRANDS_MAX;
