//! A client's session with a match, from the first hello across drops to the end.
//!
//! Responsible for: the hello (join or resume), what `welcome` said, the newest state, the events, numbering
//! inputs and aiming them at ticks. Not responsible for: sockets, or when to try again
//! ([`super::backoff`]). A state of another epoch than that of `welcome` is never taken.

use std::collections::VecDeque;

use super::assembler::Assembler;
pub use super::heard::{AfterClose, AppliedInputs, Came, Heard};
use super::pace::{Feedback, LEAD_WEBSOCKET_TICKS, Pace};
use super::view::StateHeader;
use crate::ids::{Epoch, NetId};
use crate::input::{Acknowledged, InputBatch, InputRow};
use crate::limits::INPUTS_PER_MESSAGE_MAX;
use crate::time::{Moment, Tick};
use crate::wire::close::CloseCode;
use crate::wire::decode::DecodeError;
use crate::wire::message::{ClientMessage, EventMessage, Hello, ServerMessage, Welcome};
use crate::wire::parts::state_part;
use crate::wire::state::StateMessage;
use crate::wire::version::{PROTOCOL_VERSION, StateKind};

/// Events kept until they are taken; the oldest goes first.
pub const EVENTS_MAX: usize = 64;
/// Inputs whose moment of sending is remembered: four seconds at 60 Hz.
pub const SENT_INPUTS_MAX: usize = 256;

/// What a client wants of a match.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The match to join.
    pub match_id: String,
    /// A join token; not needed in dev mode.
    pub token: Option<String>,
    /// The player's name where no token carries one.
    pub player: Option<String>,
    /// How states are wanted.
    pub state: StateKind,
    /// How many ticks early inputs should arrive.
    pub lead_ticks: f64,
}

impl SessionOptions {
    /// Joins `match_id` as `player`, with packed states and the lead of a WebSocket.
    pub fn new(match_id: &str, player: &str) -> Self {
        Self {
            match_id: match_id.to_owned(),
            token: None,
            player: Some(player.to_owned()),
            state: StateKind::Delta,
            lead_ticks: LEAD_WEBSOCKET_TICKS,
        }
    }
}

/// Ticks that want an input now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueInputs {
    /// The first of them.
    pub first_tick: Tick,
    /// How many, 1 to [`INPUTS_PER_MESSAGE_MAX`].
    pub count: usize,
}

/// One client's session with one match.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    resume: Option<(String, Epoch)>,
    play: Option<Play>,
    newest: Option<StateMessage>,
    events: VecDeque<EventMessage>,
    resumes: u32,
    applied_seq: u32,
    next_seq: u32,
    sent: Box<[(u32, Moment); SENT_INPUTS_MAX]>,
    /// The newest inputs of this connection that no state has, oldest first.
    unacknowledged: VecDeque<(u32, Tick, InputRow)>,
}

/// What there is only between a welcome and the end of its connection.
#[derive(Debug)]
struct Play {
    welcome: Box<Welcome>,
    pace: Pace,
    states: Assembler,
    newest_tick: Tick,
    /// What the server said before it can have measured an input of this connection.
    first_lead: Option<i32>,
    next_tick: Tick,
}

impl Session {
    /// A session that has not said anything.
    pub fn new(options: SessionOptions) -> Self {
        Self {
            options,
            resume: None,
            play: None,
            newest: None,
            events: VecDeque::new(),
            resumes: 0,
            applied_seq: 0,
            next_seq: 1,
            sent: Box::new([(0, Moment(0)); SENT_INPUTS_MAX]),
            unacknowledged: VecDeque::new(),
        }
    }

