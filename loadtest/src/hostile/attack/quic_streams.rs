//! Joins over QUIC and opens streams in both directions, as many as it is let, with a byte on each.

use std::time::Duration;

use crate::hostile::attempt::Attempt;
use crate::hostile::native::Native;
use crate::hostile::tally::Answer;

/// A stream that is not given by then is not given at all.
const OPENING: Duration = Duration::from_millis(1);

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut native = Native::join(attempt).await?;
    let mut rhythm = attempt.rhythm();
    // The server says how many there can be, so these are few.
    let mut open = Vec::new();
    loop {
        tokio::select! {
            heard = native.hear() => {
                heard?;
                continue;
            }
            _ = rhythm.due() => {}
        }
        let connection = native.quic.connection();
        let one_way = async { connection.open_uni().await.ok() };
        let both_ways = async { connection.open_bi().await.ok().map(|(send, _)| send) };
        let opened = if attempt.random.next().is_multiple_of(2) {
            tokio::time::timeout(OPENING, one_way).await
        } else {
            tokio::time::timeout(OPENING, both_ways).await
        };
        if let Ok(Some(mut stream)) = opened
            && stream.write_all(b"x").await.is_ok()
        {
            attempt.tally.sent(1, 1);
            open.push(stream);
        }
    }
}
