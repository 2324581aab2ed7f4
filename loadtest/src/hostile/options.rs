//! The `hostile` table of a scenario.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds of a phase.
const PHASE_SECONDS_MAX: u32 = 3_000;
/// Attackers of a kind at once.
const COUNT_MAX: u32 = 20_000;
/// Attempts, or messages of one attacker, in a second.
const RATE_MAX: f64 = 100_000.0;
/// Addresses on the loopback network that attackers come from.
const ADDRESSES_MAX: u8 = 200;

/// What an attacker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackKind {
    /// Connects and says nothing, or a byte of a request now and then.
    HalfOpen,
    /// Joins a match with a small receive buffer and reads nothing more.
    SlowReader,
    /// Joins a match and sends inputs without end.
    InputFlood,
    /// Joins a match and sends WebSocket pings without end.
    PingFlood,
    /// Upgrades, closes and comes again.
    HandshakeFlood,
    /// Joins a match and sends a message of empty fragments that never ends.
    EmptyFragments,
    /// Upgrades and sends random bytes.
    GarbageFrames,
    /// Sends requests that are none.
    GarbageHttp,
    /// Sends datagrams that are none to the server's UDP port.
    DatagramJunk,
    /// Begins a handshake of QUIC and leaves it alone.
    QuicHalfOpen,
    /// Joins a match over QUIC and sends inputs in datagrams without end.
    QuicInputFlood,
    /// Joins a match over QUIC and opens stream after stream.
    QuicStreams,
    /// Joins a match over QUIC and changes its address again and again.
    QuicMoves,
}

impl AttackKind {
    /// Its name in scenarios and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::HalfOpen => "half-open",
            Self::SlowReader => "slow-reader",
            Self::InputFlood => "input-flood",
            Self::PingFlood => "ping-flood",
            Self::HandshakeFlood => "handshake-flood",
            Self::EmptyFragments => "empty-fragments",
            Self::GarbageFrames => "garbage-frames",
            Self::GarbageHttp => "garbage-http",
            Self::DatagramJunk => "datagram-junk",
            Self::QuicHalfOpen => "quic-half-open",
            Self::QuicInputFlood => "quic-input-flood",
            Self::QuicStreams => "quic-streams",
            Self::QuicMoves => "quic-moves",
        }
    }

    /// Does it take a seat in a match?
    pub(crate) fn takes_seats(self) -> bool {
        matches!(self, Self::SlowReader | Self::InputFlood | Self::PingFlood | Self::EmptyFragments)
            || matches!(self, Self::QuicInputFlood | Self::QuicStreams | Self::QuicMoves)
    }

    /// Does it go to the UDP port?
    pub(crate) fn goes_to_udp(self) -> bool {
        matches!(self, Self::DatagramJunk | Self::QuicHalfOpen)
            || matches!(self, Self::QuicInputFlood | Self::QuicStreams | Self::QuicMoves)
    }
}

/// The attackers of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Attack {
    /// Attackers at once.
    pub count: u32,
    /// New attempts in a second, of all of them together.
    pub per_second: f64,
    /// What each sends in a second: messages, frames, datagrams or bytes, by its kind.
    pub messages_per_second: f64,
}

impl Default for Attack {
    fn default() -> Self {
        Self { count: 10, per_second: 100.0, messages_per_second: 1_000.0 }
    }
}

/// The table as it is written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostileScenario {
    /// Seconds without attackers, first [default: 10].
    pub before_seconds: Option<u32>,
    /// Seconds with them [default: 30].
    pub during_seconds: Option<u32>,
    /// Seconds without them again [default: 10].
    pub after_seconds: Option<u32>,
    /// They come from so many addresses, from 127.0.0.2 on, in turn; 0: from the one that the system gives
    /// [default: 0].
    pub addresses: Option<u8>,
    /// Who attacks.
    pub attackers: BTreeMap<AttackKind, Attack>,
}

