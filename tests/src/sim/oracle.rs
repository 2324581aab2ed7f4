//! What the outside knows of each match, and what a server may never contradict.

use std::collections::BTreeMap;

use serde_json::Value;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::id::Identity;
use tickstone_server::runtime::ports::SocketOutput;
use tickstone_shared::ids::{Epoch, StateHash};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;

use super::server::{Server, identity};

/// Something that must not happen.
pub(crate) type Violation = String;

/// How the last process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastEnd {
    /// It was killed, or the power went.
    Crash,
    /// It drained.
    Drain,
}

/// One match as seen from outside.
pub(crate) struct Known {
    /// Its object.
    pub(crate) identity: Identity,
    /// `sync`, `async` or `none`.
    pub(crate) durability: &'static str,
    /// Its game.
    pub(crate) game: &'static str,
    /// The caller has been told that it exists.
    pub(crate) created: bool,
    /// Somebody has asked for its end.
    pub(crate) ending: bool,
    /// The caller, or a player, has been told that it is over.
    pub(crate) ended: bool,
    /// It had durability none and the process crashed: anything goes.
    pub(crate) written_off: bool,
    epoch: Epoch,
    /// The epoch of the newest state anyone saw.
    state_epoch: Epoch,
    /// The highest tick anyone saw of what is still its past.
    seen_tick: u64,
    /// Hashes anyone saw of what is still its past.
    hashes: BTreeMap<u64, StateHash>,
}

impl Known {
    /// A match that is about to be created.
    pub(crate) fn new(name: &str, game: &'static str, durability: &'static str) -> Self {
        Self {
            identity: identity(name),
            durability,
            game,
            created: false,
            ending: false,
            ended: false,
            written_off: false,
            epoch: Epoch(0),
            state_epoch: Epoch(0),
            seen_tick: 0,
            hashes: BTreeMap::new(),
        }
    }

    /// A request's body, the same every time.
    pub(crate) fn body(&self) -> Value {
        let options = match self.game {
            "arena" => serde_json::json!({ "map": "yard", "players_max": 4 }),
            _ => serde_json::json!({}),
        };
        serde_json::json!({ "game": self.game, "durability": self.durability, "options": options })
    }

    /// Is it one that players can be in?
    pub(crate) fn is_open(&self) -> bool {
        self.created && !self.ending && !self.ended && !self.written_off
    }

    fn wrong(&self, what: &str) -> Violation {
        format!("{} ({} {}): {what}", self.identity.name, self.game, self.durability)
    }

    /// The highest tick anyone saw.
    pub(crate) fn seen_tick(&self) -> u64 {
        self.seen_tick
    }

    /// Something left the server for a player of this match. `refused`: the store has refused a write since
    /// the process started, so a match without `sync` may go back when it crashes.
    pub(crate) fn on_output(&mut self, output: &SocketOutput, refused: bool) -> Result<(), Violation> {
        match output {
            SocketOutput::State(frame) => {
                let tick = frame.snapshot.tick.0;
                self.on_state(frame.epoch, tick, frame.hash, refused)
            }
            SocketOutput::Send { message, .. } => match &**message {
                ServerMessage::Welcome(welcome) => self.on_epoch(welcome.epoch),
                _ => Ok(()),
            },
            SocketOutput::Close { code: CloseCode::MatchEnded, .. } => {
                self.ended = true;
                Ok(())
            }
            SocketOutput::Broadcast { .. } | SocketOutput::Close { .. } | SocketOutput::Peer(_) => Ok(()),
        }
    }

    fn on_epoch(&mut self, epoch: Epoch) -> Result<(), Violation> {
        if epoch < self.epoch {
            return Err(self.wrong(&format!("epoch {} after epoch {}", epoch.0, self.epoch.0)));
        }
        self.epoch = epoch;
        Ok(())
    }

