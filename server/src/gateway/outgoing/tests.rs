//! The policy of the queues at their limits, over a sink that takes what it is told to take.

use super::*;
use std::sync::Arc;
use std::task::Waker;

#[derive(Debug, Clone, Default)]
struct FakeSink(Arc<Mutex<FakeState>>);

#[derive(Debug, Default)]
struct FakeState {
    room: usize,
    taken: Vec<u8>,
    writes: usize,
}

impl FakeSink {
    fn give(&self, room: usize) {
        self.0.lock().unwrap().room = room;
    }
    fn taken(&self) -> Vec<u8> {
        self.0.lock().unwrap().taken.clone()
    }
}

impl Sink for FakeSink {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        let take = bytes.len().min(state.room);
        if take == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.room -= take;
        state.writes += 1;
        state.taken.extend_from_slice(&bytes[..take]);
        Ok(take)
    }
    fn poll_writable(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.lock().unwrap().room > 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
    fn abandon(&self) {}
}

fn outgoing(room: usize) -> (FakeSink, Outgoing<FakeSink>) {
    let sink = FakeSink::default();
    sink.give(room);
    (sink.clone(), Outgoing::new(sink, Traffic::default()))
}

fn flush(outgoing: &Outgoing<FakeSink>) -> Poll<io::Result<()>> {
    outgoing.poll_flush(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_state_goes_straight_to_a_socket_that_takes_it() {
    let (sink, out) = outgoing(100);
    assert_eq!(out.send_state(b"one"), Fate::Leaves);
    assert_eq!(out.send_state(b"two"), Fate::Leaves);
    assert_eq!(sink.taken(), b"onetwo");
    assert_eq!(out.progress(), None);
}

/// Holds frames.
fn hold(out: &Outgoing<FakeSink>, frames: &[&'static [u8]]) -> Vec<Result<bool, QueueFull>> {
    frames.iter().map(|frame| out.hold(&Bytes::from_static(frame))).collect()
}

#[test]
fn frames_that_are_held_go_with_the_state_in_one_write() {
    let (sink, out) = outgoing(100);
    assert_eq!(hold(&out, &[b"a1", b"b2"]), [Ok(true), Ok(false)]);
    assert_eq!((sink.taken(), out.queued_bytes()), (Vec::new(), 4));
    assert_eq!(out.send_state(b"state"), Fate::Leaves);
    assert_eq!((sink.taken(), sink.0.lock().unwrap().writes), (b"a1b2state".to_vec(), 1));
    out.push();
    assert_eq!(sink.0.lock().unwrap().writes, 1, "nothing is held any more");
}

#[test]
fn frames_that_are_held_go_when_pushed_and_before_what_is_sent() {
    let (sink, out) = outgoing(100);
    hold(&out, &[b"a1"]);
    out.push();
    assert_eq!(hold(&out, &[b"b2"]), [Ok(true)]);
    out.send_reliable(Bytes::from_static(b"c3")).unwrap();
    assert_eq!((sink.taken(), sink.0.lock().unwrap().writes), (b"a1b2c3".to_vec(), 2));
}

#[test]
fn a_state_behind_held_frames_waits_unless_it_has_begun() {
    for (room, fate, later) in
        [(0, Fate::Waits, "a1b2newer"), (1, Fate::Waits, "a1b2newer"), (4, Fate::Waits, "a1b2newer")]
            .into_iter()
            .chain([(5, Fate::Leaves, "a1b2statenewer")])
    {
        let (sink, out) = outgoing(room);
        hold(&out, &[b"a1", b"b2"]);
        assert_eq!(out.send_state(b"state"), fate, "{room}");
        assert_eq!(out.send_state(b"newer"), Fate::Waits);
        assert_eq!(hold(&out, &[b"z"]), [Ok(false)], "it waits with the others");
        sink.give(100);
        assert!(flush(&out).is_pending());
        let later = later.replace("newer", "znewer");
        assert_eq!(String::from_utf8(sink.taken()).unwrap(), later, "{room}");
    }
}

#[test]
fn held_frames_beyond_16_kib_go_out_by_themselves() {
    let (sink, out) = outgoing(usize::MAX);
    out.hold(&vec![1; HELD_BYTES_MAX].into()).unwrap();
    assert!(sink.taken().is_empty());
    assert_eq!(out.hold(&Bytes::from_static(b"x")), Ok(false));
    assert_eq!(sink.taken().len(), HELD_BYTES_MAX + 1);
    assert!(out.lock().held.capacity() <= HELD_BYTES_KEPT, "no room is kept for so many");
}

#[test]
fn an_end_flushes_what_is_held_unless_the_client_is_too_slow() {
    for (keep, said) in [(Keep::Reliable, &b"a1bye"[..]), (Keep::Nothing, b"bye")] {
        let (sink, out) = outgoing(100);
        hold(&out, &[b"a1"]);
        out.finish(&[Bytes::from_static(b"bye")], keep);
        out.push();
        assert!(flush(&out).is_ready());
        assert_eq!(sink.taken(), said);
    }
}

#[test]
fn the_newest_state_replaces_those_that_wait_and_a_frame_is_never_cut() {
    let (sink, out) = outgoing(2);
    assert_eq!(out.send_state(b"first"), Fate::Leaves, "it has begun");
    assert_eq!(out.send_state(b"second"), Fate::Waits);
    assert_eq!(out.send_state(b"third"), Fate::Waits);
    assert_eq!(out.traffic.coalesced.get(), 1);
    sink.give(100);
    assert!(flush(&out).is_pending());
    assert_eq!(sink.taken(), b"firstthird");
    assert_eq!(out.send_state(b"fourth"), Fate::Leaves);
}

#[test]
fn a_state_is_taken_back_as_long_as_it_has_not_begun() {
    let (sink, out) = outgoing(0);
    assert!(!out.take_back(), "nothing waits");
    assert_eq!(out.send_state(b"first"), Fate::Waits);
    assert!(out.take_back());
    assert!(!out.take_back());
    assert_eq!(out.send_state(b"second"), Fate::Waits);
    sink.give(3);
    assert!(flush(&out).is_pending());
    assert!(!out.take_back(), "it has begun");
    assert_eq!(out.send_state(b"third"), Fate::Waits);
    sink.give(100);
    assert!(flush(&out).is_pending());
    assert!(!out.take_back());
    assert_eq!(sink.taken(), b"secondthird");
    assert_eq!(out.traffic.coalesced.get(), 1);
}

#[test]
fn reliable_frames_keep_their_order_and_go_before_the_state() {
    let (sink, out) = outgoing(1);
    out.send_reliable(Bytes::from_static(b"a1")).unwrap();
    assert_eq!(out.send_state(b"state"), Fate::Waits);
    out.send_reliable(Bytes::from_static(b"b2")).unwrap();
    sink.give(100);
    assert!(flush(&out).is_pending());
    assert_eq!(sink.taken(), b"a1b2state");
}

#[test]
fn the_reliable_queue_refuses_frame_65_and_byte_262145() {
    let (_, out) = outgoing(0);
    out.send_reliable(Bytes::from_static(b"blocked")).unwrap();
    for _ in 0..RELIABLE_FRAMES_MAX {
        out.send_reliable(Bytes::from_static(b"x")).unwrap();
    }
    assert_eq!(out.send_reliable(Bytes::from_static(b"x")), Err(QueueFull));

    let (_, out) = outgoing(0);
    out.send_reliable(Bytes::from_static(b"blocked")).unwrap();
    out.send_reliable(vec![0; RELIABLE_BYTES_MAX].into()).unwrap();
    assert_eq!(out.send_reliable(Bytes::from_static(b"x")), Err(QueueFull));
}

#[test]
fn an_end_flushes_the_queue_drops_the_state_and_closes() {
    let (sink, out) = outgoing(1);
    out.send_reliable(Bytes::from_static(b"a1")).unwrap();
    out.send_reliable(Bytes::from_static(b"b2")).unwrap();
    out.send_state(b"state");
    out.finish(&[Bytes::from_static(b"bye"), Bytes::from_static(b"close")], Keep::Reliable);
    assert_eq!(out.send_state(b"late"), Fate::Ignored);
    sink.give(100);
    assert!(flush(&out).is_ready());
    assert_eq!(sink.taken(), b"a1b2byeclose");
}

#[test]
fn an_end_of_a_slow_client_keeps_only_the_frame_that_has_begun() {
    let (sink, out) = outgoing(1);
    out.send_reliable(Bytes::from_static(b"a1")).unwrap();
    out.send_reliable(Bytes::from_static(b"b2")).unwrap();
    out.finish(&[Bytes::from_static(b"close")], Keep::Nothing);
    sink.give(100);
    assert!(flush(&out).is_ready());
    assert_eq!(sink.taken(), b"a1close");
}

#[test]
fn progress_shows_only_while_something_waits() {
    let (sink, out) = outgoing(1);
    out.send_state(b"abc");
    assert_eq!(out.progress(), Some(0));
    sink.give(1);
    assert!(flush(&out).is_pending());
    assert_eq!(out.progress(), Some(1));
    sink.give(10);
    assert!(flush(&out).is_pending());
    assert_eq!(out.progress(), None);
}
