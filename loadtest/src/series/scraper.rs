//! What the server says of itself in each second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tickstone_shared::time::Moment;

use super::clients::SECONDS_MAX;
use crate::clock::Clock;
use crate::http::Api;
use crate::report::Percentiles;
use crate::server_metrics::{Reading, ServerReport};

const STOP_CHECK: Duration = Duration::from_millis(200);
const SECOND: Duration = Duration::from_secs(1);

/// Readings at the beginning of each second, the end of the last one included.
#[derive(Debug, Default)]
pub(crate) struct Scrapes(Vec<(Moment, Reading)>);

/// One second of the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerSecond {
    pub(crate) lateness_us: Percentiles,
    pub(crate) duration_us: Percentiles,
    pub(crate) cpu_fraction: Option<f64>,
    pub(crate) rss_bytes: Option<u64>,
    /// Inputs that came late or were otherwise not taken.
    pub(crate) inputs_dropped: Option<u64>,
}

impl Scrapes {
    /// What happened from the second `first` up to `end`, for so many `bots`.
    pub(crate) fn between(&self, first: usize, end: usize, bots: usize, tick_rate_hz: u32) -> ServerReport {
        let (Some((then, before)), Some((now, after))) = (self.0.get(first), self.0.get(end)) else {
            return ServerReport::default();
        };
        after.since(before, bots, tick_rate_hz, now.since(*then))
    }

    /// Inputs that the server did not take from the second `first` up to `end`.
    pub(crate) fn inputs_dropped(&self, first: usize, end: usize) -> Option<u64> {
        self.0.get(end)?.1.inputs_lost_since(&self.0.get(first)?.1)
    }

    /// The highest resident memory from the second `first` to the end of the one before `end`.
    pub(crate) fn rss_max(&self, first: usize, end: usize) -> Option<u64> {
        self.0.iter().take(end + 1).skip(first).filter_map(|(_, reading)| reading.rss_bytes()).max()
    }

    /// Second by second.
    pub(crate) fn seconds(&self) -> Vec<ServerSecond> {
        let second = |number: usize| {
            let report = self.between(number, number + 1, 1, 1);
            ServerSecond {
                lateness_us: report.tick_lateness_us,
                duration_us: report.tick_duration_us,
                cpu_fraction: report.cpu_fraction,
                rss_bytes: report.rss_bytes,
                inputs_dropped: self.inputs_dropped(number, number + 1),
            }
        };
        (0..self.0.len().saturating_sub(1)).map(second).collect()
    }
}

/// A thread that reads `/metrics` once a second.
#[derive(Debug)]
pub(crate) struct Scraper {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<Scrapes>,
}

impl Scraper {
    /// Reads at `start` and every second after it, up to and with `end`.
    pub(crate) fn start(api: Api, clock: Clock, start: Moment, end: Moment) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let run = move || {
            let mut scrapes = Scrapes::default();
            let mut due = start;
            while due <= end && scrapes.0.len() <= SECONDS_MAX {
                while clock.now() < due && !stop.load(Ordering::Relaxed) {
                    clock.wait_until(due.min(clock.now() + STOP_CHECK));
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                scrapes.0.push((clock.now(), Reading::take_for_series(&api)));
                due = due + SECOND;
            }
            scrapes
        };
        let thread = std::thread::Builder::new().name("scraper".to_owned()).spawn(run)?;
        Ok(Self { stopping, thread })
    }

    /// Everything that was read. Call it after `end`.
    pub(crate) fn finish(self) -> Scrapes {
        // The last reading may be under way: it is waited for, its own time-out bounds that.
        if !self.thread.is_finished() {
            self.stopping.store(true, Ordering::Relaxed);
        }
        self.thread.join().unwrap_or_default()
    }
}
