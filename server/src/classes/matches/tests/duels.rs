//! A match of a game without ticks: it sleeps between moves, its deadlines hold, and secrets are kept.

use tickstone_shared::games::duel::{Duel, Rules};
use tickstone_shared::ids::{PlayerName, Seat};
use tickstone_shared::sim::event::{Audience, Event};
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;

use super::*;
use crate::classes::matches::store_keys::CHECKPOINTS;

/// A server whose next match has this seed.
fn bench(seed: u64) -> Bench {
    let mut games = Games::new();
    games.insert("duel", register::<Duel>());
    let mut bench = Bench::with(MemoryStore::new(), games, MatchSettings::default());
    for other in 1..seed {
        let name = ObjectName::parse(&format!("other-{other}")).unwrap();
        let other = Identity::named(MATCH_CLASS, name);
        bench.shared.call(&other, "create", json!({ "game": "duel" }), Box::new(drop));
        bench.settle();
    }
    bench
}

/// A duel of ann and bob, both there.
fn dealt(seed: u64) -> (Bench, SocketId, SocketId) {
    let mut bench = bench(seed);
    bench.create(json!({ "game": "duel", "options": { "turn_seconds": 100 } })).unwrap();
    let (ann, bob) = (bench.join("ann"), bench.join("bob"));
    (bench, ann, bob)
}

impl Bench {
    fn play(&mut self, socket: SocketId, card: u64) {
        self.tell(SocketEvent::Message { socket, data: json!({ "play": card }).to_string() });
    }

    fn is_asleep(&self) -> bool {
        self.shared.directory.owner(one().id).is_none()
    }

    /// Everything a socket was sent, but for its welcome, which has a token.
    fn sent(&self, socket: SocketId) -> Vec<String> {
        let outputs = self.outlet.0.lock().unwrap();
        let sent = outputs.iter().filter_map(|output| match output {
            SocketOutput::Send { message, .. } if matches!(**message, ServerMessage::Welcome(_)) => None,
            SocketOutput::Send { socket: to, message } => (*to == socket).then(|| format!("{message:?}")),
            SocketOutput::Broadcast { sockets, message } => {
                sockets.contains(&socket).then(|| format!("{message:?}"))
            }
            SocketOutput::State(frame) => {
                let own = frame.receivers.iter().find(|to| to.socket == socket)?;
                Some(format!("{:?} {:?} {:?} {:?}", frame.epoch, frame.hash, frame.snapshot, own.feedback))
            }
            SocketOutput::Close { socket: to, code, .. } => (*to == socket).then(|| format!("{code:?}")),
            SocketOutput::Peer(_) => None,
        });
        sent.collect()
    }

    fn times_told(&self, socket: SocketId, what: &str) -> usize {
        self.sent(socket).iter().filter(|sent| sent.contains(what)).count()
    }

    /// The newest hand a socket was told.
    fn hand(&self, socket: SocketId) -> Vec<u64> {
        let outputs = self.outlet.0.lock().unwrap();
        let hand = outputs.iter().rev().find_map(|output| match output {
            SocketOutput::Broadcast { sockets, message } if sockets.contains(&socket) => match &**message {
                ServerMessage::Message(message) => Some(message.data["hand"].clone()),
                _ => None,
            },
            _ => None,
        });
        serde_json::from_value(hand.unwrap()).unwrap()
    }
}

#[test]
fn socket_5_a_duel_hibernates_between_moves_and_wakes_for_one() {
    let (mut bench, ann, bob) = dealt(1);
    assert_eq!(bench.hand(ann).len(), 5);
    for seat in [ann, bob, bob, ann] {
        bench.run_for(seconds(9));
        assert!(!bench.is_asleep(), "it waits for the next move");
        bench.run_for(seconds(2));
        assert!(bench.is_asleep(), "its memory is gone");
        let (shown, before) = (bench.shown(), bench.sent(ann).len());
        bench.run_for(seconds(20));
        assert_eq!(bench.sent(ann).len(), before, "a match that sleeps says nothing");
        let card = bench.hand(seat)[0];
        bench.play(seat, card);
        let (epoch, tick) = *shown.last().unwrap();
        assert_eq!(bench.shown()[shown.len()..], [(epoch, tick + 1)], "one step, of the same activation");
    }
    assert_eq!(bench.times_told(ann, "turned_up"), 2);
    assert_eq!(bench.times_told(bob, "turned_up"), 2);
    assert_eq!((bench.closed(ann), bench.closed(bob)), (None, None));
    assert!(bench.verify().unwrap().agree);
}

