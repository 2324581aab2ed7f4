//! A client's clock against the server's measure of it, over a network of delays and losses: the recipe of
//! netcode.md (Input), both halves as they ship.

use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::client::pace::LEAD_DATAGRAM_TICKS;
use tickstone_shared::client::session::{Session, SessionOptions};
use tickstone_shared::client::view::StateHeader;
use tickstone_shared::ids::{Epoch, Seat};
use tickstone_shared::input::{InputBatch, InputRow};
use tickstone_shared::schema::Schema;
use tickstone_shared::time::{Moment, Tick, ticks_to_nanos};
use tickstone_shared::wire::message::{ServerMessage, Welcome};
use tickstone_shared::wire::version::PROTOCOL_VERSION;

use crate::classes::matches::input_buffer::{Consumed, InputBuffer};

const RATE_HZ: u32 = 60;
const STEP: Duration = Duration::from_millis(1);
/// The first seconds are for the clock to settle.
const SETTLING_TICKS: u64 = 600;
const TICKS: u64 = 3_600;

/// One way of the network.
struct Way {
    delay_ms: u64,
    jitter_ms: u64,
    lost_of_100: u64,
    random: u64,
}

impl Way {
    /// When what is sent now arrives; none if it is lost.
    fn arrival(&mut self, now: Moment) -> Option<Moment> {
        let mut draw = |below: u64| {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.random >> 33) % below
        };
        let is_lost = draw(100) < self.lost_of_100;
        let late_us = draw(2_000 * self.jitter_ms + 1);
        let delay = Duration::from_micros(1_000 * (self.delay_ms - self.jitter_ms) + late_us);
        (!is_lost).then(|| now + delay)
    }
}

fn joined(options: SessionOptions) -> Session {
    let mut session = Session::new(options);
    let welcome = Welcome {
        protocol: PROTOCOL_VERSION,
        match_id: "m".into(),
        game: "arena".into(),
        game_version: 1,
        epoch: Epoch(1),
        tick: Tick(0),
        tick_rate_hz: RATE_HZ,
        player: "ann".into(),
        seat: Seat(0),
        resume_token: "r".into(),
        resume_seconds: 30,
        durability: "none".into(),
        last_input: 0,
        schema_hash: 0,
        schema: Arc::new(Schema { kinds: Vec::new(), input: Vec::new() }),
        chat_token: None,
    };
    session.on_message(ServerMessage::Welcome(Box::new(welcome)), Moment(1));
    session
}

/// Ticks that starved once the clock had settled, and the lead at the end in ticks.
fn play(delay_ms: u64, jitter_ms: u64, lost_of_100: u64) -> (u64, f64) {
    let way = |random| Way { delay_ms, jitter_ms, lost_of_100, random };
    let (mut up, mut down) = (way(1), way(2));
    let mut options = SessionOptions::new("m", "ann");
    options.lead_ticks = LEAD_DATAGRAM_TICKS;
    let mut session = joined(options);
    let mut buffer = InputBuffer::default();
    let (mut datagrams, mut states) =
        (Vec::<(Moment, InputBatch)>::new(), Vec::<(Moment, StateHeader)>::new());
    let (mut tick, mut starved, mut now) = (Tick(0), 0, Moment(1));
    while tick.0 < TICKS {
        now = now + STEP;
        for (_, header) in states.extract_if(.., |(at, _)| *at <= now) {
            session.on_header(header, now);
        }
        if let Some(due) = session.due_inputs(1, now) {
            let rows = std::iter::repeat_n(InputRow::new(&[1]).unwrap(), due.count);
            session.inputs(due, rows, now);
            let batch = session.unacknowledged().expect("one was just made");
            datagrams.extend(up.arrival(now).map(|at| (at, batch)));
        }
        let next = tick.next();
        for (_, batch) in datagrams.extract_if(.., |(at, _)| *at <= now) {
            for (offset, row) in (0_u32..).zip(&batch.rows) {
                let of = Tick(batch.first_tick.0 + u64::from(offset));
                buffer.offer(of, batch.first_seq + offset, *row, next);
            }
            buffer.note_lead(Tick(batch.first_tick.0 + batch.rows.len() as u64 - 1), next);
        }
        if now.0 >= ticks_to_nanos(next.0, RATE_HZ) {
            tick = next;
            let is_starved = matches!(buffer.take(tick), Consumed::Starved(_));
            starved += u64::from(is_starved && tick.0 > SETTLING_TICKS);
            let feedback = buffer.feedback();
            let header = StateHeader {
                epoch: Epoch(1),
                tick,
                hash: None,
                last_input: feedback.last_input,
                lead: feedback.lead,
                starved: feedback.starved,
                parts: 1,
            };
            states.extend(down.arrival(now).map(|at| (at, header)));
        }
    }
    (starved, f64::from(buffer.feedback().lead) / 256.0)
}

#[test]
fn on_a_good_network_inputs_arrive_two_ticks_early_and_none_is_missing() {
    for delay_ms in [1, 10, 50] {
        let (starved, lead) = play(delay_ms, 0, 0);
        assert_eq!(starved, 0, "{delay_ms} ms");
        assert!((1.2..=2.8).contains(&lead), "{delay_ms} ms: {lead} ticks early");
    }
}

#[test]
fn on_a_bad_network_starvations_make_inputs_leave_earlier_and_few_are_missing() {
    let (starved, lead) = play(50, 10, 2);
    assert!(starved < 50, "{starved} of {} ticks starved", TICKS - SETTLING_TICKS);
    assert!((1.0..=8.5).contains(&lead), "{lead} ticks early");
    let (much, _) = play(50, 10, 20);
    assert!(much < 500 && much > starved, "{much} ticks starved where every fifth datagram is lost");
}