    fn on_state(
        &mut self,
        epoch: Epoch,
        tick: u64,
        hash: Option<StateHash>,
        refused: bool,
    ) -> Result<(), Violation> {
        let new_epoch = epoch > self.state_epoch;
        self.on_epoch(epoch)?;
        self.state_epoch = epoch;
        let may_rewind = new_epoch && (self.durability == "none" || self.durability == "async" && refused);
        if may_rewind {
            // It may have gone back unseen, while nobody was there.
            self.hashes.clear();
        } else if tick <= self.seen_tick && self.seen_tick > 0 {
            let went = format!("tick {tick} of epoch {} after tick {}", epoch.0, self.seen_tick);
            return Err(self.wrong(&went));
        }
        self.seen_tick = tick;
        if let Some(hash) = hash
            && self.hashes.insert(tick, hash).is_some_and(|before| before != hash)
        {
            return Err(self.wrong(&format!("tick {tick} has two hashes")));
        }
        Ok(())
    }

    /// Something panicked: a match of which nothing is stored may be lost by it.
    pub(crate) fn on_panics(&mut self) {
        self.written_off |= self.durability == "none";
    }

    /// The process is back. `durable`: the highest tick that the last process was told to be on the disk.
    pub(crate) fn on_recovery(
        &mut self,
        server: &Server,
        durable: u64,
        last: LastEnd,
    ) -> Result<(), Violation> {
        if self.durability == "none" && last == LastEnd::Crash {
            self.written_off = true;
        }
        if self.written_off {
            return Ok(());
        }
        let Some(listing) = server.shared.listings.of(&self.identity) else {
            return if self.created { Err(self.wrong("it is gone")) } else { Ok(()) };
        };
        self.created = true;
        match listing.state {
            "running" => self.on_running(&listing.entry, durable, last),
            "ended" => {
                let reason = listing.entry["end_reason"].as_str().unwrap_or_default();
                let right = reason == "outcome" || self.ending && reason == "ended";
                self.ended = true;
                if right { Ok(()) } else { Err(self.wrong(&format!("it ended: {reason}"))) }
            }
            other => Err(self.wrong(&format!("it is {other}: {}", listing.entry["reason"]))),
        }
    }

    fn on_running(&mut self, entry: &Value, durable: u64, last: LastEnd) -> Result<(), Violation> {
        if self.ended {
            return Err(self.wrong("it runs, after players were told that it ended"));
        }
        let epoch = Epoch(entry["epoch"].as_u64().unwrap_or(0) as u32);
        if epoch <= self.epoch {
            return Err(self.wrong(&format!("epoch {} again", epoch.0)));
        }
        self.epoch = epoch;
        let tick = entry["recovered"]["tick"].as_u64().unwrap_or(0);
        let lossless = self.durability == "sync" || last == LastEnd::Drain;
        if lossless && tick < self.seen_tick {
            return Err(self.wrong(&format!("back at tick {tick}, but tick {} was seen", self.seen_tick)));
        }
        if tick < durable {
            return Err(self.wrong(&format!("back at tick {tick}, but tick {durable} was durable")));
        }
        let hash = entry["recovered"]["hash"].as_str().unwrap_or_default();
        if let Some(seen) = self.hashes.get(&tick)
            && seen.to_string() != hash
        {
            return Err(self.wrong(&format!("tick {tick} came back as {hash}, and was {seen}")));
        }
        self.hashes.split_off(&(tick + 1));
        self.seen_tick = self.seen_tick.min(tick);
        Ok(())
    }

    /// Compares the journal with its own re-run, and with what was seen.
    pub(crate) fn audit(&self, server: &Server, games: &super::server::GameSet) -> Result<u64, Violation> {
        if !self.created || self.written_off || self.durability == "none" {
            return Ok(0);
        }
        use tickstone_server::runtime::ports::Store as _;
        let reader = server.store.reader(self.identity.id).map_err(|error| self.wrong(&error.to_string()))?;
        let verdict = match tickstone_server::classes::matches::audit::verify(games, &*reader) {
            Ok(verdict) => verdict,
            Err(CallError::NotFound) => return Err(self.wrong("nothing is stored")),
            Err(error) => return Err(self.wrong(&error.to_string())),
        };
        if let Some(difference) = verdict.first_difference {
            return Err(self.wrong(&difference.to_string()));
        }
        for (tick, hash) in &verdict.hashes {
            if let Some(seen) = self.hashes.get(&tick.0)
                && seen != hash
            {
                return Err(
                    self.wrong(&format!("tick {} is journaled as {hash}, and was seen as {seen}", tick.0))
                );
            }
        }
        Ok(verdict.hashes_checked)
    }
}