#[test]
fn socket_6_who_vanishes_while_the_duel_sleeps_has_dropped_and_comes_back() {
    let (mut bench, ann, bob) = dealt(1);
    let hand = bench.hand(bob);
    bench.run_for(seconds(11));
    bench.tell(SocketEvent::Closed { socket: bob });
    assert_eq!(bench.listing().entry["connected"], 1);
    bench.run_for(seconds(50));
    let token = bench.welcome(bob).unwrap().resume_token.clone();
    let back = bench.resume(&token);
    assert_eq!(bench.welcome(back).unwrap().seat, Seat(1), "the seat is held for longer than 30 s");
    assert_eq!(bench.hand(back), hand);
    assert_eq!(bench.closed(ann), None);
}

#[test]
fn alarm_1_a_hibernated_duel_wakes_for_its_deadline_and_tells_once() {
    let (mut bench, ann, bob) = dealt(1);
    bench.run_for(seconds(50));
    let card = bench.hand(ann)[0];
    bench.play(ann, card);
    bench.run_for(seconds(99));
    assert!(bench.is_asleep());
    assert_eq!(bench.listing().state, "running", "the move gave bob a time of his own");
    bench.run_for(seconds(2));
    let entry = bench.listing().entry;
    assert_eq!(entry["outcome"], json!({ "winner": 0, "reason": "time" }));
    bench.run_for(seconds(300));
    for socket in [ann, bob] {
        assert_eq!(bench.times_told(socket, "\"over\""), 1);
        assert_eq!(bench.times_told(socket, "MatchEnded"), 1);
    }
}

#[test]
fn alarm_1_the_deadline_of_a_hibernated_duel_holds_over_a_crash() {
    for down in [10, 1_000] {
        let (mut bench, ann, _) = dealt(1);
        let card = bench.hand(ann)[0];
        bench.play(ann, card);
        bench.run_for(seconds(50));
        assert!(bench.is_asleep());
        let (token, clock) = (bench.welcome(ann).unwrap().resume_token.clone(), Arc::clone(&bench.clock));
        let Bench { store, games, settings, .. } = bench;
        store.crash();
        let mut bench = Bench::with(store, (*games).clone(), settings);
        bench.clock.advance_to(clock.now() + seconds(down));
        bench.shared.recover().unwrap();
        bench.settle();
        let back = bench.resume(&token);
        bench.run_for(seconds(if down == 10 { 38 } else { 0 }));
        let is_over = bench.listing().state == "ended";
        assert_eq!(is_over, down > 100, "not before its time, and at once when it is overdue");
        bench.run_for(seconds(3));
        assert_eq!(bench.listing().entry["outcome"], json!({ "winner": 0, "reason": "time" }));
        if down == 10 {
            assert_eq!(bench.times_told(back, "\"over\""), 1);
            assert_eq!(bench.closed(back), Some(CloseCode::MatchEnded));
        }
    }
}

#[test]
fn life_2_a_duel_goes_the_same_way_if_it_crashes_after_every_move() {
    let (mut bench, mut ann, mut bob) = dealt(1);
    for round in 0..5 {
        for seat in [round % 2, 1 - round % 2] {
            let socket = [ann, bob][seat];
            let card = bench.hand(socket)[0];
            bench.play(socket, card);
            if round == 4 && seat == 1 {
                break;
            }
            let tokens = [ann, bob].map(|socket| bench.welcome(socket).unwrap().resume_token.clone());
            bench = bench.restart();
            [ann, bob] = [bench.resume(&tokens[0]), bench.resume(&tokens[1])];
        }
    }
    assert_eq!(bench.listing().state, "ended");
    assert_eq!(bench.listing().entry["outcome"]["reason"], "points");
    assert!(bench.verify().unwrap().agree);
}

#[test]
fn a_duel_that_waits_in_vain_and_one_that_is_left_end() {
    let mut bench = bench(1);
    bench.create(json!({ "game": "duel" })).unwrap();
    let ann = bench.join("ann");
    bench.run_for(seconds(3_599));
    assert_eq!(bench.listing().state, "running");
    bench.run_for(seconds(2));
    assert_eq!(bench.listing().entry["outcome"], json!({ "winner": null, "reason": "nobody_came" }));
    assert_eq!(bench.closed(ann), Some(CloseCode::MatchEnded));
    let (mut bench, ann, bob) = dealt(1);
    bench.tell(SocketEvent::Leave { socket: bob });
    assert_eq!(bench.listing().entry["outcome"], json!({ "winner": 0, "reason": "left" }));
    assert_eq!(bench.closed(ann), Some(CloseCode::MatchEnded));
}

#[test]
fn a_game_that_sleeps_is_stored() {
    let mut bench = bench(1);
    let refused = bench.create(json!({ "game": "duel", "durability": "none" }));
    assert!(matches!(refused, Err(CallError::Invalid(_))), "{refused:?}");
}

