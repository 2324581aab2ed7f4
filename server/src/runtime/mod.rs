//! Threads, inboxes, the alarm queue: what runs objects. Knows no class.
//!
//! Responsible for: at most one activation per id, one handler at a time, deadlines, isolation of panics.
//! Not responsible for: what a handler does, where bytes are stored, how they travel.
//! Must never happen here: a tick worker that reads the disk, waits for a lock held across IO, or blocks on
//! a queue.
//!
//! The way of an event: [`handle`] -> [`directory`] (who owns the object) -> [`inbox`] -> [`worker`] ->
//! [`handlers`] (one handler) -> [`outbox`] (its effects) -> [`ports`].

pub mod activation;
pub mod alarm_queue;
pub mod directory;
pub mod due;
pub mod handle;
pub mod handlers;
pub mod held;
pub mod inbox;
pub mod job_threads;
pub mod jobs;
pub mod life;
pub mod listings;
pub mod moving;
pub mod outbox;
pub mod panic_guard;
pub mod pool;
pub mod ports;
pub mod settings;
pub mod threads;
pub mod watchdog;
pub mod worker;

#[cfg(test)]
mod tests;
