//! One client: joins, counts the states it gets, sends inputs. As cheap as it can be.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

use arrayvec::ArrayVec;
use mio::net::TcpStream;
use tickstone_shared::client::session::{Session, SessionOptions};
use tickstone_shared::client::view::StateHeader;
use tickstone_shared::ids::Epoch;
use tickstone_shared::input::{Acknowledged, InputBatch};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode;
use tickstone_shared::wire::encode::{client_message, packed_input};
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::version::Encoding;

use crate::Fallible;
use crate::frames::{self, Frame, Sizes};
use crate::moves::Moves;

/// Inputs are for the tick so far ahead of the newest state ...
const LEAD_TICKS: u64 = 4;
/// ... as long as they stay between these.
const LEAD_TICKS_MIN: u64 = 2;
const LEAD_TICKS_MAX: u64 = 7;
/// Ticks whose inputs one message carries.
pub(crate) const TICKS_PER_MESSAGE: u64 = 2;
/// The floor counts ticks from here, so that its inputs are as long as the server's.
const FLOOR_FIRST_TICK: u64 = 1000;

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The upgrade is under way.
    Upgrading,
    /// The hello is.
    Joining,
    /// It plays.
    Playing,
    /// It has lost its connection.
    Gone,
}

/// What all clients share.
pub(crate) struct Shared {
    pub(crate) scratch: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) frame: Vec<u8>,
    pub(crate) sizes: Sizes,
}

/// A client.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) stage: Stage,
    /// Distinct ticks received in the window.
    pub(crate) ticks: u64,
    hello: Vec<u8>,
    partial: Vec<u8>,
    counts_frames: bool,
    epoch: Epoch,
    newest: u64,
    next_tick: u64,
    next_seq: u32,
    moves: Moves,
}

impl Client {
    /// A client of the floor: it plays from the start.
    pub(crate) fn of_floor(target: SocketAddr, seed: u32) -> io::Result<Self> {
        let mut client = Self::connect(target, seed)?;
        client.stage = Stage::Playing;
        client.newest = FLOOR_FIRST_TICK;
        client.counts_frames = true;
        Ok(client)
    }

    /// A client of a match, its upgrade sent.
    pub(crate) fn of_match(target: SocketAddr, match_id: &str, seed: u32) -> io::Result<Self> {
        let mut client = Self::connect(target, seed)?;
        let session = Session::new(SessionOptions::new(match_id, &format!("player {seed}")));
        client.hello = client_message(&session.hello(), Encoding::Msgpack);
        let request = format!(
            "GET /v1/matches/{match_id}/socket HTTP/1.1\r\nhost: {target}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: {}\r\n\r\n",
            Encoding::Msgpack.subprotocol()
        );
        client.socket.write_all(request.as_bytes())?;
        Ok(client)
    }

    fn connect(target: SocketAddr, seed: u32) -> io::Result<Self> {
        let socket = std::net::TcpStream::connect(target)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpStream::from_std(socket),
            stage: Stage::Upgrading,
            ticks: 0,
            hello: Vec::new(),
            partial: Vec::new(),
            counts_frames: false,
            epoch: Epoch(1),
            newest: 0,
            next_tick: 0,
            next_seq: 1,
            moves: Moves::new(seed),
        })
    }

    /// Reads what has come.
    pub(crate) fn receive(&mut self, shared: &mut Shared) -> Fallible<()> {
        loop {
            let room = shared.scratch.len();
            let read = match self.socket.read(&mut shared.scratch) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => 0,
            };
            if read == 0 {
                self.stage = Stage::Gone;
                return Ok(());
            }
            if self.partial.is_empty() {
                let scratch = std::mem::take(&mut shared.scratch);
                let taken = self.take(&scratch[..read], shared)?;
                self.partial.extend_from_slice(&scratch[taken..read]);
                shared.scratch = scratch;
            } else {
                let mut partial = std::mem::take(&mut self.partial);
                partial.extend_from_slice(&shared.scratch[..read]);
                let taken = self.take(&partial, shared)?;
                partial.drain(..taken);
                self.partial = partial;
            }
            if read < room {
                return Ok(());
            }
        }
    }

    /// Takes what is whole; answers how much that was.
    fn take(&mut self, bytes: &[u8], shared: &mut Shared) -> Fallible<usize> {
        let mut taken = 0;
        if self.stage == Stage::Upgrading {
            taken = self.upgraded(bytes, shared)?;
        }
        while self.stage != Stage::Upgrading
            && let Some(frame) = frames::first(&bytes[taken..])
        {
            self.heard(&frame, shared)?;
            taken += frame.bytes;
        }
        Ok(taken)
    }

    fn upgraded(&mut self, bytes: &[u8], shared: &mut Shared) -> Fallible<usize> {
        let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(0) };
        if !bytes.starts_with(b"HTTP/1.1 101 ") {
            return Err(format!("no upgrade: {}", String::from_utf8_lossy(&bytes[..head])).into());
        }
        frames::masked(&self.hello, self.moves.random().to_ne_bytes(), &mut shared.frame);
        self.socket.write_all(&shared.frame)?;
        self.stage = Stage::Joining;
        Ok(head + 4)
    }

    fn heard(&mut self, frame: &Frame<'_>, shared: &mut Shared) -> Fallible<()> {
        if frame.opcode == frames::CLOSE {
            self.stage = Stage::Gone;
        } else if self.counts_frames {
            self.newest += 1;
            self.ticks += 1;
            shared.sizes.count(frame.bytes);
        } else if frame.payload.first().is_some_and(|first| first & 0xf0 == 0x90) {
            let header = StateHeader::read(frame.payload, Encoding::Msgpack)?;
            let tick = header.map_or(0, |header| header.tick.0);
            shared.sizes.count(frame.bytes);
            if tick > self.newest {
                self.newest = tick;
                self.ticks += 1;
            }
        } else if self.stage == Stage::Joining {
            let message = decode::from_server(frame.payload, Encoding::Msgpack)?;
            if let ServerMessage::Welcome(welcome) = message {
                self.epoch = welcome.epoch;
                self.newest = welcome.tick.0;
                self.next_seq = welcome.last_input + 1;
                self.stage = Stage::Playing;
            }
        }
        Ok(())
    }

    /// Sends the inputs of the next two ticks; answers the bytes of the frame.
    pub(crate) fn send_inputs(&mut self, shared: &mut Shared) -> usize {
        let ahead = self.next_tick.saturating_sub(self.newest);
        if !(LEAD_TICKS_MIN..=LEAD_TICKS_MAX).contains(&ahead) {
            self.next_tick = self.newest + LEAD_TICKS;
        }
        let row = self.moves.next();
        let batch = InputBatch {
            epoch: self.epoch,
            first_tick: Tick(self.next_tick),
            first_seq: self.next_seq,
            acknowledged: Acknowledged::only(Tick(self.newest)),
            rows: ArrayVec::from_iter([row; TICKS_PER_MESSAGE as usize]),
        };
        self.next_tick += TICKS_PER_MESSAGE;
        self.next_seq += TICKS_PER_MESSAGE as u32;
        shared.payload.clear();
        packed_input(&batch, &mut shared.payload);
        frames::masked(&shared.payload, self.moves.random().to_ne_bytes(), &mut shared.frame);
        // A socket that takes nothing loses an input.
        self.socket.write(&shared.frame).unwrap_or(0)
    }
}
