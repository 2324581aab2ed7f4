//! Checkpoints and journal: how often, how long, and what stands in for a damaged one.

use super::*;
use crate::classes::matches::store_keys::{CHECKPOINTS, SEGMENTS, tick_of};

fn ticks_of(bench: &Bench, prefix: &[u8]) -> Vec<u64> {
    bench.keys(prefix).iter().map(|key| tick_of(prefix, key).unwrap().0).collect()
}

fn bytes_stored(bench: &Bench) -> usize {
    let stored = bench.stored();
    let values = stored.keys(b"").unwrap();
    let values: usize = values.iter().map(|key| stored.get(key).unwrap().unwrap().len()).sum();
    values + stored.journal().unwrap().iter().map(Vec::len).sum::<usize>()
}

#[test]
fn checkpoints_come_every_five_seconds_and_cut_the_journal() {
    let mut bench = Bench::playing(json!({}));
    bench.join("ann");
    bench.run_for(seconds(21));
    assert_eq!(ticks_of(&bench, CHECKPOINTS), [0, 300, 600, 900, 1200]);
    assert_eq!(ticks_of(&bench, SEGMENTS), [1, 301, 601, 901]);
    let behind = bench.tick() - 1200;
    assert_eq!(bench.stored().journal().unwrap().len() as u64, behind);
}

#[test]
fn a_quarter_of_an_hour_of_journal_is_kept_and_no_more() {
    let mut bench = Bench::playing(json!({}));
    bench.join("ann");
    bench.run_for(seconds(15 * 60 + 20));
    let (then, first) = (bytes_stored(&bench), ticks_of(&bench, CHECKPOINTS)[0]);
    bench.run_for(seconds(120));
    assert!(bytes_stored(&bench) <= then + then / 50, "{then} bytes, then {}", bytes_stored(&bench));
    let checkpoints = ticks_of(&bench, CHECKPOINTS);
    assert!(checkpoints[0] > first, "the oldest go");
    let horizon = bench.tick() - 15 * 60 * 60;
    assert!(checkpoints[0] <= horizon && checkpoints[1] > horizon - 301, "{checkpoints:?}");
    assert!(ticks_of(&bench, SEGMENTS)[0] <= checkpoints[0] + 1, "every checkpoint has its journal");
    let verdict = bench.verify().unwrap();
    assert!(verdict.agree && verdict.to_tick.0 - verdict.from_tick.0 >= 15 * 60 * 60 - 300);
}

fn short() -> Bench {
    let settings = MatchSettings { journal_retention: seconds(1), ..MatchSettings::default() };
    let mut bench = Bench::with(MemoryStore::new(), games::pongs(), settings);
    bench.create(json!({})).unwrap();
    bench.join("ann");
    bench
}

#[test]
fn three_generations_are_kept_however_short_the_retention() {
    let mut bench = short();
    bench.run_for(seconds(61));
    assert_eq!(ticks_of(&bench, CHECKPOINTS), [3000, 3300, 3600]);
    assert_eq!(ticks_of(&bench, SEGMENTS), [3001, 3301]);
}

#[test]
fn a_damaged_checkpoint_is_stood_in_for_by_the_one_before() {
    let mut bench = short();
    bench.run_for(seconds(31));
    let tick = bench.tick();
    let checkpoints = bench.keys(CHECKPOINTS);
    for damaged in 1..=2 {
        bench.damage(&checkpoints[checkpoints.len() - damaged]);
        bench = bench.restart();
        let entry = bench.listing().entry;
        assert_eq!(entry["recovered"]["tick"], tick, "{damaged} damaged");
        assert_eq!(entry["recovered"]["ticks_lost"], 0);
        assert!(entry["recovered"]["ticks_rerun"].as_u64().unwrap() > 300 * damaged as u64);
    }
}

/// What was re-run is stored again under the key it came from: it must not be deleted for its older self.
#[test]
fn after_a_fall_back_the_journal_stays_whole() {
    let settings = MatchSettings { journal_retention: seconds(10), ..MatchSettings::default() };
    let mut bench = Bench::with(MemoryStore::new(), games::pongs(), settings);
    bench.create(json!({})).unwrap();
    bench.run_for(seconds(8));
    bench.damage(bench.keys(CHECKPOINTS).last().unwrap());
    let mut bench = bench.restart();
    let damaged = ticks_of(&bench, CHECKPOINTS)[1];
    for _ in 0..12 {
        bench.run_for(seconds(3));
        let checkpoints = ticks_of(&bench, CHECKPOINTS);
        let from = Tick(*checkpoints.iter().find(|tick| **tick != damaged).unwrap());
        let records = crate::classes::matches::recovery::read_records(&*bench.stored(), from).unwrap();
        let newest = bench.tick();
        assert_eq!(from.0 + records.len() as u64, newest, "from {} of {checkpoints:?}", from.0);
    }
}

#[test]
fn without_a_readable_checkpoint_the_match_is_set_aside_untouched() {
    let mut bench = short();
    bench.run_for(seconds(20));
    for key in bench.keys(CHECKPOINTS) {
        bench.damage(&key);
    }
    let before: Vec<_> = bench.keys(b"").iter().map(|key| bench.stored().get(key).unwrap()).collect();
    let mut bench = bench.restart();
    let listing = bench.listing();
    assert_eq!(listing.state, "set_aside");
    let reason = listing.entry["reason"].as_str().unwrap();
    assert!(reason.contains("no checkpoint can be used") && reason.contains("checksum"), "{reason}");
    bench.run_for(seconds(10));
    let after: Vec<_> = bench.keys(b"").iter().map(|key| bench.stored().get(key).unwrap()).collect();
    assert_eq!(before, after);
    let socket = bench.join("ann");
    assert_eq!(bench.closed(socket), Some(CloseCode::MatchOver));
}
