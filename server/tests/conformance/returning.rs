//! SOCKET 3 and LIFE 3 beyond the end of a process: sockets whose clients come back, and those that do not.

use std::time::Duration;

use serde_json::json;
use tickstone_server::object::caller::Caller;
use tickstone_server::object::peer::Payload;
use tickstone_server::object::resume::ResumeToken;
use tickstone_server::object::socket::{SocketEvent, SocketId};
use tickstone_server::runtime::handle::EventRefused;
use tickstone_server::testing::Testbed;

use crate::script::{Happens, Log, SCRIPT, bed, null, seconds};

/// How long clients may come back.
const WINDOW: Duration = Duration::from_secs(30);

/// Accepts everybody with a tag, keeps what they say as their attachment, and says what it sees of them. Who says
/// `keep` gets a token; who says `panic` gets a panic.
fn guests() -> (Testbed, Log<String>) {
    let log = Log::default();
    let noted = log.clone();
    let bed = bed(move |ctx, what| {
        let Happens::Socket(event) = what else { return null() };
        match event {
            SocketEvent::Connected { socket, .. } => ctx.peers().accept(*socket, ["guest"]).unwrap(),
            SocketEvent::Received { socket, payload: Payload::Text(text) } => match &**text {
                "keep" => {
                    let token = ctx.peers().keep(*socket);
                    ctx.peers().send(*socket, token.to_string());
                }
                "panic" => panic!("as told"),
                said => ctx.peers().attach(*socket, said.as_bytes().to_vec()).unwrap(),
            },
            SocketEvent::Resumed { socket, before } => {
                let peers = ctx.peers();
                let attachment = peers.attachment(*socket).unwrap();
                let said = String::from_utf8_lossy(attachment.bytes()).into_owned();
                let is_listed = peers.list(Some("guest")).contains(socket);
                noted.note(format!("{before:?} is back, {is_listed}, with {said}"));
            }
            SocketEvent::Disconnected { socket, end } => {
                let said = String::from_utf8_lossy(end.attachment.bytes()).into_owned();
                noted.note(format!("{socket:?} ended {} with {said:?}", end.code));
            }
            _ => {}
        }
        null()
    });
    (bed, log)
}

fn say(bed: &mut Testbed, socket: SocketId, text: &str) {
    bed.send(SCRIPT, "one", socket, text);
}

fn kept(bed: &mut Testbed, socket: SocketId) -> ResumeToken {
    say(bed, socket, "keep");
    bed.client(socket).texts().last().unwrap().parse().unwrap()
}

#[test]
fn socket_3_tags_and_attachment_come_back_after_a_drain_and_once() {
    let (mut bed, log) = guests();
    let [ann, bob] = [(); 2].map(|()| bed.connect(SCRIPT, "one", Caller::Anonymous));
    say(&mut bed, ann, "I am ann");
    say(&mut bed, bob, "I am bob");
    bed.advance(seconds(60));
    assert!(!bed.is_awake(SCRIPT, "one"), "a drain wakes nobody");
    let tokens = bed.drain();
    assert_eq!(tokens.len(), 2);
    let back = bed.resume(SCRIPT, "one", tokens[&ann]).unwrap();
    assert_eq!(log.take(), [format!("{ann:?} is back, true, with I am ann")]);
    assert!(bed.client(back).tags.unwrap().has("guest"), "it is accepted");
    bed.resume(SCRIPT, "one", tokens[&ann])
        .map(|twice| assert_eq!(bed.client(twice).closed.unwrap().0, 4003))
        .unwrap();
    bed.advance(WINDOW + seconds(2));
    assert_eq!(
        log.take(),
        [format!("{bob:?} ended 1006 with \"I am bob\"")],
        "the other one is gone, and told once"
    );
    assert_eq!(bed.resume(SCRIPT, "one", tokens[&bob]), Err(EventRefused::NotAwaited));
    bed.advance(seconds(60));
    bed.restart();
    bed.advance(WINDOW + seconds(2));
    assert_eq!(log.take(), [""; 0], "nothing is left of it");
}

