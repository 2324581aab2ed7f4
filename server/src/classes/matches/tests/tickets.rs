//! Seats that are held, join tokens that hold once, resume tokens that rotate, signals.

use super::*;
use crate::object::socket::Ticket;
use tickstone_shared::ids::{PlayerName, Seat};

impl Bench {
    fn ticket(&mut self, player: &str, seat: Option<u16>, nonce: u8) -> SocketId {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        let hello = serde_json::from_value(json!({ "protocol": 1, "match_id": "one" })).unwrap();
        let player = PlayerName::parse(player).unwrap();
        let ticket = Some(Box::new(Ticket { player, seat: seat.map(Seat), nonce: [nonce; 16] }));
        self.tell(SocketEvent::Opened { socket, hello: Box::new(hello), ticket });
        self.run_for(Duration::from_millis(40));
        socket
    }

    fn reserve(&mut self, player: &str) -> Result<u64, CallError> {
        let answer = self.call("reserve", json!({ "player": player })).expect("it is answered at once");
        answer.map(|answer| answer["seat"].as_u64().unwrap())
    }

    /// What only who has read the welcome can send.
    fn says_something(&mut self, socket: SocketId) {
        self.tell(SocketEvent::Message { socket, data: "1".to_owned() });
        self.run_for(Duration::from_millis(40));
    }
}

fn full() -> CallError {
    CallError::Conflict { code: "match_full", reason: "the match is full".to_owned() }
}

#[test]
fn a_hundred_uses_of_one_token_give_one_seat() {
    let mut bench = Bench::playing(json!({}));
    let sockets: Vec<_> = (0..100).map(|_| bench.ticket("ann", None, 1)).collect();
    let welcome = |socket: &&SocketId| bench.welcome(**socket).is_some();
    assert_eq!(sockets.iter().filter(welcome).count(), 1);
    let refused = |socket: &&SocketId| bench.closed(**socket) == Some(CloseCode::TokenRefused);
    assert_eq!(sockets.iter().filter(refused).count(), 99);
    assert_eq!(bench.listing().entry["seats"], 2);
    assert_eq!(bench.call("inspect", Value::Null).unwrap().unwrap()["players"], 1);
    assert_eq!(bench.closed(sockets[0]), None, "those who were refused disturb nobody");
}

#[test]
fn a_used_token_stays_used_over_a_crash_and_a_checkpoint() {
    for played in [seconds(1), seconds(12)] {
        let mut bench = Bench::playing(json!({}));
        let ann = bench.ticket("ann", None, 1);
        assert!(bench.welcome(ann).is_some());
        bench.tell(SocketEvent::Leave { socket: ann });
        bench.run_for(played);
        let mut bench = bench.restart();
        let again = bench.ticket("ann", None, 1);
        assert_eq!(bench.closed(again), Some(CloseCode::TokenRefused), "after {played:?}");
        let fresh = bench.ticket("ann", None, 2);
        assert!(bench.welcome(fresh).is_some());
        assert!(bench.verify().unwrap().agree);
    }
}

#[test]
fn the_use_of_a_token_is_in_the_journal_before_its_seat() {
    let store = MemoryStore::by_hand(&StoreSettings::new(""));
    let mut bench = Bench::with(store, games::pongs(), MatchSettings::default());
    for _ in 0..4 {
        bench.call("create", json!({ "game": "pong" }));
        bench.store.flush();
        bench.settle();
    }
    let ann = bench.ticket("ann", None, 1);
    bench.run_for(Duration::from_millis(100));
    assert!(bench.welcome(ann).is_none(), "the use is not durable yet");
    bench.store.flush();
    bench.settle();
    assert!(bench.welcome(ann).is_some());
    let read = |entry: &Vec<u8>| crate::classes::matches::journal::TickRecord::decode(entry);
    let events: Vec<_> =
        bench.stored().journal().unwrap().iter().filter_map(read).flat_map(|record| record.events).collect();
    let place = |what: &str| events.iter().position(|event| format!("{event:?}").contains(what));
    assert!(place("Used").unwrap() < place("Join").unwrap(), "{events:?}");
}

