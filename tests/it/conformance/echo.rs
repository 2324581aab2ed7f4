//! A server that says what it hears: the frame reader of the gateway, its limit lifted, without anything around it.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use tickstone_server::gateway::frame_reader;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, protocol};

/// The suite sends messages of 16 MiB.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Echoes until it is dropped.
#[derive(Debug)]
pub(super) struct Echo {
    /// Where it listens.
    pub(super) addr: SocketAddr,
    _runtime: Runtime,
}

impl Echo {
    /// On a free port.
    pub(super) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(echo(tcp));
            }
        });
        Self { addr, _runtime: runtime }
    }
}

async fn echo(tcp: TcpStream) {
    let config: protocol::WebSocketConfig = frame_reader(MESSAGE_BYTES_MAX).max_write_buffer_size(usize::MAX);
    let Ok(mut socket) = accept_async_with_config(tcp, Some(config)).await else { return };
    let failed = loop {
        match socket.next().await {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => break code_of(&error),
            None => return,
        }
    };
    let Some(code) = failed else { return };
    let frame = CloseFrame { code, reason: "".into() };
    // Who broke the protocol may be gone.
    let _ = socket.close(Some(frame)).await;
    let mut tcp = socket.into_inner();
    let _ = tcp.shutdown().await;
    let _ = tcp.read_to_end(&mut Vec::new()).await;
}

/// As the gateway maps them.
fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Capacity(_) => Some(CloseCode::Size),
        Error::Protocol(_) => Some(CloseCode::Protocol),
        _ => None,
    }
}
