//! Clients that read too slowly.

use std::time::Duration;

use serde_json::json;
use tickstone_shared::ids::Epoch;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::{EventMessage, ServerMessage};
use tickstone_shared::wire::version::Encoding;

use super::frames::counted;
use super::harness::{Client, World, run, world};
use crate::object::socket::{SocketEvent, SocketId};

/// States after which any buffer between the two is full.
const STALL_TICKS_MAX: u64 = 50_000;

/// Sends states until the gateway has replaced some; answers the last tick.
async fn stall(world: &World, socket: SocketId) -> u64 {
    for tick in 1..STALL_TICKS_MAX {
        world.state(socket, tick, 400);
        if world.metrics.snapshots_coalesced.get() > 20 {
            return tick;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    panic!("the client's buffers never fill");
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
fn after_a_stall_the_newest_state_comes_and_none_is_cut() {
    let mut world = world(|settings| settings.send_buffer_bytes = Some(4096));
    run(async {
        let (mut client, socket) = narrow_player(&mut world).await;
        let last = stall(&world, socket).await;
        let mut seen = 0;
        let mut states = 0;
        while seen < last {
            let tick = client.state().await.tick.0;
            assert!(tick > seen);
            (seen, states) = (tick, states + 1);
        }
        assert_eq!(seen, last);
        assert!(states < last, "some were replaced");
        world.state(socket, last + 1, 1);
        assert_eq!(client.state().await.tick.0, last + 1);
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
