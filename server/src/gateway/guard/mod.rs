//! What keeps strangers from harming players: limits per address, and checks before anything costs much.
//!
//! Responsible for: who may connect and how often, what is looked at of every request, frames counted below
//! the frame reader, and counting what was refused.
//! Not responsible for: what a message means, tokens, timeouts of connections that are in.
//!
//! Invariant: everything here is in memory and bounded; nothing a stranger does writes to the disk.

mod addresses;
pub(super) mod admission;
mod frame_meter;
mod origin;
mod plain_text;
mod refusals;
mod request;

pub(super) use addresses::{Addresses, Crowded, Stranger, Visitor};
pub(super) use frame_meter::{Arriving, FrameMeter};
pub(super) use origin::is_allowed as is_origin_allowed;
pub(super) use plain_text::strip as strip_text;
pub(super) use refusals::{Refusals, RefusedFor};
pub(super) use request::check as check_request;
