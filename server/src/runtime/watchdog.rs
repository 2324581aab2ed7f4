//! Sees a worker that has been in one handler for too long, names the object, and moves the others away.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tickstone_shared::sim::game::WorkerGroup;
use tickstone_shared::time::Moment;

use super::pool::{Shared, is_active};
use super::settings::{STUCK_AFTER, Settings};
use super::threads;
use super::worker::Worker;
use crate::clock::SystemClock;

/// How often the watchdog looks.
const PATROL: Duration = Duration::from_millis(100);

/// Starts the watchdog's thread.
pub(super) fn spawn(
    shared: &Arc<Shared>,
    clock: &Arc<SystemClock>,
    settings: &Settings,
) -> io::Result<JoinHandle<()>> {
    let (shared, clock, settings) = (Arc::clone(shared), Arc::clone(clock), settings.clone());
    Builder::new().name("watchdog".to_owned()).spawn(move || {
        while !shared.stopping.load(Ordering::Relaxed) {
            let now = shared.clock.now();
            patrol(&shared, now, || start_spare(&shared, &clock, &settings));
            clock.sleep_until(now + PATROL);
        }
    })
}

/// One look at every worker. `start_spare` brings a spare to life when a stuck one has no colleague.
pub fn patrol(shared: &Shared, now: Moment, mut start_spare: impl FnMut() -> bool) {
    for worker in shared.workers.iter().filter(|worker| is_active(worker)) {
        if worker.busy_for(now).is_some_and(|busy| busy >= STUCK_AFTER) {
            relieve(shared, worker, now, &mut start_spare);
        }
    }
}

fn relieve(shared: &Shared, worker: &Worker, now: Moment, start_spare: &mut impl FnMut() -> bool) {
    let busy_slot = worker.busy_slot.load(Ordering::Relaxed);
    let culprit = worker.core().slots.get(busy_slot).and_then(|slot| slot.identity.clone());
    let others = worker.load.load(Ordering::Relaxed).saturating_sub(1);
    if others == 0 {
        return;
    }
    if worker.group == WorkerGroup::Tick && shared.refuge(worker).is_none() && !start_spare() {
        return;
    }
    let moved = worker.evacuate(shared, busy_slot);
    if moved > 0 {
        shared.metrics.worker_stalls.inc();
        tracing::error!(
            worker = worker.id.0,
            object = culprit.map(|identity| identity.name.to_string()),
            busy_ms = worker.busy_for(now).map(|busy| busy.as_millis() as u64),
            moved,
            "a handler does not return: the worker's other objects have been moved away"
        );
    }
}

fn start_spare(shared: &Arc<Shared>, clock: &Arc<SystemClock>, settings: &Settings) -> bool {
    let Some(spare) = shared.workers.iter().find(|worker| !is_active(worker)) else {
        return false;
    };
    match threads::spawn(shared, clock, settings, spare.id.0) {
        Ok(_detached) => {
            spare.active.store(true, Ordering::Release);
            true
        }
        Err(error) => {
            tracing::error!(%error, "no thread for a spare worker");
            false
        }
    }
}
