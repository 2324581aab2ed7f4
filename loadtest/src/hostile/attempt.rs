//! What one attempt of an attacker has to work with.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::options::Attack;
use super::tally::Tally;
use crate::clock::Clock;
use crate::impair::Random;
use tickstone_shared::net::trust::Trust;
use tickstone_shared::time::Moment;
use tickstone_shared::wire::encode::client_message;
use tickstone_shared::wire::message::{ClientMessage, Hello};
use tickstone_shared::wire::version::{Encoding, PROTOCOL_VERSION, StateKind};

/// Messages are sent in bursts no closer than this: tokio's timers have no finer grain.
const BURST_EVERY: Duration = Duration::from_millis(2);
/// The end of the attack is so near that those who wait should look what they were answered.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// One attempt.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Which attacker of its kind, from 0.
    pub(crate) number: u32,
    pub(crate) attack: Attack,
    /// The server's TCP address.
    pub(crate) address: SocketAddr,
    /// The server's UDP address, if it has one.
    pub(crate) datagrams: Option<SocketAddr>,
    /// Where QUIC is spoken, and by what the server is known there.
    pub(crate) quic: Option<(String, Trust)>,
    /// Where the attacker comes from, if that was chosen.
    pub(crate) source: Option<IpAddr>,
    pub(crate) match_id: String,
    pub(crate) player: String,
    /// What lets it in outside dev mode.
    pub(crate) token: Option<String>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) random: Random,
    pub(crate) clock: Clock,
    /// When the attack is over.
    pub(crate) end: Moment,
}

impl Attempt {
    /// How it joins its match, by its token or, in dev mode, by its name.
    pub(crate) fn hello(&self) -> Vec<u8> {
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            match_id: self.match_id.clone(),
            token: self.token.clone(),
            resume: None,
            player: Some(self.player.clone()),
            state: StateKind::Delta,
            schema_hash: None,
            epoch: None,
        };
        client_message(&ClientMessage::Hello(hello), Encoding::Msgpack)
    }

    /// The rhythm of this attempt's messages.
    pub(crate) fn rhythm(&self) -> Rhythm {
        Rhythm {
            clock: self.clock,
            started: self.clock.now(),
            per_second: self.attack.messages_per_second,
            sent: 0,
        }
    }

    /// Waits until shortly before the end.
    pub(crate) async fn last_look(&self) {
        tokio::time::sleep_until(self.clock.instant(self.end - LAST_LOOK)).await;
    }
}

/// A steady rate, in bursts.
#[derive(Debug)]
pub(crate) struct Rhythm {
    clock: Clock,
    started: Moment,
    per_second: f64,
    sent: u64,
}

impl Rhythm {
    /// Waits until messages are due: how many, at least one. Nothing is lost if the future is dropped.
    pub(crate) async fn due(&mut self) -> u64 {
        loop {
            let now = self.clock.now();
            let due = (now.since(self.started).as_secs_f64() * self.per_second) as u64;
            if due > self.sent {
                // Who could not send in time does not catch up in one go.
                let burst = (due - self.sent).min(1 + (self.per_second / 50.0) as u64);
                self.sent = due;
                return burst;
            }
            let wait = Duration::from_secs_f64((0.5 / self.per_second).clamp(0.001, 0.5)).max(BURST_EVERY);
            tokio::time::sleep_until(self.clock.instant(now + wait)).await;
        }
    }
}