    /// The first message of the next connection: resumes where a welcome left a token, else joins.
    pub fn hello(&self) -> ClientMessage {
        let resuming = self.resume.is_some();
        ClientMessage::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            match_id: self.options.match_id.clone(),
            token: self.options.token.clone().filter(|_| !resuming),
            resume: self.resume.as_ref().map(|(token, _)| token.clone()),
            player: self.options.player.clone().filter(|_| !resuming),
            state: self.options.state,
            schema_hash: None,
            epoch: self.resume.as_ref().map(|(_, epoch)| *epoch),
        })
    }

    /// Joins by this token from now on: each holds once.
    pub fn set_token(&mut self, token: String) {
        self.options.token = Some(token);
    }

    /// Will the next hello resume a seat?
    pub fn resumes_next(&self) -> bool {
        self.resume.is_some()
    }

    /// What the match said when it took the client in; none while there is no connection.
    pub fn welcome(&self) -> Option<&Welcome> {
        self.play.as_ref().map(|play| &*play.welcome)
    }

    /// The newest state that was decoded: always whole.
    pub fn newest(&self) -> Option<&StateMessage> {
        self.newest.as_ref()
    }

    /// Was every part of the newest state there? Else some of its rows are those of the state before.
    pub fn newest_came(&self) -> Came {
        let received = self.play.as_ref().map(|play| play.states.received().tick);
        let is_whole =
            self.newest.as_ref().is_some_and(|newest| received.is_some_and(|tick| tick >= newest.tick));
        if is_whole { Came::Whole } else { Came::InPart }
    }

    /// Entities that the newest state took out of view although they are still there.
    pub fn left_view(&self) -> &[NetId] {
        self.play.as_ref().map_or(&[], |play| play.states.left_view())
    }

    /// The oldest event not taken yet.
    pub fn take_event(&mut self) -> Option<EventMessage> {
        self.events.pop_front()
    }

    /// How often a resume was accepted.
    pub fn resumes(&self) -> u32 {
        self.resumes
    }

    /// Takes a decoded message.
    pub fn on_message(&mut self, message: ServerMessage, now: Moment) -> Heard {
        match message {
            ServerMessage::Welcome(welcome) => self.on_welcome(welcome, now),
            ServerMessage::State(state) => self.on_state(state, now),
            ServerMessage::Event(event) => {
                if self.events.len() >= EVENTS_MAX {
                    self.events.pop_front();
                }
                self.events.push_back(event);
                Heard::Other
            }
            ServerMessage::Bye(bye) => Heard::Bye(bye.code),
            ServerMessage::Pong(_) | ServerMessage::Message(_) => Heard::Other,
        }
    }

    /// Takes a part of a state, as it came in a datagram. It is [`Heard::NewState`] if it made a state ready.
    pub fn on_part(&mut self, datagram: &[u8], now: Moment) -> Result<Heard, DecodeError> {
        let part = state_part(datagram)?;
        let Some(play) = self.play.as_mut().filter(|play| play.welcome.epoch == part.epoch) else {
            return Ok(Heard::OldState);
        };
        let state = play.states.take_part(&part);
        match state.map_err(|error| DecodeError::Malformed(error.to_string()))? {
            Some(state) => Ok(self.on_whole(state, now)),
            None => Ok(Heard::OldState),
        }
    }

    fn on_state(&mut self, state: StateMessage, now: Moment) -> Heard {
        let Some(play) = &mut self.play else { return Heard::OldState };
        match play.states.take_state(state) {
            Ok(Some(state)) => self.on_whole(state, now),
            Ok(None) => Heard::OldState,
            Err(error) => Heard::Unreadable(error),
        }
    }

    fn on_whole(&mut self, state: StateMessage, now: Moment) -> Heard {
        let heard = self.on_new(StateHeader::of(&state), now);
        if matches!(heard, Heard::NewState { .. }) {
            self.newest = Some(state);
        }
        heard
    }

    /// Takes a state of which only the header was read (capacity runs).
    pub fn on_header(&mut self, header: StateHeader, now: Moment) -> Heard {
        if let Some(play) = self.play.as_mut().filter(|play| play.welcome.epoch == header.epoch) {
            play.states.skip(header.tick);
        }
        self.on_new(header, now)
    }

    fn on_new(&mut self, header: StateHeader, now: Moment) -> Heard {
        let Some(play) = &mut self.play else { return Heard::OldState };
        let seen = header.tick <= play.newest_tick && play.newest_tick != Tick(0);
        if header.epoch != play.welcome.epoch || seen {
            return Heard::OldState;
        }
        play.newest_tick = header.tick;
        let first_lead = *play.first_lead.get_or_insert(header.lead);
        let measured = header.lead != first_lead || header.last_input > play.welcome.last_input;
        let lead = measured.then_some(header.lead);
        play.pace.on_state(Feedback { tick: header.tick, lead, starved: header.starved }, now);
        Heard::NewState { applied: self.apply_up_to(header.last_input) }
    }

    /// Inputs up to this number are applied; the server cannot have applied what was not sent.
    fn apply_up_to(&mut self, last_input: u32) -> AppliedInputs {
        let count = last_input.min(self.next_seq - 1).saturating_sub(self.applied_seq);
        let applied = AppliedInputs { first_seq: self.applied_seq + 1, count };
        self.applied_seq += count;
        while self.unacknowledged.pop_front_if(|(seq, ..)| *seq <= last_input).is_some() {}
        applied
    }

    fn on_welcome(&mut self, welcome: Box<Welcome>, now: Moment) -> Heard {
        if self.resume.is_some() {
            self.resumes += 1;
        } else {
            self.applied_seq = welcome.last_input;
        }
        let applied = self.apply_up_to(welcome.last_input);
        self.applied_seq = welcome.last_input;
        self.next_seq = welcome.last_input.saturating_add(1);
        self.resume = Some((welcome.resume_token.clone(), welcome.epoch));
        self.newest = None;
        self.unacknowledged.clear();
        let pace = Pace::new(welcome.tick_rate_hz, self.options.lead_ticks, welcome.tick, now);
        let next_tick = Tick(pace.position(now) as u64);
        let states = Assembler::new(welcome.epoch, &welcome.schema);
        self.play = Some(Play { welcome, pace, states, newest_tick: Tick(0), first_lead: None, next_tick });
        Heard::Welcomed { applied }
    }

    /// The ticks that want an input by now, if they are at least `at_least`. Ticks the client slept through
    /// are left out: the server would find their inputs late.
    pub fn due_inputs(&mut self, at_least: usize, now: Moment) -> Option<DueInputs> {
        let play = self.play.as_mut()?;
        let reached = play.pace.position(now).max(0.0) as u64;
        let behind = (reached + 1).saturating_sub(play.next_tick.0);
        let ahead = play.next_tick.0.saturating_sub(reached + 1);
        if behind > INPUTS_PER_MESSAGE_MAX as u64 || ahead > INPUTS_PER_MESSAGE_MAX as u64 {
            play.next_tick = Tick((reached + 1).saturating_sub(at_least as u64));
        }
        let count = usize::try_from((reached + 1).saturating_sub(play.next_tick.0)).unwrap_or(0);
        (count >= at_least.max(1)).then_some(DueInputs { first_tick: play.next_tick, count })
    }

    /// When [`Session::due_inputs`] has something to say again.
    pub fn next_due(&self, at_least: usize) -> Option<Moment> {
        let play = self.play.as_ref()?;
        Some(play.pace.moment_of(Tick(play.next_tick.0 + at_least.max(1) as u64 - 1)))
    }

    /// The tick an input made now is for, with its fraction; none while there is no connection.
    pub fn position(&self, now: Moment) -> Option<f64> {
        self.play.as_ref().map(|play| play.pace.position(now))
    }

    /// Numbers the rows made for what was due and remembers when they were sent.
    pub fn inputs<I: IntoIterator<Item = InputRow>>(
        &mut self,
        due: DueInputs,
        rows: I,
        now: Moment,
    ) -> Option<InputBatch> {
        let play = self.play.as_mut()?;
        let batch = InputBatch {
            epoch: play.welcome.epoch,
            first_tick: due.first_tick,
            first_seq: self.next_seq,
            acknowledged: Acknowledged::only(play.states.received().tick),
            rows: rows.into_iter().take(due.count.min(INPUTS_PER_MESSAGE_MAX)).collect(),
        };
        for row in &batch.rows {
            self.sent[self.next_seq as usize % SENT_INPUTS_MAX] = (self.next_seq, now);
            if self.unacknowledged.len() == INPUTS_PER_MESSAGE_MAX {
                self.unacknowledged.pop_front();
            }
            self.unacknowledged.push_back((self.next_seq, play.next_tick, *row));
            self.next_seq = self.next_seq.saturating_add(1);
            play.next_tick = play.next_tick.next();
        }
        Some(batch)
    }

    /// The inputs that no state has yet, at most [`INPUTS_PER_MESSAGE_MAX`] and the newest of them: what a
    /// datagram carries, so that a lost one takes no input with it. None if there is none.
    pub fn unacknowledged(&self) -> Option<InputBatch> {
        let play = self.play.as_ref()?;
        let newest = self.unacknowledged.back()?.1;
        // Ticks that were slept through part those before from those after: a message has no gaps.
        let follows =
            |(back, (_, tick, _)): &(usize, &(u32, Tick, InputRow))| tick.0 + *back as u64 == newest.0;
        let count = self.unacknowledged.iter().rev().enumerate().take_while(follows).count();
        let run = self.unacknowledged.range(self.unacknowledged.len() - count..);
        let &(first_seq, first_tick, _) = run.clone().next()?;
        let (epoch, acknowledged) = (play.welcome.epoch, play.states.received());
        Some(InputBatch {
            epoch,
            first_tick,
            first_seq,
            acknowledged,
            rows: run.map(|sent| sent.2).collect(),
        })
    }

    /// When the input with this number was sent, if it was one of the last [`SENT_INPUTS_MAX`].
    pub fn sent_at(&self, seq: u32) -> Option<Moment> {
        let (number, moment) = self.sent[seq as usize % SENT_INPUTS_MAX];
        (number == seq && seq != 0).then_some(moment)
    }

    /// The connection ended, with this code if the server gave one.
    pub fn on_closed(&mut self, code: Option<CloseCode>) -> AfterClose {
        self.play = None;
        match code {
            None => AfterClose::TryAgain,
            Some(CloseCode::ResumeFailed) if self.resume.take().is_some() => AfterClose::TryAgain,
            Some(code) if code.may_resume() => AfterClose::TryAgain,
            Some(_) => AfterClose::GiveUp,
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
