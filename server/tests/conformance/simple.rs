//! A counter and a chat room with history, the simple way: each under 50 lines, counted.

use tickstone_server::object::caller::Caller;
use tickstone_server::object::contract::CallError;
use tickstone_server::testing::Testbed;

mod counter;
mod room;

use counter::{Counter, CounterCall};
use room::{Room, RoomCall};

#[test]
fn a_counter_counts_whatever_is_forgotten_and_whenever_it_crashes() {
    let mut bed = Testbed::new().object::<Counter>().forgetful();
    assert_eq!(bed.ask::<Counter>("a", &CounterCall::Add(2)), Ok(2));
    assert_eq!(bed.ask::<Counter>("a", &CounterCall::Add(3)), Ok(5));
    assert_eq!(bed.ask::<Counter>("b", &CounterCall::Get), Ok(0), "another one");
    let refused = bed.ask::<Counter>("a", &CounterCall::Add(1_000_000));
    assert!(matches!(refused, Err(CallError::Invalid(_))));
    assert_eq!(bed.ask::<Counter>("a", &CounterCall::Get), Ok(5), "a call that fails changes nothing");
    bed.crash_at_commit(1);
    assert_eq!(bed.ask::<Counter>("a", &CounterCall::Add(1)), Err(CallError::Reset), "nobody knows");
    assert_eq!(bed.ask::<Counter>("a", &CounterCall::Get), Ok(5), "it was not durable, and not told");
    assert_eq!(bed.call("counter", "a", "add", 4), Ok(9.into()), "as over HTTP");
}

#[test]
fn a_room_keeps_its_history_and_tells_everybody_else() {
    for mut bed in [Testbed::new().object::<Room>(), Testbed::new().object::<Room>().forgetful()] {
        let ann = bed.connect("room", "lobby", Caller::Anonymous);
        let bob = bed.connect("room", "lobby", Caller::Anonymous);
        bed.send("room", "lobby", ann, "hello");
        bed.send("room", "lobby", bob, "hi");
        assert_eq!(bed.client(ann).texts(), ["hi"]);
        assert_eq!(bed.client(bob).texts(), ["hello"]);
        bed.restart();
        let late = bed.connect("room", "lobby", Caller::Anonymous);
        assert_eq!(bed.client(late).texts(), ["hello", "hi"], "the history, in order");
        assert_eq!(bed.ask::<Room>("lobby", &RoomCall::Last(1)), Ok(vec!["hi".to_owned()]));
    }
}

#[test]
fn both_have_less_than_fifty_lines() {
    for source in [include_str!("simple/counter.rs"), include_str!("simple/room.rs")] {
        assert!(source.lines().count() < 50, "{} lines", source.lines().count());
    }
}
