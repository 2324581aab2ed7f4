//! Joins and reads nothing more, with a receive buffer as small as the system allows. Shortly before the attack
//! ends it reads what is left, to see what it was told.

use crate::hostile::attempt::Attempt;
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

const RECEIVE_BUFFER_BYTES: u32 = 4 * 1024;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, Some(RECEIVE_BUFFER_BYTES)).await?;
    wire.join(attempt).await?;
    wire.hear().await?;
    tokio::select! {
        () = wire.broken() => {}
        () = attempt.last_look() => {}
    }
    Ok(wire.answer().await)
}
