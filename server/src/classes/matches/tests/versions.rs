//! Other builds, newer formats, altered journals.

use super::*;
use crate::classes::matches::header::{Header, MATCH_FORMAT};
use crate::classes::matches::journal::{JournalEvent, TickRecord};
use crate::classes::matches::store_keys::HEADER;
use tickstone_shared::sim::event::Event;

#[test]
fn another_version_starts_from_the_checkpoint_and_reports_the_rest_as_lost() {
    let mut bench = Bench::playing(json!({}));
    let socket = bench.join("ann");
    let welcome = bench.welcome(socket).unwrap();
    bench.run_for(seconds(7));
    let tick = bench.tick();
    let mut other = games::pongs();
    other.insert("pong", games::variant("pong", 2));
    let mut bench = bench.restart_with(other);
    let entry = bench.listing().entry;
    assert_eq!(entry["recovered"]["tick"], 300);
    assert_eq!(entry["recovered"]["ticks_rerun"], 0);
    assert_eq!(entry["recovered"]["ticks_lost"], tick - 300);
    assert_eq!(bench.metrics.recovery_ticks_lost.get(), tick - 300);
    let back = bench.resume(&welcome.resume_token);
    assert!(bench.welcome(back).unwrap().epoch > welcome.epoch);
    let answer = bench.verify();
    assert!(matches!(answer, Err(CallError::Conflict { code: "other_build", .. })), "{answer:?}");
    bench.run_for(seconds(2));
    let tick = bench.tick();
    let mut other = games::pongs();
    other.insert("pong", games::variant("pong", 2));
    let bench = bench.restart_with(other);
    let recovered = &bench.listing().entry["recovered"];
    assert_eq!(
        (&recovered["tick"], &recovered["ticks_lost"]),
        (&json!(tick), &json!(0)),
        "its own ticks count"
    );
}

#[test]
fn a_newer_format_is_set_aside_in_clear_words_and_untouched() {
    let mut bench = Bench::playing(json!({}));
    bench.run_for(seconds(1));
    let mut header = Header::decode(&bench.stored().get(HEADER).unwrap().unwrap()).unwrap();
    header.format = MATCH_FORMAT + 1;
    bench.tamper(vec![Write::Put { key: HEADER.to_vec(), value: header.encode() }]);
    let bench = bench.restart();
    let listing = bench.listing();
    assert_eq!(listing.state, "set_aside");
    let reason = listing.entry["reason"].as_str().unwrap();
    assert!(reason.contains("format 2") && reason.contains("use a newer build"), "{reason}");
    assert_eq!(bench.stored().get(HEADER).unwrap(), Some(header.encode()));
}

#[test]
fn a_match_of_a_game_this_build_lacks_is_set_aside() {
    let mut bench = Bench::playing(json!({}));
    bench.run_for(seconds(1));
    let mut fewer = games::pongs();
    fewer.remove("pong");
    let bench = bench.restart_with(fewer);
    assert_eq!(bench.listing().state, "set_aside");
    assert!(bench.listing().entry["reason"].as_str().unwrap().contains("no game pong"));
}

/// A match of two players who move, and its journal.
fn journaled() -> (Bench, Vec<TickRecord>) {
    let mut bench = Bench::playing(json!({}));
    let (ann, _) = (bench.join("ann"), bench.join("bob"));
    let welcome = bench.welcome(ann).unwrap();
    for seq in 0..20 {
        let next = bench.tick() + 1;
        let batch = bench.batch(&welcome, next + 1, 1 + seq, &[if seq % 2 == 0 { 1 } else { 255 }]);
        bench.tell(SocketEvent::Inputs { socket: ann, batch });
        bench.run_for(Duration::from_millis(150));
    }
    let entries = bench.stored().journal().unwrap();
    let records = entries.iter().map(|entry| TickRecord::decode(entry).unwrap()).collect();
    (bench, records)
}

fn rewrite(bench: &Bench, records: &[TickRecord]) {
    let mut writes = vec![Write::CutJournal];
    for record in records {
        let mut entry = Vec::new();
        record.encode(&mut entry);
        writes.push(Write::Append { entry });
    }
    bench.tamper(writes);
}

#[test]
fn an_altered_input_is_found_at_the_next_hash() {
    let (bench, mut records) = journaled();
    assert!(bench.verify().unwrap().agree);
    rewrite(&bench, &records);
    assert!(bench.verify().unwrap().agree, "the same entries again");
    let is_input = |event: &JournalEvent| matches!(event, JournalEvent::World(Event::Input { .. }));
    let altered = records.iter_mut().skip(70).find(|record| record.events.iter().any(is_input)).unwrap();
    altered.events.retain(|event| !is_input(event));
    let tick = altered.tick.0;
    rewrite(&bench, &records);
    let verdict = bench.verify().unwrap();
    assert!(!verdict.agree);
    assert_eq!(verdict.first_difference.unwrap().tick.0, tick.next_multiple_of(60));
    let bench = bench.restart();
    assert_eq!(bench.listing().state, "set_aside", "what cannot be re-run is not played on");
}

#[test]
fn an_altered_hash_is_found_at_its_tick() {
    let (bench, mut records) = journaled();
    let altered = records.iter_mut().skip(100).find(|record| record.hash.is_some()).unwrap();
    altered.hash = altered.hash.map(|hash| hash ^ 1);
    let tick = altered.tick;
    rewrite(&bench, &records);
    assert_eq!(bench.verify().unwrap().first_difference.unwrap().tick, tick);
}
