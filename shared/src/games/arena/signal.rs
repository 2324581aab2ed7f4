//! What a backend or an operator can ask of a running arena.
//!
//! `scores` answers who stands where; nothing changes. `announce` tells every player a text, as the event
//! `announce`.

use bevy_ecs::world::World;
use serde_json::{Value, json};

use super::round::Round;
use super::score::table;
use crate::sim::game::{SignalAnswer, SignalRefused};
use crate::sim::world::Outbox;

/// Characters of an announcement.
pub(super) const ANNOUNCEMENT_CHARS_MAX: usize = 256;

pub(super) fn answer(world: &World, name: &str, data: &Value) -> Result<SignalAnswer, SignalRefused> {
    match name {
        "scores" => {
            let round = Round::of(world);
            let reply = json!({
                "phase": round.phase.name(),
                "ends": round.ends,
                "rounds": round.played,
                "scores": table(world),
            });
            Ok(SignalAnswer { reply, change: None })
        }
        "announce" => {
            let text = data.get("text").and_then(Value::as_str).filter(|text| is_announcement(text));
            let text = text.ok_or(SignalRefused(
                "announce: expected data {\"text\"} of 1 to 256 characters, no controls",
            ))?;
            Ok(SignalAnswer {
                reply: json!({ "announced": true }),
                change: Some(json!({ "announce": text })),
            })
        }
        _ => Err(SignalRefused("signals of arena: scores announce")),
    }
}

fn is_announcement(text: &str) -> bool {
    (1..=ANNOUNCEMENT_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

pub(super) fn carry_out(world: &mut World, change: &Value) {
    if let Some(text) = change.get("announce").and_then(Value::as_str) {
        let data = json!({ "text": text });
        world.resource_mut::<Outbox>().event("announce", data);
    }
}
