//! What clients do on a testbed.

use super::sockets::Client;
use super::testbed::{Testbed, identity};
use crate::object::caller::Caller;
use crate::object::id::{Identity, ObjectId};
use crate::object::peer::{Payload, SocketEnd};
use crate::object::socket::{PeerRequest, SocketEvent, SocketId};
use crate::runtime::handle::Objects as _;

impl Testbed {
    /// A client asks for a socket, and gets it where the object says.
    pub fn connect(&mut self, class: &'static str, name: &str, caller: Caller) -> SocketId {
        self.connect_by(class, name, caller, "")
    }

    /// The same with a query.
    pub fn connect_by(&mut self, class: &'static str, name: &str, caller: Caller, query: &str) -> SocketId {
        let identity = self.place(class, name, &caller);
        let socket = self.clients.enter(identity.id);
        let request = Box::new(PeerRequest { caller, query: query.to_owned() });
        self.tell(&identity, SocketEvent::Connected { socket, request });
        socket
    }

    /// Where a client who connects to an object has its socket: there, or in one of its parts.
    fn place(&mut self, class: &'static str, name: &str, caller: &Caller) -> Identity {
        let its = self.classes.iter().find(|its| its.name() == class);
        if let (Some(parts), Some(user)) = (its.and_then(|its| its.rules().parts), caller.subject()) {
            let placed = self.call(class, name, "place", serde_json::json!({ "user": user }));
            let part = placed.ok().and_then(|placed| Some(placed["part"].as_str()?.to_owned()));
            if let Some(part) = part {
                return self.identity(parts, &part);
            }
        }
        self.identity(class, name)
    }

    /// The object that has a socket of a client of this one.
    fn owner(&self, class: &'static str, name: &str, socket: SocketId) -> Identity {
        let owner = self.clients.owner(socket).and_then(|owner| self.known.get(&owner));
        owner.cloned().unwrap_or_else(|| identity(class, name))
    }

    /// A client sends something.
    pub fn send(&mut self, class: &'static str, name: &str, socket: SocketId, payload: impl Into<Payload>) {
        let payload = payload.into();
        self.tell(&self.owner(class, name, socket), SocketEvent::Received { socket, payload });
    }

    /// A client goes away.
    pub fn disconnect(&mut self, class: &'static str, name: &str, socket: SocketId) {
        self.clients.leave(socket);
        let Client { lasting, tags, attachment, .. } = self.clients.of(socket);
        let tags = tags.unwrap_or_default();
        let end = SocketEnd { code: 1000, clean: true, lasting, tags, attachment, ..SocketEnd::default() };
        let end = Box::new(end);
        self.tell(&self.owner(class, name, socket), SocketEvent::Disconnected { socket, end });
    }

    fn tell(&mut self, identity: &Identity, event: SocketEvent) {
        let refused = self.running().shared.socket(identity, event);
        refused.expect("a testbed's inbox is not full");
        self.settle();
    }

    /// The object that has a client's socket.
    pub fn object_of(&self, socket: SocketId) -> Option<ObjectId> {
        self.clients.owner(socket)
    }

    /// What a client has seen.
    pub fn client(&self, socket: SocketId) -> Client {
        self.clients.of(socket)
    }
}
