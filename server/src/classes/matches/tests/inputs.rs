//! What becomes of inputs, end to end.

use super::*;
use crate::classes::matches::input_buffer::ROWS_PER_TICK_MAX;

/// Longer than a tick, shorter than two.
const TICK: Duration = Duration::from_millis(18);

/// A match with one player, and the tick that is next.
fn with_player() -> (Bench, SocketId, Box<Welcome>, u64) {
    let mut bench = Bench::playing(json!({}));
    let socket = bench.join("ann");
    let welcome = bench.welcome(socket).unwrap();
    let next = bench.tick() + 1;
    (bench, socket, welcome, next)
}

#[test]
fn inputs_are_counted_by_what_became_of_them() {
    let (mut bench, socket, welcome, _) = with_player();
    // So many ticks after the one that is next.
    let offer = |bench: &mut Bench, ahead: i64, seq: u32, rows: &[u8]| {
        let first = (bench.tick() + 1).saturating_add_signed(ahead);
        let batch = bench.batch(&welcome, first, seq, rows);
        bench.tell(SocketEvent::Inputs { socket, batch });
    };
    offer(&mut bench, 4, 1, &[1, 1]);
    assert_eq!(bench.inputs("accepted"), 0, "it waits for the tick that is next");
    bench.run_for(TICK);
    assert_eq!(bench.inputs("accepted"), 2);
    offer(&mut bench, 3, 1, &[1]);
    bench.run_for(TICK);
    assert_eq!(bench.inputs("duplicate"), 1, "the same tick again: the first write wins");
    offer(&mut bench, -1, 3, &[1]);
    bench.run_for(TICK);
    assert_eq!(bench.inputs("late"), 1);
    offer(&mut bench, 64, 4, &[1]);
    bench.run_for(TICK);
    assert_eq!(bench.inputs("early"), 1);
    offer(&mut bench, 63, 5, &[1]);
    bench.run_for(TICK);
    assert_eq!(bench.inputs("accepted"), 3, "the last tick of the window");
    assert_eq!(bench.inputs("flood"), 0);
}

#[test]
fn a_flood_is_counted_and_forgotten_at_the_next_tick() {
    let (mut bench, socket, welcome, next) = with_player();
    for message in 0..5 {
        let batch = bench.batch(&welcome, next + 5 + 10 * message, 1 + 10 * message as u32, &[1; 10]);
        bench.tell(SocketEvent::Inputs { socket, batch });
    }
    bench.run_for(TICK);
    assert_eq!(bench.inputs("accepted"), u64::from(ROWS_PER_TICK_MAX));
    assert_eq!(bench.inputs("flood"), 10);
    let batch = bench.batch(&welcome, next + 50, 51, &[1]);
    bench.tell(SocketEvent::Inputs { socket, batch });
    bench.run_for(TICK);
    assert_eq!(bench.inputs("flood"), 10);
}

#[test]
fn ticks_without_an_input_are_counted_once_the_player_has_sent_one() {
    let (mut bench, socket, welcome, next) = with_player();
    bench.run_for(Duration::from_millis(100));
    assert_eq!(bench.inputs("starved"), 0, "who never sent misses nothing");
    let now = bench.tick() + 1;
    assert!(now > next);
    let batch = bench.batch(&welcome, now, 1, &[1, 1, 1]);
    bench.tell(SocketEvent::Inputs { socket, batch });
    let begun = bench.tick();
    bench.run_for(Duration::from_millis(500));
    let ticks = bench.tick() - begun;
    assert_eq!(bench.inputs("starved"), ticks - 3);
}

#[test]
fn inputs_of_strangers_and_of_other_epochs_are_counted_and_change_nothing() {
    let (mut bench, socket, mut welcome, next) = with_player();
    let batch = bench.batch(&welcome, next + 2, 1, &[1]);
    bench.tell(SocketEvent::Inputs { socket: SocketId(999), batch });
    bench.run_for(TICK);
    assert_eq!(bench.inputs("no_seat"), 1);
    welcome.epoch = Epoch(welcome.epoch.0 + 1);
    let batch = bench.batch(&welcome, next + 2, 1, &[1, 1]);
    bench.tell(SocketEvent::Inputs { socket, batch });
    bench.run_for(TICK);
    assert_eq!(bench.inputs("other_epoch"), 2);
    assert_eq!(bench.inputs("accepted"), 0);
}

/// The number that the last state told a socket.
fn told(bench: &Bench, socket: SocketId) -> Option<u32> {
    let outputs = bench.outlet.0.lock().unwrap();
    outputs.iter().rev().find_map(|output| match output {
        SocketOutput::State(frame) => {
            frame.receivers.iter().find(|to| to.socket == socket).map(|to| to.feedback.last_input)
        }
        _ => None,
    })
}

/// Steady, with gaps in ticks, with gaps in numbers, and across a checkpoint and a reconnect.
#[test]
fn input_numbers_do_not_go_back_over_a_crash() {
    for length in [1, 45, 299, 302, 340] {
        for (every, leap) in [(1, 1), (1, 3), (2, 1)] {
            let (mut bench, mut socket, mut welcome, first) = with_player();
            let mut seq = 0;
            for step in 0..length {
                if step == 250 {
                    bench.tell(SocketEvent::Closed { socket });
                    socket = bench.resume(&welcome.resume_token);
                    welcome = bench.welcome(socket).unwrap();
                }
                let next = bench.tick() + 1;
                if (next - first) % every == 0 {
                    seq += leap;
                    let batch = bench.batch(&welcome, next, seq, &[(step % 2) as u8]);
                    bench.tell(SocketEvent::Inputs { socket, batch });
                }
                while bench.tick() < next {
                    bench.run_for(Duration::from_millis(4));
                }
            }
            let before = told(&bench, socket).unwrap();
            assert!(before > 0);
            let mut bench = bench.restart();
            let back = bench.resume(&welcome.resume_token);
            let after = bench.welcome(back).unwrap().last_input;
            assert_eq!(after, before, "after {length} ticks, every {every}, by {leap}");
            assert!(bench.verify().unwrap().agree);
        }
    }
}
