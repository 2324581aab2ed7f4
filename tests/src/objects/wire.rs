//! The way out of a process: what leaves is held against the oracle at once; sockets are kept as a gateway does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tickstone_server::object::effects::PeerOutput;
use tickstone_server::object::id::ObjectId;
use tickstone_server::object::peer::{Attachment, Payload, SocketInfo, Tags};
use tickstone_server::object::socket::SocketId;
use tickstone_server::runtime::ports::{Outlet, SocketOutput};

use super::known::Way;
use super::ledger::{identity, stamped};
use super::oracle::Oracle;

/// One socket.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    pub(crate) object: usize,
    /// It was accepted, and its client may speak.
    pub(crate) tags: Option<Tags>,
    attachment: Attachment,
    /// The object has closed it, or its client has gone.
    pub(crate) closed: bool,
    /// That it is gone is on its way to the object.
    pub(crate) told: bool,
}

/// See the module.
pub(crate) struct Wire {
    oracle: Oracle,
    stale: Arc<AtomicBool>,
    sockets: Mutex<BTreeMap<SocketId, Socket>>,
}

impl Wire {
    pub(crate) fn new(oracle: Oracle, stale: Arc<AtomicBool>) -> Self {
        Self { oracle, stale, sockets: Mutex::default() }
    }

    /// A client asks for a socket.
    pub(crate) fn enter(&self, socket: SocketId, object: usize) {
        let entered =
            Socket { object, tags: None, attachment: Attachment::default(), closed: false, told: false };
        self.sockets.lock().unwrap().insert(socket, entered);
    }

    /// The sockets there are.
    pub(crate) fn sockets(&self) -> Vec<(SocketId, Socket)> {
        self.sockets.lock().unwrap().iter().map(|(socket, kept)| (*socket, kept.clone())).collect()
    }

    /// Changes what is kept of a socket.
    pub(crate) fn change(&self, socket: SocketId, change: impl FnOnce(&mut Socket)) {
        self.sockets.lock().unwrap().get_mut(&socket).map(change);
    }

    fn leaves(&self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        // What was durable before another process took over may leave late.
        let way = if self.stale.load(Ordering::Relaxed) { Way::Objects } else { Way::Sockets };
        match stamped(text) {
            Some((object, version)) => self.oracle.look().sees(object, version, way),
            None => drop(self.oracle.hold::<()>(0, Err(format!("{text:?} left")))),
        }
    }

    fn peer(&self, output: PeerOutput) {
        match output {
            PeerOutput::Accept { socket, tags, .. } => self.change(socket, |kept| kept.tags = Some(tags)),
            PeerOutput::Attach { socket, attachment } => {
                self.leaves(attachment.bytes());
                self.change(socket, |kept| kept.attachment = attachment);
            }
            PeerOutput::Send { payload: Payload::Text(text), .. }
            | PeerOutput::Broadcast { payload: Payload::Text(text), .. } => self.leaves(text.as_bytes()),
            PeerOutput::Close { socket, .. } => {
                self.oracle.look().closes(socket);
                self.change(socket, |kept| kept.closed = true);
            }
            PeerOutput::Abandon { object } => {
                let mut sockets = self.sockets.lock().unwrap();
                let abandoned = sockets.values_mut().filter(|kept| identity(kept.object).id == object);
                abandoned.for_each(|kept| kept.closed = true);
            }
            PeerOutput::Keep { .. }
            | PeerOutput::Send { .. }
            | PeerOutput::Broadcast { .. }
            | PeerOutput::AutoResponse { .. } => {}
        }
    }
}

impl Outlet for Wire {
    fn deliver(&self, outputs: &mut Vec<SocketOutput>) {
        for output in outputs.drain(..) {
            if let SocketOutput::Peer(output) = output {
                self.peer(*output);
            }
        }
    }

    fn sockets_of(&self, object: ObjectId) -> Vec<SocketInfo> {
        let sockets = self.sockets.lock().unwrap();
        let own = sockets.iter().filter(|(_, kept)| !kept.closed && identity(kept.object).id == object);
        let info = |(socket, kept): (&SocketId, &Socket)| {
            let tags = kept.tags.clone()?;
            let attachment = kept.attachment.clone();
            Some(SocketInfo::new(*socket, tags, attachment))
        };
        own.filter_map(info).collect()
    }
}
