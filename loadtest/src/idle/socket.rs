//! One socket of an object, which answers pings and passes on what it is told.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

use crate::hostile::frames::{FrameReader, Heard, PONG, TEXT, push_frame};
use crate::impair::Random;

/// A server's head beyond this is no answer.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Read at once; little comes.
const READ_BYTES: usize = 512;

/// What happened on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened<'a> {
    /// It was told this.
    Told(&'a [u8]),
    /// It is gone.
    Lost(End),
}

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The server said so: the code of its close frame.
    Closed(u16),
    /// Reading failed, or the server's side was gone without a word.
    Failed(io::ErrorKind),
}

/// Who is told what happens.
pub(crate) type Listener = Rc<dyn Fn(Happened<'_>)>;

/// The writing side of a socket.
pub(crate) struct Socket {
    write: Rc<Mutex<OwnedWriteHalf>>,
}

/// Where a socket comes from, where it goes.
pub(crate) struct Way<'a> {
    pub(crate) from: Ipv4Addr,
    pub(crate) to: SocketAddr,
    pub(crate) path: &'a str,
    /// A key or a token.
    pub(crate) secret: Option<&'a str>,
}

/// Opens a socket; from then on its task reads it.
pub(crate) async fn open(way: &Way<'_>, listener: Listener) -> io::Result<Socket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(way.from.into(), 0))?;
    let tcp = socket.connect(way.to).await?;
    tcp.set_nodelay(true)?;
    let (mut read, mut write) = tcp.into_split();
    let key = way.secret.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{key}\r\n",
        way.path, way.to
    );
    write.write_all(request.as_bytes()).await?;
    let rest = upgraded(&mut read).await?;
    let write = Rc::new(Mutex::new(write));
    let reading = Reading { read, write: Rc::clone(&write), listener };
    tokio::task::spawn_local(reading.run(rest));
    Ok(Socket { write })
}

/// Reads the head of the answer; what came behind it.
async fn upgraded(read: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let mut chunk = [0; READ_BYTES];
        let came = read.read(&mut chunk).await?;
        head.extend_from_slice(&chunk[..came]);
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let line = String::from_utf8_lossy(&head[..end.min(60)]).into_owned();
            return if line.split(' ').nth(1) == Some("101") {
                Ok(head.split_off(end + 4))
            } else {
                Err(io::Error::other(line.lines().next().unwrap_or_default().to_owned()))
            };
        }
        if came == 0 || head.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl Socket {
    /// Says a text.
    pub(crate) async fn say(&self, text: &str) -> io::Result<()> {
        let mut frame = Vec::new();
        push_frame(&mut frame, TEXT, text.as_bytes(), &mut Random::new(1, 0));
        self.write.lock().await.write_all(&frame).await
    }
}

struct Reading {
    read: OwnedReadHalf,
    write: Rc<Mutex<OwnedWriteHalf>>,
    listener: Listener,
}

impl Reading {
    async fn run(mut self, rest: Vec<u8>) {
        let mut reader = FrameReader::default();
        reader.push(&rest);
        let end = loop {
            if let Some(code) = self.take(&mut reader).await {
                break End::Closed(code);
            }
            let mut chunk = [0; READ_BYTES];
            match self.read.read(&mut chunk).await {
                Ok(0) => break End::Failed(io::ErrorKind::UnexpectedEof),
                Ok(came) => reader.push(&chunk[..came]),
                Err(error) => break End::Failed(error.kind()),
            }
        };
        (self.listener)(Happened::Lost(end));
    }

    /// The code, once the server has said goodbye.
    async fn take(&self, reader: &mut FrameReader) -> Option<u16> {
        while let Some(heard) = reader.next() {
            match heard {
                Heard::Message(payload) => (self.listener)(Happened::Told(&payload)),
                Heard::Ping(payload) => {
                    let mut frame = Vec::new();
                    push_frame(&mut frame, PONG, &payload, &mut Random::new(1, 0));
                    // A socket that is broken is met by the next read.
                    let _ = self.write.lock().await.write_all(&frame).await;
                }
                Heard::Close(code) => return Some(code),
            }
        }
        None
    }
}
