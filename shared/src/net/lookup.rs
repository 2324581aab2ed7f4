//! What a client asks a server over HTTP before it joins: where a match is, and the data its game is made with.
//!
//! One request a connection, HTTP/1.0, so that an answer ends with its connection and is never in chunks. Not
//! responsible for: time-outs, creating matches, which a backend does.

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::http::Uri;

use super::connect_error::{ConnectError, unreachable};
use super::socket::Address;
use super::trust::Trust;
use super::websocket::{Buffers, carrier};
use crate::ids::{MatchId, NameError};
use crate::wire::version::Encoding;

/// Bytes of an answer: the largest map fits many times.
pub const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Why a server cannot be asked, or what it answered.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The way there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No id of a match.
    #[error("not the id of a match: {0}")]
    Name(#[from] NameError),
    /// The server answered with another status than 200: 404 where there is no such match or asset.
    #[error("the server answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is not what was asked for.
    #[error("the server's answer is {0}")]
    Answer(&'static str),
}

/// A server's HTTP interface.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// `ws://host:port`: what carries HTTP carries the WebSocket.
    base: String,
    trust: Option<Trust>,
}

/// A match as its server lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct FoundMatch {
    /// Its id.
    pub match_id: MatchId,
    /// Its game.
    pub game: String,
    /// What the game says of it: of an arena the name of its `map`.
    #[serde(default)]
    pub label: serde_json::Value,
    #[serde(default)]
    quic_url: Option<String>,
    #[serde(default)]
    quic_certificate_sha256: Option<String>,
    #[serde(skip)]
    ws_url: String,
    #[serde(skip)]
    trust: Option<Trust>,
}

impl Lookup {
    /// Of `http://host:port`; of `https://host:port` with something to know the server by.
    pub fn new(url: &str, trust: Option<Trust>) -> Result<Self, LookupError> {
        let url = url.trim_end_matches('/');
        let base = match url.split_once("://") {
            Some(("http", rest)) => format!("ws://{rest}"),
            Some(("https", rest)) => format!("wss://{rest}"),
            _ => return Err(ConnectError::Url(url.to_owned()).into()),
        };
        Ok(Self { base, trust })
    }

    /// The match with this id.
    pub async fn find(&self, match_id: &str) -> Result<FoundMatch, LookupError> {
        let match_id = MatchId::parse(match_id)?;
        let body = self.ask(&format!("/v1/matches/{match_id}")).await?;
        let mut found: FoundMatch =
            serde_json::from_slice(&body).map_err(|_| LookupError::Answer("no match"))?;
        found.ws_url = format!("{}/v1/matches/{match_id}/socket", self.base);
        found.trust.clone_from(&self.trust);
        Ok(found)
    }

    /// The asset of this name, such as `maps/dust.json`.
    pub async fn asset(&self, name: &str) -> Result<String, LookupError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-');
        if !name.bytes().all(is_plain) {
            return Err(ConnectError::Url(name.to_owned()).into());
        }
        let body = self.ask(&format!("/assets/{name}")).await?;
        String::from_utf8(body).map_err(|_| LookupError::Answer("no text"))
    }

    async fn ask(&self, path: &str) -> Result<Vec<u8>, LookupError> {
        let wrong = || ConnectError::Url(self.base.clone());
        let uri: Uri = format!("{}{path}", self.base).parse().map_err(|_| wrong())?;
        let host = uri.authority().ok_or_else(wrong)?;
        let mut stream = carrier(&uri, self.trust.as_ref()).await?;
        let request =
            format!("GET {path} HTTP/1.0\r\nhost: {host}\r\naccept: */*\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| unreachable(&error))?;
        let mut answer = Vec::new();
        stream
            .take(ANSWER_BYTES_MAX + 1)
            .read_to_end(&mut answer)
            .await
            .map_err(|error| unreachable(&error))?;
        body_of(&answer)
    }
}

impl FoundMatch {
    /// Its WebSocket.
    pub fn websocket(&self) -> Address {
        Address::WebSocket {
            url: self.ws_url.clone(),
            encoding: Encoding::Msgpack,
            buffers: Buffers::default(),
            trust: self.trust.clone(),
        }
    }

    /// Its QUIC port, if it has one and there is something to know it by.
    pub fn quic(&self) -> Option<Address> {
        let pin = self.quic_certificate_sha256.as_deref().and_then(|pin| Trust::pin(pin).ok());
        Some(Address::Quic { url: self.quic_url.clone()?, trust: pin.or_else(|| self.trust.clone())? })
    }
}

/// The body of an answer with status 200.
fn body_of(answer: &[u8]) -> Result<Vec<u8>, LookupError> {
    if answer.len() as u64 > ANSWER_BYTES_MAX {
        return Err(LookupError::Answer("too long"));
    }
    let end =
        answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or(LookupError::Answer("cut off"))?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| LookupError::Answer("no HTTP"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1."));
    let status = status.and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let body = &answer[end + 4..];
    let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())
    });
    match status {
        Some(200) if length.is_some_and(|length| length != Some(body.len())) => {
            Err(LookupError::Answer("cut off"))
        }
        Some(200) => Ok(body.to_vec()),
        Some(status) => Err(LookupError::Status { status }),
        None => Err(LookupError::Answer("no HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &str) -> Result<String, String> {
        body_of(answer.as_bytes())
            .map(|body| String::from_utf8(body).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_is_its_whole_body_or_an_error() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), Ok("hi".into()));
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\n"), Ok(String::new()));
        for cut in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", "HTTP/1.1 200 OK\r\n", ""] {
            assert_eq!(body(cut), Err("the server's answer is cut off".into()), "{cut}");
        }
        assert_eq!(body("HTTP/1.1 404 Not Found\r\n\r\n{}"), Err("the server answered 404".into()));
        assert_eq!(body("SSH-2.0\r\n\r\n"), Err("the server's answer is no HTTP".into()));
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(ANSWER_BYTES_MAX as usize));
        assert_eq!(body(&long), Err("the server's answer is too long".into()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert!(Lookup::new("ftp://h", None).is_err() && Lookup::new("h:80", None).is_err());
        assert_eq!(Lookup::new("http://h:1/", None).unwrap().base, "ws://h:1");
    }
}
