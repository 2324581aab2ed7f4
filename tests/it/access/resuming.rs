//! Coming back: a token that changes with every use, and holds for one seat of one match.

use serde_json::json;
use tickstone_server::access::admin::Role;
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, resume};
use tickstone_tests::server::Plan;
use tickstone_tests::turn;

use super::keys::Keys;

#[test]
fn a_resume_token_rotates_and_outlives_sigkill() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().start();
    keys.http(&server, Role::Create).create("arena", "m");
    keys.http(&server, Role::Create).create("arena", "n");
    let mut ann = Client::enter(&server, &keys.seat(&server, "m", "ann"), Encoding::Msgpack);
    let first = ann.token().to_owned();
    let mut back = Client::enter(&server, &resume("m", &first), Encoding::Json);
    ann.expect_end(4409);
    let second = back.token().to_owned();
    assert!(first != second && second.len() == 32, "128 bits, and others");
    // An input shows that the welcome was read: now the first token is void.
    let state = back.state();
    let sent = back.input(&state, json!({ "move_x": 50 }));
    back.next_of("the input", |message| match message {
        tickstone_shared::wire::message::ServerMessage::State(state) => {
            (state.last_input == sent).then_some(())
        }
        _ => None,
    });
    Client::refused(&server, &resume("m", &first)).expect(4003);
    Client::refused(&server, &resume("n", &second)).expect(4003);
    back.state();
    let server = server.kill().start();
    Client::refused(&server, &resume("m", &first)).expect(4003);
    let mut again = Client::enter(&server, &resume("m", &second), Encoding::Msgpack);
    assert_eq!((again.welcome().player.as_str(), again.welcome().seat), ("ann", back.welcome().seat));
    assert!(again.welcome().epoch > back.welcome().epoch);
    assert_ne!(again.token(), second);
    again.state();
}

/// A server that dies between the use of a token and the client's reading of the next one.
#[test]
fn who_was_cut_off_before_the_new_token_came_is_not_locked_out() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().start();
    keys.http(&server, Role::Create).create("pong", "m");
    let ann = Client::enter(&server, &keys.seat(&server, "m", "ann"), Encoding::Msgpack);
    let first = ann.token().to_owned();
    let unread = Client::enter(&server, &resume("m", &first), Encoding::Msgpack);
    drop((ann, unread));
    let server = server.kill().start();
    let back = Client::enter(&server, &resume("m", &first), Encoding::Msgpack);
    assert_eq!(back.welcome().player, "ann");
}

#[test]
fn a_seat_is_held_for_its_time_and_kicked_players_do_not_come_back() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let plan: Plan = keys.plan().with("TICKSTONE_RESUME_WINDOW_S", "1");
    let server = plan.start();
    keys.http(&server, Role::Create).create("pong", "m");
    let ann = Client::enter(&server, &keys.seat(&server, "m", "ann"), Encoding::Msgpack);
    let token = ann.token().to_owned();
    drop(ann);
    keys.http(&server, Role::Read).until("m", "a free seat", |entry| entry["players"] == 0);
    Client::refused(&server, &resume("m", &token)).expect(4003);
    let mut bob = Client::enter(&server, &keys.seat(&server, "m", "bob"), Encoding::Msgpack);
    let kick = keys.http(&server, Role::Kick);
    let kicked = kick.post("/v1/matches/m/kick", &json!({ "player": "bob" })).expect(200);
    assert_eq!(kicked, json!({ "kicked": 0 }));
    bob.expect_end(4403);
    Client::refused(&server, &resume("m", bob.token())).expect(4003);
    kick.post("/v1/matches/m/kick", &json!({ "player": "bob" })).expect_problem(404, "no_such_player");
}
