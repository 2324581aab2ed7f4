//! Connects and never gets to a request: every other attacker says nothing at all, the others a byte of an
//! endless header at a time.

use crate::hostile::attempt::Attempt;
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

const BEGINNING: &[u8] = b"GET /v1/matches HTTP/1.1\r\nHost: h\r\nX-Endless: ";

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, None).await?;
    if attempt.number.is_multiple_of(2) {
        return wire.status().await.map(Answer::Status);
    }
    let mut rhythm = attempt.rhythm();
    let mut bytes = BEGINNING.iter().chain(std::iter::repeat(&b'a'));
    loop {
        tokio::select! {
            status = wire.status() => return status.map(Answer::Status),
            _ = rhythm.due() => {}
        }
        let next = bytes.next().copied().unwrap_or(b'a');
        wire.send(attempt, &[next]).await?;
    }
}
