//! Joins over QUIC and goes on from another port with every beat of its rhythm: the server is to follow, and to ask
//! each time whether it is there.

use crate::hostile::attempt::Attempt;
use crate::hostile::native::Native;
use crate::hostile::tally::Answer;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut native = Native::join(attempt).await?;
    let mut rhythm = attempt.rhythm();
    loop {
        tokio::select! {
            heard = native.hear() => heard?,
            _ = rhythm.due() => {
                native.quic.rebind().map_err(|_| Answer::NotConnected)?;
                attempt.tally.sent(1, 0);
            }
        }
    }
}
