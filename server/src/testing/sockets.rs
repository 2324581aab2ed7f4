//! The clients of a testbed, and what a gateway would keep of their sockets.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::ServerMessage;

use crate::object::effects::PeerOutput;
use crate::object::id::ObjectId;
use crate::object::peer::{Attachment, Payload, SocketInfo, Tags};
use crate::object::socket::SocketId;
use crate::runtime::ports::{Outlet, SocketOutput};

/// One client.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// What it was sent, in order.
    pub received: Vec<Payload>,
    /// Messages of this server's own protocol it was sent.
    pub messages: Vec<std::sync::Arc<ServerMessage>>,
    /// How its socket was ended by the object.
    pub closed: Option<(u16, String)>,
    /// The socket was accepted with these.
    pub tags: Option<Tags>,
    /// What the object keeps with it.
    pub attachment: Attachment,
    /// It is stored with every change.
    pub lasting: bool,
    object: Option<ObjectId>,
}

impl Client {
    /// The texts it was sent.
    pub fn texts(&self) -> Vec<&str> {
        let texts = self.received.iter().filter_map(|payload| match payload {
            Payload::Text(text) => Some(&**text),
            Payload::Bytes(_) => None,
        });
        texts.collect()
    }

    fn is_open(&self) -> bool {
        self.tags.is_some() && self.closed.is_none()
    }
}

/// Every client there has been.
#[derive(Default)]
pub(super) struct Clients(Mutex<BTreeMap<SocketId, Client>>);

const POISON: &str = "no code under this lock panics";

impl Clients {
    pub(super) fn enter(&self, object: ObjectId) -> SocketId {
        let mut clients = self.0.lock().expect(POISON);
        let socket = SocketId(clients.len() as u64 + 1);
        clients.insert(socket, Client { object: Some(object), ..Client::default() });
        socket
    }

    pub(super) fn of(&self, socket: SocketId) -> Client {
        self.0.lock().expect(POISON).get(&socket).cloned().unwrap_or_default()
    }

    /// The object that a client connected to.
    pub(super) fn owner(&self, socket: SocketId) -> Option<ObjectId> {
        self.0.lock().expect(POISON).get(&socket)?.object
    }

    pub(super) fn leave(&self, socket: SocketId) {
        if let Some(client) = self.0.lock().expect(POISON).get_mut(&socket) {
            client.closed.get_or_insert((1000, "the client left".to_owned()));
        }
    }

    /// Every socket that is open, by its object.
    pub(super) fn open(&self) -> Vec<(ObjectId, SocketId)> {
        let clients = self.0.lock().expect(POISON);
        let open = clients.iter().filter(|(_, client)| client.is_open());
        open.filter_map(|(socket, client)| Some((client.object?, *socket))).collect()
    }

    /// The process ends: every socket does.
    pub(super) fn cut(&self) {
        for client in self.0.lock().expect(POISON).values_mut() {
            client.closed.get_or_insert((1006, "the server ended".to_owned()));
        }
    }
}

fn end(client: &mut Client, code: u16, reason: &str) {
    client.closed.get_or_insert((code, reason.to_owned()));
}

fn message(client: &mut Client, message: &std::sync::Arc<ServerMessage>) {
    client.messages.push(std::sync::Arc::clone(message));
}

impl Outlet for Clients {
    fn deliver(&self, outputs: &mut Vec<SocketOutput>) {
        let mut clients = self.0.lock().expect(POISON);
        for output in outputs.drain(..) {
            let mut with = |socket: SocketId, act: &mut dyn FnMut(&mut Client)| {
                clients.get_mut(&socket).filter(|client| client.closed.is_none()).into_iter().for_each(act);
            };
            match output {
                SocketOutput::Send { socket, message: sent } => {
                    with(socket, &mut |client| message(client, &sent));
                }
                SocketOutput::Broadcast { sockets, message: sent } => {
                    sockets.into_iter().for_each(|socket| with(socket, &mut |client| message(client, &sent)));
                }
                SocketOutput::Close { socket, code, reason } => {
                    with(socket, &mut |client| end(client, CloseCode::number(code), reason));
                }
                SocketOutput::State(_) => {}
                SocketOutput::Peer(output) => peer(&mut clients, *output),
            }
        }
    }

    fn sockets_of(&self, object: ObjectId) -> Vec<SocketInfo> {
        let clients = self.0.lock().expect(POISON);
        let own = clients.iter().filter(|(_, client)| client.object == Some(object) && client.is_open());
        let info = |(socket, client): (&SocketId, &Client)| SocketInfo {
            tags: client.tags.clone().unwrap_or_default(),
            attachment: client.attachment.clone(),
            lasting: client.lasting,
            ..SocketInfo::new(*socket, Tags::default(), Attachment::default())
        };
        own.map(info).collect()
    }
}

fn peer(clients: &mut BTreeMap<SocketId, Client>, output: PeerOutput) {
    match output {
        PeerOutput::Accept { socket, tags, attachment } => {
            if let Some(client) = clients.get_mut(&socket) {
                client.tags = Some(tags);
                client.attachment = attachment;
            }
        }
        PeerOutput::Attach { socket, attachment } => {
            if let Some(client) = clients.get_mut(&socket) {
                client.attachment = attachment;
            }
        }
        PeerOutput::Keep { socket } => {
            if let Some(client) = clients.get_mut(&socket) {
                client.lasting = true;
            }
        }
        PeerOutput::Abandon { object } => {
            for client in clients.values_mut().filter(|client| client.object == Some(object)) {
                end(client, 1001, "the object was deleted");
            }
        }
        PeerOutput::Send { socket, payload, .. } => {
            if let Some(client) = clients.get_mut(&socket).filter(|client| client.is_open()) {
                client.received.push(payload);
            }
        }
        PeerOutput::Broadcast { object, tag, except, payload, .. } => {
            for (socket, client) in clients {
                let tagged = |tags: &Tags| tag.as_deref().is_none_or(|tag| tags.has(tag));
                let wanted = client.object == Some(object) && client.tags.as_ref().is_some_and(tagged);
                if wanted && client.is_open() && !except.contains(socket) {
                    client.received.push(payload.clone());
                }
            }
        }
        PeerOutput::Close { socket, code, reason } => {
            if let Some(client) = clients.get_mut(&socket) {
                end(client, code, &reason);
            }
        }
        PeerOutput::AutoResponse { .. } => {}
    }
}
