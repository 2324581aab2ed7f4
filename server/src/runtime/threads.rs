//! The threads around the workers: they sleep, the workers do the rest.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

use rustix::thread::{CpuSet, sched_setaffinity};
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};
use tickstone_shared::sim::game::WorkerGroup;

use super::pool::{Shared, is_active};
use super::settings::Settings;
use super::watchdog;
use super::worker::{Scratch, Worker};
use crate::clock::SystemClock;

/// The SCHED_FIFO priority of tick workers: above every ordinary thread, below the kernel's own.
const TICK_PRIORITY: u8 = 20;

/// The running threads of a pool.
pub struct Threads {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts a thread for every active worker, and the watchdog.
    pub fn start(shared: &Arc<Shared>, clock: &Arc<SystemClock>, settings: &Settings) -> io::Result<Self> {
        let mut handles = Vec::new();
        for worker in shared.workers.iter().filter(|worker| is_active(worker)) {
            handles.push(spawn(shared, clock, settings, worker.id.0)?);
        }
        handles.push(watchdog::spawn(shared, clock, settings)?);
        Ok(Self { shared: Arc::clone(shared), handles })
    }

    /// Ends every thread that is not stuck in a handler.
    pub fn stop(self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let now = self.shared.clock.now();
        let stuck = self
            .shared
            .workers
            .iter()
            .any(|worker| worker.busy_for(now).is_some_and(|busy| busy.as_secs() >= 1));
        if stuck {
            return tracing::warn!("a worker is stuck in a handler: its thread ends with the process");
        }
        for handle in self.handles {
            if handle.join().is_err() {
                tracing::error!("a worker's thread had panicked outside a handler");
            }
        }
    }
}

/// Starts the thread of one worker.
pub(super) fn spawn(
    shared: &Arc<Shared>,
    clock: &Arc<SystemClock>,
    settings: &Settings,
    index: usize,
) -> io::Result<JoinHandle<()>> {
    let (shared, clock, settings) = (Arc::clone(shared), Arc::clone(clock), settings.clone());
    let group = shared.workers[index].group;
    let name = match group {
        WorkerGroup::Tick => format!("tick-{index}"),
        WorkerGroup::General => format!("general-{index}"),
    };
    Builder::new().name(name).spawn(move || {
        let worker = &shared.workers[index];
        match group {
            WorkerGroup::Tick => {
                prepare_tick_thread(&settings, index);
                run_tick_worker(&shared, worker, &clock);
            }
            WorkerGroup::General => run_general_worker(&shared, worker),
        }
    })
}

fn run_tick_worker(shared: &Shared, worker: &Worker, clock: &SystemClock) {
    let mut scratch = Scratch::default();
    while !shared.stopping.load(Ordering::Relaxed) {
        let next = worker.turn(shared, &mut scratch);
        clock.sleep_until(next);
    }
}

fn run_general_worker(shared: &Shared, worker: &Worker) {
    let mut scratch = Scratch::default();
    worker.receiver.bell.hang_here();
    shared.store.ring_after_commits(worker.receiver.bell.clone());
    while !shared.stopping.load(Ordering::Relaxed) {
        let next = worker.turn(shared, &mut scratch);
        std::thread::park_timeout(next.since(shared.clock.now()));
    }
}

fn prepare_tick_thread(settings: &Settings, index: usize) {
    if settings.pin_tick_workers {
        let mut cpus = CpuSet::new();
        cpus.set(index);
        if let Err(error) = sched_setaffinity(None, &cpus) {
            tracing::warn!(worker = index, %error, "a tick worker is not pinned to its processor");
        }
    }
    if !settings.realtime {
        return;
    }
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let priority = ThreadPriorityValue::try_from(TICK_PRIORITY).map(ThreadPriority::Crossplatform);
    let done = match priority {
        Ok(priority) => set_thread_priority_and_policy(thread_native_id(), priority, policy)
            .map_err(|error| format!("{error:?}")),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(()) => tracing::info!(worker = index, "tick worker runs under SCHED_FIFO"),
        Err(problem) => tracing::warn!(
            worker = index,
            problem,
            "SCHED_FIFO refused: ticks may begin late while other programs use the processor (needs CAP_SYS_NICE)"
        ),
    }
}
