//! What a class says of its sockets, and what the gateway keeps of each of them while the object sleeps.

use std::sync::Arc;

use bytes::Bytes;

use super::socket::SocketId;

/// Tags of a socket (contract: SOCKET 2).
pub const TAGS_MAX: usize = 10;
/// Bytes of a tag (contract: SOCKET 2).
pub const TAG_BYTES_MAX: usize = 256;
/// Bytes of an attachment (contract: SOCKET 3).
pub const ATTACHMENT_BYTES_MAX: usize = 16_384;
/// Bytes of an automatic request, and of its response (contract: SOCKET 4).
pub const AUTO_BYTES_MAX: usize = 2_048;
/// Bytes of a message in, unless a class says otherwise (contract: SOCKET 8).
pub const MESSAGE_BYTES_DEFAULT: usize = 64 * 1024;
/// Bytes of a message in that a class may ask for.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Sockets of an object, unless a class says otherwise (contract: SOCKET 1).
pub const SOCKETS_DEFAULT: usize = 65_536;

/// What is more than a limit of sockets. Nothing of it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerLimit {
    /// Too many.
    #[error("a socket has {0} tags; at most {TAGS_MAX}")]
    Tags(usize),
    /// One that is too long.
    #[error("a tag has {0} bytes; at most {TAG_BYTES_MAX}")]
    Tag(usize),
    /// Too long.
    #[error("an attachment has {0} bytes; at most {ATTACHMENT_BYTES_MAX}")]
    Attachment(usize),
    /// Too long.
    #[error("an automatic request or response has {0} bytes; at most {AUTO_BYTES_MAX}")]
    Auto(usize),
}

/// Who speaks on the sockets of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The protocol of this server: hello first, then messages.
    Framed,
    /// The class and its clients alone, from the first byte.
    Raw,
}

/// What a class says of its sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketRules {
    /// Who speaks on them.
    pub framing: Framing,
    /// Bytes of a message in; longer closes with 1009.
    pub message_bytes_max: usize,
    /// Sockets of one object.
    pub sockets_max: usize,
    /// Answered for every object of the class, unless the object has a pair of its own.
    pub auto_response: Option<AutoResponse>,
}

impl Default for SocketRules {
    fn default() -> Self {
        Self {
            framing: Framing::Raw,
            message_bytes_max: MESSAGE_BYTES_DEFAULT,
            sockets_max: SOCKETS_DEFAULT,
            auto_response: None,
        }
    }
}

/// A text that is answered without waking the object, and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoResponse {
    request: Box<str>,
    response: Box<str>,
}

impl AutoResponse {
    /// Checks the lengths.
    pub fn new(request: &str, response: &str) -> Result<Self, PeerLimit> {
        match request.len().max(response.len()) {
            longest if longest > AUTO_BYTES_MAX => Err(PeerLimit::Auto(longest)),
            _ => Ok(Self { request: request.into(), response: response.into() }),
        }
    }

    /// What is answered: exactly this.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// With what.
    pub fn response(&self) -> &str {
        &self.response
    }
}

/// The tags of a socket, distinct, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(Arc<[Box<str>]>);

impl Tags {
    /// Checks number and lengths; a tag given twice counts once.
    pub fn new<T: AsRef<str>>(tags: impl IntoIterator<Item = T>) -> Result<Self, PeerLimit> {
        let mut distinct: Vec<Box<str>> = Vec::new();
        for tag in tags {
            let tag = tag.as_ref();
            if tag.len() > TAG_BYTES_MAX {
                return Err(PeerLimit::Tag(tag.len()));
            }
            if !distinct.iter().any(|known| **known == *tag) {
                distinct.push(tag.into());
            }
        }
        if distinct.len() > TAGS_MAX {
            return Err(PeerLimit::Tags(distinct.len()));
        }
        Ok(Self(distinct.into()))
    }

    /// Is this one of them?
    pub fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|own| **own == *tag)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|tag| &**tag)
    }
}

/// Bytes that an object keeps with a socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachment(Bytes);

impl Attachment {
    /// Checks the length.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, PeerLimit> {
        let bytes = bytes.into();
        if bytes.len() > ATTACHMENT_BYTES_MAX {
            Err(PeerLimit::Attachment(bytes.len()))
        } else {
            Ok(Self(bytes))
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What is said in one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Bytes),
}

impl Payload {
    /// The bytes, of a text too.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// What becomes of a message that a socket does not take (contract: SOCKET 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The socket is closed with 4420: it would miss something.
    Close,
    /// The newest message of this kind replaces one that still waits.
    NewestWins,
}

/// What is known of one socket of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketInfo {
    /// Which.
    pub socket: SocketId,
    /// As it was accepted.
    pub tags: Tags,
    /// What the object keeps with it.
    pub attachment: Attachment,
    /// Bytes that wait for the client.
    pub queued_bytes: usize,
    /// When it was last answered automatically, in ms since 1970; none: never.
    pub auto_response_ms: Option<u64>,
    /// It is stored with every change, so that its client can come back to the next process.
    pub lasting: bool,
}

impl SocketInfo {
    /// One that has just been accepted.
    pub fn new(socket: SocketId, tags: Tags, attachment: Attachment) -> Self {
        Self { socket, tags, attachment, queued_bytes: 0, auto_response_ms: None, lasting: false }
    }
}

/// How a socket ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketEnd {
    /// The code of the close frame; 1005: a close frame without one, 1006: none came.
    pub code: u16,
    /// The reason that was given, as it came.
    pub reason: Box<str>,
    /// One side said goodbye and the other heard it.
    pub clean: bool,
    /// It was stored with every change ([`Peers::keep`](super::peers::Peers::keep)).
    pub lasting: bool,
    /// As it was accepted; none if it never was.
    pub tags: Tags,
    /// What the object kept with it.
    pub attachment: Attachment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_2_ten_distinct_tags_of_256_bytes() {
        let ten: Vec<String> = (0..10).map(|n| format!("{n}{}", "x".repeat(255))).collect();
        let tags = Tags::new(ten.iter().chain(&ten)).unwrap();
        assert_eq!(tags.iter().count(), 10, "twice is once");
        assert!(tags.has(&ten[3]) && !tags.has("x"));
        assert_eq!(Tags::new((0..11).map(|n| n.to_string())), Err(PeerLimit::Tags(11)));
        assert_eq!(Tags::new(["x".repeat(257)]), Err(PeerLimit::Tag(257)));
    }

    #[test]
    fn socket_3_an_attachment_has_16384_bytes() {
        assert_eq!(Attachment::new(vec![7; 16_384]).unwrap().bytes().len(), 16_384);
        assert_eq!(Attachment::new(vec![7; 16_385]), Err(PeerLimit::Attachment(16_385)));
    }

    #[test]
    fn socket_4_request_and_response_have_2048_bytes_each() {
        let (fits, over) = ("x".repeat(2048), "x".repeat(2049));
        assert!(AutoResponse::new(&fits, &fits).is_ok());
        assert_eq!(AutoResponse::new(&over, ""), Err(PeerLimit::Auto(2049)));
        assert_eq!(AutoResponse::new("", &over), Err(PeerLimit::Auto(2049)));
    }
}
