//! Who sits where. Derived from the journal: what is not in an event is not in the roster, but for which
//! socket a player has now.

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::input::InputRow;
use tickstone_shared::time::Tick;

use super::admissions::{AdmissionRecord, Nonce, Reservations, UsedTokens};
use super::input_buffer::InputBuffer;
use crate::id_map::IdMap;
use crate::object::socket::SocketId;

/// The hash of a resume token: what is stored of it.
pub type TokenHash = [u8; 32];

/// Hashes a resume token.
pub fn token_hash(token: &str) -> TokenHash {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// What is saved of a seat that is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeatRecord {
    /// The seat.
    pub seat: Seat,
    /// Who has it.
    pub player: PlayerName,
    /// The hash of their resume token.
    pub token: TokenHash,
    /// The tick they dropped at; none while they are connected.
    pub dropped_at: Option<Tick>,
    /// The last input that was applied.
    pub last_input: u32,
    /// What the seat does until another input comes.
    pub effective: InputRow,
}

/// A seat that is taken.
#[derive(Debug, Clone)]
pub struct Seated {
    /// What is saved.
    pub record: SeatRecord,
    /// The hash of the resume token before, while it is not known whether the newest one has arrived.
    pub token_before: Option<TokenHash>,
    /// Whether the number of their last input is expected to grow by one in every tick.
    pub advancing: bool,
    /// Where they are connected.
    pub socket: Option<SocketId>,
    /// Their inputs.
    pub inputs: InputBuffer,
    /// Data messages since the last tick.
    pub messages_since_tick: u32,
}

impl Seated {
    /// Notes the number of the last input after a tick; whether the journal has to say it. Told again after a
    /// checkpoint, which does not say what grows.
    pub fn note_applied(&mut self, tell_again: bool) -> Option<u32> {
        let (before, after) = (self.record.last_input, self.inputs.feedback().last_input);
        let expected = before.saturating_add(u32::from(self.advancing));
        let must_tell = after != expected || tell_again && self.advancing;
        self.record.last_input = after;
        if must_tell {
            self.advancing = after > before;
        }
        must_tell.then_some(after)
    }

    /// The journal says it, before [`Roster::advance`].
    pub fn set_applied(&mut self, last_input: u32) {
        self.advancing = last_input > self.record.last_input;
        self.record.last_input = last_input.saturating_sub(u32::from(self.advancing));
    }
}

/// The seats of a match.
#[derive(Debug, Default)]
pub struct Roster {
    seats: Vec<Option<Seated>>,
    by_socket: IdMap<SocketId, Seat>,
    taken: usize,
    /// Seats that are held for somebody.
    pub reservations: Reservations,
    /// Join tokens that have been used.
    pub used: UsedTokens,
}

impl Roster {
    /// An empty roster of so many seats.
    pub fn new(seats: u16) -> Self {
        Self { seats: vec![None; usize::from(seats)], ..Self::default() }
    }

    /// The seat held for a player, or else the lowest one that is free and held for nobody.
    pub fn seat_for(&self, player: &PlayerName) -> Option<Seat> {
        let free = |(seat, taken): (u16, &Option<Seated>)| {
            (taken.is_none() && !self.reservations.holds(Seat(seat))).then_some(Seat(seat))
        };
        self.reservations.of(player).or_else(|| (0_u16..).zip(&self.seats).find_map(free))
    }

    /// Is this seat there, nobody's, and not held for somebody else?
    pub fn is_free_for(&self, seat: Seat, player: &PlayerName) -> bool {
        let is_free = self.seats.get(usize::from(seat.0)).is_some_and(Option::is_none);
        is_free && !self.reservations.keeps_out(seat, player)
    }

    /// What is stored of who may come in.
    pub fn admission(&self) -> AdmissionRecord {
        let before = self.iter().filter_map(|seated| Some((seated.record.seat, seated.token_before?)));
        AdmissionRecord { used: self.used.to_vec(), tokens_before: before.collect() }
    }

    /// What was stored of it; the seats are there already.
    pub fn readmit(&mut self, stored: &AdmissionRecord) {
        self.used = UsedTokens::of(&stored.used);
        for (seat, token) in &stored.tokens_before {
            if let Some(seated) = self.seated_mut(*seat) {
                seated.token_before = Some(*token);
            }
        }
    }

    /// A join token has been used.
    pub fn note_use(&mut self, nonce: Nonce, tick: Tick) {
        self.used.insert(nonce, tick);
    }

