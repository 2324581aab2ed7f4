//! Upgrades and sends random bytes, which sometimes look like frames.

use crate::hostile::attempt::Attempt;
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

const GARBAGE_BYTES_MAX: u64 = 1_024;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, None).await?;
    wire.upgrade(attempt).await?;
    let mut rhythm = attempt.rhythm();
    loop {
        tokio::select! {
            heard = wire.hear() => {
                heard?;
                continue;
            }
            _ = rhythm.due() => {}
        }
        let mut garbage = vec![0; (1 + attempt.random.next() % GARBAGE_BYTES_MAX) as usize];
        attempt.random.fill(&mut garbage);
        wire.send(attempt, &garbage).await?;
    }
}
