//! The session against a server that is only words.

use super::*;
use crate::ids::Seat;
use crate::schema::Schema;
use std::sync::Arc;

fn welcome(epoch: u32, tick: u64, last_input: u32) -> ServerMessage {
    ServerMessage::Welcome(Box::new(Welcome {
        protocol: PROTOCOL_VERSION,
        match_id: "m".into(),
        game: "arena".into(),
        game_version: 1,
        epoch: Epoch(epoch),
        tick: Tick(tick),
        tick_rate_hz: 60,
        player: "ann".into(),
        seat: Seat(0),
        resume_token: format!("resume-{epoch}"),
        resume_seconds: 30,
        durability: "async".into(),
        last_input,
        schema_hash: 0,
        schema: Arc::new(Schema { kinds: Vec::new(), input: Vec::new() }),
        chat_token: None,
    }))
}

fn header(epoch: u32, tick: u64, last_input: u32) -> StateHeader {
    let (epoch, tick, lead) = (Epoch(epoch), Tick(tick), 3 * 256);
    StateHeader { epoch, tick, hash: None, last_input, lead, starved: 0, parts: 1 }
}

fn moment(ticks: u64) -> Moment {
    Moment(ticks * 16_666_667 + 1)
}

fn row() -> InputRow {
    InputRow::new(&[1]).unwrap()
}

fn playing(last_input: u32) -> Session {
    let mut session = Session::new(SessionOptions::new("m", "ann"));
    let applied = AppliedInputs { first_seq: last_input + 1, count: 0 };
    assert_eq!(session.on_message(welcome(1, 100, last_input), moment(0)), Heard::Welcomed { applied });
    session
}

fn send(session: &mut Session, now: Moment) -> InputBatch {
    let due = session.due_inputs(1, now).unwrap();
    session.inputs(due, std::iter::repeat_n(row(), due.count), now).unwrap()
}

#[test]
fn numbers_go_on_from_welcome_and_ticks_run_ahead_of_the_server() {
    let mut session = playing(41);
    let batch = send(&mut session, moment(0));
    assert_eq!((batch.first_seq, batch.first_tick, batch.rows.len()), (42, Tick(104), 1));
    assert_eq!(session.due_inputs(1, moment(0)), None, "a tick gets one input");
    let batch = send(&mut session, moment(2));
    assert_eq!((batch.first_seq, batch.first_tick, batch.rows.len()), (43, Tick(105), 2));
}

#[test]
fn two_ticks_in_a_message_wait_for_both() {
    let mut session = playing(0);
    assert_eq!(session.due_inputs(2, moment(0)), None);
    assert_eq!(session.next_due(2), session.play.as_ref().map(|play| play.pace.moment_of(Tick(105))));
    let due = session.due_inputs(2, moment(1)).unwrap();
    assert_eq!(due, DueInputs { first_tick: Tick(104), count: 2 });
}

#[test]
fn ticks_slept_through_are_left_out() {
    let mut session = playing(0);
    send(&mut session, moment(0));
    let due = session.due_inputs(1, moment(60)).unwrap();
    assert_eq!(due, DueInputs { first_tick: Tick(164), count: 1 });
}

#[test]
fn a_state_says_which_inputs_it_includes_once() {
    let mut session = playing(7);
    send(&mut session, moment(0));
    send(&mut session, moment(1));
    let applied = AppliedInputs { first_seq: 8, count: 2 };
    assert_eq!(session.on_header(header(1, 101, 9), moment(2)), Heard::NewState { applied });
    assert_eq!(
        applied.numbers().map(|seq| session.sent_at(seq)).collect::<Vec<_>>(),
        [Some(moment(0)), Some(moment(1))]
    );
    let nothing = AppliedInputs { first_seq: 10, count: 0 };
    assert_eq!(session.on_header(header(1, 102, 9), moment(3)), Heard::NewState { applied: nothing });
    assert_eq!(session.on_header(header(1, 103, 4_000_000), moment(3)), Heard::NewState { applied: nothing });
}

#[test]
fn old_states_and_other_epochs_are_not_taken() {
    let mut session = playing(0);
    assert_eq!(session.on_header(header(2, 101, 0), moment(1)), Heard::OldState);
    assert!(matches!(session.on_header(header(1, 101, 0), moment(1)), Heard::NewState { .. }));
    assert_eq!(session.on_header(header(1, 101, 0), moment(1)), Heard::OldState);
    assert_eq!(session.on_header(header(1, 90, 0), moment(1)), Heard::OldState);
}

#[test]
fn a_lead_is_believed_once_it_changes_even_if_every_input_came_late() {
    let mut session = playing(0);
    let stale = StateHeader { lead: -30 * 256, ..header(1, 101, 0) };
    session.on_header(stale, moment(1));
    let before = session.next_due(1);
    session.on_header(StateHeader { lead: -31 * 256, tick: Tick(102), ..stale }, moment(2));
    assert!(session.next_due(1) < before, "the clock was set ahead");
}

