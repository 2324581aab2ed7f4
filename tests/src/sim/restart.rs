//! Ends and starts of the process, and what must be true after each.

use std::time::Duration;

use super::oracle::{LastEnd, Violation};
use super::world::World;

/// Turns that a recovery, or a drain, may take.
const TURNS_MAX: u32 = 4000;

impl World {
    /// The process ends: everything durable, nobody cut without a word.
    pub(super) fn drain(&mut self) -> Result<(), Violation> {
        self.stats.drains += 1;
        self.faults.repair(&self.machine.disk);
        // A queue that is still full would refuse the last words: such a drain says so, and is not clean.
        for _ in 0..200 {
            self.step()?;
        }
        // Something happens between the last tick and the last words.
        (0..self.known.len()).for_each(|object| self.kick(object));
        self.server.turn();
        self.server.shared.begin_drain();
        for _ in 0..TURNS_MAX {
            self.machine.clock.advance(Duration::from_millis(1));
            self.server.turn();
            self.server.commit(&self.machine.clock);
            self.check_outputs()?;
            self.take_answers()?;
            if self.server.shared.is_asleep() {
                return self.close_store();
            }
        }
        Err("a drain does not end".to_owned())
    }

    fn close_store(&mut self) -> Result<(), Violation> {
        self.server.store.inner().close();
        for _ in 0..TURNS_MAX {
            self.machine.clock.advance(Duration::from_millis(1));
            if self.server.commit(&self.machine.clock) {
                return Ok(());
            }
        }
        Err("the store does not close".to_owned())
    }

    /// The process is gone; another starts on the same disk.
    pub(super) fn restart(&mut self, last: LastEnd) -> Result<(), Violation> {
        let durable: Vec<u64> =
            self.known.iter().map(|known| self.server.store.durable(known.identity.id)).collect();
        self.stats.ticks += self.server.metrics.ticks.get();
        self.stats.refused_batches += self.server.store.refused();
        self.machine.fuse.light(0);
        let now = self.now();
        for client in self.network.cut_all() {
            self.clients[client].on_drop(now, &mut self.rng);
        }
        if last == LastEnd::Crash {
            self.stats.crashes += 1;
            self.faults.repair(&self.machine.disk);
            self.machine.disk.power_on(self.rng.next());
        }
        self.boot()?;
        self.recover()?;
        self.memory_since = self.now();
        for (known, durable) in self.known.iter_mut().zip(durable) {
            let seen = known.seen_tick();
            known.on_recovery(&self.server, durable, last)?;
            self.stats.ticks_lost += seen - known.seen_tick();
        }
        if self.rng.one_in(3) {
            self.audit()?;
        }
        Ok(())
    }

    /// Opens the disk; sometimes the power goes again meanwhile.
    fn boot(&mut self) -> Result<(), Violation> {
        for attempt in 0.. {
            if attempt < 3 && self.rng.one_in(3) {
                let operations = self.machine.disk.operations() + self.rng.below(12);
                self.machine.disk.power_off_at(operations);
            }
            let booted = self.machine.boot();
            let power_is_off = self.machine.disk.power_is_off();
            match booted {
                Ok(server) if !power_is_off => {
                    self.server = server;
                    break;
                }
                Err(error) if !power_is_off => return Err(format!("it does not start: {error}")),
                _ => self.machine.disk.power_on(self.rng.next()),
            }
        }
        self.machine.disk.power_off_at(u64::MAX);
        Ok(())
    }

    fn recover(&mut self) -> Result<(), Violation> {
        let woken = self.server.shared.recover().map_err(|error| format!("nothing is recovered: {error}"))?;
        self.trace(&format_args!("started: {woken} matches to be woken"));
        for _ in 0..TURNS_MAX {
            if self.server.shared.recovering() == 0 {
                return Ok(());
            }
            self.machine.clock.advance(Duration::from_millis(1));
            self.server.turn();
            self.server.commit(&self.machine.clock);
        }
        Err(format!("{} matches do not come back", self.server.shared.recovering()))
    }

    fn audit(&mut self) -> Result<(), Violation> {
        for known in &self.known {
            self.stats.hashes += known.audit(&self.server, &self.machine.games)?;
        }
        Ok(())
    }

    /// The faults stop: everything must work again, and once more after a clean restart.
    pub(super) fn calm_down(&mut self) -> Result<(), Violation> {
        self.faults.repair(&self.machine.disk);
        self.machine.fuse.light(0);
        for _ in 0..600 {
            self.step()?;
        }
        let before: Vec<u64> = self.known.iter().map(|known| known.seen_tick()).collect();
        for _ in 0..200 {
            self.step()?;
        }
        for (index, known) in self.known.iter().enumerate() {
            let played = self.clients.iter().any(|client| client.object == index && client.plays());
            if known.is_open() && played && known.seen_tick() <= before[index] {
                return Err(format!("{} stands still after the faults have stopped", known.identity.name));
            }
            if !known.created && !known.written_off {
                return Err(format!(
                    "{} cannot be created after the faults have stopped",
                    known.identity.name
                ));
            }
        }
        self.drain()?;
        self.restart(LastEnd::Drain)?;
        self.audit()?;
        self.stats.resumes = self.clients.iter().map(|client| client.resumes).sum();
        Ok(())
    }
}
