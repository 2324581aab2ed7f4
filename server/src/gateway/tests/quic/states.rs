//! States over datagrams: whole, or told by their difference to what the client acknowledged.

use std::time::Duration;

use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::ids::{Epoch, Seat};
use tickstone_shared::input::{Acknowledged, InputBatch, InputRow};
use tickstone_shared::net::quic::Quic;
use tickstone_shared::replication::interest::{Interest, Sights};
use tickstone_shared::snapshot::Sight;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode;
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::{Ack, ClientMessage, Ping, Pong, ServerMessage};
use tickstone_shared::wire::parts::{is_part, state_part};
use tickstone_shared::wire::state::StateMessage;
use tickstone_shared::wire::version::Encoding;

use super::talk::{bytes, came, quic_world};
use crate::gateway::tests::harness::{World, run};
use crate::gateway::tests::states::{dots, rows, sights};
use crate::object::socket::{SocketEvent, SocketId};

/// How a state came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// On the stream.
    Stream,
    /// In so many datagrams, relative to the state of this tick.
    Datagrams(usize, Option<u64>),
}

use How::{Datagrams, Stream};

/// A client that puts states together.
pub(super) struct Player {
    pub(super) quic: Quic,
    pub(super) socket: SocketId,
    states: Assembler,
    /// Inputs sent.
    seq: u32,
    /// The parts with these numbers are lost, from now on.
    lost: fn(u16) -> bool,
}

impl Player {
    pub(super) async fn join(world: &mut World) -> Self {
        let (quic, welcome, socket) = world.native_player("m").await;
        let states = Assembler::new(welcome.epoch, &welcome.schema);
        Self { quic, socket, states, seq: 0, lost: |_| false }
    }

    /// Takes what came: a state if it makes one ready, else a message or nothing.
    async fn take(&mut self) -> (Option<(StateMessage, How)>, Option<ServerMessage>) {
        let bytes = came(&mut self.quic).await.unwrap();
        if !is_part(&bytes) {
            return match decode::from_server(&bytes, Encoding::Msgpack).unwrap() {
                ServerMessage::State(state) => {
                    assert_eq!(state.base, None);
                    (self.states.take_state(state).unwrap().map(|state| (state, Stream)), None)
                }
                other => (None, Some(other)),
            };
        }
        assert!(bytes.len() <= 1150, "{} bytes", bytes.len());
        let part = state_part(&bytes).unwrap();
        if (self.lost)(part.part) {
            return (None, None);
        }
        let how = Datagrams(part.parts.into(), part.base.map(|base| base.0));
        (self.states.take_part(&part).unwrap().map(|state| (state, how)), None)
    }

    /// The next state: its tick, its rows, how it came.
    pub(super) async fn state(&mut self) -> (u64, Vec<(u32, u8)>, How) {
        loop {
            if let (Some((state, how)), _) = self.take().await {
                return (state.tick.0, rows(&state.body.unwrap()), how);
            }
        }
    }

    /// The next state, which is that of this tick, with all its rows: how it came.
    async fn next(&mut self, tick: u64, count: u16) -> How {
        let (came, rows, how) = self.state().await;
        assert_eq!((came, rows.len()), (tick, count.into()));
        assert!(rows.iter().all(|(_, value)| *value == tick as u8));
        how
    }

    /// What was received, as inputs say it: the gateway has heard it when this returns.
    pub(super) async fn acknowledge(&mut self, world: &mut World) {
        self.say(world, self.states.received()).await;
    }

    async fn say(&mut self, world: &mut World, acknowledged: Acknowledged) {
        self.seq += 1;
        let rows = [InputRow::new(&[1, 2]).unwrap()].into_iter().collect();
        let (epoch, first_tick) = (Epoch(1), Tick(9));
        let batch = InputBatch { epoch, first_tick, first_seq: self.seq, acknowledged, rows };
        let mut bytes = Vec::new();
        encode::packed_input(&batch, &mut bytes);
        self.quic.send_datagram(&bytes).unwrap();
        match world.event().await {
            SocketEvent::Inputs { batch, .. } => assert_eq!(batch.acknowledged, acknowledged),
            other => panic!("{other:?}"),
        }
    }

    /// Reads until the server has answered: the states on the way.
    async fn until_answered(&mut self, nonce: u32) -> Vec<(StateMessage, How)> {
        self.quic.send(&bytes(&ClientMessage::Ping(Ping { nonce }))).await.unwrap();
        let mut states = Vec::new();
        loop {
            match self.take().await {
                (Some(state), _) => states.push(state),
                (None, Some(ServerMessage::Pong(Pong { nonce: answered }))) if answered == nonce => {
                    return states;
                }
                (None, _) => {}
            }
        }
    }
}

