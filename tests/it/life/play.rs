//! Playing: by hand, in both encodings and both states.

use std::time::Duration;

use serde_json::{Value, json};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::{EventMessage, ServerMessage};
use tickstone_shared::wire::state::StateMessage;
use tickstone_shared::wire::version::{Encoding, StateKind};
use tickstone_tests::client::{Client, hello};
use tickstone_tests::server::Server;
use tickstone_tests::turn;
use tickstone_tests::wait::Watch;

/// States looked at for the rate: three seconds.
const STATES: usize = 180;
/// States a busy machine may leave out of those.
const STATES_MISSING_MAX: u64 = 18;

fn arena(server: &Server, id: &str) {
    let options = json!({ "countdown_seconds": 0, "map": "yard", "players_max": 4 });
    server.http().post("/v1/matches", &json!({ "game": "arena", "id": id, "options": options })).expect(201);
}

/// States are in order, hardly one is missing, each knows its epoch; hashes stand on every 60th tick.
fn watch_states(client: &mut Client) {
    let first = client.state();
    let watch = Watch::start();
    let (mut last, mut hashes) = (first.tick, 0);
    for _ in 0..STATES {
        let state = client.state();
        assert!(state.tick > last, "{:?} after {last:?}", state.tick);
        assert_eq!(state.hash.is_some(), state.tick.0.is_multiple_of(60), "{:?}", state.tick);
        assert_eq!(state.epoch, client.welcome().epoch);
        hashes += usize::from(state.hash.is_some());
        last = state.tick;
        client.acknowledge(state.epoch, state.tick);
    }
    let ticks = last.0 - first.tick.0;
    assert!(ticks <= STATES as u64 + STATES_MISSING_MAX, "{STATES} states for {ticks} ticks");
    assert!(hashes >= 2, "{hashes} hashes in {ticks} ticks");
    let hz = ticks as f64 / watch.elapsed().as_secs_f64();
    assert!((54.0..=66.0).contains(&hz), "{hz:.1} ticks a second");
}

/// The own body goes where the stick points, and the server says which input it has seen.
fn walk(client: &mut Client) {
    let mut sent = 0;
    for (direction, name) in [(127, "right"), (-127, "left")] {
        let mut before: Option<f64> = None;
        let watch = Watch::start();
        loop {
            assert!(watch.elapsed() < Duration::from_secs(10), "it does not move to the {name}");
            let state = client.state();
            sent = client.input(&state, json!({ "move_x": direction, "aim_x": direction }));
            let Some((_, [x])) = client.own(&state, "player", ["x"]) else { continue };
            let step = before.map_or(0.0, |before| x - before);
            before = Some(x);
            // A step of a walk, not a leap to another place.
            if state.last_input > 0 && step * f64::from(direction) > 0.0 && step.abs() < 1.0 {
                break;
            }
        }
    }
    let applied = client.next_of("the last input", |message| match message {
        ServerMessage::State(state) if state.last_input >= sent => Some(state.last_input),
        _ => None,
    });
    assert_eq!(applied, sent, "no input is applied that was not sent");
}

fn check_form(state: &StateMessage, kind: StateKind) {
    let forms = (state.body.is_some(), state.entities.is_some());
    assert_eq!(forms, (kind == StateKind::Delta, kind == StateKind::Plain));
    for entity in state.entities.iter().flatten() {
        assert!(entity["id"].is_u64() && entity["kind"].is_string(), "{entity:?}");
    }
}

fn plays(encoding: Encoding, kind: StateKind) {
    let _turn = turn::shared();
    let server = Server::dev();
    arena(&server, "m");
    let mut said = hello("m", "ann");
    said.state = kind;
    let mut client = Client::enter(&server, &said, encoding);
    let welcome = client.welcome();
    assert_eq!((welcome.match_id.as_str(), welcome.game.as_str()), ("m", "arena"));
    assert_eq!((welcome.player.as_str(), welcome.tick_rate_hz, welcome.last_input), ("ann", 60, 0));
    assert!(!welcome.resume_token.is_empty() && welcome.resume_seconds > 0);
    assert_eq!(welcome.schema_hash, welcome.schema.hash());
    check_form(&client.state(), kind);
    watch_states(&mut client);
    walk(&mut client);
    assert_eq!(client.ping(4_000_000_000), 4_000_000_000);
    client.leave();
    client.expect_end(4000);
    server.http().until("m", "an empty seat", |entry| entry["players"] == 0);
}

#[test]
fn by_msgpack_and_delta() {
    plays(Encoding::Msgpack, StateKind::Delta);
}

#[test]
fn by_msgpack_and_plain() {
    plays(Encoding::Msgpack, StateKind::Plain);
}

#[test]
fn by_json_and_delta() {
    plays(Encoding::Json, StateKind::Delta);
}

#[test]
fn by_json_and_plain() {
    plays(Encoding::Json, StateKind::Plain);
}

/// A paddle moves 8 a tick while the stick is held, and two who watch see the same.
#[test]
fn two_in_one_match_see_the_same() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let (mut ann, mut bob) = (Client::join(&server, "p", "ann"), Client::join(&server, "p", "bob"));
    assert_ne!(ann.welcome().seat, bob.welcome().seat);
    for _ in 0..20 {
        let state = ann.state();
        ann.input(&state, json!({ "direction": 1 }));
    }
    let seen: Vec<StateMessage> = (0..30).map(|_| ann.state()).collect();
    let ys: Vec<f64> =
        seen.iter().filter_map(|state| ann.own(state, "paddle", ["y"])).map(|own| own.1[0]).collect();
    assert!(
        ys.last() > Some(&300.0)
            && ys.is_sorted()
            && ys.iter().all(|y| *y == 550.0 || (y - 300.0) % 8.0 == 0.0),
        "{ys:?}"
    );
    let mut compared = 0;
    for _ in 0..120 {
        let state = bob.state();
        if let Some(same) = seen.iter().find(|other| other.tick == state.tick) {
            assert_eq!((&same.body, same.hash), (&state.body, state.hash), "{:?}", state.tick);
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared} states compared");
}

fn event(message: ServerMessage) -> Option<EventMessage> {
    match message {
        ServerMessage::Event(event) => Some(event),
        _ => None,
    }
}

/// With nobody at the paddles a point is made: everybody is told, once.
#[test]
fn events_reach_everybody() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("pong", "p");
    let mut players = [Client::join(&server, "p", "ann"), Client::join(&server, "p", "bob")];
    // Both go out of the ball's way.
    for _ in 0..40 {
        for player in &mut players {
            let state = player.state();
            player.input(&state, json!({ "direction": 1 }));
        }
    }
    let told = players.each_mut().map(|player| player.next_of("a point", event));
    assert_eq!((told[0].name.as_str(), &told[0].data["points"]), ("point", &Value::from(1)));
    assert_eq!(told[0], told[1]);
    assert!(told[0].tick > Tick(0));
}
