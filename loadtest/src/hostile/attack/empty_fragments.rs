//! Joins, begins a message and adds nothing to it, for ever: bytes that no message ever shows.

use crate::hostile::attempt::Attempt;
use crate::hostile::frames::{BINARY_FIRST_FRAGMENT, CONTINUATION_FRAGMENT, push_frame};
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, None).await?;
    wire.join(attempt).await?;
    let mut bytes = Vec::new();
    push_frame(&mut bytes, BINARY_FIRST_FRAGMENT, &[], &mut attempt.random);
    wire.send(attempt, &bytes).await?;
    let mut rhythm = attempt.rhythm();
    loop {
        tokio::select! {
            heard = wire.hear() => {
                heard?;
                continue;
            }
            burst = rhythm.due() => {
                bytes.clear();
                (0..burst).for_each(|_| push_frame(&mut bytes, CONTINUATION_FRAGMENT, &[], &mut attempt.random));
                attempt.tally.sent(burst - 1, 0);
            }
        }
        wire.send(attempt, &bytes).await?;
    }
}
