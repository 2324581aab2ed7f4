//! An object's own sockets as its handlers use them: accepting, sending, tags, attachments (contract: SOCKET).

use super::context::Context;
use super::effects::{Output, PeerOutput, Release};
use super::peer::{Attachment, AutoResponse, Payload, PeerLimit, SocketInfo, Tags, WhenFull};
use super::resume::ResumeToken;
use super::socket::SocketId;

/// The sockets of the object; what is sent leaves once what the object wrote is durable, unless it is said
/// otherwise ([`Peers::ungated`]).
pub struct Peers<'c, 'a> {
    ctx: &'c mut Context<'a>,
    release: Release,
    when_full: WhenFull,
}

impl<'a> Context<'a> {
    /// The object's sockets.
    pub fn peers(&mut self) -> Peers<'_, 'a> {
        Peers { ctx: self, release: Release::Gated, when_full: WhenFull::Close }
    }

    fn peer_output(&mut self, release: Release, output: PeerOutput) {
        self.output(release, Output::Peer(Box::new(output)));
    }

    /// What this handler said of a socket last.
    fn said<T>(&self, socket: SocketId, of: impl Fn(&PeerOutput, SocketId) -> Option<T>) -> Option<T> {
        self.effects.outputs.iter().rev().find_map(|(_, output)| match output {
            Output::Peer(output) => of(output, socket),
            _ => None,
        })
    }
}

impl<'a> Peers<'_, 'a> {
    /// What is sent leaves at once, whatever waits for the disk.
    #[must_use]
    pub fn ungated(mut self) -> Self {
        self.release = Release::Ungated;
        self
    }

    /// What a socket cannot take is replaced by what is sent next; otherwise it is closed with 4420.
    #[must_use]
    pub fn newest_wins(mut self) -> Self {
        self.when_full = WhenFull::NewestWins;
        self
    }

    /// Takes a connection. Its tags are fixed from here on.
    pub fn accept<T: AsRef<str>>(
        &mut self,
        socket: SocketId,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<(), PeerLimit> {
        let accept = PeerOutput::Accept { socket, tags: Tags::new(tags)?, attachment: Attachment::default() };
        self.ctx.peer_output(self.release, accept);
        Ok(())
    }

    /// Has a socket outlive the server, however that ends: its tags and its attachment are stored with what this
    /// handler writes, and again with every change. Answers the token by which its client comes back to the next
    /// process ([`SocketEvent::Resumed`](super::socket::SocketEvent::Resumed)): give it to nobody else. Without
    /// this a socket outlives a drain alone, at which its client is given the token.
    pub fn keep(&mut self, socket: SocketId) -> ResumeToken {
        self.ctx.peer_output(Release::Gated, PeerOutput::Keep { socket });
        self.ctx.sight.kept.resume_key.token(socket)
    }

    /// Keeps bytes with a socket, over hibernation and resets; over restarts for as long as its resume token holds.
    pub fn attach(&mut self, socket: SocketId, bytes: impl Into<bytes::Bytes>) -> Result<(), PeerLimit> {
        let attachment = Attachment::new(bytes)?;
        self.ctx.peer_output(self.release, PeerOutput::Attach { socket, attachment });
        Ok(())
    }

    /// Sends to one socket. One that is closed takes nothing: that is counted, and no error.
    pub fn send(&mut self, socket: SocketId, payload: impl Into<Payload>) {
        let send = PeerOutput::Send { socket, payload: payload.into(), when_full: self.when_full };
        self.ctx.peer_output(self.release, send);
    }

    /// Sends to every socket with a tag (none: to all), but to those in `except`; encoded once.
    pub fn broadcast(&mut self, tag: Option<&str>, except: &[SocketId], payload: impl Into<Payload>) {
        let broadcast = PeerOutput::Broadcast {
            object: self.ctx.identity().id,
            tag: tag.map(Into::into),
            except: except.into(),
            payload: payload.into(),
            when_full: self.when_full,
        };
        self.ctx.peer_output(self.release, broadcast);
    }

    /// Ends a socket: 1000, or a code from 3000 to 4999.
    pub fn close(&mut self, socket: SocketId, code: u16, reason: &str) {
        self.ctx.peer_output(self.release, PeerOutput::Close { socket, code, reason: reason.into() });
    }

    /// Has a text answered without waking the object, instead of the class's pair; none: the class's again.
    pub fn answer_automatically(&mut self, pair: Option<AutoResponse>) {
        let object = self.ctx.identity().clone();
        self.ctx.peer_output(self.release, PeerOutput::AutoResponse { object, pair });
    }

    /// The sockets with a tag, or all of them; those accepted by earlier handlers.
    pub fn list(&self, tag: Option<&str>) -> Vec<SocketId> {
        let tagged = self.infos().filter(|info| tag.is_none_or(|tag| info.tags.has(tag)));
        tagged.map(|info| info.socket).collect()
    }

    /// What is known of each socket that an earlier handler accepted.
    pub fn infos(&self) -> impl Iterator<Item = &'a SocketInfo> + use<'a> {
        self.ctx.sight.kept.sockets.values()
    }

    /// What is known of a socket that an earlier handler accepted.
    pub fn info(&self, socket: SocketId) -> Option<&SocketInfo> {
        self.ctx.sight.kept.sockets.get(&socket)
    }

    /// The tags of a socket.
    pub fn tags(&self, socket: SocketId) -> Option<Tags> {
        let own = self.ctx.said(socket, |output, wanted| match output {
            PeerOutput::Accept { socket, tags, .. } if *socket == wanted => Some(tags.clone()),
            _ => None,
        });
        own.or_else(|| Some(self.info(socket)?.tags.clone()))
    }

    /// What is kept with a socket.
    pub fn attachment(&self, socket: SocketId) -> Option<Attachment> {
        let own = self.ctx.said(socket, |output, wanted| match output {
            PeerOutput::Accept { socket, attachment, .. } | PeerOutput::Attach { socket, attachment }
                if *socket == wanted =>
            {
                Some(attachment.clone())
            }
            _ => None,
        });
        own.or_else(|| Some(self.info(socket)?.attachment.clone()))
    }
}