#[test]
fn socket_3_one_that_is_kept_outlives_a_kill_and_every_change_with_it() {
    let (mut bed, log) = guests();
    let [ann, bob] = [(); 2].map(|()| bed.connect(SCRIPT, "one", Caller::Anonymous));
    let token = kept(&mut bed, ann);
    say(&mut bed, ann, "later");
    bed.restart();
    bed.resume(SCRIPT, "one", token).unwrap();
    assert_eq!(log.take(), [format!("{ann:?} is back, true, with later")]);
    bed.restart();
    let (before, again) = (log.take(), bed.resume(SCRIPT, "one", token));
    assert!(before.is_empty() && again.is_ok(), "{again:?}");
    assert_eq!(bed.client(again.unwrap()).closed.unwrap().0, 4003, "it came back under another token");
    bed.advance(WINDOW + seconds(2));
    assert_eq!(log.take().len(), 1, "the one that came back is kept, too, and ended now; {bob:?} was not");
}

#[test]
fn socket_3_what_the_object_ended_or_was_told_of_does_not_come_back() {
    let (mut bed, log) = guests();
    let socket = bed.connect(SCRIPT, "one", Caller::Anonymous);
    let token = kept(&mut bed, socket);
    bed.disconnect(SCRIPT, "one", socket);
    assert_eq!(log.take(), [format!("{socket:?} ended 1000 with \"\"")]);
    bed.restart();
    assert_eq!(bed.resume(SCRIPT, "one", token), Err(EventRefused::NotAwaited));
    bed.advance(WINDOW + seconds(2));
    assert_eq!(log.take(), [""; 0], "it was told once");
}

#[test]
fn socket_3_a_change_that_was_not_durable_is_not_there_and_nobody_was_told_the_token() {
    let (mut bed, log) = guests();
    let socket = bed.connect(SCRIPT, "one", Caller::Anonymous);
    let token = kept(&mut bed, socket);
    say(&mut bed, socket, "durable");
    bed.crash_at_commit(1);
    say(&mut bed, socket, "lost");
    bed.resume(SCRIPT, "one", token).unwrap();
    assert_eq!(log.take(), [format!("{socket:?} is back, true, with durable")]);
    let other = bed.connect(SCRIPT, "one", Caller::Anonymous);
    bed.crash_at_commit(1);
    say(&mut bed, other, "keep");
    assert_eq!(bed.client(other).texts(), [""; 0]);
}

#[test]
fn socket_3_a_panic_leaves_sockets_with_what_is_kept_of_them() {
    let (mut bed, log) = guests();
    let socket = bed.connect(SCRIPT, "one", Caller::Anonymous);
    let token = kept(&mut bed, socket);
    say(&mut bed, socket, "before");
    say(&mut bed, socket, "panic");
    bed.settle();
    assert_eq!(bed.client(socket).closed, None);
    bed.restart();
    bed.resume(SCRIPT, "one", token).unwrap();
    assert_eq!(log.take(), [format!("{socket:?} is back, true, with before")]);
}

#[test]
fn socket_3_a_removed_object_awaits_nobody() {
    let (mut bed, log) = guests();
    let [old, young] = [(); 2].map(|()| bed.connect(SCRIPT, "one", Caller::Anonymous));
    let token = kept(&mut bed, old);
    bed.restart();
    let _ = young;
    let again = bed.connect(SCRIPT, "one", Caller::Anonymous);
    kept(&mut bed, again);
    assert_eq!(bed.delete(SCRIPT, "one"), Ok(json!(null)));
    assert_eq!(bed.client(again).closed.unwrap().0, 1001);
    bed.advance(WINDOW + seconds(2));
    assert_eq!(bed.resume(SCRIPT, "one", token), Err(EventRefused::NotAwaited));
    assert_eq!((bed.awake(), log.take().len()), (0, 0), "nobody is told, nothing wakes");
}

#[test]
fn socket_3_at_most_so_many_are_waited_for() {
    let (bed, log) = guests();
    let mut bed = bed.waiting_for(2);
    let sockets: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| {
            let socket = bed.connect(SCRIPT, name, Caller::Anonymous);
            bed.send(SCRIPT, name, socket, "keep");
            (*name, socket, bed.client(socket).texts()[0].parse::<ResumeToken>().unwrap())
        })
        .collect();
    bed.restart();
    let open: Vec<_> =
        sockets.iter().filter(|(name, _, token)| bed.resume(SCRIPT, name, *token).is_ok()).collect();
    assert_eq!(open.len(), 2);
    bed.advance(seconds(3));
    let ended = log.take().into_iter().filter(|said| said.contains("ended 1006")).count();
    assert_eq!(ended, 1, "the one beyond the limit is gone at once");
}
