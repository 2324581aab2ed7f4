//! The guide: its classes are small, and work in a crate outside the workspace exactly as they stand there.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::wait::PATIENCE;
use tickstone_tests::{binaries, turn};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

/// The crate whose files are those of the guide.
const CRATE: &str = "outside_classes";
/// Its files, in the order of the guide.
const FILES: [&str; 4] = ["Cargo.toml", "src/main.rs", "src/counter.rs", "src/room.rs"];
/// Those that are a class.
const CLASSES: [&str; 2] = ["src/counter.rs", "src/room.rs"];
/// A class of the guide has fewer lines.
const LINES: usize = 50;

/// Somebody in the lobby.
struct Talker {
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
}

impl Talker {
    /// With a token that says who they are.
    fn enter(server: &Server, name: &str) -> Self {
        let asked = json!({ "subject": name, "scopes": ["room:lobby:connect"] });
        let minted = server.http().post("/v1/tokens", &asked).expect(201);
        let url = format!("ws://{}/v1/objects/room/lobby/socket", server.addr());
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {}", minted["token"].as_str().unwrap());
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = runtime.block_on(async {
            let tcp = TcpStream::connect(server.addr()).await.unwrap();
            tokio::time::timeout(PATIENCE, client_async(request, tcp)).await.unwrap().unwrap().0
        });
        Self { runtime, socket }
    }

    fn say(&mut self, text: &str) {
        self.runtime.block_on(self.socket.send(Message::text(text))).unwrap();
    }

    /// The next line must be this.
    #[track_caller]
    fn hears(&mut self, line: &str) {
        let Self { runtime, socket } = self;
        let next = runtime.block_on(async { tokio::time::timeout(PATIENCE, socket.next()).await });
        let heard = next.expect("a line comes").expect("the socket is open").unwrap();
        assert_eq!(heard, Message::text(line));
    }
}

/// The blocks of a document that are of a language.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    document.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(binaries::root().join(path)).unwrap()
}

#[test]
fn the_guide_has_the_files_whole_and_its_classes_are_small() {
    let guide = read("GUIDE.md");
    let shown = [blocks(&guide, "toml"), blocks(&guide, "rust")].concat();
    assert_eq!(shown.len(), FILES.len(), "blocks that are no file, or files that are not shown");
    for (block, name) in shown.into_iter().zip(FILES) {
        let file = read(&format!("tests/{CRATE}/{name}"));
        let difference = block.lines().zip(file.lines()).find(|(shown, is)| shown != is);
        assert!(block == file, "{name} is not as the guide shows it: {difference:?}");
    }
    for name in CLASSES {
        let source = read(&format!("tests/{CRATE}/{name}"));
        let (class, _tests) = source.split_once("#[cfg(test)]\n").expect("it has its test with it");
        let lines = class.trim_end().lines().count();
        assert!(lines < LINES, "{name} has {lines} lines");
    }
}

#[test]
fn the_classes_of_the_guide_serve_and_survive_a_kill() {
    let _turn = turn::shared();
    binaries::test_outside(CRATE);
    let mut plan = Plan::dev();
    plan.program = binaries::outside(CRATE);
    let server = plan.start();
    let add = "/v1/objects/counter/a/call/add";
    assert_eq!(server.http().post(add, &json!(2)).expect(200), 2);
    assert_eq!(server.http().post(add, &json!(3)).expect(200), 5);
    server.http().post(add, &json!(1_000_000)).expect_problem(422, "invalid");
    let (mut ann, mut bob) = (Talker::enter(&server, "ann"), Talker::enter(&server, "bob"));
    ann.say("hello");
    bob.hears("ann: hello");
    bob.say("hi");
    ann.hears("ann: hello");
    ann.hears("bob: hi");
    bob.hears("bob: hi");
    let server = server.kill().start();
    assert_eq!(server.http().post(add, &json!(1)).expect(200), 6);
    let mut late = Talker::enter(&server, "cid");
    late.hears("ann: hello");
    late.hears("bob: hi");
}
