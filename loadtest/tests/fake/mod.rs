//! A server with one endless match: HTTP for its creation, a WebSocket for its players.

use futures_util::{SinkExt as _, StreamExt as _};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use tickstone_shared::ids::{Epoch, Seat, StateHash};
use tickstone_shared::input::{InputCodec, InputError, InputFeedback, InputRow};
use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode::{FromClient, from_client, hello};
use tickstone_shared::wire::encode::server_message;
use tickstone_shared::wire::message::{ClientMessage, Hello, ServerMessage, Welcome};
use tickstone_shared::wire::state::{StateHead, encode_own, encode_shared};
use tickstone_shared::wire::version::Encoding;

const AXES: [&str; 4] = ["move_x", "move_y", "aim_x", "aim_y"];

/// What the server noticed.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) joins: AtomicU64,
    pub(crate) resumes: AtomicU64,
    pub(crate) inputs: AtomicU64,
    pub(crate) leaves: AtomicU64,
    pub(crate) bad_messages: AtomicU64,
}

/// A running fake; its threads end with the process.
pub(crate) struct FakeServer {
    pub(crate) url: String,
    pub(crate) log: Arc<Log>,
}

impl FakeServer {
    /// A server that drops each player's first connection after so many states.
    pub(crate) fn start(drop_after: Option<u64>) -> Self {
        let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", http.local_addr().unwrap());
        let ws_url = format!("ws://{}/v1/matches/m/socket", sockets.local_addr().unwrap());
        let log = Arc::new(Log::default());
        let shared = Arc::clone(&log);
        std::thread::spawn(move || http.incoming().for_each(|stream| answer(stream.unwrap(), &ws_url)));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                sockets.set_nonblocking(true).unwrap();
                let sockets = TcpListener::from_std(sockets).unwrap();
                while let Ok((stream, _)) = sockets.accept().await {
                    tokio::spawn(player(stream, Arc::clone(&shared), drop_after));
                }
            });
        });
        Self { url, log }
    }
}

fn answer(mut stream: std::net::TcpStream, ws_url: &str) {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let got = stream.read(&mut chunk).unwrap_or(0);
        request.extend_from_slice(&chunk[..got]);
        let text = String::from_utf8_lossy(&request);
        let is_whole = text.starts_with("GET") || text.trim_end_matches(['\0']).ends_with('}');
        if got == 0 || (text.contains("\r\n\r\n") && is_whole) {
            break;
        }
    }
    let metrics = "process_resident_memory_bytes 1000000\ntickstone_ticks_total 5\n\
                   tickstone_inputs_total{result=\"applied\"} 5\n";
    let body = if request.starts_with(b"POST /v1/matches ") {
        format!(r#"{{"match_id":"m","ws_url":"{ws_url}"}}"#)
    } else {
        metrics.to_owned()
    };
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).unwrap();
}

struct Codec;

impl InputCodec for Codec {
    fn row_bytes(&self) -> usize {
        5
    }

    fn packed(&self, bytes: &[u8]) -> Result<InputRow, InputError> {
        InputRow::new(bytes).ok_or(InputError::Length { got: bytes.len(), expected: 5 })
    }

    fn by_name(&self, value: serde_json::Value) -> Result<InputRow, InputError> {
        let number = |name: &str| value.get(name).and_then(serde_json::Value::as_i64);
        let wrong = || InputError::Fields("a field is missing".to_owned());
        let mut row = Vec::new();
        for name in AXES {
            FieldKind::I8.write(number(name).ok_or_else(wrong)?, &mut row);
        }
        FieldKind::U8.write(number("buttons").ok_or_else(wrong)?, &mut row);
        self.packed(&row)
    }
}

fn schema() -> Schema {
    let field = |name: &str, kind| Field { name: name.to_owned(), kind, per_unit: 1, private: false };
    let fields = vec![field("seat", FieldKind::U16), field("x", FieldKind::I32), field("y", FieldKind::I32)];
    let mut input: Vec<_> = AXES.map(|name| field(name, FieldKind::I8)).into();
    input.push(field("buttons", FieldKind::U8));
    Schema { kinds: vec![KindSchema { name: "player".to_owned(), fields }], input }
}

