//! Clients who each see a part of a match.

use serde_json::json;
use tickstone_shared::ids::{NetId, Seat};
use tickstone_shared::replication::interest::{Interest, Sights};
use tickstone_shared::snapshot::{Sight, Snapshot, Whereabouts};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::{Pong, ServerMessage};
use tickstone_shared::wire::version::Encoding;

use crate::gateway::tests::harness::{Client, run, world};

const SIGHT: Sight = Sight { enter: 100, leave: 110, is_blocked: false };

/// A row of dots, one every unit; ann stands at the first of them and bob at the last.
fn dots(tick: u64, count: u16, value: impl Fn(u16) -> u8) -> Snapshot {
    let mut snapshot = Snapshot { tick: Tick(tick), body: vec![0], places: Vec::new() };
    snapshot.body.extend_from_slice(&count.to_le_bytes());
    for id in 1..=count {
        snapshot.body.extend_from_slice(&u32::from(id).to_le_bytes());
        snapshot.body.push(value(id));
        let owner =
            [(1, Seat(0)), (count, Seat(1))].into_iter().find(|(own, _)| *own == id).map(|(_, seat)| seat);
        let place = Some((i32::from(id), 0));
        snapshot.places.push(Whereabouts { kind: 0, id: NetId(id.into()), place, owner });
    }
    snapshot
}

fn sights(snapshot: &Snapshot) -> Sights {
    let mut sights = Sights::default();
    let seats = [Seat(0), Seat(1)].into_iter();
    Interest::default().look(snapshot, SIGHT, seats, |_, _| false, &mut sights);
    sights
}

/// The rows of a body of dots: id and value.
fn rows(body: &[u8]) -> Vec<(u32, u8)> {
    let row = |row: &[u8]| (u32::from_le_bytes([row[0], row[1], row[2], row[3]]), row[4]);
    body.get(3..).unwrap_or_default().chunks_exact(5).map(row).collect()
}

async fn seen(client: &mut Client) -> (Tick, Vec<(u32, u8)>) {
    let state = client.state().await;
    (state.tick, rows(&state.body.unwrap()))
}

#[test]
fn each_client_is_shown_what_they_see_by_differences_to_what_they_saw() {
    let mut world = world(|_| {});
    run(async {
        let (mut ann, first) = world.player("m", Encoding::Msgpack).await;
        let (mut bob, second) = world.player("m", Encoding::Json).await;
        for tick in 1..=40_u64 {
            let count = 300 + tick as u16 % 7;
            let snapshot = dots(tick, count, |_| tick as u8);
            let sights = sights(&snapshot);
            world.show(&[first, second], snapshot, sights);
            let near =
                |ids: std::ops::RangeInclusive<u32>| ids.map(|id| (id, tick as u8)).collect::<Vec<_>>();
            assert_eq!(seen(&mut ann).await, (Tick(tick), near(1..=101)));
            assert_eq!(seen(&mut bob).await, (Tick(tick), near(u32::from(count) - 100..=count.into())));
        }
        let bases =
            |client: &Client| client.bases.iter().map(|base| base.map(|base| base.0)).collect::<Vec<_>>();
        let expected: Vec<_> = (0..40).map(|before| (before > 0).then_some(before)).collect();
        assert_eq!((bases(&ann), bases(&bob)), (expected.clone(), expected));
    });
}

#[test]
fn a_plain_state_has_what_its_receiver_sees_too() {
    let mut world = world(|_| {});
    run(async {
        let mut ann = world.socket("m", None).await;
        ann.hello("m", json!({ "state": "plain" })).await;
        let socket = world.event().await.socket();
        ann.message().await;
        let snapshot = dots(1, 300, |_| 7);
        let sights = sights(&snapshot);
        world.show(&[socket], snapshot, sights);
        let entities = ann.state().await.entities.unwrap();
        assert_eq!((entities.len(), &entities[100]["id"]), (101, &json!(101)));
    });
}

#[test]
fn who_may_not_be_sent_all_of_it_is_sent_it_bit_by_bit() {
    let mut world = world(|settings| settings.state_bytes_per_second = 8 * 1024);
    run(async {
        let (mut ann, socket) = world.player("m", Encoding::Msgpack).await;
        let (mut states, mut partial, mut last) = (0, 0, Vec::new());
        for tick in 1..=600_u64 {
            // Everything changes in every tick, then nothing does any more.
            let value = |id: u16| (u64::from(id) * 77 + tick.min(300) * 101) as u8;
            let mut sights = Sights::default();
            let (snapshot, sight) =
                (dots(tick, 500, value), Sight { enter: 400, leave: 400, is_blocked: false });
            Interest::default().look(&snapshot, sight, [Seat(0)].into_iter(), |_, _| false, &mut sights);
            world.show(&[socket], snapshot, sights);
            world.send(socket, ServerMessage::Pong(Pong { nonce: tick as u32 }));
            while let ServerMessage::State(state) = ann.message().await {
                last = rows(&state.body.unwrap());
                states += 1;
                partial += u32::from(last.iter().any(|(id, shown)| *shown != value(*id as u16)));
            }
        }
        assert!(states < 400, "{states} states: fewer are sent first");
        assert!(partial > 50, "{partial} states in which something waits");
        let all = (1..=401_u16).map(|id| (id.into(), (u64::from(id) * 77 + 300 * 101) as u8));
        assert!(last.iter().copied().eq(all), "in the end all is told");
    });
}