#[test]
fn the_ring_of_sent_inputs_forgets_the_oldest() {
    let mut session = playing(0);
    for tick in 0..SENT_INPUTS_MAX as u64 + 1 {
        send(&mut session, moment(tick));
    }
    assert_eq!(session.sent_at(1), None);
    assert!(session.sent_at(2).is_some() && session.sent_at(SENT_INPUTS_MAX as u32 + 1).is_some());
}

#[test]
fn the_oldest_event_goes_when_nobody_takes_them() {
    let mut session = playing(0);
    for tick in 0..EVENTS_MAX as u64 + 1 {
        let event = EventMessage { tick: Tick(tick), name: "hit".into(), data: serde_json::Value::Null };
        session.on_message(ServerMessage::Event(event), moment(0));
    }
    assert_eq!(session.take_event().unwrap().tick, Tick(1));
}

#[test]
fn a_drop_resumes_and_a_refused_resume_joins_anew() {
    let mut session = playing(0);
    (0..7).for_each(|tick| assert_eq!(send(&mut session, moment(tick)).rows.len(), 1));
    assert_eq!(session.on_closed(None), AfterClose::TryAgain);
    let ClientMessage::Hello(hello) = session.hello() else { panic!("a hello") };
    assert_eq!(
        (hello.resume.as_deref(), hello.epoch, hello.player),
        (Some("resume-1"), Some(Epoch(1)), None)
    );

    let applied = AppliedInputs { first_seq: 1, count: 5 };
    assert_eq!(session.on_message(welcome(2, 90, 5), moment(200)), Heard::Welcomed { applied });
    assert_eq!(session.resumes(), 1);
    let batch = send(&mut session, moment(200));
    assert_eq!((batch.epoch, batch.first_seq, batch.first_tick), (Epoch(2), 6, Tick(94)));

    assert_eq!(session.on_closed(Some(CloseCode::ResumeFailed)), AfterClose::TryAgain);
    let ClientMessage::Hello(hello) = session.hello() else { panic!("a hello") };
    assert_eq!((hello.resume, hello.player.as_deref()), (None, Some("ann")));
    assert_eq!(session.on_closed(Some(CloseCode::ResumeFailed)), AfterClose::GiveUp);
}

#[test]
fn what_ended_for_good_is_given_up() {
    for code in [CloseCode::MatchEnded, CloseCode::Kicked, CloseCode::Full, CloseCode::TokenRefused] {
        assert_eq!(playing(0).on_closed(Some(code)), AfterClose::GiveUp);
    }
    for code in [CloseCode::Restoring, CloseCode::Restarting, CloseCode::Overloaded, CloseCode::TooSlow] {
        assert_eq!(playing(0).on_closed(Some(code)), AfterClose::TryAgain);
    }
}

#[test]
fn a_datagram_carries_what_no_state_has_without_gaps() {
    let mut session = playing(41);
    assert_eq!(session.unacknowledged(), None);
    for tick in 0..13 {
        send(&mut session, moment(tick));
    }
    let batch = session.unacknowledged().unwrap();
    assert_eq!((batch.first_seq, batch.first_tick, batch.rows.len()), (45, Tick(107), 10));
    session.on_header(header(1, 110, 50), moment(13));
    let batch = session.unacknowledged().unwrap();
    assert_eq!((batch.first_seq, batch.first_tick, batch.rows.len()), (51, Tick(113), 4));
    send(&mut session, moment(40));
    let batch = session.unacknowledged().unwrap();
    assert_eq!((batch.first_seq, batch.rows.len()), (55, 1), "the ticks between were slept through");
    session.on_header(header(1, 111, 55), moment(41));
    assert_eq!(session.unacknowledged(), None);
}

#[test]
fn what_was_received_is_said_apart_once_no_input_has_said_it() {
    let mut session = playing(0);
    assert_eq!(session.acknowledgement(), None, "nothing was received");
    session.on_header(StateHeader { parts: 2, ..header(1, 101, 0) }, moment(1));
    assert_eq!(session.acknowledgement(), None, "nor was this one, of which a part is missing");
    session.on_header(header(1, 102, 0), moment(2));
    assert_eq!(session.acknowledgement(), Some(Ack { epoch: Epoch(1), tick: Tick(102), mask: 0 }));
    for tick in 103..110 {
        session.on_header(header(1, tick, 0), moment(tick - 100));
    }
    assert_eq!(session.acknowledgement(), None, "not so soon again");
    session.on_header(header(1, 110, 0), moment(10));
    assert_eq!(session.acknowledgement(), Some(Ack { epoch: Epoch(1), tick: Tick(110), mask: 0xff }));
    session.on_header(header(1, 118, 0), moment(18));
    send(&mut session, moment(18));
    assert_eq!(session.acknowledgement(), None, "an input has said it");
}
