//! The runtime's numbers.

use std::time::Duration;

use crate::object::resume::ResumeKey;

/// Ticks run one after another to catch up, with one broadcast after the last.
pub const CATCH_UP_TICKS_MAX: u32 = 4;
/// Further behind than this, the schedule slips instead.
pub const SLIP_AFTER: Duration = Duration::from_millis(250);
/// A handler that runs longer makes the watchdog move the worker's other objects away.
pub const STUCK_AFTER: Duration = Duration::from_millis(250);
/// A tick worker that owns ticking objects sleeps at most this long, so that its inbox is looked at:
/// about a phase, since inputs are not needed before the next tick.
pub const TICK_POLL: Duration = Duration::from_millis(2);
/// A general worker is woken by what comes; it looks by itself this often at least.
pub const REST_POLL: Duration = Duration::from_millis(50);
/// A tick worker that owns nothing that ticks looks at its queues this often at least.
pub const IDLE_POLL: Duration = Duration::from_millis(5);
/// An answer that takes longer is given up (contract: GATE 2).
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Panics are counted over this long.
pub const PANIC_WINDOW: Duration = Duration::from_secs(60);
/// The panic within the window that sets an object aside.
pub const PANICS_MAX: u32 = 3;
/// Events taken from an inbox before alarms are looked at again.
pub const EVENTS_PER_TURN_MAX: usize = 1024;

/// How the runtime is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who this process is to the store: another number at each start on the same data.
    pub node: u32,
    /// Forget every object's memory after each event, as far as it may be: for tests (contract: LIFE 2).
    pub forgetful: bool,
    /// What resume tokens are made of: to be random.
    pub resume_key: ResumeKey,
    /// How long clients may come back to sockets of the process before this one.
    pub resume_window: Duration,
    /// Sockets of it that are waited for.
    pub returning_max: usize,
    /// What the jitter of retries comes from.
    pub seed: u64,
    /// Threads for objects that tick.
    pub tick_workers: usize,
    /// Threads for the rest.
    pub general_workers: usize,
    /// Workers the watchdog may add when one is stuck and no other of its group is left.
    pub spare_workers: usize,
    /// Events one worker's inbox holds.
    pub inbox_events_max: usize,
    /// Objects the directory holds.
    pub objects_max: usize,
    /// Pin tick workers to processors, one each.
    pub pin_tick_workers: bool,
    /// Ask for SCHED_FIFO on tick workers.
    pub realtime: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: 1,
            forgetful: false,
            resume_key: ResumeKey::default(),
            resume_window: Duration::from_secs(30),
            returning_max: 65_536,
            seed: 0,
            tick_workers: 1,
            general_workers: 1,
            spare_workers: 2,
            inbox_events_max: 8192,
            objects_max: 65_536,
            pin_tick_workers: false,
            realtime: true,
        }
    }
}
