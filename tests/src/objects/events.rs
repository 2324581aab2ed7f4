//! What callers and clients do, and what they are told.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tickstone_server::object::caller::Caller;
use tickstone_server::object::contract::CallError;
use tickstone_server::object::peer::SocketEnd;
use tickstone_server::object::socket::{PeerRequest, SocketEvent, SocketId};
use tickstone_server::runtime::handle::{Objects as _, ReplyTo};

use super::asked::{Ending, Sender};
use super::known::Way;
use super::ledger::{identity, stamped};
use super::oracle::Violation;
use super::tally;
use super::world::{OBJECTS, Question, World};

/// Callers of objects.
const CALLERS: u64 = 3;
/// Sockets at a time.
const SOCKETS_MAX: usize = 8;

impl World {
    /// Somebody does something.
    pub(super) fn happen(&mut self) {
        let object = self.rng.below(OBJECTS as u64) as usize;
        match self.rng.below(80) {
            0..34 => {
                let sender = Sender::Caller(self.rng.below(CALLERS));
                let id = self.oracle.look().invent(&mut self.rng, sender, object);
                self.ask(object, id);
            }
            34..58 => self.say(),
            58..64 => self.connect(object),
            64..66 => self.disconnect(),
            66 => self.delete(object),
            _ => self.add(),
        }
    }

    /// Asks the process that is the owner.
    pub(super) fn ask(&mut self, object: usize, id: u64) {
        self.waiting.insert(Question::Do(id), self.now());
        let reply = self.reply(Question::Do(id), object);
        self.process.shared.call_by(Caller::Operator, &identity(object), "do", json!({ "id": id }), reply);
    }

    /// Hears an answer when it leaves, in the order in which things leave.
    fn reply(&self, question: Question, object: usize) -> ReplyTo {
        let (answers, oracle) = (Arc::clone(&self.answers), self.oracle.clone());
        let stale = Arc::clone(&self.process.stale);
        Box::new(move |answer| {
            let stale = stale.load(Ordering::Relaxed);
            let way = if stale { Way::Objects } else { Way::Answers };
            // It does not wake what another process has.
            let answer = if stale { answer.map_err(|_| CallError::Reset) } else { answer };
            match (question, &answer) {
                (Question::Delete(object), Ok(_)) if !stale => oracle.look().is_gone(object),
                (Question::Do(_), Ok(answer)) => match answer.as_str().and_then(stamped) {
                    Some((of, version)) if of == object => oracle.look().sees(of, version, way),
                    _ => drop(oracle.hold::<()>(object, Err(format!("it answered {answer}")))),
                },
                _ => {}
            }
            answers.lock().unwrap().push((question, answer));
        })
    }

    /// Somebody on a socket says something.
    fn say(&mut self) {
        let sockets = self.process.wire.sockets();
        let open: Vec<_> = sockets.iter().filter(|(_, kept)| kept.tags.is_some() && !kept.closed).collect();
        let Some((socket, kept)) = self.rng.pick(&open) else { return };
        let id = self.oracle.look().invent(&mut self.rng, Sender::Socket(socket.0), kept.object);
        let event = SocketEvent::Received { socket: *socket, payload: id.to_string().into() };
        // Refused: it is lost, and never was answered.
        let _ = self.process.shared.socket(&identity(kept.object), event);
    }

    fn connect(&mut self, object: usize) {
        if self.process.wire.sockets().iter().filter(|(_, kept)| !kept.closed).count() >= SOCKETS_MAX {
            return;
        }
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        self.process.wire.enter(socket, object);
        let request = Box::new(PeerRequest { caller: Caller::Anonymous, query: String::new() });
        let event = SocketEvent::Connected { socket, request };
        if self.process.shared.socket(&identity(object), event).is_err() {
            self.process.wire.change(socket, |kept| (kept.closed, kept.told) = (true, true));
        }
    }

    fn disconnect(&mut self) {
        let sockets = self.process.wire.sockets();
        let open: Vec<_> = sockets.iter().filter(|(_, kept)| !kept.closed).collect();
        if let Some((socket, _)) = self.rng.pick(&open) {
            self.oracle.look().closes(*socket);
            self.process.wire.change(*socket, |kept| kept.closed = true);
        }
    }

    /// Objects are told of the sockets that are gone; again, if they did not take it.
    pub(super) fn tell_ends(&mut self) {
        for (socket, kept) in self.process.wire.sockets() {
            if kept.closed && !kept.told {
                let end = Box::new(SocketEnd { code: 1000, clean: true, ..SocketEnd::default() });
                let event = SocketEvent::Disconnected { socket, end };
                let told = self.process.shared.socket(&identity(kept.object), event).is_ok();
                self.process.wire.change(socket, |kept| kept.told = told);
            }
        }
    }

    fn delete(&mut self, object: usize) {
        let question = Question::Delete(object);
        if self.waiting.contains_key(&question) {
            return;
        }
        self.waiting.insert(question, self.now());
        self.oracle.look().objects[object].is_to_go();
        self.process.shared.delete(&identity(object), self.reply(question, object));
    }

    /// Somebody adds one, or asks again because nobody answered.
    pub(super) fn add(&mut self) {
        let caller = self.rng.below(self.adders.len() as u64) as usize;
        if self.adders[caller].waits.is_some() {
            return;
        }
        let number = self.adders[caller].done + 1;
        self.adders[caller].waits = Some(number);
        let question = Question::Add(caller, number);
        self.waiting.insert(question, self.now());
        let (body, reply) = (json!({ "caller": caller, "number": number }), self.reply(question, OBJECTS));
        self.process.shared.call_by(Caller::Operator, &tally::identity(), "add", body, reply);
    }

    pub(super) fn take_answer(
        &mut self,
        question: Question,
        answer: Result<Value, CallError>,
    ) -> Result<(), Violation> {
        let refused = match (&question, &answer) {
            (_, Err(CallError::Reset | CallError::Storage | CallError::TimedOut)) => None,
            (_, Err(CallError::Draining | CallError::Overloaded)) => None,
            (Question::Do(id), answer) => {
                let fails = matches!(self.oracle.look().asked(*id).ending, Ending::Error | Ending::Panic);
                self.stats.answered += 1;
                match answer {
                    Ok(_) => fails.then(|| "it answered what had failed".to_owned()),
                    Err(CallError::Invalid(reason)) if fails && reason == "as planned" => None,
                    Err(error) => Some(error.to_string()),
                }
            }
            (_, Err(error)) => Some(error.to_string()),
            _ => None,
        };
        if let Some(refused) = refused {
            return Err(format!("{question:?}: {refused}"));
        }
        match (question, answer) {
            (Question::Delete(object), Err(_)) => self.oracle.look().objects[object].may_have_gone(),
            (Question::Add(caller, number), answer) => {
                let adder = &mut self.adders[caller];
                adder.waits = adder.waits.filter(|waits| *waits != number);
                if let Ok(total) = answer {
                    adder.done = adder.done.max(number);
                    self.told.hears(total.as_u64().unwrap_or_default(), &self.adders)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
