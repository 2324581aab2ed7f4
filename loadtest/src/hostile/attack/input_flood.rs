//! Joins and sends inputs as fast as its rhythm, each well-formed and for a tick that may come.

use tickstone_shared::input::{Acknowledged, InputBatch, InputRow};
use tickstone_shared::schema::row_bytes;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::encode::packed_input;
use tickstone_shared::wire::message::{ServerMessage, Welcome};
use tickstone_shared::wire::version::Encoding;

use crate::hostile::attempt::Attempt;
use crate::hostile::frames::{BINARY, push_frame};
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, None).await?;
    wire.join(attempt).await?;
    let welcome = loop {
        if let Ok(ServerMessage::Welcome(welcome)) = from_server(&wire.hear().await?, Encoding::Msgpack) {
            break welcome;
        }
    };
    let mut rhythm = attempt.rhythm();
    let (mut number, mut message, mut bytes) = (welcome.last_input, Vec::new(), Vec::new());
    loop {
        tokio::select! {
            heard = wire.hear() => {
                heard?;
                continue;
            }
            burst = rhythm.due() => {
                bytes.clear();
                for _ in 0..burst {
                    number = number.wrapping_add(1);
                    message.clear();
                    packed_input(&flood(&welcome, number), &mut message);
                    push_frame(&mut bytes, BINARY, &message, &mut attempt.random);
                }
                attempt.tally.sent(burst - 1, 0);
            }
        }
        wire.send(attempt, &bytes).await?;
    }
}

/// An input of this number, well-formed and for a tick that may come.
pub(super) fn flood(welcome: &Welcome, number: u32) -> InputBatch {
    let row = InputRow::new(&vec![0; row_bytes(&welcome.schema.input)]).unwrap_or_default();
    InputBatch {
        epoch: welcome.epoch,
        first_tick: Tick(welcome.tick.0 + u64::from(number) % 60),
        first_seq: number,
        acknowledged: Acknowledged::only(welcome.tick),
        rows: std::iter::once(row).collect(),
    }
}
