//! Everybody who has a socket, and what they hear.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tickstone_shared::time::Moment;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::idle::socket::{Happened, Socket, Way, open};

/// Sockets that are opened at once.
const OPENING_MAX: usize = 64;
/// Microseconds of the longest latency that is told apart.
const LATENCY_US_MAX: u64 = 60_000_000;
/// Digits of the time that a message carries, in microseconds.
const TIME_DIGITS: usize = 16;
/// What is said behind the time.
const WORDS: &str = " I have found the key, come to the gate";
/// What stands before the text of a message, in JSON.
const TEXT_FIELD: &[u8] = br#""text":""#;

/// Where a member connects.
pub(super) struct Place {
    /// With its query.
    pub(super) path: String,
    /// Who it is; none: nobody asks.
    pub(super) token: Option<Rc<str>>,
}

/// What was heard since it was last begun anew.
pub(super) struct Heard {
    clock: Clock,
    since: Cell<Moment>,
    /// Of messages that were said since then.
    latency_us: RefCell<Histogram<u64>>,
    /// Messages of any kind.
    any: Cell<u64>,
    /// Messages that say that something was not taken.
    refused: Cell<u64>,
    /// How sockets ended, and how many so.
    lost_by: RefCell<BTreeMap<String, usize>>,
    /// Of the newest message that was said.
    message_bytes: Cell<usize>,
}

impl Heard {
    fn new(clock: Clock) -> Self {
        let latency_us = Histogram::new_with_max(LATENCY_US_MAX, 3).expect("constants that fit");
        Self {
            clock,
            since: Cell::default(),
            latency_us: RefCell::new(latency_us),
            any: Cell::default(),
            refused: Cell::default(),
            lost_by: RefCell::default(),
            message_bytes: Cell::default(),
        }
    }

    /// From now on; what was said before counts no more.
    fn begin(&self) {
        self.since.set(self.clock.now());
        self.latency_us.borrow_mut().reset();
    }

    fn happened(&self, what: Happened<'_>) {
        let payload = match what {
            Happened::Told(payload) => payload,
            Happened::Lost(end) => {
                *self.lost_by.borrow_mut().entry(format!("{end:?}")).or_default() += 1;
                return;
            }
        };
        self.any.set(self.any.get() + 1);
        if payload.starts_with(br#"{"t":"error""#) {
            self.refused.set(self.refused.get() + 1);
        }
        let Some(said) = said_at(payload) else { return };
        self.message_bytes.set(payload.len());
        if said >= self.since.get() {
            let us = u64::try_from(self.clock.now().since(said).as_micros()).unwrap_or(u64::MAX);
            self.latency_us.borrow_mut().saturating_record(us);
        }
    }
}

/// When a message was said, if it is one: nothing else has a text first.
fn said_at(payload: &[u8]) -> Option<Moment> {
    if !payload.starts_with(br#"{"t":"message""#) {
        return None;
    }
    let at = payload.windows(TEXT_FIELD.len()).position(|bytes| bytes == TEXT_FIELD)? + TEXT_FIELD.len();
    let digits = std::str::from_utf8(payload.get(at..at + TIME_DIGITS)?).ok()?;
    Some(Moment(digits.parse::<u64>().ok()?.saturating_mul(1_000)))
}

/// Sockets, by the order in which they were opened.
pub(super) struct Members {
    clock: Clock,
    server: SocketAddr,
    addresses: u8,
    sockets: Vec<Socket>,
    heard: Rc<Heard>,
}

impl Members {
    /// Nobody yet.
    pub(super) fn new(clock: Clock, server: SocketAddr, addresses: u8) -> Self {
        Self { clock, server, addresses, sockets: Vec::new(), heard: Rc::new(Heard::new(clock)) }
    }

    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// How sockets ended, and how many so.
    pub(super) fn lost_by(&self) -> BTreeMap<String, usize> {
        self.heard.lost_by.borrow().clone()
    }

    /// What was said and not taken.
    pub(super) fn refused(&self) -> u64 {
        self.heard.refused.get()
    }

    /// Messages of any kind that came.
    pub(super) fn heard(&self) -> u64 {
        self.heard.any.get()
    }

