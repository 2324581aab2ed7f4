//! Begins a handshake of QUIC with a first packet as a client would send it, and leaves it alone: the server has
//! done its sums and waits. Answers are counted, each as one.

use std::time::Duration;

use crate::hostile::attempt::Attempt;
use crate::hostile::native;
use crate::hostile::tally::Answer;

/// Longer than a server waits for a handshake.
const STAYS: Duration = Duration::from_secs(6);
/// The first bits of a packet that asks its sender to show where it is, in version 1.
const RETRY: u8 = 0xf0;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let packet = native::first_packet(attempt).await?;
    let socket = native::socket(attempt).await?;
    let _open = attempt.tally.opened();
    socket.send(&packet).await.map_err(|_| Answer::NotConnected)?;
    attempt.tally.sent(1, packet.len() as u64);
    let mut heard = [0; native::PACKET_BYTES_MAX];
    let answers = async {
        while let Ok(length) = socket.recv(&mut heard).await {
            let is_retry = length > 0 && heard[0] & RETRY == RETRY;
            attempt.tally.answer(if is_retry { Answer::Retry } else { Answer::Datagram });
        }
    };
    // A port that nobody listens on ends it; else it has waited for long enough.
    let _ = tokio::time::timeout(STAYS, answers).await;
    Ok(Answer::LeftAlone)
}
