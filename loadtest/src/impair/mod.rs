//! A bad network between bots and a server, on the loopback interface and repeatable from a seed.
//!
//! Responsible for: losing, delaying, doubling and reordering what goes through, over TCP and UDP. Not
//! responsible for: what it is; no byte is read for its meaning, so TLS and QUIC pass as they are.
//!
//! Invariant: what happens to a packet is decided by [`fate`] alone, from a seed and the time it is given;
//! every queue has a limit.

pub mod fate;
pub mod impairment;
pub mod proxy;
pub mod schedule;

mod counts;
mod random;
mod stream;
mod udp;

pub use counts::Counts;
pub use impairment::{DatagramFaults, Impairment};
pub use proxy::{Carrier, Proxy, Way};

pub(crate) use random::Random;