#[test]
fn a_state_is_told_by_its_difference_to_the_newest_that_was_acknowledged() {
    let mut world = quic_world(|_| {});
    run(async {
        let mut player = Player::join(&mut world).await;
        let socket = player.socket;
        for (tick, expected, acknowledges) in
            [(1, None, false), (2, None, true), (3, Some(2), false), (4, Some(2), true), (5, Some(4), false)]
        {
            world.state(socket, tick, 40);
            assert_eq!(player.next(tick, 40).await, Datagrams(1, expected), "{tick}");
            if acknowledges {
                player.acknowledge(&mut world).await;
            }
        }
        // By a message on the stream, too; one of another epoch says nothing.
        for (epoch, tick, expected) in [(1, 5, 5), (2, 6, 5)] {
            let ack = ClientMessage::Ack(Ack { epoch: Epoch(epoch), tick: Tick(tick), mask: 0 });
            player.quic.send(&bytes(&ack)).await.unwrap();
            player.until_answered(tick as u32).await;
            world.state(socket, tick + 1, 40);
            assert_eq!(player.next(tick + 1, 40).await, Datagrams(1, Some(expected)));
        }
    });
}

/// Shows newer states until some come: what these are relative to.
async fn bases(world: &World, player: &mut Player, tick: &mut u64) -> Vec<Option<u64>> {
    loop {
        *tick += 1;
        assert!(*tick < 33, "nothing came");
        world.state(player.socket, *tick, 3_000);
        let came = player.until_answered(*tick as u32).await;
        let base = |how: How| match how {
            Datagrams(parts, base) if parts > 1 => base,
            other => panic!("{other:?}"),
        };
        if !came.is_empty() {
            return came.into_iter().map(|(_, how)| base(how)).collect();
        }
    }
}

#[test]
fn a_state_of_which_a_part_was_lost_is_no_base() {
    let mut world = wide_world(2_000_000);
    run(async {
        let mut player = Player::join(&mut world).await;
        world.state(player.socket, 1, 3_000);
        assert_eq!(player.next(1, 3_000).await, Stream, "whole, and too long for a datagram");
        player.acknowledge(&mut world).await;
        let mut tick = 1;
        // Shown as far as it came, once a part of a newer one comes.
        player.lost = |part| part == 1;
        bases(&world, &mut player, &mut tick).await;
        player.acknowledge(&mut world).await;
        assert_eq!(player.states.received(), Acknowledged::only(Tick(1)));
        player.lost = |_| false;
        while player.states.received().tick == Tick(1) {
            let bases = bases(&world, &mut player, &mut tick).await;
            assert!(bases.iter().all(|base| *base == Some(1)), "{bases:?}");
        }
        let newest = player.states.received().tick.0;
        player.acknowledge(&mut world).await;
        while !bases(&world, &mut player, &mut tick).await.contains(&Some(newest)) {}
    });
}

#[test]
fn after_32_ticks_without_a_word_states_are_whole() {
    let mut world = quic_world(|_| {});
    run(async {
        let mut player = Player::join(&mut world).await;
        for tick in 1..=40 {
            world.state(player.socket, tick, 40);
            let base = (2..=33).contains(&tick).then_some(1);
            assert_eq!(player.next(tick, 40).await, Datagrams(1, base), "{tick}");
            if tick == 1 {
                player.acknowledge(&mut world).await;
            }
        }
    });
}

#[test]
fn one_whole_state_that_fits_no_datagram_is_on_the_stream_at_a_time() {
    let mut world = quic_world(|_| {});
    run(async {
        let mut player = Player::join(&mut world).await;
        let socket = player.socket;
        for tick in 1..=66 {
            world.state(socket, tick, 2_000);
            match tick {
                1 | 33 | 66 => assert_eq!(player.next(tick, 2_000).await, Stream),
                34..66 => {
                    let how = player.next(tick, 2_000).await;
                    assert!(matches!(how, Datagrams(2.., Some(33))), "{tick}: {how:?}");
                }
                _ => {}
            }
            if tick == 33 {
                player.acknowledge(&mut world).await;
            }
        }
        // Those between wait for an answer to the first.
        assert_eq!(world.metrics.snapshots_coalesced.get(), 31);
    });
}

#[test]
fn clients_share_a_base_that_is_not_much_older_than_what_they_have() {
    let mut world = quic_world(|_| {});
    run(async {
        let mut players = Vec::new();
        for _ in 0..3 {
            players.push(Player::join(&mut world).await);
        }
        let sockets: Vec<_> = players.iter().map(|player| player.socket).collect();
        for tick in 1..=8_u64 {
            world.show(&sockets, dots(tick, 40, |_| tick as u8), Sights::default());
            for player in &mut players {
                player.next(tick, 40).await;
            }
        }
        // What they say they have, and what the next state is relative to.
        let has = |tick, mask| Acknowledged { tick: Tick(tick), mask };
        for (tick, said, expected) in [
            (9, [has(3, 0), has(3, 0), has(7, 0b1000)], [3, 3, 3]),
            (10, [has(3, 0), has(3, 0), has(8, 0)], [3, 3, 8]),
            (11, [has(8, 0), has(9, 0), has(9, 1)], [8, 9, 9]),
        ] {
            for (player, said) in players.iter_mut().zip(said) {
                player.say(&mut world, said).await;
            }
            world.show(&sockets, dots(tick, 40, |_| tick as u8), Sights::default());
            for (player, base) in players.iter_mut().zip(expected) {
                assert_eq!(player.next(tick, 40).await, Datagrams(1, Some(base)), "{tick}");
            }
        }
    });
}