/// The hands of ann and bob in a match of this seed.
fn hands(seed: u64) -> [Vec<u64>; 2] {
    let mut simulation = Simulation::<Duel>::start(seed, &Rules::default());
    for seat in [Seat(0), Seat(1)] {
        let player = PlayerName::parse("ann").unwrap();
        simulation.apply(&Event::Join { seat, player }).unwrap();
        simulation.step();
    }
    let mut outputs = Vec::new();
    simulation.take_outputs(&mut outputs);
    [Seat(0), Seat(1)].map(|seat| {
        let told = outputs.iter().find(|output| output.to == Audience::Seat(seat)).unwrap();
        serde_json::from_value(told.data["hand"].clone()).unwrap()
    })
}

/// Two seeds that give ann the same hand, and bob another.
fn twins() -> [u64; 2] {
    let dealt: Vec<_> = (1..=400).map(hands).collect();
    let pairs = (0..400_usize).flat_map(|one| (0..one).map(move |other| [one, other]));
    let mut fitting =
        pairs.filter(|[one, other]| dealt[*one][0] == dealt[*other][0] && dealt[*one][1] != dealt[*other][1]);
    fitting.next().unwrap().map(|index| index as u64 + 1)
}

/// Not by a state, a message, a hash, or the number of any of them.
#[test]
fn a_player_is_sent_the_same_whatever_the_other_holds() {
    let [one, other] = twins().map(|seed| {
        let (mut bench, ann, bob) = dealt(seed);
        let card = bench.hand(ann)[0];
        bench.play(ann, card);
        bench.play(bob, 99);
        bench.tell(SocketEvent::Message { socket: bob, data: "{}".to_owned() });
        bench.run_for(seconds(11));
        let mut entry = bench.call("inspect", Value::Null).unwrap().unwrap();
        bench.tell(SocketEvent::Closed { socket: bob });
        let (sent, held) = (bench.sent(ann), bench.hand(bob));
        let mut bench = bench.restart();
        let after = bench.call("inspect", Value::Null).unwrap().unwrap();
        entry["after"] = after;
        (sent, entry, held)
    });
    assert_ne!(one.2, other.2, "bob holds other cards");
    assert_eq!((one.0, one.1), (other.0, other.1));
}

/// Steps are no time: a player cannot use up another's by sending much.
#[test]
fn many_steps_take_nobodys_seat_away() {
    let (mut bench, ann, bob) = dealt(1);
    bench.tell(SocketEvent::Closed { socket: bob });
    for _ in 0..2_000 {
        bench.tell(SocketEvent::Message { socket: ann, data: "{}".to_owned() });
    }
    assert!(bench.tick() > 2_000);
    let entry = bench.listing().entry;
    assert_eq!((&entry["state"], &entry["players"]), (&json!("running"), &json!(2)));
    let checkpoints = bench.keys(CHECKPOINTS).len();
    assert!((2..=10).contains(&checkpoints), "{checkpoints} checkpoints");
}

#[test]
fn socket_5_the_sockets_of_a_duel_that_slept_are_closed_when_it_is_deleted() {
    let (mut bench, ann, bob) = dealt(1);
    bench.run_for(seconds(11));
    assert!(bench.is_asleep());
    bench.shared.delete(&one(), Box::new(|deleted| assert!(deleted.is_ok())));
    bench.settle();
    assert_eq!(
        (bench.closed(ann), bench.closed(bob)),
        (Some(CloseCode::MatchOver), Some(CloseCode::MatchOver))
    );
}

/// Without ticks no later checkpoint would make up for the move: it has not happened.
#[test]
fn gate_3_a_move_that_the_store_refused_has_not_happened() {
    let store = MemoryStore::by_hand(&StoreSettings { queue_batches_max: 8, ..StoreSettings::new("") });
    let mut games = Games::new();
    games.insert("duel", register::<Duel>());
    let mut bench = Bench::with(store, games, MatchSettings::default());
    let flushed = |bench: &mut Bench| {
        for _ in 0..8 {
            bench.run_for(Duration::from_millis(5));
            bench.store.flush();
            bench.settle();
        }
    };
    bench.ask("create", json!({ "game": "duel" }));
    flushed(&mut bench);
    let ann = bench.hello(json!({ "player": "ann" }));
    flushed(&mut bench);
    bench.hello(json!({ "player": "bob" }));
    flushed(&mut bench);
    let (tick, held) = (bench.listing().entry["tick"].clone(), bench.hand(ann));
    bench.store.fail();
    for _ in 0..40 {
        bench.tell(SocketEvent::Message { socket: ann, data: "{}".to_owned() });
    }
    bench.play(ann, held[0]);
    assert_eq!(bench.closed(ann), Some(CloseCode::Restoring));
    bench.store.repair();
    flushed(&mut bench);
    let entry = bench.listing().entry;
    assert_eq!(entry["label"], json!({ "phase": "playing", "cards_laid": 0 }));
    assert!(entry["tick"].as_u64() <= tick.as_u64().map(|tick| tick + 10), "{tick} {entry}");
}
