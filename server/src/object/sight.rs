//! What a handler can look at beside its own memory.

use std::collections::BTreeMap;

use tickstone_shared::time::Moment;

use super::peer::SocketInfo;
use super::resume::ResumeKey;
use super::socket::SocketId;
use super::storage::{AlarmRow, ReadError, Reader};
use super::values::unwritten::Unwritten;

/// Two looks at the wall clock that differ by no more: rounding, and the pull of a time server.
const WALL_DRIFT_MAX_NANOS: u64 = 20_000_000;

/// How far the wall clock is ahead of the monotonic one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wall {
    ahead_nanos: u64,
}

impl Wall {
    /// As read: `unix_ms` when it was `now`. Never ahead of the clock it was read from.
    pub fn new(now: Moment, unix_ms: u64) -> Self {
        Self { ahead_nanos: unix_ms.saturating_mul(1_000_000).saturating_sub(now.0) }
    }

    /// From [`Wall::ahead_nanos`].
    pub fn ahead_by(ahead_nanos: u64) -> Self {
        Self { ahead_nanos }
    }

    /// How far it is ahead.
    pub fn ahead_nanos(self) -> u64 {
        self.ahead_nanos
    }

    /// Somebody set the clock: it did not merely drift, or round.
    pub fn was_set_since(self, before: Wall) -> bool {
        self.ahead_nanos.abs_diff(before.ahead_nanos) > WALL_DRIFT_MAX_NANOS
    }

    /// Milliseconds since 1970 at a moment.
    pub fn unix_ms(self, at: Moment) -> u64 {
        self.ahead_nanos.saturating_add(at.0) / 1_000_000
    }

    /// When it will be this time; never earlier.
    pub fn moment(self, unix_ms: u64) -> Moment {
        Moment(unix_ms.saturating_mul(1_000_000).saturating_sub(self.ahead_nanos))
    }
}

/// What the runtime keeps of an awake object beside the object itself.
#[derive(Debug, Default)]
pub struct Kept {
    /// Its alarms, by name.
    pub alarms: BTreeMap<String, AlarmRow>,
    /// The highest generation of an alarm so far.
    pub alarm_generation: u64,
    /// What it wrote and the disk does not have yet.
    pub unwritten: Unwritten,
    /// Its sockets.
    pub sockets: BTreeMap<SocketId, SocketInfo>,
    /// What their resume tokens are made of.
    pub resume_key: ResumeKey,
}

static NOTHING: Kept = Kept::new();

impl Kept {
    /// Nothing.
    pub const fn new() -> Self {
        Self {
            alarms: BTreeMap::new(),
            alarm_generation: 0,
            unwritten: Unwritten::new(),
            sockets: BTreeMap::new(),
            resume_key: ResumeKey::new([0; 32]),
        }
    }
}

/// Opens what is stored of the object, when it is first asked for.
pub type OpenReader<'a> = &'a dyn Fn() -> Result<Box<dyn Reader + 'a>, ReadError>;

/// What a handler can look at.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// The wall clock.
    pub wall: Wall,
    /// What is kept of the object.
    pub kept: &'a Kept,
    /// What is stored of it; none: this thread never reads the disk.
    pub disk: Option<OpenReader<'a>>,
}

impl Sight<'_> {
    /// Sees nothing: no alarm, no socket, nothing stored.
    pub fn nothing() -> Self {
        Self { wall: Wall::default(), kept: &NOTHING, disk: None }
    }
}