    /// A seat has a new resume token. Where it came for an older one, that one holds until the new one has
    /// arrived: a client that is cut off before it has read its welcome still comes back.
    pub fn set_token(&mut self, seat: Seat, hash: TokenHash, before: Option<TokenHash>) {
        if let Some(seated) = self.seated_mut(seat) {
            seated.token_before = before;
            seated.record.token = hash;
        }
    }

    /// The newest resume token of a seat has arrived. False if that was known.
    pub fn confirm_token(&mut self, seat: Seat) -> bool {
        self.seated_mut(seat).and_then(|seated| seated.token_before.take()).is_some()
    }

    /// Seats that are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Puts a player on a free seat.
    pub fn sit(&mut self, record: SeatRecord, socket: Option<SocketId>) {
        let inputs = InputBuffer::resumed(record.last_input);
        let seat = record.seat;
        let place = &mut self.seats[usize::from(seat.0)];
        assert!(place.is_none(), "a seat is given to one player");
        self.reservations.release(&record.player);
        *place = Some(Seated {
            record,
            token_before: None,
            advancing: false,
            socket,
            inputs,
            messages_since_tick: 0,
        });
        self.taken += 1;
        if let Some(socket) = socket {
            self.by_socket.insert(socket, seat);
        }
    }

    /// Makes a seat free; answers who had it.
    pub fn stand(&mut self, seat: Seat) -> Option<Seated> {
        let seated = self.seats.get_mut(usize::from(seat.0))?.take()?;
        self.taken -= 1;
        if let Some(socket) = seated.socket {
            self.by_socket.remove(&socket);
        }
        Some(seated)
    }

    /// Connects a seat to another socket; answers the one it had.
    pub fn connect(&mut self, seat: Seat, socket: SocketId) -> Option<SocketId> {
        let seated = self.seats.get_mut(usize::from(seat.0))?.as_mut()?;
        let before = seated.socket.replace(socket);
        seated.record.dropped_at = None;
        if let Some(before) = before {
            self.by_socket.remove(&before);
        }
        self.by_socket.insert(socket, seat);
        before
    }

    /// The seat of a socket lost its connection.
    pub fn disconnect(&mut self, socket: SocketId, tick: Tick) -> Option<Seat> {
        let seat = self.by_socket.remove(&socket)?;
        let seated = self.seats.get_mut(usize::from(seat.0))?.as_mut()?;
        seated.socket = None;
        seated.record.dropped_at = Some(tick);
        seated.advancing = false;
        seated.inputs.rest();
        Some(seat)
    }

    /// A tick of a re-run is over: what grows has grown.
    pub fn advance(&mut self) {
        for seated in self.iter_mut().filter(|seated| seated.advancing) {
            seated.record.last_input = seated.record.last_input.saturating_add(1);
        }
    }

    /// Nobody is connected any more: after a restart.
    pub fn disconnect_all(&mut self, tick: Tick) -> Vec<Seat> {
        let connected = self.seats.iter_mut().flatten().filter(|seated| seated.record.dropped_at.is_none());
        let dropped = connected.map(|seated| {
            seated.record.dropped_at = Some(tick);
            seated.socket = None;
            seated.record.seat
        });
        dropped.collect()
    }

    /// The seat a socket plays.
    pub fn seat_of(&self, socket: SocketId) -> Option<Seat> {
        self.by_socket.get(&socket).copied()
    }

    /// Who sits on a seat.
    pub fn seated(&self, seat: Seat) -> Option<&Seated> {
        self.seats.get(usize::from(seat.0))?.as_ref()
    }

    /// Who sits on a seat, to change.
    pub fn seated_mut(&mut self, seat: Seat) -> Option<&mut Seated> {
        self.seats.get_mut(usize::from(seat.0))?.as_mut()
    }

    /// Everybody, by seat.
    pub fn iter(&self) -> impl Iterator<Item = &Seated> {
        self.seats.iter().flatten()
    }

    /// Everybody, by seat, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Seated> {
        self.seats.iter_mut().flatten()
    }

    /// The seat a resume token belongs to. Hashes are compared: what their time tells is of no use.
    pub fn seat_of_token(&self, hash: &TokenHash) -> Option<Seat> {
        let is_its = |seated: &&Seated| {
            seated.record.token == *hash || seated.token_before.is_some_and(|before| before == *hash)
        };
        self.iter().find(is_its).map(|seated| seated.record.seat)
    }

    /// The seat of a player.
    pub fn seat_of_player(&self, player: &PlayerName) -> Option<Seat> {
        self.iter().find(|seated| seated.record.player == *player).map(|seated| seated.record.seat)
    }
}