/// The same, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct HostileOptions {
    /// Seconds without attackers, first.
    pub before_seconds: usize,
    /// Seconds with them.
    pub during_seconds: usize,
    /// Seconds without them again.
    pub after_seconds: usize,
    /// Addresses they come from; 0: the system's choice.
    pub addresses: u8,
    /// Who attacks.
    pub attackers: BTreeMap<AttackKind, Attack>,
}

impl HostileOptions {
    /// Checks the table; else the key, what it has, and what it may have.
    pub fn checked(table: HostileScenario) -> Result<Self, (&'static str, String, String)> {
        let phase = |key, seconds: Option<u32>, default| {
            let seconds = seconds.unwrap_or(default);
            within(key, f64::from(seconds), 1.0, f64::from(PHASE_SECONDS_MAX))?;
            Ok(seconds as usize)
        };
        for attack in table.attackers.values() {
            within("hostile.count", f64::from(attack.count), 1.0, f64::from(COUNT_MAX))?;
            within("hostile.per-second", attack.per_second, 0.01, RATE_MAX)?;
            within("hostile.messages-per-second", attack.messages_per_second, 0.01, RATE_MAX)?;
        }
        let addresses = table.addresses.unwrap_or(0);
        within("hostile.addresses", f64::from(addresses), 0.0, f64::from(ADDRESSES_MAX))?;
        Ok(Self {
            before_seconds: phase("hostile.before-seconds", table.before_seconds, 10)?,
            during_seconds: phase("hostile.during-seconds", table.during_seconds, 30)?,
            after_seconds: phase("hostile.after-seconds", table.after_seconds, 10)?,
            addresses,
            attackers: table.attackers,
        })
    }

    /// The length of all phases.
    pub fn seconds(&self) -> usize {
        self.before_seconds + self.during_seconds + self.after_seconds
    }

    /// Seats that attackers take in each of so many matches.
    pub(crate) fn seats(&self, matches: u32) -> u32 {
        let joiners = self.attackers.iter().filter(|(kind, _)| kind.takes_seats());
        joiners.map(|(_, attack)| attack.count).sum::<u32>().div_ceil(matches.max(1))
    }

    /// Connections, and so descriptors, that attackers may have at once.
    pub(crate) fn connections_max(&self) -> u64 {
        self.attackers.values().map(|attack| u64::from(attack.count)).sum()
    }
}

fn within(key: &'static str, got: f64, min: f64, max: f64) -> Result<(), (&'static str, String, String)> {
    if got >= min && got <= max {
        Ok(())
    } else {
        Err((key, got.to_string(), format!("between {min} and {max}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<HostileOptions, (&'static str, String, String)> {
        HostileOptions::checked(toml::from_str(text).unwrap())
    }

    #[test]
    fn seats_and_descriptors_follow_from_the_table() {
        let options = checked(
            "during-seconds = 5\n[attackers]\nslow-reader = { count = 500 }\nhalf-open = { count = 2000 }\n\
             ping-flood = {}",
        )
        .unwrap();
        assert_eq!((options.seconds(), options.connections_max()), (25, 2_510));
        assert_eq!(options.seats(50), 11, "510 in 50 matches");
    }

    #[test]
    fn what_is_unknown_or_too_much_is_refused() {
        assert!(toml::from_str::<HostileScenario>("[attackers]\nslow-redaer = {}").is_err());
        assert!(toml::from_str::<HostileScenario>("[attackers]\nslow-reader = { size = 1 }").is_err());
        let refused = |text| checked(text).unwrap_err().0;
        assert_eq!(refused("before-seconds = 0"), "hostile.before-seconds");
        assert_eq!(refused("[attackers]\nhalf-open = { count = 50000 }"), "hostile.count");
        assert_eq!(refused("[attackers]\nhalf-open = { per-second = nan }"), "hostile.per-second");
        assert_eq!(refused("addresses = 201"), "hostile.addresses");
    }
}
