//! Rate limiters: one object for whatever is limited, so that never one too many is let through.
//!
//! Responsible for: counting what was taken, exactly, and forgetting it once it no longer matters. Not responsible
//! for: who is limited and to what, which whoever asks says.

mod calls;
mod class;
mod http;
#[cfg(test)]
mod tests;
mod usage;

pub use calls::{Algorithm, Durability, LIMIT_MAX, LOG_LIMIT_MAX, RateCall, Take, Verdict, WINDOW_MS_MAX};
pub use class::RateLimiter;
