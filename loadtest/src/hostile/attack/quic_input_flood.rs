//! Joins over QUIC and sends inputs in datagrams as fast as its rhythm, each well-formed.

use tickstone_shared::wire::encode::packed_input;

use super::input_flood::flood;
use crate::hostile::attempt::Attempt;
use crate::hostile::native::Native;
use crate::hostile::tally::Answer;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut native = Native::join(attempt).await?;
    let mut rhythm = attempt.rhythm();
    let (mut number, mut message) = (native.welcome.last_input, Vec::new());
    loop {
        let burst = tokio::select! {
            heard = native.hear() => {
                heard?;
                continue;
            }
            burst = rhythm.due() => burst,
        };
        for _ in 0..burst {
            number = number.wrapping_add(1);
            message.clear();
            packed_input(&flood(&native.welcome, number), &mut message);
            // A connection that takes no more has been closed: its code is heard next.
            if native.quic.send_datagram(&message).is_ok() {
                attempt.tally.sent(1, message.len() as u64);
            }
        }
    }
}
