//! Game messages that no decent client sends (reliability 4.4).

use serde_json::{Value, json};
use tickstone_shared::ids::Epoch;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::{ClientMessage, InputMessage};
use tickstone_shared::wire::version::Encoding;
use tickstone_tests::client::{Client, hello};
use tickstone_tests::server::Server;
use tickstone_tests::{turn, wait};

/// A server with a match for many.
fn server() -> Server {
    let server = Server::dev();
    let body = json!({"game": "arena", "id": "m", "options": {"players_max": 500}});
    server.http().post("/v1/matches", &body).expect(201);
    server
}

fn refused(server: &Server, reason: &str) -> f64 {
    server.http().metric(&format!("tickstone_refused_total{{reason=\"{reason}\"}}"))
}

fn inputs(server: &Server, result: &str) -> f64 {
    server.http().metric(&format!("tickstone_inputs_total{{result=\"{result}\"}}"))
}

/// Everyone who sends one of these is closed with 4400, and counted.
fn malformed(server: &Server, encoding: Encoding, messages: &[(&str, Vec<u8>)]) {
    let before = refused(server, "close_4400");
    for (number, (what, bytes)) in messages.iter().enumerate() {
        let name = format!("{}-{number}", encoding.subprotocol().rsplit('.').next().unwrap());
        let mut client = Client::enter(server, &hello("m", &name), encoding);
        client.send_bytes(bytes);
        let end = client.end();
        assert_eq!(end.code, Some(4400), "{what}: {end:?}");
    }
    assert_eq!(refused(server, "close_4400") - before, messages.len() as f64);
}