/// A state of which each player sees a part.
fn show(world: &World, sockets: &[SocketId], tick: u64, value: u8, count: u16, sight: Option<Sight>) {
    let snapshot = dots(tick, count, |_| value);
    let seen = match sight {
        None => sights(&snapshot),
        Some(sight) => {
            let mut seen = Sights::default();
            Interest::default().look(&snapshot, sight, [Seat(0)].into_iter(), |_, _| false, &mut seen);
            seen
        }
    };
    world.show(sockets, snapshot, seen);
}

#[test]
fn a_view_of_ones_own_is_told_by_its_difference_to_the_one_acknowledged() {
    let mut world = quic_world(|_| {});
    run(async {
        let mut ann = Player::join(&mut world).await;
        let mut bob = Player::join(&mut world).await;
        let sockets = [ann.socket, bob.socket];
        for tick in 1..=40_u64 {
            let count = 300 + tick as u16 % 7;
            show(&world, &sockets, tick, tick as u8, count, None);
            let near =
                |ids: std::ops::RangeInclusive<u32>| ids.map(|id| (id, tick as u8)).collect::<Vec<_>>();
            let base = (tick > 1).then(|| tick - 1);
            assert_eq!(ann.state().await, (tick, near(1..=101), Datagrams(1, base)));
            // Bob acknowledges every fifth state.
            let base = (tick > 1).then(|| (tick - 2) / 5 * 5 + 1);
            let last = near(u32::from(count) - 100..=count.into());
            assert_eq!(bob.state().await, (tick, last, Datagrams(1, base)));
            ann.acknowledge(&mut world).await;
            if tick % 5 == 1 {
                bob.acknowledge(&mut world).await;
            }
        }
    });
}

const WIDE: Sight = Sight { enter: 5_000, leave: 5_000, is_blocked: false };

/// A world whose clients may talk as much as tests do.
fn wide_world(bytes_per_second: u32) -> World {
    quic_world(|settings| {
        settings.state_bytes_per_second = bytes_per_second;
        settings.messages_per_second_max = 1_000_000;
        settings.messages_per_second_sustained = 1_000_000;
    })
}

/// States that come while so many ticks are shown and acknowledged, and what the last of them has.
async fn states(
    world: &mut World,
    player: &mut Player,
    ticks: std::ops::Range<u64>,
    count: u16,
) -> (usize, Vec<(u32, u8)>) {
    let (mut states, mut last) = (0, Vec::new());
    for tick in ticks {
        show(world, &[player.socket], tick, tick as u8, count, Some(WIDE));
        for (state, _) in player.until_answered(tick as u32).await {
            states += 1;
            last = rows(&state.body.unwrap());
        }
        player.acknowledge(world).await;
    }
    (states, last)
}

#[test]
fn who_may_not_be_sent_all_of_it_is_sent_it_bit_by_bit_over_datagrams_too() {
    let mut world = wide_world(8 * 1024);
    run(async {
        let mut player = Player::join(&mut world).await;
        let (few, last) = states(&mut world, &mut player, 1..200, 2_000).await;
        assert!(few < 150, "{few} states: fewer are sent first");
        let values: std::collections::BTreeSet<u8> = last.iter().map(|(_, value)| *value).collect();
        assert!(values.len() > 1, "something waits");
        // Nothing changes any more.
        let mut tick = 200;
        let all: Vec<(u32, u8)> = (1..=2_000).map(|id| (id, 200)).collect();
        let mut last = Vec::new();
        while last != all {
            assert!(tick < 2_000, "in the end all is told");
            show(&world, &[player.socket], tick, 200, 2_000, Some(WIDE));
            if let Some((state, _)) = player.until_answered(tick as u32).await.pop() {
                last = rows(&state.body.unwrap());
            }
            player.acknowledge(&mut world).await;
            tick += 1;
        }
    });
}

#[test]
fn a_path_that_does_not_keep_up_has_its_share_cut() {
    let mut world = wide_world(2_000_000);
    run(async {
        let mut player = Player::join(&mut world).await;
        let (all, _) = states(&mut world, &mut player, 1..30, 3_000).await;
        assert!(all > 25, "{all} of 29 states");
        let skipped = world.metrics.snapshots_coalesced.get();
        // The client's side does not run meanwhile: nothing that it is sent is confirmed.
        for tick in 30..62 {
            show(&world, &[player.socket], tick, tick as u8, 3_000, Some(WIDE));
        }
        let is_skipping = (0..10_000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(1));
            world.metrics.snapshots_coalesced.get() > skipped
        });
        assert!(is_skipping, "32 states went into a window of 32 KiB");
        // What waited comes, then fewer.
        states(&mut world, &mut player, 62..92, 3_000).await;
        let (few, _) = states(&mut world, &mut player, 92..122, 3_000).await;
        assert!((5..=20).contains(&few), "{few} of 30 states");
    });
}