#[test]
fn uses_are_forgotten_once_no_clock_can_take_their_token() {
    let settings = MatchSettings { rests_after: seconds(600), ..MatchSettings::default() };
    let mut bench = Bench::with(MemoryStore::new(), games::pongs(), settings);
    bench.create(json!({})).unwrap();
    let ann = bench.ticket("ann", None, 1);
    bench.tell(SocketEvent::Leave { socket: ann });
    bench.run_for(seconds(89));
    let early = bench.ticket("ann", None, 1);
    assert_eq!(bench.closed(early), Some(CloseCode::TokenRefused));
    bench.run_for(seconds(3));
    let late = bench.ticket("ann", None, 1);
    assert!(bench.welcome(late).is_some(), "by then the gateway has refused it for long");
}

#[test]
fn a_seat_is_held_for_fifteen_seconds_and_not_longer() {
    let mut bench = Bench::playing(json!({}));
    assert_eq!(bench.reserve("ann"), Ok(0));
    assert_eq!(bench.reserve("bob"), Ok(1));
    assert_eq!(bench.reserve("ann"), Ok(0), "the same seat again");
    assert_eq!(bench.reserve("eve"), Err(full()));
    let entry = bench.call("inspect", Value::Null).unwrap().unwrap();
    assert_eq!((&entry["players"], &entry["reserved"]), (&json!(0), &json!(2)));
    let eve = bench.join("eve");
    assert_eq!(bench.closed(eve), Some(CloseCode::Full));
    bench.run_for(Duration::from_millis(14_800));
    assert_eq!(bench.reserve("eve"), Err(full()));
    bench.run_for(Duration::from_millis(300));
    assert_eq!(bench.reserve("eve"), Ok(0), "the seats are free again");
}

#[test]
fn who_comes_with_a_token_gets_the_seat_that_was_held() {
    let mut bench = Bench::playing(json!({}));
    assert_eq!((bench.reserve("ann"), bench.reserve("bob")), (Ok(0), Ok(1)));
    let bob = bench.ticket("bob", Some(1), 1);
    let ann = bench.ticket("ann", Some(0), 2);
    assert_eq!(bench.welcome(bob).unwrap().seat.0, 1);
    assert_eq!(bench.welcome(ann).unwrap().seat.0, 0);
    let entry = bench.call("inspect", Value::Null).unwrap().unwrap();
    assert_eq!((&entry["players"], &entry["reserved"]), (&json!(2), &json!(0)));
    assert_eq!(bench.reserve("ann"), Ok(0), "who is seated has a seat");
    assert_eq!(bench.reserve("eve"), Err(full()));
}

#[test]
fn a_token_does_not_take_a_seat_that_is_anothers() {
    let mut bench = Bench::playing(json!({}));
    let bob = bench.ticket("bob", Some(0), 1);
    assert!(bench.welcome(bob).is_some());
    for seat in [0, 2, 999] {
        let eve = bench.ticket("eve", Some(seat), 2);
        assert_eq!(bench.closed(eve), Some(CloseCode::Full), "seat {seat}");
    }
    let eve = bench.ticket("eve", Some(1), 2);
    assert!(bench.welcome(eve).is_some(), "a refusal for want of a seat uses nothing up");
}

#[test]
fn another_token_of_a_player_takes_the_seat_over() {
    let mut bench = Bench::playing(json!({}));
    let first = bench.ticket("ann", None, 1);
    let second = bench.ticket("ann", None, 2);
    assert_eq!(bench.closed(first), Some(CloseCode::Replaced));
    assert_eq!(bench.welcome(second).unwrap().seat, bench.welcome(first).unwrap().seat);
    let old = bench.welcome(first).unwrap().resume_token;
    let refused = bench.resume(&old);
    assert_eq!(bench.closed(refused), Some(CloseCode::ResumeFailed));
}

#[test]
fn a_resume_token_is_another_after_each_use_and_the_old_one_void() {
    let mut bench = Bench::playing(json!({}));
    let socket = bench.join("ann");
    let first = bench.welcome(socket).unwrap().resume_token;
    let back = bench.resume(&first);
    let second = bench.welcome(back).unwrap().resume_token;
    assert_ne!(first, second);
    assert_eq!(bench.closed(socket), Some(CloseCode::Replaced));
    bench.says_something(back);
    let late = bench.resume(&first);
    assert_eq!(bench.closed(late), Some(CloseCode::ResumeFailed), "it has been used");
    assert_eq!(bench.closed(back), None, "whoever tries it disturbs nobody");
    let mut bench = bench.restart();
    let late = bench.resume(&first);
    assert_eq!(bench.closed(late), Some(CloseCode::ResumeFailed), "after a crash, too");
    let again = bench.resume(&second);
    assert_eq!(bench.welcome(again).unwrap().seat.0, 0);
}