#[test]
fn messages_of_json_that_are_none_are_4400() {
    let _turn = turn::shared();
    let server = server();
    let input = |field: &str| {
        format!(r#"{{"t":"input","epoch":1,"tick":9,"seq":1,"inputs":[{{{field}}}]}}"#).into_bytes()
    };
    let nested = |levels: usize| {
        format!(r#"{{"t":"message","data":{}{}}}"#, "[".repeat(levels), "]".repeat(levels)).into_bytes()
    };
    let many = json!({"t": "input", "epoch": 1, "tick": 9, "seq": 1, "inputs": vec![json!({}); 11]});
    let long = json!({"t": "message", "data": "x".repeat(2_047)});
    let messages = [
        ("an unknown type", br#"{"t":"cheat"}"#.to_vec()),
        ("no type", br#"{"epoch":1}"#.to_vec()),
        ("bytes behind it", br#"{"t":"leave"}{"t":"leave"}"#.to_vec()),
        ("cut", br#"{"t":"ping","nonce":1"#.to_vec()),
        ("nothing", Vec::new()),
        ("a second hello", br#"{"t":"hello","protocol":1,"match_id":"m","player":"x"}"#.to_vec()),
        ("a number that is none", input(r#""move_x":NaN"#)),
        ("infinity", input(r#""move_x":1e999"#)),
        ("a fraction", input(r#""move_x":0.5"#)),
        ("more than the field holds", input(r#""move_x":128"#)),
        ("less than the field holds", input(r#""move_x":-129"#)),
        ("a text for a number", input(r#""move_x":"1""#)),
        ("a field of no input", input(r#""health":100"#)),
        ("somebody else's seat", input(r#""seat":0"#)),
        ("11 inputs", many.to_string().into_bytes()),
        ("a tick below 0", br#"{"t":"input","epoch":1,"tick":-1,"seq":1,"inputs":[{}]}"#.to_vec()),
        (
            "a number of 33 bits",
            br#"{"t":"input","epoch":1,"tick":1,"seq":4294967296,"inputs":[{}]}"#.to_vec(),
        ),
        ("31 levels", nested(30)),
        ("1000 levels", nested(1_000)),
        ("data of 2049 bytes", long.to_string().into_bytes()),
    ];
    malformed(&server, Encoding::Json, &messages);
    server.http().get("/healthz").expect(200);
}

#[test]
fn messages_of_msgpack_that_are_none_are_4400() {
    let _turn = turn::shared();
    let server = server();
    let packed = |rows: &[u8]| [b"\x96\xa5input\x01\x09\x01\x00\xc4", &[rows.len() as u8][..], rows].concat();
    let data = |bytes: &[u8]| [b"\x82\xa1t\xa7message\xa4data", bytes].concat();
    let messages = [
        ("an unknown type", b"\x81\xa1t\xa5cheat".to_vec()),
        ("bytes behind it", b"\x81\xa1t\xa5leave\xc0".to_vec()),
        ("cut", b"\x82\xa1t\xa4ping\xa5nonce".to_vec()),
        ("an array of 2^32 - 1", data(b"\xdd\xff\xff\xff\xff")),
        ("a map of 2^32 - 1", data(b"\xdf\xff\xff\xff\xff")),
        ("a text of 2^32 - 1 bytes", data(b"\xdb\xff\xff\xff\xff")),
        ("bytes of 2^32 - 1 bytes", data(b"\xc6\xff\xff\xff\xff")),
        ("such an array in each of many levels", data(&b"\xdd\xff\xff\xff\xff".repeat(100))),
        ("40 levels", data(&[&[0x91; 40][..], &[0xc0]].concat())),
        ("a byte that msgpack leaves out", data(b"\xc1")),
        ("a row of another length", packed(&[0; 4])),
        ("no whole number of rows", packed(&[0; 7])),
        ("11 rows", packed(&[0; 55])),
        ("a packed input with an element less", b"\x95\xa5input\x01\x09\x01\x00".to_vec()),
        ("a packed input behind which something is", [packed(&[0; 5]), vec![0]].concat()),
        ("a bin longer than the message", b"\x96\xa5input\x01\x09\x01\x00\xc6\xff\xff\xff\xff".to_vec()),
    ];
    malformed(&server, Encoding::Msgpack, &messages);
    server.http().get("/healthz").expect(200);
}

fn input(epoch: Epoch, tick: u64, seq: u32, inputs: Vec<Value>) -> ClientMessage {
    ClientMessage::Input(InputMessage { epoch, tick: Tick(tick), seq, ack: Tick(0), mask: 0, inputs })
}

#[test]
fn inputs_out_of_time_are_dropped_and_counted_and_the_player_plays_on() {
    let _turn = turn::shared();
    let server = server();
    let mut client = Client::join(&server, "m", "ann");
    let state = client.state();
    let (epoch, now) = (state.epoch, state.tick.0);
    let idle = || vec![json!({})];
    client.send(&input(epoch, 1, 1, idle()));
    client.send(&input(epoch, u64::MAX, 2, idle()));
    client.send(&input(epoch, now + 1_000, 3, idle()));
    client.send(&input(epoch, now + 30, u32::MAX, idle()));
    client.send(&input(epoch, now + 31, 4, idle()));
    client.send(&input(epoch, now + 31, 5, idle()));
    client.send(&input(Epoch(epoch.0 + 1), now + 32, 6, idle()));
    for (result, count) in
        [("late", 1.0), ("early", 2.0), ("far", 1.0), ("duplicate", 1.0), ("other_epoch", 1.0)]
    {
        wait::until(result, || (inputs(&server, result) >= count).then_some(()));
    }
    assert_eq!(client.ping(7), 7);
    let state = client.state();
    let seq = client.input(&state, json!({"move_x": 127}));
    client.next_of("a state with it", |message| match message {
        tickstone_shared::wire::message::ServerMessage::State(state) => {
            (state.last_input >= seq).then_some(())
        }
        _ => None,
    });
}

#[test]
fn names_that_rewrite_a_line_are_4400() {
    let _turn = turn::shared();
    let server = server();
    let long = "x".repeat(33);
    let names = [
        "",
        &long,
        "a\u{202e}b",
        "\u{1b}[31mred",
        "a\nb",
        "a\0b",
        "\u{200b}",
        "\u{feff}x",
        "a\u{2066}b",
        "\u{7f}",
    ];
    for name in names {
        let end = Client::refused(&server, &hello("m", name));
        assert_eq!(end.code, Some(4400), "{name:?}: {end:?}");
        assert!(!end.reason.contains(name) || name.is_empty(), "{name:?} is repeated");
    }
    assert_eq!(refused(&server, "close_4400"), names.len() as f64);
    assert_eq!(server.http().inspect("m")["players"], 0);
}

#[test]
fn who_leaves_stays_out_for_a_second() {
    let _turn = turn::shared();
    let server = server();
    let mut client = Client::join(&server, "m", "ann");
    client.leave();
    client.expect_end(4000);
    let end = Client::refused(&server, &hello("m", "ann"));
    assert_eq!(end.code, Some(4429), "{end:?}");
    assert_eq!(refused(&server, "close_4429"), 1.0);
    let _bob = Client::join(&server, "m", "bob");
    wait::until("her second is over", || {
        let mut again = Client::connect(&server, "m", Encoding::Msgpack);
        again.send(&ClientMessage::Hello(hello("m", "ann")));
        again.message().is_ok().then_some(())
    });
}

#[test]
fn a_flood_of_messages_is_4429_and_its_neighbour_plays_on() {
    let _turn = turn::shared();
    let server = server();
    let mut neighbour = Client::join(&server, "m", "bob");
    let mut client = Client::join(&server, "m", "ann");
    let state = client.state();
    let flood = input(state.epoch, state.tick.0 + 9, 1, vec![json!({})]);
    (0..600).for_each(|_| client.send(&flood));
    client.expect_end(4429);
    assert!(refused(&server, "close_4429") >= 1.0);
    let before = neighbour.state().tick;
    assert_eq!(neighbour.ping(1), 1);
    assert!(neighbour.state().tick > before);
}
