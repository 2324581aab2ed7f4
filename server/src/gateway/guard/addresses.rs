//! How many connections, handshakes, requests and strangers one address may have.
//!
//! A *stranger* is a WebSocket or a connection of QUIC that has not said its hello. An address is an IPv4 address or an IPv6 network
//! of 64 bits, which is what one household gets. `127.0.0.1` and `::1` are exempt: a proxy or a load test on
//! this machine stands for many people. The other addresses of `127.0.0.0/8` are not.
//!
//! Full-policy: an address beyond its limit is refused, and so is a new one while the table is full of
//! addresses that are connected or were within this second.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tickstone_shared::time::Moment;

use super::admission::{Permit, Places};

const SECOND_NANOS: u64 = 1_000_000_000;
/// Strangers at once, from all addresses together (reliability P56).
const STRANGERS_MAX: usize = 512;
/// Strangers of one address, for each 8 connections it may have; 8 by default (reliability P56).
const CONNECTIONS_PER_STRANGER: u32 = 8;
/// Addresses for each connection of the whole server that are remembered until their second is over.
const ENTRIES_PER_CONNECTION: usize = 2;

/// One who is limited as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr),
    /// The upper 64 bits.
    V6(u64),
}

impl Network {
    /// None for those who are exempt.
    fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(Ipv6Addr::LOCALHOST) => None,
            IpAddr::V4(address) => Some(Self::V4(address)),
            IpAddr::V6(address) => Some(Self::V6((address.to_bits() >> 64) as u64)),
        }
    }
}

/// What one address has, and has done in the current second.
#[derive(Debug, Default)]
struct Entry {
    connections: u32,
    strangers: u32,
    second: u64,
    handshakes: u32,
    requests: u32,
}

impl Entry {
    fn turn_to(&mut self, now: Moment) {
        let second = now.0 / SECOND_NANOS;
        if second != self.second {
            (self.second, self.handshakes, self.requests) = (second, 0, 0);
        }
    }
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Crowded {
    /// The address has as many connections or strangers as it may.
    Address,
    /// The address comes, or asks, too often.
    Rate,
    /// There are too many strangers, or addresses, in all.
    Server,
}

impl Crowded {
    /// Its reason in `tickstone_refused_total`.
    pub(in crate::gateway) fn reason(self) -> &'static str {
        match self {
            Self::Address => "address_full",
            Self::Rate => "address_rate",
            Self::Server => "strangers_full",
        }
    }
}

/// Every address that is connected.
#[derive(Debug)]
pub(in crate::gateway) struct Addresses {
    entries: Mutex<HashMap<Network, Entry>>,
    entries_max: usize,
    connections_max: u32,
    strangers: Arc<Places>,
}

impl Addresses {
    /// Nobody is connected; each address may have `per_address` of the server's `connections_max`.
    pub(in crate::gateway) fn new(per_address: u32, connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::default(),
            entries_max: connections_max.saturating_mul(ENTRIES_PER_CONNECTION),
            connections_max: per_address,
            strangers: Places::new(STRANGERS_MAX),
        })
    }

    fn strangers_max(&self) -> u32 {
        self.connections_max.div_ceil(CONNECTIONS_PER_STRANGER)
    }

    /// Half of the connections may be made in one second.
    fn handshakes_max(&self) -> u32 {
        self.connections_max.div_ceil(2)
    }

    /// Two requests a second for each connection.
    fn requests_max(&self) -> u32 {
        self.connections_max.saturating_mul(2)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody connects.
    pub(in crate::gateway) fn connect(
        self: &Arc<Self>,
        address: IpAddr,
        now: Moment,
    ) -> Result<Arc<Visitor>, Crowded> {
        let network = Network::of(address);
        if let Some(network) = network {
            self.enter(network, now)?;
        }
        Ok(Arc::new(Visitor { addresses: Arc::clone(self), network }))
    }

    fn enter(&self, network: Network, now: Moment) -> Result<(), Crowded> {
        let mut entries = self.lock();
        if entries.len() >= self.entries_max && !entries.contains_key(&network) {
            let second = now.0 / SECOND_NANOS;
            entries.retain(|_, entry| entry.connections > 0 || entry.second == second);
            if entries.len() >= self.entries_max {
                return Err(Crowded::Server);
            }
        }
        let entry = entries.entry(network).or_default();
        entry.turn_to(now);
        entry.handshakes = entry.handshakes.saturating_add(1);
        if entry.handshakes > self.handshakes_max() {
            return Err(Crowded::Rate);
        }
        if entry.connections >= self.connections_max {
            return Err(Crowded::Address);
        }
        entry.connections += 1;
        Ok(())
    }
}

/// One connection of an address; its place is given back when dropped.
#[derive(Debug)]
pub(in crate::gateway) struct Visitor {
    addresses: Arc<Addresses>,
    network: Option<Network>,
}

impl Visitor {
    /// A request has come: may it be answered?
    pub(in crate::gateway) fn request(&self, now: Moment) -> Result<(), Crowded> {
        let Some(network) = self.network else { return Ok(()) };
        let mut entries = self.addresses.lock();
        let entry = entries.entry(network).or_default();
        entry.turn_to(now);
        entry.requests = entry.requests.saturating_add(1);
        if entry.requests > self.addresses.requests_max() { Err(Crowded::Rate) } else { Ok(()) }
    }

