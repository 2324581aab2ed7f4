//! Who is at a document and where.

use super::*;
use crate::classes::document::wire::{Reader, put_buffer, put_number};
use crate::classes::document::{
    GREETING_BYTES_MAX, OVER_AFTER_MS, STATE_BYTES_MAX, STATES_PER_MESSAGE_MAX, STATES_PER_SOCKET_MAX,
};

fn states(states: &[(u64, u64, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_number(&mut bytes, states.len() as u64);
    for (client, clock, json) in states {
        put_number(&mut bytes, *client);
        put_number(&mut bytes, *clock);
        put_buffer(&mut bytes, json.as_bytes());
    }
    messages::awareness(&bytes)
}

/// The states a client was told, in order.
fn told(bed: &Testbed, socket: SocketId) -> Vec<(u64, u64, String)> {
    let mut told = Vec::new();
    for frame in frames(bed, socket) {
        let Heard::Awareness(states) = Heard::read(&frame).unwrap() else { continue };
        let mut reader = Reader::new(states);
        for _ in 0..reader.number().unwrap() {
            let (client, clock) = (reader.number().unwrap(), reader.number().unwrap());
            told.push((client, clock, reader.text().unwrap().to_owned()));
        }
    }
    told
}

fn state(client: u64, clock: u64, json: &str) -> (u64, u64, String) {
    (client, clock, json.to_owned())
}

#[test]
fn everybody_is_told_where_everybody_is_and_who_comes_too() {
    for mut bed in beds() {
        let (ann, bob) = (connect(&mut bed, editor("ann")), connect(&mut bed, reader("bob")));
        send(&mut bed, ann, states(&[(1, 1, r#"{"at":5}"#)]));
        send(&mut bed, bob, states(&[(2, 1, "{}")]));
        let wanted = [state(1, 1, r#"{"at":5}"#), state(2, 1, "{}")];
        assert_eq!((told(&bed, ann), told(&bed, bob)), (wanted.to_vec(), wanted.to_vec()), "the sender, too");
        let cid = connect(&mut bed, editor("cid"));
        assert_eq!(told(&bed, cid), wanted);
        send(&mut bed, cid, vec![3]);
        assert_eq!(told(&bed, cid).len(), 4, "and again, if asked");
        send(&mut bed, cid, states(&[(1, 1, r#"{"at":5}"#), (2, 1, "{}")]));
        assert_eq!(told(&bed, ann).len(), 2, "what clients repeat is not news");
    }
}

#[test]
fn who_goes_is_gone_for_everybody_also_when_the_document_has_slept() {
    for mut bed in beds() {
        let (ann, bob) = (connect(&mut bed, editor("ann")), connect(&mut bed, editor("bob")));
        send(&mut bed, ann, states(&[(1, 3, "{}")]));
        bed.advance(SECOND * 20);
        bed.disconnect("document", PLAN, ann);
        assert_eq!(told(&bed, bob), [state(1, 3, "{}"), state(1, 3, "null")]);
        let cid = connect(&mut bed, editor("cid"));
        assert_eq!(told(&bed, cid), []);
        send(&mut bed, bob, states(&[(2, 1, "{}")]));
        send(&mut bed, bob, states(&[(2, 1, "null")]));
        assert_eq!(told(&bed, cid), [state(2, 1, "{}"), state(2, 1, "null")], "a state that ends by itself");
        bed.disconnect("document", PLAN, bob);
        assert_eq!(told(&bed, cid).len(), 2, "nobody goes twice");
    }
}

#[test]
fn who_comes_back_takes_their_state_along_and_nobody_elses() {
    for mut bed in beds() {
        let (old, bob) = (connect(&mut bed, editor("ann")), connect(&mut bed, editor("bob")));
        send(&mut bed, old, states(&[(1, 1, "1")]));
        let new = connect(&mut bed, editor("ann"));
        send(&mut bed, new, states(&[(1, 2, "2")]));
        bed.disconnect("document", PLAN, old);
        send(&mut bed, bob, states(&[(1, 9, "9"), (1, 9, "null")]));
        assert_eq!(told(&bed, bob), [state(1, 1, "1"), state(1, 2, "2")]);
        bed.disconnect("document", PLAN, new);
        assert_eq!(told(&bed, bob)[2..], [state(1, 2, "null")]);
    }
}

#[test]
fn a_state_that_is_not_renewed_is_told_to_nobody_who_comes() {
    for mut bed in beds() {
        let ann = connect(&mut bed, editor("ann"));
        send(&mut bed, ann, states(&[(1, 1, "{}")]));
        bed.advance(Duration::from_millis(OVER_AFTER_MS - 1));
        let bob = connect(&mut bed, editor("bob"));
        assert_eq!(told(&bed, bob).len(), 1);
        bed.advance(Duration::from_millis(1));
        let cid = connect(&mut bed, editor("cid"));
        assert_eq!(told(&bed, cid), []);
        send(&mut bed, ann, states(&[(1, 2, "{}")]));
        assert_eq!(told(&bed, cid), [state(1, 2, "{}")]);
    }
}

#[test]
fn states_have_their_limits() {
    let mut bed = bed();
    let (ann, bob) = (connect(&mut bed, editor("ann")), connect(&mut bed, editor("bob")));
    let json = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    send(&mut bed, ann, states(&[(1, 1, &json(STATE_BYTES_MAX)), (2, 1, &json(STATE_BYTES_MAX + 1))]));
    assert_eq!(told(&bed, bob).iter().map(|told| told.0).collect::<Vec<_>>(), [1]);
    for client in 3..10 {
        send(&mut bed, ann, states(&[(client, 1, "{}")]));
    }
    assert_eq!(told(&bed, bob).len(), STATES_PER_SOCKET_MAX);
    assert_eq!((closed(&bed, ann), closed(&bed, bob)), (None, None));
    let many: Vec<_> = (0..=STATES_PER_MESSAGE_MAX).map(|n| (n, 1, "{}")).collect();
    send(&mut bed, bob, states(&many[1..]));
    assert_eq!(closed(&bed, bob), None);
    send(&mut bed, bob, states(&many));
    assert_eq!(closed(&bed, bob), Some(4400));
    for n in 0..20 {
        let socket = connect(&mut bed, editor(&format!("user-{n}")));
        let own: Vec<_> = (0..4).map(|at| (100 + n * 4 + at, 1, json(STATE_BYTES_MAX))).collect();
        let own: Vec<_> = own.iter().map(|(client, clock, json)| (*client, *clock, &**json)).collect();
        send(&mut bed, socket, states(&own));
    }
    let cid = connect(&mut bed, editor("cid"));
    let bytes: usize = told(&bed, cid).iter().map(|told| told.2.len() + 20).sum();
    assert!(bytes <= GREETING_BYTES_MAX && bytes > GREETING_BYTES_MAX - 3_000, "{bytes}");
}

#[test]
fn what_is_no_state_is_refused() {
    let mut bed = bed();
    for broken in
        [&b"\x01\x01\x01\x01{"[..], b"\x01\x01\x01\x00", b"\x02\x01\x01\x02{}", b"\x00\x00", b"\xff"]
    {
        let ann = connect(&mut bed, editor("ann"));
        send(&mut bed, ann, messages::awareness(broken));
        assert_eq!(closed(&bed, ann), Some(4400), "{broken:?}");
    }
}
