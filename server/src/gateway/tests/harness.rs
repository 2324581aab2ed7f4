//! A gateway, the fake objects behind it, and clients.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_shared::ids::{Epoch, ObjectName, Seat, StateHash};
use tickstone_shared::input::InputFeedback;
use tickstone_shared::replication::interest::Sights;
use tickstone_shared::sim::registered::AnyGame;
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;
use tickstone_shared::wire::version::Encoding;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

pub(super) use super::client::Client;
use super::fake_classes::{self, FakeStored, classes};
use super::fake_game::{FakeGame, shape, welcome};
use crate::clock::SystemClock;
use crate::gateway::{Api, Gateway, GatewayOutlet, Readiness, Served, Settings, outlet, serve};
use crate::metrics::{Metrics, MetricsRef};
use crate::object::caller::{Awaited, Caller};
use crate::object::contract::CallError;
use crate::object::effects::Listing;
use crate::object::id::Identity;
use crate::object::peer::SocketInfo;
use crate::object::request::HTTP_METHOD;
use crate::object::resume::{ResumeKey, ResumeToken};
use crate::object::socket::{Receiver, SocketEvent, SocketId, StateFrame};
use crate::object::storage::{Bookmark, ReadError, Ticket};
use crate::object::values::snapshot::ObjectSnapshot;
use crate::runtime::handle::{EventRefused, Objects, ReplyTo};
use crate::runtime::ports::{Outlet as _, SocketOutput};

/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits, but not for ever.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it took too long")
}

/// Objects that tell the test what they are told. By name: `missing` is closed with 4404, `busy` refuses,
/// `mute` never welcomes; all others welcome at once. Objects that are no matches are asleep unless a test says
/// otherwise, and answer what they were asked.
pub(super) struct FakeObjects {
    pub(super) outlet: Arc<GatewayOutlet>,
    events: mpsc::UnboundedSender<SocketEvent>,
    calls: Mutex<Vec<(String, String, Value)>>,
    /// Who called, beside each call.
    pub(super) callers: Mutex<Vec<Caller>>,
    pub(super) are_awake: AtomicBool,
}

impl Objects for FakeObjects {
    fn delete(&self, object: &Identity, reply: ReplyTo) {
        self.calls.lock().unwrap().push((object.name.as_str().to_owned(), "delete".to_owned(), Value::Null));
        reply(Ok(Value::Null));
    }

    fn restore(&self, object: &Identity, bookmark: Bookmark, reply: ReplyTo) {
        let name = object.name.as_str().to_owned();
        self.calls.lock().unwrap().push((name, "restore".to_owned(), bookmark.to_string().into()));
        reply(Ok(json!({"undo": bookmark.to_string()})));
    }

    fn is_awake(&self, _: &Identity) -> bool {
        self.are_awake.load(Ordering::Relaxed)
    }

    fn call_while(
        &self,
        _: Awaited,
        caller: Caller,
        object: &Identity,
        method: &str,
        body: Value,
        reply: ReplyTo,
    ) {
        self.callers.lock().unwrap().push(caller);
        let name = object.name.as_str().to_owned();
        let entry = json!({"match_id": name, "game": "fake", "tick": 7});
        let answer = match (name.as_str(), method) {
            ("missing", _) => Err(CallError::NotFound),
            ("taken", "create") => {
                Err(CallError::Conflict { code: "exists", reason: "another body".to_owned() })
            }
            ("again", "create") => Ok(json!({"created": false, "game": "fake"})),
            (_, "create") => Ok(json!({"created": true, "game": "fake"})),
            (_, HTTP_METHOD) => Ok(fake_classes::answered(&body)),
            (_, "echo") => Ok(body.clone()),
            ("never", _) => return std::mem::forget(reply),
            _ => Ok(entry),
        };
        self.calls.lock().unwrap().push((name, method.to_owned(), body));
        reply(answer);
    }

