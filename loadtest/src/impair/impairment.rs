//! How bad the network is.

use std::time::Duration;

/// What is done to everything that goes through, each way on its own.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Impairment {
    /// The part of the packets that is lost, 0 to 1.
    pub loss: f64,
    /// How long a packet is on its way.
    pub delay: Duration,
    /// The delay varies evenly by so much in both directions, anew for each packet.
    pub jitter: Duration,
    /// What can happen to datagrams alone.
    pub datagrams: DatagramFaults,
}

/// What TCP would hide: these are done to datagrams only.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DatagramFaults {
    /// The part of the datagrams that arrives twice, 0 to 1.
    pub duplicate: f64,
    /// The part of the datagrams that is held back by `reorder_by`, so that later ones overtake it.
    pub reorder: f64,
    /// How long those are held back.
    pub reorder_by: Duration,
    /// The link's rate; what does not fit waits, and is lost once the queue is full.
    pub bytes_per_second: Option<u64>,
}

impl Impairment {
    /// A network whose round trip takes `delay` more, give or take `jitter`: half of each is added each way.
    /// `loss_percent` of the packets are lost on each way.
    pub fn round_trip(loss_percent: f64, delay: Duration, jitter: Duration) -> Self {
        Self { loss: loss_percent / 100.0, delay: delay / 2, jitter: jitter / 2, ..Self::default() }
    }
}
