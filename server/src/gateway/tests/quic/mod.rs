//! The gateway over QUIC.

mod hostile;
mod limits;
mod states;
mod talk;

pub(super) use talk::{bytes, hello};
