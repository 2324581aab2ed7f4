//! Who is shown what of a match.

use tickstone_shared::games::arena::Arena;
use tickstone_shared::sim::registered::register;

use super::*;
use crate::object::socket::StateFrame;

/// Ann and bob at two ends of a map.
fn arena(options: &Value) -> (Bench, SocketId, SocketId) {
    let mut games = Games::new();
    games.insert("arena", register::<Arena>());
    let mut assets = Assets::default();
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/maps/dust.json");
    assets.insert("maps/dust.json", std::fs::read_to_string(map).unwrap());
    let mut bench = Bench::with_assets(MemoryStore::new(), games, MatchSettings::default(), assets);
    let mut body = json!({ "game": "arena", "options": { "players_max": 2 } });
    lay_over(&mut body, json!({ "options": options }));
    bench.create(body).unwrap();
    let (ann, bob) = (bench.join("ann"), bench.join("bob"));
    bench.run_for(seconds(2));
    (bench, ann, bob)
}

fn frames(bench: &Bench) -> Vec<Arc<StateFrame>> {
    let outputs = bench.outlet.0.lock().unwrap();
    let frames = outputs.iter().filter_map(|output| match output {
        SocketOutput::State(frame) => Some(Arc::clone(frame)),
        _ => None,
    });
    frames.collect()
}

/// How many rows of each kind the newest state shows a socket.
fn shown(bench: &Bench, socket: SocketId) -> [usize; 4] {
    let frames = frames(bench);
    let frame = frames.last().unwrap();
    let number = frame.receivers.iter().position(|to| to.socket == socket).unwrap();
    let mut kinds = [0; 4];
    for seen in frame.sights.of(number).unwrap() {
        kinds[usize::from(frame.snapshot.places[seen.row as usize].kind)] += 1;
    }
    kinds
}

#[test]
fn players_who_are_far_from_each_other_are_not_shown_each_other() {
    let (bench, ann, bob) = arena(&json!({ "sight": 8 }));
    for player in [ann, bob] {
        let [players, shots, pickups, rounds] = shown(&bench, player);
        assert_eq!((players, shots, rounds), (1, 0, 1), "what concerns everybody is shown");
        assert!(pickups < 10, "there are more out of sight");
    }
    let (bench, ann, _) = arena(&json!({ "sight": 128 }));
    assert_eq!(shown(&bench, ann), [2, 0, 10, 1]);
}

#[test]
fn a_hash_tells_of_the_whole_world_so_who_sees_a_part_is_not_told_it() {
    let is_told = |options: &Value| frames(&arena(options).0).iter().any(|frame| frame.hash.is_some());
    assert!(is_told(&json!({})));
    assert!(!is_told(&json!({ "sight": 8 })));
}
