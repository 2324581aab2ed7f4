//! Bare sockets: what one says all are sent, by one thread with one write for each, and nothing else is done. It is the
//! least that a room could cost.
//!
//! Not responsible for: anything a server owes its clients, from checking a handshake to what a socket does not take.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::rc::Rc;

use rustix::net::{SendFlags, send as send_now};
use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::clock::process_cpu;
use crate::fleet::FleetError;
use crate::hostile::frames::{FrameReader, Heard, TEXT};
use crate::hostile::limits;

/// Sockets there may be.
const SOCKETS_MAX: u64 = 20_000;
/// A request longer than this is none.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const READ_BYTES: usize = 4 * 1024;

/// Everybody who is sent what one of them says; none: they are gone.
type Everybody = Rc<RefCell<Vec<Option<OwnedWriteHalf>>>>;

/// Serves until the process that started it ends.
pub(super) fn run() -> Result<(), FleetError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    // Where there is not enough room, some cannot connect, which whoever started it sees.
    let _ = limits::make_room(SOCKETS_MAX);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(LocalSet::new().block_on(&runtime, serve())?)
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let ready = serde_json::json!({ "event": "ready", "http": listener.local_addr()? });
    writeln!(io::stdout().lock(), "{ready}")?;
    let everybody = Everybody::default();
    loop {
        let (tcp, _) = listener.accept().await?;
        let everybody = Rc::clone(&everybody);
        tokio::task::spawn_local(async move {
            // One that is broken is of no more use.
            let _ = talk(tcp, &everybody).await;
        });
    }
}

/// One connection: a socket, or somebody who asks what was used.
async fn talk(tcp: TcpStream, everybody: &Everybody) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let (mut read, mut write) = tcp.into_split();
    if head(&mut read).await?.starts_with(b"GET /metrics") {
        let used = format!("process_cpu_seconds_total {}\n", process_cpu().as_secs_f64());
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", used.len());
        return write.write_all((head + &used).as_bytes()).await;
    }
    let upgraded = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    write.write_all(upgraded.as_bytes()).await?;
    let number = everybody.borrow().len();
    everybody.borrow_mut().push(Some(write));
    let heard = hear(&mut read, everybody).await;
    everybody.borrow_mut()[number] = None;
    heard
}

async fn hear(read: &mut OwnedReadHalf, everybody: &Everybody) -> io::Result<()> {
    let mut reader = FrameReader::default();
    let mut chunk = [0; READ_BYTES];
    loop {
        match read.read(&mut chunk).await? {
            0 => return Ok(()),
            came => reader.push(&chunk[..came]),
        }
        while let Some(heard) = reader.next() {
            if let Heard::Message(payload) = heard {
                send(&framed(&payload), &everybody.borrow());
            }
        }
    }
}

fn send(frame: &[u8], everybody: &[Option<OwnedWriteHalf>]) {
    for socket in everybody.iter().flatten() {
        // One that takes nothing misses it, which whoever counts sees.
        let _ = send_now(socket.as_ref(), frame, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}

/// A text as a server's frame.
fn framed(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![TEXT];
    match u16::try_from(payload.len()) {
        Ok(length) if length > 125 => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Ok(length) => frame.push(length as u8),
        Err(_) => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

async fn head(read: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut chunk = [0; READ_BYTES];
        let came = read.read(&mut chunk).await?;
        head.extend_from_slice(&chunk[..came]);
        if came == 0 || head.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_read_as_they_were_written() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut reader = FrameReader::default();
            reader.push(&framed(&payload));
            assert_eq!(reader.next(), Some(Heard::Message(payload)), "{length}");
        }
    }
}
