//! A player: joins, plays, drops, comes back with its token, leaves.

use std::time::Duration;

use tickstone_server::object::socket::{SocketEvent, SocketId};
use tickstone_shared::client::session::{AfterClose, Heard, Session, SessionOptions};
use tickstone_shared::input::InputCodec;
use tickstone_shared::time::Moment;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::{ClientMessage, ServerMessage};

use super::network::{Arrival, Network};
use super::oracle::Violation;
use super::rng::Rng;

/// Tokens hold for 30 s of the match's time; what is under way when it ends is given a second.
const TOKEN_HOLDS: Duration = Duration::from_secs(29);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down {
        retry_at: Moment,
    },
    Up {
        socket: SocketId,
        welcomed: bool,
    },
    /// It left, was removed, or the match is over.
    Gone,
}

/// A player of one match.
pub(crate) struct Client {
    /// The match, by its place in the oracle.
    pub(crate) object: usize,
    /// Its name.
    pub(crate) name: String,
    /// Resumes that were accepted.
    pub(crate) resumes: u64,
    session: Session,
    link: Link,
    /// Its token must be accepted, unless time is up.
    token_holds: bool,
    /// The token of this connection must be accepted.
    resume_must_work: bool,
    dropped_at: Moment,
}

impl Client {
    /// A player who has not come yet.
    pub(crate) fn new(object: usize, name: String, match_id: &str, now: Moment) -> Self {
        let session = Session::new(SessionOptions::new(match_id, &name));
        Self {
            object,
            name,
            resumes: 0,
            session,
            link: Link::Down { retry_at: now },
            token_holds: false,
            resume_must_work: false,
            dropped_at: now,
        }
    }

    /// What it did, or was done to it, may have cost the seat.
    pub(crate) fn doubt_token(&mut self) {
        self.token_holds = false;
        self.resume_must_work = false;
    }

    /// Has it nothing to do any more?
    pub(crate) fn is_gone(&self) -> bool {
        self.link == Link::Gone
    }

    /// Does it play?
    pub(crate) fn plays(&self) -> bool {
        matches!(self.link, Link::Up { welcomed: true, .. })
    }

    /// Connects if it is time to.
    pub(crate) fn connect(&mut self, me: usize, network: &mut Network, now: Moment, rng: &mut Rng) {
        let Link::Down { retry_at } = self.link else { return };
        if now < retry_at {
            return;
        }
        let ClientMessage::Hello(hello) = self.session.hello() else { return };
        let socket = network.connect(me, self.object, rng);
        network.send(SocketEvent::Opened { socket, hello: Box::new(hello), ticket: None }, now, rng);
        self.link = Link::Up { socket, welcomed: false };
        self.resume_must_work = false;
    }

    /// Its hello has reached the server, whose memory of players began at `since`.
    pub(crate) fn on_hello_arrived(&mut self, since: Moment, now: Moment) {
        let in_time = now.since(self.dropped_at.max(since)) < TOKEN_HOLDS;
        self.resume_must_work = self.token_holds && self.session.resumes_next() && in_time;
    }

    /// Plays: sends what is due; sometimes drops or leaves.
    pub(crate) fn play(&mut self, network: &mut Network, codec: &dyn InputCodec, now: Moment, rng: &mut Rng) {
        let Link::Up { socket, welcomed: true } = self.link else { return };
        if rng.one_in(400) {
            network.cut(socket, now, rng);
            return self.on_drop(now, rng);
        }
        if rng.one_in(3000) {
            network.send(SocketEvent::Leave { socket }, now, rng);
            return self.doubt_token();
        }
        let Some(due) = self.session.due_inputs(1, now) else { return };
        let rows = (0..due.count).filter_map(|_| {
            let bytes: Vec<u8> = (0..codec.row_bytes()).map(|_| rng.next() as u8).collect();
            codec.packed(&bytes).ok()
        });
        let rows: Vec<_> = rows.collect();
        if let Some(batch) = self.session.inputs(due, rows, now) {
            network.send(SocketEvent::Inputs { socket, batch }, now, rng);
        }
    }

    /// Something has arrived from the server.
    pub(crate) fn hear(
        &mut self,
        from: SocketId,
        arrival: Arrival,
        now: Moment,
        rng: &mut Rng,
    ) -> Result<(), Violation> {
        let Link::Up { socket, welcomed } = self.link else { return Ok(()) };
        if socket != from {
            return Ok(());
        }
        match arrival {
            Arrival::Message(message) => self.on_message(socket, welcomed, (*message).clone(), now),
            Arrival::Closed(code) => self.on_close(code, now, rng),
        }
    }

    fn on_message(
        &mut self,
        socket: SocketId,
        welcomed: bool,
        message: ServerMessage,
        now: Moment,
    ) -> Result<(), Violation> {
        let is_event = matches!(message, ServerMessage::Event(_) | ServerMessage::Message(_));
        if is_event && !welcomed {
            return Err(format!("{}: an event came before the welcome", self.name));
        }
        if !welcomed && matches!(message, ServerMessage::State(_)) {
            // The gateway keeps states back until the welcome has left.
            return Ok(());
        }
        let resuming = self.session.resumes_next();
        if matches!(self.session.on_message(message, now), Heard::Welcomed { .. }) {
            self.resumes += u64::from(resuming);
            self.link = Link::Up { socket, welcomed: true };
            self.token_holds = true;
        }
        Ok(())
    }

    fn on_close(&mut self, code: CloseCode, now: Moment, rng: &mut Rng) -> Result<(), Violation> {
        if code == CloseCode::ResumeFailed && self.resume_must_work {
            return Err(format!("{}: a token from a welcome was refused within 30 s", self.name));
        }
        if matches!(code, CloseCode::Left | CloseCode::Kicked | CloseCode::ResumeFailed) {
            self.doubt_token();
        }
        self.link = match self.session.on_closed(Some(code)) {
            AfterClose::TryAgain => {
                Link::Down { retry_at: now + Duration::from_millis(rng.between(50, 2000)) }
            }
            AfterClose::GiveUp => Link::Gone,
        };
        self.dropped_at = now;
        Ok(())
    }

    /// The connection broke, or the server went.
    pub(crate) fn on_drop(&mut self, now: Moment, rng: &mut Rng) {
        if self.link == Link::Gone {
            return;
        }
        self.session.on_closed(None);
        self.link = Link::Down { retry_at: now + Duration::from_millis(rng.between(50, 4000)) };
        self.dropped_at = now;
    }
}