#[expect(clippy::result_large_err, reason = "the signature is the library's")]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let asked = request.headers().get("sec-websocket-protocol").unwrap().clone();
    response.headers_mut().insert("sec-websocket-protocol", asked);
    Ok(response)
}

async fn player(stream: TcpStream, log: Arc<Log>, drop_after: Option<u64>) {
    stream.set_nodelay(true).unwrap();
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, choose).await.unwrap();
    let Some(Ok(first)) = socket.next().await else { return };
    let encoding = if first.is_text() { Encoding::Json } else { Encoding::Msgpack };
    let hello = hello(&first.into_data(), encoding).unwrap();
    let resumed = hello.resume.as_deref() == Some("again");
    let counter = if resumed { &log.resumes } else { &log.joins };
    counter.fetch_add(1, Ordering::Relaxed);
    let schema = Arc::new(schema());
    let welcome = welcome(&hello, resumed, &schema);
    let bytes = server_message(&ServerMessage::Welcome(Box::new(welcome)), encoding);
    socket.send(frame(bytes, encoding)).await.unwrap();
    let states = drop_after.filter(|_| !resumed).unwrap_or(u64::MAX);
    play(socket, &log, &schema, (hello, encoding, resumed), states).await;
}

fn welcome(hello: &Hello, resumed: bool, schema: &Arc<Schema>) -> Welcome {
    Welcome {
        protocol: hello.protocol,
        match_id: hello.match_id.clone(),
        game: "arena".to_owned(),
        game_version: 1,
        epoch: Epoch(1 + u32::from(resumed)),
        tick: Tick(1),
        tick_rate_hz: 60,
        player: hello.player.clone().unwrap_or_default(),
        seat: Seat(0),
        resume_token: "again".to_owned(),
        resume_seconds: 30,
        durability: "none".to_owned(),
        last_input: 0,
        schema_hash: schema.hash(),
        schema: Arc::clone(schema),
        chat_token: None,
    }
}

fn frame(bytes: Vec<u8>, encoding: Encoding) -> Message {
    match encoding {
        Encoding::Msgpack => Message::binary(bytes),
        Encoding::Json => Message::text(String::from_utf8(bytes).unwrap()),
    }
}

async fn play(
    mut socket: WebSocketStream<TcpStream>,
    log: &Log,
    schema: &Schema,
    (hello, encoding, resumed): (Hello, Encoding, bool),
    states: u64,
) {
    let epoch = Epoch(1 + u32::from(resumed));
    let mut ticks = tokio::time::interval(Duration::from_nanos(16_666_667));
    let mut feedback = InputFeedback { last_input: 0, lead: 3 * 256, starved: 0 };
    let mut body = vec![0, 1, 0, 1, 0, 0, 0];
    body.extend_from_slice(&[0; 10]);
    let mut snapshot = Snapshot { tick: Tick(1), body, places: Vec::new() };
    while snapshot.tick.0 <= states {
        tokio::select! {
            _ = ticks.tick() => {
                let hash = snapshot.tick.0.is_multiple_of(10).then_some(StateHash(snapshot.tick.0));
                let head = StateHead { epoch, hash, snapshot: &snapshot, schema };
                let mut bytes = Vec::new();
                encode_shared(&head, encoding, hello.state, &mut bytes);
                encode_own(feedback, encoding, hello.state, &mut bytes);
                if socket.send(frame(bytes, encoding)).await.is_err() {
                    return;
                }
                snapshot.tick = snapshot.tick.next();
            }
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                if !message.is_close() {
                    hear(&message.into_data(), log, encoding, epoch, &mut feedback);
                }
            }
        }
    }
}

fn hear(bytes: &[u8], log: &Log, encoding: Encoding, epoch: Epoch, feedback: &mut InputFeedback) {
    let next = feedback.last_input + 1;
    let counter = match from_client(bytes, encoding, &Codec) {
        Ok(FromClient::Inputs(batch)) if batch.epoch == epoch && batch.first_seq == next => {
            feedback.last_input += batch.rows.len() as u32;
            &log.inputs
        }
        Ok(FromClient::Other(ClientMessage::Leave {})) => &log.leaves,
        _ => &log.bad_messages,
    };
    counter.fetch_add(1, Ordering::Relaxed);
}
