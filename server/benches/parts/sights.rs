//! Arenas in which players see what is near: how much that is, what it takes to find it and to tell it.

use std::hint::black_box;
use std::io::Write as _;

use criterion::Criterion;
use tickstone_shared::ids::Seat;
use tickstone_shared::input::InputFeedback;
use tickstone_shared::replication::encode::{Encoder, Pair};
use tickstone_shared::replication::interest::{Interest, Sights};
use tickstone_shared::replication::shape::Shape;
use tickstone_shared::snapshot::{Sight, Snapshot};
use tickstone_shared::time::TICK_RATE_HZ;
use tickstone_shared::wire::state::{StateHead, encode_own, encode_relative};
use tickstone_shared::wire::version::{Encoding, StateKind};

use crate::differences::states;
use crate::fight::Fight;

/// Consecutive states that are looked at.
const STATES: usize = 120;
/// Bytes of a WebSocket frame's header at these lengths.
const FRAME_BYTES: usize = 4;

/// Players and maps.
const CROWDS: [(u16, &str); 5] =
    [(32, "dust"), (100, "dust"), (250, "plains"), (500, "plains"), (1_000, "plains")];

/// One crowd in which everybody sees so far.
struct Crowd {
    players: u16,
    shape: std::sync::Arc<Shape>,
    sight: Sight,
    states: Vec<Snapshot>,
}

impl Crowd {
    fn new(players: u16, map: &str) -> Self {
        let options =
            serde_json::json!({ "map": map, "players_max": players, "round_seconds": 3600, "sight": 16 });
        let mut fight = Fight::with(&options, players, 1);
        let states = states(&mut fight, STATES);
        let sight = fight.simulation.sight().expect("the options say so");
        Self { players, shape: std::sync::Arc::clone(fight.game.shape()), sight, states }
    }

    fn look(&self, interest: &mut Interest, at: usize, sights: &mut Sights) {
        let seats = (0..self.players).map(Seat);
        interest.look(&self.states[at], self.sight, seats, |_, _| false, sights);
    }

    fn view(&self, at: usize, seat: u16, sights: &Sights, view: &mut Vec<u8>) {
        view.clear();
        let seen = sights.of(seat.into());
        self.shape.cut.view(&self.states[at], &self.shape.schema, seen, Seat(seat), view);
    }
}

/// What players have in view, and the bytes a second that tell each of them of it at 60 Hz.
fn report(crowd: &Crowd) {
    let Crowd { players, shape, states, .. } = crowd;
    let (mut interest, mut sights) = (Interest::default(), Sights::default());
    let mut views = vec![Vec::new(); usize::from(*players)];
    let (mut encoder, mut difference, mut message, mut view) =
        (Encoder::default(), Vec::new(), Vec::new(), Vec::new());
    let (mut seen, mut bytes, mut told) = (0, 0, 0_u64);
    for (at, snapshot) in states.iter().enumerate() {
        crowd.look(&mut interest, at, &mut sights);
        for (seat, has) in (0..*players).zip(&mut views) {
            crowd.view(at, seat, &sights, &mut view);
            if at > 0 {
                let pair = Pair { layout: &shape.layout, base: has, view: &view };
                difference.clear();
                encoder.whole(pair, |_, _| true, &mut difference);
                let head = StateHead {
                    epoch: tickstone_shared::ids::Epoch(1),
                    hash: None,
                    snapshot,
                    schema: &shape.schema,
                };
                message.clear();
                encode_relative(&head, states[at - 1].tick, &difference, Encoding::Msgpack, &mut message);
                let feedback = InputFeedback { last_input: 5_000, lead: 700, starved: 3 };
                encode_own(feedback, Encoding::Msgpack, StateKind::Delta, &mut message);
                seen += sights.of(seat.into()).map_or(0, <[_]>::len);
                bytes += message.len() + FRAME_BYTES;
                told += 1;
            }
            std::mem::swap(has, &mut view);
        }
    }
    let mean = |sum: usize| sum as f64 / told as f64;
    let a_second = mean(bytes) * f64::from(TICK_RATE_HZ) / 1_000.0;
    // A closed stdout leaves nobody to tell.
    let _ = writeln!(
        std::io::stdout(),
        "{players} players: {:.0} of {} rows in view, {a_second:.1} KB/s for each at 60 Hz",
        mean(seen),
        states[0].places.len()
    );
}

/// Finding what everybody sees, and telling one of them.
pub(crate) fn sights(criterion: &mut Criterion) {
    for (players, map) in CROWDS {
        let crowd = Crowd::new(players, map);
        report(&crowd);
        let (mut interest, mut sights) = (Interest::default(), Sights::default());
        let mut at = 0;
        criterion.bench_function(&format!("look, {players} players"), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % STATES;
                crowd.look(&mut interest, at, &mut sights);
                black_box(&sights);
            });
        });
        let [mut before, mut after, mut out] = [const { Vec::new() }; 3];
        let mut encoder = Encoder::default();
        let (mut then, mut now) = (Sights::default(), Sights::default());
        let mut interest = Interest::default();
        crowd.look(&mut interest, 0, &mut then);
        crowd.look(&mut interest, 1, &mut now);
        let mut seat = 0;
        criterion.bench_function(&format!("view and difference of one of {players}"), |bencher| {
            bencher.iter(|| {
                seat = (seat + 1) % players;
                crowd.view(0, seat, &then, &mut before);
                crowd.view(1, seat, &now, &mut after);
                out.clear();
                let pair = Pair { layout: &crowd.shape.layout, base: &before, view: &after };
                encoder.whole(pair, |_, _| true, &mut out);
                black_box(&out);
            });
        });
    }
}
