//! Upgrades, closes at once and comes again. Every other time it does not even say goodbye.

use crate::hostile::attempt::Attempt;
use crate::hostile::frames::{CLOSE, push_frame};
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, None).await?;
    wire.upgrade(attempt).await?;
    if attempt.random.next().is_multiple_of(2) {
        return Ok(Answer::Done);
    }
    let mut goodbye = Vec::new();
    push_frame(&mut goodbye, CLOSE, &1000_u16.to_be_bytes(), &mut attempt.random);
    wire.send(attempt, &goodbye).await?;
    Ok(wire.answer().await)
}