    /// Bytes of a message as it comes.
    pub(super) fn message_bytes(&self) -> usize {
        self.heard.message_bytes.get()
    }

    /// Opens a socket at each of these places, some at once; they are then in this order.
    pub(super) async fn open(&mut self, places: Vec<Place>) -> io::Result<()> {
        let mut opened: Vec<Option<Socket>> = places.iter().map(|_| None).collect();
        let mut waiting: VecDeque<_> = places.into_iter().enumerate().collect();
        let mut opening = JoinSet::new();
        loop {
            while opening.len() < OPENING_MAX
                && let Some((number, place)) = waiting.pop_front()
            {
                let last = 1 + (number % usize::from(self.addresses)) as u8;
                let (server, heard) = (self.server, Rc::clone(&self.heard));
                opening.spawn_local(async move {
                    let from = Ipv4Addr::new(127, 0, 0, last);
                    let way = Way { from, to: server, path: &place.path, secret: place.token.as_deref() };
                    let listener = Rc::new(move |what: Happened<'_>| heard.happened(what));
                    (number, open(&way, listener).await)
                });
            }
            let Some(done) = opening.join_next().await else { break };
            let (number, socket) = done.map_err(io::Error::other)?;
            opened[number] = Some(socket?);
        }
        self.sockets.extend(opened.into_iter().flatten());
        Ok(())
    }

    /// Has `speakers` say `per_second` messages in turn for so long; `write` makes a message of a text. Answers how
    /// many were said.
    pub(super) async fn talk(
        &self,
        (speakers, per_second): (&[usize], f64),
        window: Duration,
        write: impl Fn(&str) -> String,
    ) -> io::Result<u64> {
        self.heard.begin();
        let (began, mut said) = (self.clock.now(), 0);
        loop {
            let after = Duration::from_secs_f64(said as f64 / per_second);
            if after >= window || speakers.is_empty() {
                break;
            }
            tokio::time::sleep_until(self.clock.instant(began + after)).await;
            let text = format!("{:0TIME_DIGITS$}{WORDS}", self.clock.now().0 / 1_000);
            self.sockets[speakers[said as usize % speakers.len()]].say(&write(&text)).await?;
            said += 1;
        }
        tokio::time::sleep_until(self.clock.instant(began + window)).await;
        Ok(said)
    }

    /// What was heard of the last talk, and how long each copy took.
    pub(super) fn latency_us(&self) -> Histogram<u64> {
        self.heard.latency_us.borrow().clone()
    }
}

/// What a member says in a room.
pub(super) fn say(text: &str) -> String {
    format!(r#"{{"t":"say","text":"{text}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::socket::End;

    #[test]
    fn a_message_carries_the_time_at_which_it_was_said() {
        let text = format!("{:0TIME_DIGITS$}{WORDS}", 1_234_567);
        let told = format!(r#"{{"t":"message","id":7,"user":"m-1","text":"{text}","unix_ms":1}}"#);
        assert_eq!(said_at(told.as_bytes()), Some(Moment(1_234_567_000)));
        for other in [r#"{"t":"join","user":"m","members":2}"#, r#"{"t":"message","text":"12"}"#, ""] {
            assert_eq!(said_at(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_was_said_before_a_window_does_not_count() {
        let heard = Heard::new(Clock::start());
        let told = |us: u64| format!(r#"{{"t":"message","text":"{us:0TIME_DIGITS$}"}}"#);
        heard.begin();
        let later = heard.clock.now().0 / 1_000 + 1;
        heard.happened(Happened::Told(told(later).as_bytes()));
        assert_eq!((heard.latency_us.borrow().len(), heard.any.get()), (1, 1));
        heard.since.set(Moment(u64::MAX));
        heard.happened(Happened::Told(told(later).as_bytes()));
        heard.happened(Happened::Told(br#"{"t":"error","code":"too_fast"}"#));
        heard.happened(Happened::Lost(End::Closed(4423)));
        assert_eq!((heard.latency_us.borrow().len(), heard.any.get()), (1, 3));
        assert_eq!(heard.refused.get(), 1);
        assert_eq!(heard.lost_by.borrow()["Closed(4423)"], 1);
    }
}
