//! An attacker's way to the UDP port: packets by hand, and a connection of QUIC.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;

use super::attempt::Attempt;
use super::tally::{Answer, OpenGuard};
use tickstone_shared::net::quic::Quic;
use tickstone_shared::net::websocket::Incoming;
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::message::{ServerMessage, Welcome};
use tickstone_shared::wire::version::Encoding;

/// A packet has no more bytes than this.
pub(crate) const PACKET_BYTES_MAX: usize = 2_048;
/// How long a server may take to answer a handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the attempt's packets come from.
fn source(attempt: &Attempt, target: SocketAddr) -> Option<IpAddr> {
    attempt.source.filter(|_| target.is_ipv4())
}

/// A socket towards the server's UDP port.
pub(crate) async fn socket(attempt: &Attempt) -> Result<UdpSocket, Answer> {
    let target = attempt.datagrams.ok_or(Answer::NotConnected)?;
    let any = match target {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let local = (source(attempt, target).unwrap_or(any), 0);
    let socket = UdpSocket::bind(local).await.map_err(|_| Answer::NotConnected)?;
    socket.connect(target).await.map_err(|_| Answer::NotConnected)?;
    Ok(socket)
}

/// The first packet of a handshake that is meant for this server, and goes nowhere.
pub(crate) async fn first_packet(attempt: &Attempt) -> Result<Vec<u8>, Answer> {
    let (_, trust) = attempt.quic.as_ref().ok_or(Answer::NotConnected)?;
    let nowhere = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|_| Answer::NotConnected)?;
    let url = format!("quic://{}", nowhere.local_addr().map_err(|_| Answer::NotConnected)?);
    let mut packet = vec![0; PACKET_BYTES_MAX];
    tokio::select! {
        received = nowhere.recv(&mut packet) => packet.truncate(received.map_err(|_| Answer::NotConnected)?),
        _ = Quic::connect(&url, trust) => return Err(Answer::NotConnected),
    }
    Ok(packet)
}

/// A connection of an attacker who has been welcomed.
#[derive(Debug)]
pub(crate) struct Native {
    pub(crate) quic: Quic,
    pub(crate) welcome: Box<Welcome>,
    _open: OpenGuard,
}

impl Native {
    /// Connects and joins the attempt's match.
    pub(crate) async fn join(attempt: &Attempt) -> Result<Self, Answer> {
        let (url, trust) = attempt.quic.as_ref().ok_or(Answer::NotConnected)?;
        let from = attempt.datagrams.and_then(|target| source(attempt, target));
        let connecting = Quic::connect_from(url, trust, from);
        let Ok(Ok(mut quic)) = tokio::time::timeout(PATIENCE, connecting).await else {
            return Err(Answer::NotConnected);
        };
        let _open = attempt.tally.opened();
        // A connection that takes nothing has been closed: its code is heard next.
        let _ = quic.send(&attempt.hello()).await;
        loop {
            let message = hear(&mut quic).await?;
            if let Ok(ServerMessage::Welcome(welcome)) = from_server(&message, Encoding::Msgpack) {
                return Ok(Self { quic, welcome, _open });
            }
        }
    }

    /// The next message or the end. Nothing is lost if the future is dropped.
    pub(crate) async fn hear(&mut self) -> Result<(), Answer> {
        hear(&mut self.quic).await.map(drop)
    }
}

async fn hear(quic: &mut Quic) -> Result<Vec<u8>, Answer> {
    match quic.receive().await {
        Incoming::Message(message) => Ok(message.to_vec()),
        Incoming::Closed { code: Some(code), .. } => Err(Answer::Closed(code)),
        Incoming::Closed { code: None, .. } => Err(Answer::Ended),
    }
}
