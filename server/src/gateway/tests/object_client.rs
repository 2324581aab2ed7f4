//! Clients of objects that are no matches, and what their objects say.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tickstone_shared::ids::ObjectName;
use tickstone_shared::wire::version::Encoding;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;

use super::harness::{Client, World, soon};
use crate::object::effects::PeerOutput;
use crate::object::id::Identity;
use crate::object::peer::{Attachment, Payload, SocketEnd, SocketInfo, Tags, WhenFull};
use crate::object::socket::{PeerRequest, SocketEvent, SocketId};
use crate::runtime::ports::{Outlet as _, SocketOutput};

/// An object of a class of the harness.
pub(super) fn object(class: &'static str, name: &str) -> Identity {
    Identity::named(class, ObjectName::parse(name).unwrap())
}

/// The status of an upgrade that is refused, else the socket.
pub(super) async fn upgrade(
    addr: SocketAddr,
    path: &str,
    bearer: Option<&str>,
) -> Result<WebSocketStream<TcpStream>, u16> {
    let tcp = TcpStream::connect(addr).await.unwrap();
    let mut request = format!("ws://{addr}/v1/objects/{path}").into_client_request().unwrap();
    if let Some(bearer) = bearer {
        request.headers_mut().insert("authorization", format!("Bearer {bearer}").parse().unwrap());
    }
    match soon(tokio_tungstenite::client_async(request, tcp)).await {
        Ok((websocket, _)) => Ok(websocket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

impl World {
    /// A socket, and what its object was told of it.
    pub(super) async fn peer(&mut self, path: &str) -> (Client, SocketId, PeerRequest) {
        let websocket = upgrade(self.addr(), path, None).await.unwrap();
        match self.event().await {
            SocketEvent::Connected { socket, request } => {
                (Client::new(websocket, Encoding::Json), socket, *request)
            }
            other => panic!("{other:?}"),
        }
    }

    /// What an object asks for.
    pub(super) fn ask(&self, output: PeerOutput) {
        self.objects.outlet.deliver(&mut vec![SocketOutput::Peer(Box::new(output))]);
    }

    pub(super) fn accept(&self, socket: SocketId, tags: &[&str], attachment: &[u8]) {
        let (tags, attachment) = (Tags::new(tags).unwrap(), Attachment::new(attachment.to_vec()).unwrap());
        self.ask(PeerOutput::Accept { socket, tags, attachment });
    }

    pub(super) fn say(&self, socket: SocketId, payload: impl Into<Payload>) {
        self.ask(PeerOutput::Send { socket, payload: payload.into(), when_full: WhenFull::Close });
    }

    pub(super) fn broadcast(&self, of: &Identity, tag: Option<&str>, except: &[SocketId], text: &str) {
        self.ask(PeerOutput::Broadcast {
            object: of.id,
            tag: tag.map(Into::into),
            except: Arc::from(except),
            payload: text.into(),
            when_full: WhenFull::Close,
        });
    }

    pub(super) fn hang_up(&self, socket: SocketId, code: u16, reason: &str) {
        self.ask(PeerOutput::Close { socket, code, reason: reason.into() });
    }

    /// What the gateway keeps of an object's sockets, once it is as a test wants it.
    pub(super) async fn infos(&self, of: &Identity, fits: impl Fn(&[SocketInfo]) -> bool) -> Vec<SocketInfo> {
        soon(async {
            loop {
                let infos = self.objects.outlet.sockets_of(of.id);
                if fits(&infos) {
                    return infos;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// The text that the object is told next.
    pub(super) async fn heard(&mut self) -> (SocketId, Payload) {
        match self.event().await {
            SocketEvent::Received { socket, payload } => (socket, payload),
            other => panic!("{other:?}"),
        }
    }

    /// The end that the object is told next.
    pub(super) async fn ended(&mut self) -> (SocketId, SocketEnd) {
        match self.event().await {
            SocketEvent::Disconnected { socket, end } => (socket, *end),
            other => panic!("{other:?}"),
        }
    }
}

impl Client {
    /// The next message that is no control frame.
    pub(super) async fn told(&mut self) -> Message {
        loop {
            let message = soon(self.websocket.next()).await.expect("a message").unwrap();
            if !message.is_ping() && !message.is_pong() {
                return message;
            }
        }
    }
}
