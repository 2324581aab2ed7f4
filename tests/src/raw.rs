//! Bytes to a server and what it answers, for what no decent client would send.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::wait::PATIENCE;

/// Sends `bytes` and reads until the server closes: everything it said.
///
/// # Panics
/// If the server neither answers nor closes within [`PATIENCE`].
#[track_caller]
pub fn exchange(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = connect(addr);
    // A server that has refused already may have closed: what it said can still be read.
    let _ = tcp.write_all(bytes);
    let mut answer = Vec::new();
    if let Err(error) = tcp.read_to_end(&mut answer) {
        let waited = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        assert!(
            !waited,
            "the server neither went on nor closed; it said {}",
            String::from_utf8_lossy(&answer)
        );
    }
    answer
}

/// A connection whose reads and writes end after [`PATIENCE`].
#[track_caller]
pub fn connect(addr: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect(addr).expect("the server listens");
    tcp.set_read_timeout(Some(PATIENCE)).expect("it is a duration");
    tcp.set_write_timeout(Some(PATIENCE)).expect("it is a duration");
    tcp
}

/// The status of an HTTP answer and its text.
#[track_caller]
pub fn request(addr: SocketAddr, text: &str) -> (u16, String) {
    let answer = String::from_utf8_lossy(&exchange(addr, text.as_bytes())).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), answer)
}
