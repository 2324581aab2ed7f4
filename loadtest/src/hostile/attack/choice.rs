//! From a kind to what it does.

use super::{
    datagram_junk, empty_fragments, garbage_frames, garbage_http, half_open, handshake_flood, input_flood,
    ping_flood, quic_half_open, quic_input_flood, quic_moves, quic_streams, slow_reader,
};
use crate::hostile::attempt::Attempt;
use crate::hostile::options::AttackKind;
use crate::hostile::tally::Answer;

/// One attempt, to its end.
pub(crate) async fn run(kind: AttackKind, attempt: &mut Attempt) -> Answer {
    let ended = match kind {
        AttackKind::HalfOpen => half_open::attempt(attempt).await,
        AttackKind::SlowReader => slow_reader::attempt(attempt).await,
        AttackKind::InputFlood => input_flood::attempt(attempt).await,
        AttackKind::PingFlood => ping_flood::attempt(attempt).await,
        AttackKind::HandshakeFlood => handshake_flood::attempt(attempt).await,
        AttackKind::EmptyFragments => empty_fragments::attempt(attempt).await,
        AttackKind::GarbageFrames => garbage_frames::attempt(attempt).await,
        AttackKind::GarbageHttp => garbage_http::attempt(attempt).await,
        AttackKind::DatagramJunk => datagram_junk::attempt(attempt).await,
        AttackKind::QuicHalfOpen => quic_half_open::attempt(attempt).await,
        AttackKind::QuicInputFlood => quic_input_flood::attempt(attempt).await,
        AttackKind::QuicStreams => quic_streams::attempt(attempt).await,
        AttackKind::QuicMoves => quic_moves::attempt(attempt).await,
    };
    match ended {
        Ok(answer) | Err(answer) => answer,
    }
}
