//! Sends datagrams that are no packets of any connection to the server's UDP port: noise, and what begins like a
//! packet of QUIC (RFC 9000 section 17) but is none. Answers are counted, each as one.

use crate::hostile::attempt::Attempt;
use crate::hostile::native;
use crate::hostile::tally::Answer;

/// A datagram that could begin a connection has at least so many bytes (RFC 9000 section 14.1).
const INITIAL_BYTES: usize = 1_200;
const VERSION_1: [u8; 4] = [0, 0, 0, 1];

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let socket = native::socket(attempt).await?;
    let _open = attempt.tally.opened();
    let mut rhythm = attempt.rhythm();
    let mut heard = [0; native::PACKET_BYTES_MAX];
    loop {
        tokio::select! {
            received = socket.recv(&mut heard) => {
                if received.is_ok() {
                    attempt.tally.answer(Answer::Datagram);
                }
            }
            burst = rhythm.due() => {
                for _ in 0..burst {
                    let datagram = junk(attempt);
                    // A refused port is an answer too: there is nobody, and nothing to stop for.
                    if socket.send(&datagram).await.is_ok() {
                        attempt.tally.sent(1, datagram.len() as u64);
                    }
                }
            }
        }
    }
}

fn junk(attempt: &mut Attempt) -> Vec<u8> {
    let kind = attempt.random.next() % 5;
    let length = match kind {
        0 => (attempt.random.next() % 24) as usize,
        1 => 64,
        _ => INITIAL_BYTES,
    };
    let mut datagram = vec![0; length];
    attempt.random.fill(&mut datagram);
    match (kind, datagram.as_mut_slice()) {
        // A short header for a connection that is not there.
        (1, [first, ..]) => *first = 0x40 | (*first & 0x3f),
        // A long header of the known version, and one of a version that nobody knows.
        (2, [first, version @ ..]) => {
            *first = 0xc0 | (*first & 0x0f);
            version[..4].copy_from_slice(&VERSION_1);
        }
        (3, [first, version @ ..]) => {
            *first |= 0x80;
            version[..4].copy_from_slice(&[0x1a, 0x2a, 0x3a, 0x4a]);
        }
        _ => {}
    }
    datagram
}
