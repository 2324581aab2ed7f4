//! Joins and sends WebSocket pings, which a library answers without telling anybody.

use crate::hostile::attempt::Attempt;
use crate::hostile::frames::{PING, push_frame};
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, None).await?;
    wire.join(attempt).await?;
    let mut rhythm = attempt.rhythm();
    let mut bytes = Vec::new();
    loop {
        tokio::select! {
            heard = wire.hear() => {
                heard?;
                continue;
            }
            burst = rhythm.due() => {
                bytes.clear();
                (0..burst).for_each(|_| push_frame(&mut bytes, PING, b"flood", &mut attempt.random));
                attempt.tally.sent(burst - 1, 0);
            }
        }
        wire.send(attempt, &bytes).await?;
    }
}