    fn socket(&self, object: &Identity, event: SocketEvent) -> Result<(), EventRefused> {
        let name = object.name.as_str();
        if name == "busy" && matches!(event, SocketEvent::Connected { .. }) {
            return Err(EventRefused::Overloaded);
        }
        if let SocketEvent::Opened { socket, .. } = event {
            let output = match name {
                "busy" => return Err(EventRefused::Overloaded),
                "missing" => Some(SocketOutput::Close {
                    socket,
                    code: CloseCode::NoSuchMatch,
                    reason: "no such match",
                }),
                "mute" => None,
                _ => Some(SocketOutput::Send {
                    socket,
                    message: Arc::new(ServerMessage::Welcome(Box::new(welcome(name)))),
                }),
            };
            self.outlet.deliver(&mut output.into_iter().collect());
        }
        self.events.send(event).map_err(|_| EventRefused::Draining)
    }

    fn resume(&self, _: &Identity, _: SocketId, _: ResumeToken) -> Result<(), EventRefused> {
        Err(EventRefused::NotAwaited)
    }

    fn resume_token(&self, socket: SocketId) -> ResumeToken {
        ResumeKey::default().token(socket)
    }

    fn park(&self, _: &[(Identity, SocketInfo)]) -> Option<Arc<Ticket>> {
        None
    }

    fn held_snapshot(&self, object: &Identity) -> Option<ObjectSnapshot> {
        (object.name.as_str() == "shown").then(|| "{\"held\":true}".into())
    }

    fn snapshot(&self, object: &Identity) -> Result<Option<ObjectSnapshot>, ReadError> {
        Ok((object.name.as_str() == "stored").then(|| "{}".into()))
    }

    fn listing(&self, _: &Identity) -> Option<Listing> {
        None
    }

    fn listings(
        &self,
        _class: &'static str,
        _after: Option<&ObjectName>,
        limit: usize,
        filter: &dyn Fn(&Listing) -> bool,
    ) -> Vec<Listing> {
        let entries = [
            json!({"match_id": "a", "game": "fake", "players": 1, "label": {"phase": "playing"}}),
            json!({"match_id": "b", "game": "fake", "players": 3, "label": {"phase": "waiting"}}),
            json!({"match_id": "c", "game": "fake", "players": 3, "private": true}),
        ];
        let listings = entries.into_iter().map(|entry| Listing { state: "running", entry });
        listings.filter(|listing| filter(listing)).take(limit).collect()
    }

    fn is_draining(&self) -> bool {
        false
    }

    fn is_alive(&self) -> bool {
        true
    }
}

/// A gateway before fake objects.
pub(super) struct World {
    pub(super) gateway: Gateway,
    pub(super) metrics: MetricsRef,
    pub(super) objects: Arc<FakeObjects>,
    pub(super) events: mpsc::UnboundedReceiver<SocketEvent>,
}

/// The secret of [`guarded`].
pub(super) const SECRET: &str = "a secret of thirty-two characters";

/// Lets in only who has [`SECRET`].
pub(super) fn guarded(settings: &mut Settings) {
    let Settings { dev, access, .. } = Settings::guarded(settings.listen, SECRET.to_owned()).unwrap();
    (settings.dev, settings.access) = (dev, access);
}

/// Dev settings with what a test changes.
pub(super) fn world(change: impl FnOnce(&mut Settings)) -> World {
    let mut settings = Settings::dev("127.0.0.1:0".parse().unwrap());
    settings.threads = Some(1);
    settings.sweep_every = Duration::from_millis(20);
    change(&mut settings);
    let metrics = Metrics::new();
    let (outlet, inbox) = outlet(&metrics);
    let (events, received) = mpsc::unbounded_channel();
    let objects = Arc::new(FakeObjects {
        outlet: Arc::new(outlet),
        events,
        calls: Mutex::default(),
        callers: Mutex::default(),
        are_awake: AtomicBool::new(false),
    });
    let game: Arc<dyn AnyGame> = Arc::new(FakeGame(shape()));
    let api = Api {
        audit: Arc::new(|object| Ok(json!({"match_id": object.name.as_str(), "verdict": "same"}))),
        backup: Arc::new(|| Ok(json!({"path": "backups/one", "rows": 1, "blake3": "00"}))),
        readiness: Arc::new(|| Readiness::Ready),
        metrics: Arc::clone(&metrics),
        stored: Arc::new(FakeStored),
        classes: classes(),
        assets: Arc::default(),
    };
    let served = Served {
        objects: Arc::clone(&objects) as _,
        inbox,
        games: BTreeMap::from([("fake", game)]),
        api,
        clock: Arc::new(SystemClock::new()),
    };
    World { gateway: serve(settings, served).unwrap(), metrics, objects, events: received }
}

