//! Processor time, processors, and what a run comes to.

use rustix::process::{Signal, nice, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::{Deserialize, Serialize};

use crate::Fallible;

/// The processor of what is measured.
pub(crate) const SUBJECT_CORE: usize = 0;
/// The processor of the clients.
pub(crate) const CLIENTS_CORE: usize = 1;
/// From this fraction of their processor on, the clients are what is measured.
pub(crate) const GENERATOR_BOUND: f64 = 0.8;

/// What one run measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) matches: usize,
    pub(crate) players: usize,
    pub(crate) seconds: f64,
    /// Processor time of the subject, all threads.
    pub(crate) cpu_seconds: f64,
    /// States received: distinct ticks of every client, added up.
    pub(crate) player_ticks: u64,
    pub(crate) cpu_us_per_player_tick: f64,
    /// Of the client that got the fewest.
    pub(crate) tick_hz_min: f64,
    pub(crate) generator_cpu_fraction: f64,
    pub(crate) generator_bound: bool,
    /// Input messages a player sent in a second.
    pub(crate) inputs_per_player_s: f64,
    pub(crate) input_frame_bytes: usize,
    pub(crate) frame_bytes_mean: f64,
    /// Sizes of state frames, evenly spaced quantiles.
    pub(crate) frame_bytes: Vec<u32>,
    pub(crate) disconnects: usize,
    pub(crate) rss_bytes: u64,
}

/// Before the other programs of the machine: a part that waits for them does its work in larger, cheaper lots.
const NICE: i32 = -15;

/// Pins this process, puts it first, and has it end with the one that started it.
pub(crate) fn prepare_part(core: usize) -> Fallible<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut cpus = CpuSet::new();
    cpus.set(core);
    // Without the right to it the figures are those of a machine that has to be idle otherwise.
    let _ = nice(NICE);
    sched_setaffinity(None, &cpus).map_err(|error| format!("two processors are needed: {core}: {error}"))?;
    Ok(())
}

/// Seconds of processor time of a process since it started: user and system, all threads.
pub(crate) fn cpu_seconds(pid: u32) -> Fallible<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold anything: fields are counted from its end (proc(5)).
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
    let times = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = times.sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Bytes of a process in memory.
pub(crate) fn rss_bytes(pid: u32) -> Fallible<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let pages: u64 = statm.split_whitespace().nth(1).ok_or("/proc/PID/statm is short")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}
