//! The native client against the real server: the example, and coming back by itself.

use std::process::Command;
use std::time::Duration;

use tickstone_shared::client::session::SessionOptions;
use tickstone_shared::games::arena::ArenaPrediction;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::net::client::Client;
use tickstone_shared::net::happening::Happening;
use tickstone_shared::net::lookup::{FoundMatch, Lookup, LookupError};
use tickstone_shared::net::socket::Address;
use tickstone_shared::predicted::Unpredicted;
use tickstone_shared::wire::close::CloseCode;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::wait::PATIENCE;
use tickstone_tests::{binaries, turn};

type Player = Client<ArenaPrediction>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Waits for something, at most for a while.
async fn soon<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(3 * PATIENCE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

async fn find(server: &Server, match_id: &str) -> (FoundMatch, Map) {
    let lookup = Lookup::new(&server.url(), None).unwrap();
    let found = lookup.find(match_id).await.unwrap();
    let name = found.label["map"].as_str().unwrap();
    let map = lookup.asset(&format!("maps/{name}.json")).await.unwrap();
    (found, Map::parse(&map).unwrap())
}

async fn join(address: Address, match_id: &str, player: &str, map: &Map) -> Player {
    let options = SessionOptions::new(match_id, player);
    soon("the join", Client::connect(address, options, ArenaPrediction::new(map), 1)).await.unwrap()
}

/// Goes on until `pick` has found something.
async fn until<T>(
    what: &str,
    client: &mut Player,
    mut pick: impl FnMut(&mut Player, Happening) -> Option<T>,
) -> T {
    let looking = async {
        loop {
            let happening = client.next().await.expect("it is not over");
            if let Some(found) = pick(client, happening) {
                return found;
            }
        }
    };
    soon(what, looking).await
}

#[test]
fn the_native_example_walks_over_both_transports() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("arena", "a");
    for over in ["ws", "quic"] {
        let output = Command::new(binaries::walk()).args([&server.url(), "a", over, over]).output().unwrap();
        let (said, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{over}: {said}{complaint}");
        let places: Vec<&str> = said.lines().filter_map(|line| Some(line.split_once(": at ")?.1)).collect();
        assert_eq!(places.len(), 8, "one for every thirty states: {said}");
        assert!(places.iter().any(|place| *place != places[1] && *place != "nowhere"), "it walks: {said}");
        assert!(said.ends_with("left\n"), "{said}");
    }
    server.http().until("a", "empty seats", |entry| entry["players"] == 0);
}

#[test]
fn a_native_client_is_ahead_of_the_server_and_right() {
    let _turn = turn::shared();
    let server = Server::dev();
    server.http().create("arena", "a");
    runtime().block_on(async {
        let (found, map) = find(&server, "a").await;
        let mut client = join(found.quic().unwrap(), "a", "ann", &map).await;
        client.want(&[("move_x", 127), ("aim_y", -127)]).unwrap();
        assert!(client.want(&[("jump", 1)]).is_err());
        let (mut states, mut ahead) = (0, 0);
        until("a walk", &mut client, |client, happening| {
            let Happening::State(_) = happening else { return None };
            states += 1;
            let known = client.scene().newest().of_kind(0).next().map(|own| own.values[2]);
            let foreseen = client.scene().prediction().newest_body().map(|body| i64::from(body.x));
            ahead += usize::from(foreseen.zip(known).is_some_and(|(foreseen, known)| foreseen > known));
            (states == 60).then_some(())
        })
        .await;
        assert!(ahead > 20, "its own body is shown ahead of the server in {ahead} of 60 states");
        assert!(client.own_place().is_some());
        let names = ["x", "y", "health"];
        let fields: Vec<_> = client.entities("player").map(|own| names.map(|name| own.field(name))).collect();
        assert_eq!((fields.len(), fields[0][2]), (1, Some(100.0)), "{fields:?}");
        client.ping().await.unwrap();
        let took = until("a pong", &mut client, |_, happening| match happening {
            Happening::Pong(took) => Some(took),
            _ => None,
        });
        assert!(took.await < Duration::from_secs(5));
        client.leave().await;
    });
    server.http().until("a", "an empty seat", |entry| entry["players"] == 0);
}

#[test]
fn a_native_client_comes_back_by_itself_to_a_killed_server() {
    let _turn = turn::alone();
    let server = Plan::dev().on_fixed_port().start();
    server.http().create("arena", "a");
    runtime().block_on(async {
        let (found, map) = find(&server, "a").await;
        let addresses = [found.websocket(), found.quic().unwrap()];
        let (mut server, mut players) = (Some(server), Vec::new());
        for (address, name) in addresses.into_iter().zip(["ann", "bob"]) {
            players.push(join(address, "a", name, &map).await);
        }
        for player in &mut players {
            let seen = |_: &mut Player, happening| matches!(happening, Happening::State(_)).then_some(());
            until("a state", player, seen).await;
        }
        server = Some(server.take().unwrap().kill().start());
        for player in &mut players {
            let seat = player.welcome().unwrap().seat;
            let dropped =
                |_: &mut Player, happening| matches!(happening, Happening::Dropped { .. }).then_some(());
            until("the drop", player, dropped).await;
            until("the way back", player, |_, happening| match happening {
                Happening::Joined { is_back: true } => Some(()),
                _ => None,
            })
            .await;
            assert_eq!(player.welcome().unwrap().seat, seat);
            until("a state", player, |_, happening| matches!(happening, Happening::State(_)).then_some(()))
                .await;
            assert!(player.is_connected());
        }
        drop(server);
    });
}

#[test]
fn a_native_client_is_told_why_it_cannot_join_and_when_it_is_over() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("arena", "a");
    runtime().block_on(async {
        let lookup = Lookup::new(&server.url(), None).unwrap();
        let missing = lookup.find("nowhere").await.unwrap_err();
        assert!(matches!(missing, LookupError::Status { status: 404 }), "{missing}");
        assert!(matches!(lookup.asset("maps/none.json").await, Err(LookupError::Status { status: 404 })));
        let (found, map) = find(&server, "a").await;
        let nowhere = SessionOptions::new("nowhere", "ann");
        let refused = Client::connect(found.quic().unwrap(), nowhere, Unpredicted, 1).await.unwrap_err();
        assert_eq!(refused.code, Some(CloseCode::NoSuchMatch), "{refused}");
        let mut client = join(found.websocket(), "a", "ann", &map).await;
        http.delete("/v1/matches/a").expect(200);
        let code = until("the end", &mut client, |_, happening| match happening {
            Happening::Left { code, .. } => Some(code),
            _ => None,
        });
        assert_eq!(code.await, Some(CloseCode::MatchEnded));
        assert_eq!(client.next().await, None);
    });
}