    /// The connection is one for a match now, and has said nothing yet.
    pub(in crate::gateway) fn stranger(self: &Arc<Self>) -> Result<Stranger, Crowded> {
        let place = self.addresses.strangers.take().ok_or(Crowded::Server)?;
        if let Some(network) = self.network {
            let mut entries = self.addresses.lock();
            let entry = entries.entry(network).or_default();
            if entry.strangers >= self.addresses.strangers_max() {
                return Err(Crowded::Address);
            }
            entry.strangers += 1;
        }
        Ok(Stranger { visitor: Arc::clone(self), _place: place })
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        if let Some(entry) = self.addresses.lock().get_mut(&network) {
            entry.connections = entry.connections.saturating_sub(1);
        }
    }
}

/// A connection before its hello; its place is given back when dropped.
#[derive(Debug)]
pub(in crate::gateway) struct Stranger {
    visitor: Arc<Visitor>,
    _place: Permit,
}

impl Stranger {
    /// It has said its hello; its place among the connections of its address stays.
    pub(in crate::gateway) fn known(self) -> Arc<Visitor> {
        Arc::clone(&self.visitor)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let Some(network) = self.visitor.network else { return };
        if let Some(entry) = self.visitor.addresses.lock().get_mut(&network) {
            entry.strangers = entry.strangers.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(second: u64) -> Moment {
        Moment(second * SECOND_NANOS)
    }

    #[test]
    fn an_address_has_its_connections_and_no_more() {
        let addresses = Addresses::new(4, 100);
        let ann = address("192.0.2.1");
        let mut held: Vec<_> = (0..4).map(|second| addresses.connect(ann, at(second)).unwrap()).collect();
        assert_eq!(addresses.connect(ann, at(9)).unwrap_err(), Crowded::Address);
        assert!(addresses.connect(address("192.0.2.2"), at(9)).is_ok());
        held.pop();
        assert!(addresses.connect(ann, at(10)).is_ok());
    }

    #[test]
    fn half_as_many_may_come_in_one_second() {
        let addresses = Addresses::new(4, 100);
        let ann = address("192.0.2.1");
        let _held = [addresses.connect(ann, at(1)).unwrap(), addresses.connect(ann, at(1)).unwrap()];
        assert_eq!(addresses.connect(ann, at(1)).unwrap_err(), Crowded::Rate);
        assert!(addresses.connect(ann, at(2)).is_ok());
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let addresses = Addresses::new(1, 100);
        let _held = addresses.connect(address("2001:db8:0:1::1"), at(0)).unwrap();
        assert!(addresses.connect(address("2001:db8:0:1:ffff::2"), at(1)).is_err());
        assert!(addresses.connect(address("2001:db8:0:2::1"), at(1)).is_ok());
        let _mapped = addresses.connect(address("::ffff:192.0.2.1"), at(1)).unwrap();
        assert!(addresses.connect(address("192.0.2.1"), at(2)).is_err(), "the same in another notation");
    }

    #[test]
    fn strangers_of_an_address_and_in_all() {
        let addresses = Addresses::new(64, 20_000);
        let ann = addresses.connect(address("192.0.2.1"), at(0)).unwrap();
        let mut strangers: Vec<_> = (0..8).map(|_| ann.stranger().unwrap()).collect();
        assert_eq!(ann.stranger().unwrap_err(), Crowded::Address);
        strangers.pop();
        strangers.push(ann.stranger().unwrap());
        let here = addresses.connect(address("127.0.0.1"), at(0)).unwrap();
        strangers.extend((8..STRANGERS_MAX).map(|_| here.stranger().unwrap()));
        assert_eq!(here.stranger().unwrap_err(), Crowded::Server);
        strangers.clear();
        assert!(ann.stranger().is_ok());
    }

    #[test]
    fn this_machine_is_exempt_and_its_lookalikes_are_not() {
        let addresses = Addresses::new(1, 100);
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let held: Vec<_> = (0..50).map(|_| addresses.connect(address(here), at(0))).collect();
            assert!(held.iter().all(Result::is_ok), "{here}");
        }
        let _held = addresses.connect(address("127.0.0.2"), at(0)).unwrap();
        assert!(addresses.connect(address("127.0.0.2"), at(1)).is_err());
    }

    #[test]
    fn requests_are_counted_over_whole_seconds() {
        let addresses = Addresses::new(2, 100);
        let ann = addresses.connect(address("192.0.2.1"), at(0)).unwrap();
        assert!((0..4).all(|_| ann.request(at(5)).is_ok()));
        assert_eq!(ann.request(at(5)), Err(Crowded::Rate));
        assert_eq!(ann.request(at(6)), Ok(()));
    }

    #[test]
    fn the_table_of_addresses_is_bounded_and_forgets() {
        let addresses = Addresses::new(2, 2);
        let mut last = 0;
        for second in 0..1_000_u64 {
            let from = IpAddr::from(Ipv6Addr::from_bits(u128::from(second + 1) << 64));
            // Gone at once; remembered for its second alone.
            drop(addresses.connect(from, at(second)).unwrap());
            last = addresses.lock().len().max(last);
        }
        assert!(last <= 4, "{last} entries");
        let crowd = (0..9_u128).map(|n| IpAddr::from(Ipv6Addr::from_bits((n + 5_000) << 64)));
        let held: Vec<_> = crowd.map(|from| addresses.connect(from, at(2_000))).collect();
        assert!(held.iter().any(|one| matches!(one, Err(Crowded::Server))));
        assert!(addresses.lock().len() <= 4);
    }
}