/// Runs a test's client side.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(soon(future))
}

impl World {
    pub(super) fn addr(&self) -> SocketAddr {
        self.gateway.local_addr()
    }

    pub(super) fn calls(&self) -> Vec<(String, String, Value)> {
        self.objects.calls.lock().unwrap().clone()
    }

    pub(super) async fn event(&mut self) -> SocketEvent {
        soon(self.events.recv()).await.expect("the objects are there")
    }

    /// The state of a tick for one socket, with a body of `entities` rows.
    pub(super) fn state(&self, socket: SocketId, tick: u64, entities: u16) {
        let mut body = vec![0];
        body.extend_from_slice(&entities.to_le_bytes());
        for id in 0..u32::from(entities) {
            body.extend_from_slice(&(id + 1).to_le_bytes());
            body.push(tick as u8);
        }
        let snapshot = Snapshot { tick: Tick(tick), body, places: Vec::new() };
        self.show(&[socket], snapshot, Sights::default());
    }

    /// A state for sockets in seats 0, 1 and so on.
    pub(super) fn show(&self, sockets: &[SocketId], snapshot: Snapshot, sights: Sights) {
        let tick = snapshot.tick.0;
        let feedback = InputFeedback { last_input: tick as u32, lead: -3, starved: 1 };
        let receivers =
            (0..).zip(sockets).map(|(seat, socket)| Receiver { socket: *socket, seat: Seat(seat), feedback });
        let frame = StateFrame {
            epoch: Epoch(1),
            hash: tick.is_multiple_of(60).then_some(StateHash(tick)),
            snapshot,
            shape: shape(),
            receivers: receivers.collect(),
            sights,
        };
        self.objects.outlet.deliver(&mut vec![SocketOutput::State(Arc::new(frame))]);
    }

    pub(super) fn send(&self, socket: SocketId, message: ServerMessage) {
        self.objects.outlet.deliver(&mut vec![SocketOutput::Send { socket, message: Arc::new(message) }]);
    }

    pub(super) fn close(&self, socket: SocketId, code: CloseCode) {
        self.objects.outlet.deliver(&mut vec![SocketOutput::Close { socket, code, reason: "as told" }]);
    }

    /// A socket without a hello.
    pub(super) async fn socket(&self, match_id: &str, subprotocol: Option<&'static str>) -> Client {
        let tcp = TcpStream::connect(self.addr()).await.unwrap();
        self.upgrade(tcp, match_id, subprotocol).await
    }

    /// A socket with a small receive buffer.
    pub(super) async fn narrow_socket(&self, match_id: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let tcp = socket.connect(self.addr()).await.unwrap();
        self.upgrade(tcp, match_id, None).await
    }

    async fn upgrade(&self, tcp: TcpStream, match_id: &str, subprotocol: Option<&'static str>) -> Client {
        let url = format!("ws://{}/v1/matches/{match_id}/socket", self.addr());
        let mut request = url.into_client_request().unwrap();
        if let Some(name) = subprotocol {
            request.headers_mut().insert("sec-websocket-protocol", name.parse().unwrap());
        }
        let (websocket, response) = soon(tokio_tungstenite::client_async(request, tcp)).await.unwrap();
        let chosen =
            response.headers().get("sec-websocket-protocol").map(|name| name.to_str().unwrap().to_owned());
        assert_eq!(chosen.as_deref(), subprotocol);
        Client::new(websocket, Encoding::Json)
    }

    /// A client that has been welcomed, and its number.
    pub(super) async fn player(&mut self, match_id: &str, encoding: Encoding) -> (Client, SocketId) {
        let mut client = self.socket(match_id, Some(encoding.subprotocol())).await;
        client.encoding = encoding;
        client.hello(match_id, json!({})).await;
        let opened = self.event().await;
        assert!(matches!(client.message().await, ServerMessage::Welcome(_)));
        (client, opened.socket())
    }
}