/// The welcome may never arrive: the token that was offered then holds once more, also after a crash.
#[test]
fn who_never_read_the_new_token_comes_back_with_the_old_one() {
    for crash in [false, true] {
        for wait in [Duration::ZERO, seconds(7)] {
            let mut bench = Bench::playing(json!({}));
            let socket = bench.join("ann");
            let first = bench.welcome(socket).unwrap().resume_token;
            let unread = bench.resume(&first);
            let second = bench.welcome(unread).unwrap().resume_token;
            bench.tell(SocketEvent::Closed { socket: unread });
            bench.run_for(wait);
            if crash {
                bench = bench.restart();
            }
            let back = bench.resume(&first);
            let third = bench.welcome(back).unwrap().resume_token;
            let lost = bench.resume(&second);
            assert_eq!(bench.closed(lost), Some(CloseCode::ResumeFailed), "nobody has it");
            assert!(first != third && second != third);
        }
    }
}

#[test]
fn no_resume_token_is_stored() {
    let mut bench = Bench::playing(json!({}));
    let socket = bench.join("ann");
    let token = bench.welcome(socket).unwrap().resume_token;
    assert_eq!(token.len(), 32, "128 bits");
    bench.run_for(seconds(6));
    let stored = bench.stored();
    let mut all: Vec<Vec<u8>> = stored.journal().unwrap();
    for key in stored.keys(b"").unwrap() {
        all.push(stored.get(&key).unwrap().unwrap());
    }
    let raw: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&token[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(all.len() > 3);
    for value in all {
        assert!(!value.windows(32).any(|part| part == token.as_bytes()));
        assert!(!value.windows(16).any(|part| part == raw));
    }
}

#[test]
fn an_ended_match_has_no_seats_to_give() {
    let mut bench = Bench::playing(json!({}));
    bench.call("end", Value::Null);
    for (method, body) in [
        ("reserve", json!({ "player": "ann" })),
        ("kick", json!({ "seat": 0 })),
        ("signal", json!({ "name": "x" })),
    ] {
        assert_eq!(bench.call(method, body), Some(Err(CallError::Over)), "{method}");
    }
    let mut nothing = Bench::new();
    assert_eq!(nothing.reserve("ann"), Err(CallError::NotFound));
}

#[test]
fn a_game_without_signals_says_so() {
    let mut bench = Bench::playing(json!({}));
    let answer = bench.call("signal", json!({ "name": "scores" })).unwrap();
    assert_eq!(answer, Err(CallError::Invalid("the game knows no signals".to_owned())));
}

fn arena() -> Bench {
    let mut games = games::pongs();
    games.insert(
        "arena",
        tickstone_shared::sim::registered::register::<tickstone_shared::games::arena::Arena>(),
    );
    let mut assets = tickstone_shared::sim::assets::Assets::default();
    assets.insert("maps/dust.json", include_str!("../../../../../assets/maps/dust.json"));
    let mut bench = Bench::with_assets(MemoryStore::new(), games, MatchSettings::default(), assets);
    bench.create(json!({ "game": "arena" })).unwrap();
    bench
}

#[test]
fn a_signal_looks_at_once_and_changes_through_the_journal() {
    let mut bench = arena();
    let ann = bench.join("ann");
    let scores = bench.call("signal", json!({ "name": "scores" })).unwrap().unwrap();
    assert_eq!(scores["reply"]["scores"][0]["name"], "ann");
    let answer = bench.ask("signal", json!({ "name": "announce", "data": { "text": "hello all" } }));
    assert_eq!(*answer.lock().unwrap(), None, "it is not in the journal yet");
    bench.run_for(Duration::from_millis(40));
    assert_eq!(answer.lock().unwrap().take(), Some(Ok(json!({ "reply": { "announced": true } }))));
    assert_eq!(bench.told(ann, "announce"), Some(json!({ "text": "hello all" })));
    for data in
        [json!(null), json!({ "text": "" }), json!({ "text": "x".repeat(257) }), json!({ "text": "a\nb" })]
    {
        let refused = bench.call("signal", json!({ "name": "announce", "data": data })).unwrap();
        assert!(matches!(refused, Err(CallError::Invalid(_))), "{data}");
    }
    bench.run_for(seconds(3));
    assert!(bench.verify().unwrap().agree, "a re-run comes to the same");
    let bench = bench.restart();
    assert!(bench.verify().unwrap().agree);
}
