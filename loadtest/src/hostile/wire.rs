//! An attacker's TCP connection: what it sends and what it is answered.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};

use super::attempt::Attempt;
use super::frames::{FrameReader, Heard, push_frame};
use super::tally::{Answer, OpenGuard};
use tickstone_shared::wire::encode::client_message;
use tickstone_shared::wire::message::{ClientMessage, Hello};
use tickstone_shared::wire::version::{Encoding, PROTOCOL_VERSION, StateKind};

/// How long a server may take to answer a connection or an upgrade.
const PATIENCE: Duration = Duration::from_secs(10);
/// A server's head beyond this is no answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// A connection. It is reset rather than closed when it is dropped, so that ports are free at once.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    reader: FrameReader,
    _open: OpenGuard,
}

impl Wire {
    /// Connects; `receive_buffer` bytes are asked of the system where they are given.
    pub(crate) async fn connect(attempt: &Attempt, receive_buffer: Option<u32>) -> Result<Self, Answer> {
        let connecting = dial(attempt, receive_buffer);
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(Ok(stream)) => {
                Ok(Self { stream, reader: FrameReader::default(), _open: attempt.tally.opened() })
            }
            _ => Err(Answer::NotConnected),
        }
    }

    /// Upgrades to a WebSocket of the attempt's match.
    pub(crate) async fn upgrade(&mut self, attempt: &Attempt) -> Result<(), Answer> {
        let request = format!(
            "GET /v1/matches/{}/socket HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: tickstone.v1.msgpack\r\n\r\n",
            attempt.match_id, attempt.address
        );
        self.send(attempt, request.as_bytes()).await?;
        match tokio::time::timeout(PATIENCE, self.status()).await {
            Ok(Ok(101)) => Ok(()),
            Ok(Ok(status)) => Err(Answer::Status(status)),
            Ok(Err(answer)) => Err(answer),
            Err(_) => Err(Answer::StillOpen),
        }
    }

    /// Joins the attempt's match under the attempt's name.
    pub(crate) async fn join(&mut self, attempt: &mut Attempt) -> Result<(), Answer> {
        self.upgrade(attempt).await?;
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            match_id: attempt.match_id.clone(),
            token: attempt.token.clone(),
            resume: None,
            player: Some(attempt.player.clone()),
            state: StateKind::Delta,
            schema_hash: None,
            epoch: None,
        };
        let hello = client_message(&ClientMessage::Hello(hello), Encoding::Msgpack);
        let mut bytes = Vec::new();
        push_frame(&mut bytes, super::frames::BINARY, &hello, &mut attempt.random);
        self.send(attempt, &bytes).await
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, attempt: &Attempt, bytes: &[u8]) -> Result<(), Answer> {
        match self.stream.write_all(bytes).await {
            Ok(()) => {
                attempt.tally.sent(1, bytes.len() as u64);
                Ok(())
            }
            // What the server said before it stopped listening may still be there to be read.
            Err(error) => Err(match tokio::time::timeout(Duration::from_secs(1), self.answer()).await {
                Ok(Answer::Ended) | Err(_) => failed(&error),
                Ok(answer) => answer,
            }),
        }
    }

    /// The status of the HTTP answer; what follows its head is kept.
    pub(crate) async fn status(&mut self) -> Result<u16, Answer> {
        let mut head = Vec::new();
        let mut chunk = vec![0; READ_BYTES];
        loop {
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                self.reader.push(&head[end + 4..]);
                let line = String::from_utf8_lossy(&head[..end]).into_owned();
                let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
                return status.ok_or(Answer::Ended);
            }
            match self.stream.read(&mut chunk).await {
                Ok(bytes) if bytes > 0 && head.len() < HEAD_BYTES_MAX => {
                    head.extend_from_slice(&chunk[..bytes]);
                }
                Ok(_) => return Err(Answer::Ended),
                Err(error) => return Err(failed(&error)),
            }
        }
    }

    /// The next message or the end. Nothing is lost if the future is dropped.
    pub(crate) async fn hear(&mut self) -> Result<Vec<u8>, Answer> {
        let mut chunk = vec![0; READ_BYTES];
        loop {
            match self.reader.next() {
                Some(Heard::Message(payload)) => return Ok(payload),
                // An attacker answers nothing that it need not.
                Some(Heard::Ping(_)) => continue,
                Some(Heard::Close(code)) => return Err(Answer::Closed(code)),
                None => {}
            }
            match self.stream.read(&mut chunk).await {
                Ok(0) => return Err(Answer::Ended),
                Ok(bytes) => self.reader.push(&chunk[..bytes]),
                Err(error) => return Err(failed(&error)),
            }
        }
    }

    /// Reads until the end: what the server said last.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            if let Err(answer) = self.hear().await {
                return answer;
            }
        }
    }

    /// Waits, without reading, until the connection breaks.
    pub(crate) async fn broken(&self) {
        // An error here says that nothing can be waited for: the same.
        let _ = self.stream.ready(Interest::ERROR).await;
    }
}

async fn dial(attempt: &Attempt, receive_buffer: Option<u32>) -> io::Result<TcpStream> {
    let socket = match attempt.address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(source) = attempt.source.filter(|_| attempt.address.ip() == Ipv4Addr::LOCALHOST) {
        socket.bind((source, 0).into())?;
    }
    socket.set_zero_linger()?;
    let stream = socket.connect(attempt.address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn failed(error: &io::Error) -> Answer {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Answer::Reset
        }
        _ => Answer::Ended,
    }
}
