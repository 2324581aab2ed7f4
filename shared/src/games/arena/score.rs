//! Who killed and died how often in a round, and what a match comes to.

use bevy_ecs::component::Component;
use bevy_ecs::world::World;
use serde::{Deserialize, Serialize};

use super::body::{Name, Player};
use crate::ids::PlayerName;
use crate::schema::FieldKind;
use crate::sim::shadow::FieldOf;

/// A player's count in the current round.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Score {
    /// Others they killed.
    pub kills: i16,
    /// Times they died.
    pub deaths: i16,
}

impl Score {
    pub(super) fn fields() -> Vec<FieldOf<Self>> {
        vec![
            FieldOf::new("kills", FieldKind::I16, |score| i64::from(score.kills)),
            FieldOf::new("deaths", FieldKind::I16, |score| i64::from(score.deaths)),
        ]
    }
}

/// How many others everybody killed in the last round.
pub(super) fn kills(world: &World) -> Vec<(PlayerName, i64)> {
    let players = world.try_query::<(&Name, &Score)>();
    players.map_or_else(Vec::new, |mut players| {
        players.iter(world).map(|(name, score)| (name.0.clone(), i64::from(score.kills))).collect()
    })
}

/// Everybody's score in the last round, by seat.
pub(super) fn table(world: &World) -> serde_json::Value {
    let mut rows: Vec<_> =
        world.try_query::<(&Player, &Name, &Score)>().map_or_else(Vec::new, |mut players| {
            players.iter(world).map(|(player, name, score)| (player.seat, name.0.as_str(), *score)).collect()
        });
    rows.sort_unstable_by_key(|(seat, ..)| *seat);
    rows.into_iter()
        .map(|(seat, name, Score { kills, deaths })| {
            serde_json::json!({ "seat": seat, "name": name, "kills": kills, "deaths": deaths })
        })
        .collect()
}
