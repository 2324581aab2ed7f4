//! What goes wrong, and when.

use std::io::ErrorKind;
use std::time::Duration;

use tickstone_server::store::sim_disk::{Refusal, SimDisk};
use tickstone_shared::time::Moment;

use super::rng::Rng;

/// Something that happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process does not run for so long.
    Stall(Duration),
    /// The disk refuses for so long.
    DiskRefuses(Duration),
    /// So many steps panic.
    Panics(u32),
    /// The power goes after so many operations of the disk.
    PowerOff(u64),
    /// A clean end and a new start.
    Drain,
}

/// Which faults a run has.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    rng: Rng,
    panics_left: u32,
    repair_at: Option<Moment>,
}

impl Faults {
    /// The faults of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed, 2), panics_left: 2, repair_at: None }
    }

    /// What happens in this step, if anything.
    pub(crate) fn next(&mut self) -> Option<Fault> {
        let rng = &mut self.rng;
        match rng.below(4000) {
            0..12 => Some(Fault::Stall(Duration::from_millis(rng.between(50, 2000)))),
            12..18 => Some(Fault::DiskRefuses(Duration::from_millis(rng.between(20, 3000)))),
            18..26 if self.panics_left > 0 => {
                let panics = rng.between(1, u64::from(self.panics_left)) as u32;
                self.panics_left -= panics;
                Some(Fault::Panics(panics))
            }
            26..34 => Some(Fault::PowerOff(rng.below(40))),
            34..37 => Some(Fault::Drain),
            _ => None,
        }
    }

    /// The disk begins to refuse.
    pub(crate) fn break_disk(&mut self, disk: &SimDisk, time: Duration, now: Moment) {
        let kind = *self.rng.pick(&[ErrorKind::StorageFull, ErrorKind::Other]).unwrap_or(&ErrorKind::Other);
        let refusal = if self.rng.one_in(4) { Refusal::Once } else { Refusal::UntilRepaired };
        disk.refuse(disk.operations() + self.rng.below(12), refusal, kind);
        self.repair_at = Some(now + time);
    }

    /// The disk works again, if its time has come.
    pub(crate) fn repair_when_due(&mut self, disk: &SimDisk, now: Moment) {
        if self.repair_at.is_some_and(|at| at <= now) {
            self.repair(disk);
        }
    }

    /// The disk works again.
    pub(crate) fn repair(&mut self, disk: &SimDisk) {
        disk.repair();
        self.repair_at = None;
    }
}
