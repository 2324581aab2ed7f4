//! Somebody on a socket of an object's own.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tickstone_tests::server::Server;
use tickstone_tests::wait::PATIENCE;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

/// See the module.
pub(crate) struct Talker {
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
}

impl Talker {
    /// In a room of the guide, with a token that says who they are. None: the server is gone.
    pub(crate) fn enter(server: &Server, room: &str, name: &str) -> Option<Self> {
        Self::at(server, "room", room, name)
    }

    /// At an object, with a token that says who they are. None: the server is gone.
    pub(crate) fn at(server: &Server, class: &str, object: &str, name: &str) -> Option<Self> {
        let asked = json!({ "subject": name, "scopes": [format!("{class}:{object}:connect")] });
        let minted = server.http().try_ask("POST", "/v1/tokens", Some(&asked))?.expect(201);
        let url = format!("ws://{}/v1/objects/{class}/{object}/socket", server.addr());
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {}", minted["token"].as_str().unwrap());
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = runtime.block_on(async {
            let tcp = TcpStream::connect(server.addr()).await.ok()?;
            Some(tokio::time::timeout(PATIENCE, client_async(request, tcp)).await.unwrap().ok()?.0)
        })?;
        Some(Self { runtime, socket })
    }

    /// Says something. None: the server is gone.
    pub(crate) fn try_say(&mut self, text: &str) -> Option<()> {
        self.runtime.block_on(self.socket.send(Message::text(text))).ok()
    }

    /// The next line. None: the server is gone.
    #[track_caller]
    pub(crate) fn try_hear(&mut self) -> Option<String> {
        let Self { runtime, socket } = self;
        let next = runtime.block_on(async { tokio::time::timeout(PATIENCE, socket.next()).await });
        match next.expect("a line comes, or the end") {
            Some(Ok(Message::Text(line))) => Some(line.to_string()),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => None,
        }
    }

    /// Says something.
    #[track_caller]
    pub(crate) fn say(&mut self, text: &str) {
        self.try_say(text).expect("the socket is open");
    }

    /// The next line must be this.
    #[track_caller]
    pub(crate) fn hears(&mut self, line: &str) {
        assert_eq!(self.try_hear().expect("the socket is open"), line);
    }
}
