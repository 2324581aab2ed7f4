//! A duel in the real process: it sleeps between moves, and its deadline holds whatever becomes of the server.

use std::time::Duration;

use serde_json::{Value, json};
use tickstone_shared::wire::message::{ClientMessage, DataMessage, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, resume};
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;
use tickstone_tests::wait::{self, Watch};

/// Long enough for the match to fall asleep, before the server stops and after it.
const TURN: Duration = Duration::from_secs(40);
/// A match sleeps after 10 s, on a busy machine a little later.
const SLEEP_MAX: Duration = Duration::from_secs(16);
/// It is looked at for the last time so long before its deadline.
const LAST_LOOK: Duration = Duration::from_secs(2);

fn is_asleep(http: &Http) -> bool {
    http.metric(r#"tickstone_objects{class="match",state="hibernated"}"#) == 1.0
}

fn wait_asleep(http: &Http) {
    let asleep = wait::poll(SLEEP_MAX, || is_asleep(http).then_some(()));
    asleep.unwrap_or_else(|| panic!("it does not sleep: {}", http.metrics()));
}

/// Listens, and so answers pings, until a time on a watch.
fn listen_until(client: &mut Client, watch: Watch, end: Duration) {
    while let Some(left) = end.checked_sub(watch.elapsed()) {
        client.receive(left).into_iter().for_each(|message| drop(message.expect("it is not closed")));
    }
}

/// The cards a player is told to hold.
fn hand(client: &mut Client) -> Vec<u64> {
    client.next_of("a hand", |message| match message {
        ServerMessage::Message(message) => serde_json::from_value(message.data["hand"].clone()).ok(),
        _ => None,
    })
}

/// Everything up to the end of the connection: the data of the events of this name.
fn events_to_the_end(client: &mut Client, name: &str) -> (Vec<Value>, Option<u16>) {
    let mut told = Vec::new();
    loop {
        match client.message() {
            Ok(ServerMessage::Event(event)) if event.name == name => told.push(event.data),
            Ok(_) => {}
            Err(end) => return (told, end.code),
        }
    }
}

fn forfeits(id: &str, stop: impl FnOnce(Server) -> Plan) {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    let body = json!({ "game": "duel", "id": id, "options": { "turn_seconds": TURN.as_secs() } });
    http.post("/v1/matches", &body).expect(201);
    let (mut ann, mut bob) = (Client::join(&server, id, "ann"), Client::join(&server, id, "bob"));
    let (card, token) = (hand(&mut ann)[0], ann.welcome().resume_token.clone());
    assert_eq!(hand(&mut bob).len(), 5);
    let turn = Watch::start();
    ann.send(&ClientMessage::Message(DataMessage { data: json!({ "play": card }) }));
    assert_eq!(hand(&mut ann).len(), 4);
    wait_asleep(&http);
    let plan = stop(server);
    let server = plan.start();
    let http = server.http();
    let mut ann = Client::enter(&server, &resume(id, &token), Encoding::Msgpack);
    assert_eq!(hand(&mut ann).len(), 4, "who comes back is told the hand again");
    wait_asleep(&http);
    listen_until(&mut ann, turn, TURN - LAST_LOOK);
    assert!(is_asleep(&http), "nothing but its deadline wakes it");
    let (over, code) = events_to_the_end(&mut ann, "over");
    assert!(turn.elapsed() >= TURN, "not before its time");
    assert_eq!(over, [json!({ "winner": 0, "reason": "time" })], "told once");
    assert_eq!(code, Some(1000));
    let ended = http.inspect(id);
    assert_eq!((&ended["state"], &ended["outcome"]), (&json!("ended"), &over[0]));
}

#[test]
fn a_hibernated_duel_forfeits_the_absent_player_after_a_restart() {
    forfeits("duel-drained", |server| {
        let (status, plan) = server.drain();
        assert_eq!(status, Some(0));
        plan
    });
}

#[test]
fn a_hibernated_duel_forfeits_the_absent_player_after_sigkill() {
    forfeits("duel-killed", Server::kill);
}
