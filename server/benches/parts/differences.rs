//! Differences between the states of an arena: what they cost, and how long they are.

use std::hint::black_box;

use criterion::Criterion;
use tickstone_shared::replication::decode::Decoder;
use tickstone_shared::replication::encode::{Encoder, Pair};
use tickstone_shared::replication::layout::Layout;
use tickstone_shared::snapshot::Snapshot;

use crate::fight::Fight;
use crate::traffic;

/// Consecutive states to go through again and again.
const STATES: usize = 240;

/// States one after another, of a match of so many.
pub(crate) fn states(fight: &mut Fight, count: usize) -> Vec<Snapshot> {
    let next = || {
        fight.choose_inputs();
        fight.tick();
        fight.snapshot()
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// What it takes to tell a tick to those who have the one before, and to read it.
pub(crate) fn differences(criterion: &mut Criterion) {
    traffic::report();
    for players in [8, 32, 100] {
        let mut fight = Fight::new(players, 1);
        let layout = Layout::new(fight.game.schema()).expect("a game keeps its limits");
        let states = states(&mut fight, STATES);
        let mut at = 0;
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        criterion.bench_function(&format!("difference, {players} players"), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % (STATES - 1);
                out.clear();
                let pair = Pair { layout: &layout, base: &states[at].body, view: &states[at + 1].body };
                encoder.whole(pair, |_, _| false, &mut out);
                black_box(&out);
            });
        });
        let told = |window: &[Snapshot]| {
            let mut out = Vec::new();
            let pair = Pair { layout: &layout, base: &window[0].body, view: &window[1].body };
            Encoder::default().whole(pair, |_, _| false, &mut out);
            out
        };
        let differences: Vec<_> = states.windows(2).map(told).collect();
        let mut decoder = Decoder::default();
        criterion.bench_function(&format!("read difference, {players} players"), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % (STATES - 1);
                out.clear();
                decoder
                    .whole(&layout, &states[at].body, &differences[at], &mut out)
                    .expect("what was written can be read");
                black_box(&out);
            });
        });
    }
}
