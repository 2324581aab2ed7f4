//! Congestion control with a floor.
//!
//! A match sends its states at the rate of its ticks, whatever the path does: the newest replaces what waits.
//! Cubic alone takes a lost packet for a full queue and shrinks the window below one round trip of states,
//! which then come late for seconds. The floor is what a match of a few players needs over a long path.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};
use quinn_proto::RttEstimator;

/// Bytes that may always be on their way: 64 KB a second over half a second.
const FLOOR_BYTES: u64 = 32 * 1024;

/// Makes a controller for each path.
#[derive(Debug)]
pub(super) struct WithFloor(Arc<CubicConfig>);

impl Default for WithFloor {
    fn default() -> Self {
        let mut cubic = CubicConfig::default();
        cubic.initial_window(FLOOR_BYTES);
        Self(Arc::new(cubic))
    }
}

impl ControllerFactory for WithFloor {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Floored(Arc::clone(&self.0).build(now, current_mtu)))
    }
}

/// Cubic, its window never below the floor.
struct Floored(Box<dyn Controller>);

impl Controller for Floored {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.0.on_sent(now, bytes, last_packet_number);
    }
    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.0.on_ack(now, sent, bytes, app_limited, rtt);
    }
    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.0.on_end_acks(now, in_flight, app_limited, largest);
    }
    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64) {
        self.0.on_congestion_event(now, sent, is_persistent, lost_bytes);
    }
    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.0.on_mtu_update(new_mtu);
    }
    fn window(&self) -> u64 {
        self.0.window().max(FLOOR_BYTES)
    }
    fn metrics(&self) -> ControllerMetrics {
        self.0.metrics()
    }
    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self(self.0.clone_box()))
    }
    fn initial_window(&self) -> u64 {
        self.0.initial_window()
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
