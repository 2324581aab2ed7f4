//! Clients that read too slowly.

use std::time::Duration;

use serde_json::json;
use tickstone_shared::ids::Epoch;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::{EventMessage, ServerMessage};
use tickstone_shared::wire::version::Encoding;

use crate::gateway::tests::frames::counted;
use crate::gateway::tests::harness::{Client, World, run, world};
use crate::object::socket::{SocketEvent, SocketId};

/// States after which any buffer between the two is full.
const STALL_TICKS_MAX: u64 = 50_000;

/// Sends states until the gateway has replaced some; answers the last tick.
async fn stall(world: &World, socket: SocketId) -> u64 {
    for tick in 1..STALL_TICKS_MAX {
        world.state(socket, tick, 400);
        if world.metrics.snapshots_coalesced.get() > 100 {
            return tick;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    panic!("the client's buffers never fill");
}

/// Reads a state newer than `seen`, whose rows must be those of its tick: its tick.
async fn state(client: &mut Client, seen: u64, rows: usize) -> u64 {
    let state = client.state().await;
    let tick = state.tick.0;
    assert!(tick > seen);
    let body = state.body.unwrap();
    assert_eq!(body.len(), 3 + rows * 5);
    assert!(body[3..].chunks_exact(5).all(|row| row[4] == tick as u8), "rows of another tick");
    tick
}

async fn narrow_player(world: &mut World) -> (Client, SocketId) {
    let mut client = world.narrow_socket("m").await;
    client.encoding = Encoding::Msgpack;
    client.hello("m", json!({})).await;
    let socket = world.event().await.socket();
    assert!(matches!(client.message().await, ServerMessage::Welcome(_)));
    (client, socket)
}

#[test]
fn after_a_stall_the_newest_state_comes_whole_and_none_is_cut() {
    let mut world = world(|settings| settings.send_buffer_bytes = Some(4096));
    run(async {
        let (mut client, socket) = narrow_player(&mut world).await;
        let last = stall(&world, socket).await;
        let (mut seen, mut gaps) = (0, 0);
        while seen < last {
            let before = seen;
            seen = state(&mut client, before, 400).await;
            let is_gap = before == 0 || seen - before > 32;
            assert_eq!(client.bases.last(), Some(&(!is_gap).then_some(Tick(before))), "the base of {seen}");
            gaps += u32::from(is_gap);
        }
        assert_eq!(seen, last);
        assert!(gaps > 1, "there was a gap");
        assert!((client.bases.len() as u64) < last, "some were replaced");
        world.state(socket, last + 1, 1);
        assert_eq!(state(&mut client, last, 1).await, last + 1);
    });
}

#[test]
fn after_a_short_stall_a_state_is_relative_to_what_was_written() {
    let mut world = world(|settings| settings.send_buffer_bytes = Some(4096));
    run(async {
        let (mut client, socket) = narrow_player(&mut world).await;
        let (mut tick, mut seen, mut behind) = (0, 0, 0);
        for _ in 0..200 {
            for _ in 0..20 {
                tick += 1;
                world.state(socket, tick, 2_000);
            }
            while seen < tick {
                let before = seen;
                seen = state(&mut client, before, 2_000).await;
                let base = client.bases.pop().unwrap();
                assert!(
                    base.is_none() || base == Some(Tick(before)),
                    "{base:?} is not what came before {seen}"
                );
                behind += u64::from(base.is_some() && seen - before > 1);
            }
        }
        assert!(behind > 0 && world.metrics.snapshots_coalesced.get() > 0, "{behind}");
    });
}

#[test]
fn a_client_that_is_stuck_is_4420_and_others_are_not_held_up() {
    let mut world = world(|settings| {
        settings.send_buffer_bytes = Some(4096);
        settings.stuck_after = Duration::from_millis(150);
        settings.linger = Duration::from_secs(10);
    });
    run(async {
        let (mut other, other_socket) = world.player("m", Encoding::Msgpack).await;
        let (mut client, socket) = narrow_player(&mut world).await;
        let last = stall(&world, socket).await;
        world.state(other_socket, last, 1);
        assert_eq!(other.state().await.tick.0, last);
        assert!(matches!(world.event().await, SocketEvent::Closed { socket: closed } if closed == socket));
        let (code, bye) = client.closed().await;
        assert_eq!(code, 4420);
        counted(&world, "close_4420").await;
        assert!(matches!(bye, Some(ServerMessage::Bye(_))));
        world.state(other_socket, last + 1, 1);
        assert_eq!(other.state().await.tick.0, last + 1);
    });
}

#[test]
fn a_full_queue_of_reliable_messages_is_4420() {
    let mut world = world(|settings| {
        settings.send_buffer_bytes = Some(4096);
        settings.linger = Duration::from_secs(10);
    });
    run(async {
        let (mut client, socket) = narrow_player(&mut world).await;
        for tick in 0..600 {
            let data = json!("x".repeat(4000));
            let event = EventMessage { tick: Tick(tick), name: Epoch(1).0.to_string(), data };
            world.send(socket, ServerMessage::Event(event));
        }
        assert!(matches!(world.event().await, SocketEvent::Closed { .. }));
        assert_eq!(client.closed().await.0, 4420);
    });
}
