//! The floor: one thread, one epoll, no protocol, no game. Every socket is sent a finished frame 60 times a
//! second, in the server's phases, and what it sends is read and thrown away.
//!
//! It waits in epoll for what comes and for the next phase, as such a loop is written. The cheapest loop that still
//! has one system call per frame and per message wakes once a phase and reads what has come since ([`Reads`]).

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_server::runtime::alarm_queue::PHASES;
use tickstone_shared::time::{Moment, TICK_RATE_HZ};

use crate::Fallible;
use crate::created::PLAYERS;
use crate::frames;
use crate::measure::{SUBJECT_CORE, prepare_part};
use crate::options::{FloorPlan, Reads};
use crate::report;

const LISTENER: Token = Token(usize::MAX);
const EVENTS_MAX: usize = 4096;
const READ_BYTES: usize = 4096;
/// Phases in a second.
const PHASE_RATE_HZ: u64 = TICK_RATE_HZ as u64 * PHASES as u64;
/// Phases after which what is overdue is left out, as the server does after 250 ms.
const BEHIND_MAX: u64 = PHASE_RATE_HZ / 4;
/// Consecutive matches are this far apart in the table of frames.
const STRIDE: u64 = 7;

struct Floor {
    poll: Poll,
    listener: TcpListener,
    sockets: Vec<Option<TcpStream>>,
    frames: Vec<Vec<u8>>,
    scratch: Vec<u8>,
}

/// Runs until its time is up or the benchmark ends.
pub(crate) fn run(plan: &FloorPlan) -> Fallible<()> {
    prepare_part(SUBJECT_CORE)?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    let address = listener.local_addr()?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let frames = plan.frame_bytes.iter().map(|bytes| frames::of_size(*bytes)).collect();
    let mut floor = Floor { poll, listener, sockets: Vec::new(), frames, scratch: vec![0; READ_BYTES] };
    report::line(&serde_json::json!({ "event": "ready", "http": address }))?;
    let clock = SystemClock::new();
    let mut events = Events::with_capacity(EVENTS_MAX);
    let mut phase = 0;
    while phase < plan.lifetime * PHASE_RATE_HZ {
        let due = Moment(phase * 1_000_000_000 / PHASE_RATE_HZ);
        match plan.reads {
            Reads::AsItComes => {
                // Once in every phase, however late it is.
                loop {
                    floor.receive(&mut events, due.since(clock.now()))?;
                    if clock.now() >= due {
                        break;
                    }
                }
                floor.send(phase);
            }
            Reads::OnceAPhase => {
                clock.sleep_until(due);
                floor.send(phase);
                floor.receive(&mut events, Duration::ZERO)?;
            }
        }
        phase += 1;
        let due = clock.now().0.saturating_mul(PHASE_RATE_HZ) / 1_000_000_000;
        if due > phase + BEHIND_MAX {
            phase = due;
        }
    }
    Ok(())
}

impl Floor {
    /// The states of every match of this phase.
    fn send(&mut self, phase: u64) {
        let (first, tick) = ((phase % u64::from(PHASES)) as usize, phase / u64::from(PHASES));
        let matches = self.sockets.chunks(PLAYERS).enumerate().skip(first).step_by(PHASES as usize);
        for (number, sockets) in matches {
            let frame = &self.frames[((tick + number as u64 * STRIDE) % self.frames.len() as u64) as usize];
            for mut socket in sockets.iter().flatten() {
                // A socket that takes nothing misses a state, as with the server.
                let _ = socket.write(frame);
            }
        }
    }

    fn receive(&mut self, events: &mut Events, at_most: Duration) -> io::Result<()> {
        self.poll.poll(events, Some(at_most))?;
        for event in events.iter() {
            match event.token() {
                LISTENER => self.accept()?,
                Token(number) if !is_open(&self.sockets[number], &mut self.scratch) => {
                    self.sockets[number] = None;
                }
                Token(_) => {}
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((mut socket, _)) = self.listener.accept() {
            socket.set_nodelay(true)?;
            let token = Token(self.sockets.len());
            self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
            self.sockets.push(Some(socket));
        }
        Ok(())
    }
}

/// Reads until there is no more: a read that does not fill its room has taken the last (epoll(7)).
fn is_open(socket: &Option<TcpStream>, scratch: &mut [u8]) -> bool {
    let Some(mut socket) = socket.as_ref() else { return true };
    loop {
        match socket.read(scratch) {
            Ok(0) => return false,
            Ok(read) if read < scratch.len() => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}
