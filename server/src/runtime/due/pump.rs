//! The pump: looks in the store for alarms of objects that are not awake, and has those woken that are due.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Moment;

use crate::object::id::Identity;
use crate::object::sight::Wall;
use crate::runtime::inbox::Event;
use crate::runtime::pool::Shared;
use crate::runtime::ports::DueAlarm;
use crate::runtime::worker::Worker;

/// It looks at least this often; a look sees as far ahead.
const LOOK: Duration = Duration::from_secs(1);
/// Alarms read at once.
const PAGE: usize = 256;
/// Alarms fired in one look; the rest has its turn in the next, at once.
const PAGES_MAX: usize = 16;

/// When somebody looks next, and that nobody else does meanwhile.
#[derive(Debug, Default)]
pub struct Pump {
    next_look: AtomicU64,
    looking: Mutex<()>,
}

impl Pump {
    /// When it looks next.
    pub fn next_look(&self) -> Moment {
        Moment(self.next_look.load(Ordering::Acquire))
    }

    /// An object that has an alarm at this moment is not awake any more.
    pub fn hint(&self, alarm: Moment) {
        self.next_look.fetch_min(alarm.0, Ordering::AcqRel);
    }
}

/// What a look came to.
enum Looked {
    /// Everything that is due was fired.
    Done,
    /// There may be more, or somebody was overloaded.
    More,
}

impl Worker {
    /// Looks, if it is time and this thread may read the disk.
    pub(in crate::runtime) fn pump_alarms(&self, shared: &Shared, now: Moment) {
        if self.group != WorkerGroup::General || shared.pump.next_look() > now || shared.is_draining() {
            return;
        }
        let Ok(_looking) = shared.pump.looking.try_lock() else { return };
        // First: what is hinted at from here on is not forgotten.
        shared.pump.next_look.store((now + LOOK).0, Ordering::Release);
        match shared.fire_due(self.wall(), now) {
            Ok(Looked::Done) => {}
            Ok(Looked::More) => shared.pump.hint(now + Duration::from_millis(1)),
            Err(error) => tracing::warn!(%error, "the stored alarms cannot be read: tried again in a second"),
        }
        if let Err(error) = shared.end_returns(now) {
            tracing::warn!(%error, "the stored sockets cannot be read: tried again in a second");
        }
    }
}

impl Shared {
    fn fire_due(&self, wall: Wall, now: Moment) -> Result<Looked, crate::object::storage::ReadError> {
        let now_ms = wall.unix_ms(now);
        let horizon = now_ms.saturating_add(LOOK.as_millis() as u64);
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = self.store.due_alarms(after.as_ref(), horizon, PAGE)?;
            for due in &page {
                if due.row.due_ms > now_ms {
                    self.pump.hint(wall.moment(due.row.due_ms));
                    return Ok(Looked::Done);
                }
                if !self.fire(due) {
                    return Ok(Looked::Done);
                }
            }
            if page.len() < PAGE {
                return Ok(Looked::Done);
            }
            after = page.last().map(DueAlarm::key);
        }
        Ok(Looked::More)
    }

    /// Has an object woken for its alarm; one that is awake holds its own. False: too much waits already.
    fn fire(&self, due: &DueAlarm) -> bool {
        let Some((class, _)) = self.classes.get_key_value(due.class.as_str()) else { return true };
        if self.directory.owner(due.object).is_some() {
            return true;
        }
        let identity = Identity { id: due.object, class, name: due.name.clone() };
        self.send(&identity, Event::Alarm).is_ok()
    }
}
