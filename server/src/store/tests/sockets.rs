//! Sockets that are stored for the next process: both twins pass the same checks.

use super::*;
use crate::object::resume::KeptSocket;
use crate::object::socket::SocketId;
use crate::object::storage::NO_ACTIVATION;
use crate::store::MemoryStore;

fn kept(name: &str, socket: u64, attachment: &[u8]) -> KeptSocket {
    KeptSocket {
        socket,
        class: "test".to_owned(),
        name: ObjectName::parse(name).unwrap(),
        token: [7; 32],
        tags: vec!["guest".to_owned()],
        attachment: attachment.to_vec(),
        lasting: true,
    }
}

/// What is stored, by object and number.
fn stored(store: &dyn Store, name: &str) -> Vec<(u64, usize)> {
    let sockets = store.reader(object(name)).unwrap().sockets().unwrap();
    sockets.iter().map(|kept| (kept.socket, kept.attachment.len())).collect()
}

fn check(store: &dyn Store, flush: &mut dyn FnMut()) {
    let mut write = |batch: WriteBatch| {
        let ticket = Arc::new(Ticket::default());
        store.submit(WriteBatch { ticket: Some(ticket.clone()), ..batch }).unwrap();
        flush();
        ticket.state()
    };
    let nobodys = |name, writes| WriteBatch { epoch: NO_ACTIVATION, ..batch(name, writes) };
    assert!(store.with_sockets().unwrap().is_empty());
    let newer = WriteBatch { epoch: Epoch(2), ..batch("a", vec![put("k", "v")]) };
    assert_eq!(write(newer), TicketState::Durable);
    let stale = batch("a", vec![Write::KeepSocket(kept("a", 1, b""))]);
    assert_eq!(write(stale), TicketState::Failed, "an older activation stores no socket");
    let sockets = [(1, 16_384), (2, 0)].map(|(n, bytes)| Write::KeepSocket(kept("a", n, &vec![1; bytes])));
    assert_eq!(write(nobodys("a", sockets.to_vec())), TicketState::Durable);
    assert_eq!(write(nobodys("b", vec![Write::KeepSocket(kept("b", 3, b"x"))])), TicketState::Durable);
    assert_eq!(write(nobodys("b", vec![put("k", "v")])), TicketState::Failed, "it stores sockets alone");
    let again = WriteBatch { epoch: Epoch(2), ..batch("a", vec![Write::KeepSocket(kept("a", 2, b"new"))]) };
    assert_eq!(write(again), TicketState::Durable, "the activation is still the newest");
    assert_eq!(stored(store, "a"), [(1, 16_384), (2, 3)]);
    let mut found: Vec<_> =
        store.with_sockets().unwrap().into_iter().map(|with| (with.name.to_string(), with.sockets)).collect();
    found.sort();
    assert_eq!(found, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!(store.reader(object("a")).unwrap().bytes(), Ok(2), "they count for no quota");
    let removed = WriteBatch { epoch: Epoch(2), ..batch("a", vec![Write::DeleteAll]) };
    assert_eq!(write(removed), TicketState::Durable);
    assert_eq!(stored(store, "a").len(), 2, "until they are forgotten");
    assert_eq!(write(nobodys("a", vec![Write::ForgetSocket(SocketId(1))])), TicketState::Durable);
    assert_eq!(stored(store, "a"), [(2, 3)]);
}

#[test]
fn socket_3_sockets_are_stored_apart_from_what_their_objects_store() {
    check(&MemoryStore::new(), &mut || {});
    let mut bench = Bench::new();
    let store = bench.store.clone();
    check(&store, &mut || assert_eq!(bench.run(), Turn::Idle));
    let bench = bench.reopen();
    assert_eq!(stored(&bench.store, "a"), [(2, 3)]);
}
