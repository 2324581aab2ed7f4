//! What players want: sticks and triggers.

use bevy_ecs::system::{Commands, Query, Res, ResMut};

use super::body::{Body, Player};
use super::combat::Fighter;
use super::input::{ArenaInput, SHOOT};
use super::projectile::fired_by;
use super::round::{Round, RoundPhase};
use super::stage::Stage;
use crate::ids::{NetId, Seat};
use crate::sim::world::{Inputs, NetIds, Step};
use crate::time::Tick;

/// What an input moves.
type Actors<'w, 's> =
    Query<'w, 's, (&'static NetId, &'static Player, &'static mut Body, &'static mut Fighter)>;

/// For everybody who lives, sticks become velocities and, while a round is played, triggers become projectiles.
pub(super) fn act(
    mut actors: Actors<'_, '_>,
    rounds: Query<'_, '_, &Round>,
    inputs: Res<'_, Inputs<ArenaInput>>,
    step: Res<'_, Step>,
    mut stage: ResMut<'_, Stage>,
    mut ids: ResMut<'_, NetIds>,
    mut commands: Commands<'_, '_>,
) {
    let is_playing = rounds.iter().any(|round| round.phase == RoundPhase::Playing);
    let cooldown = u64::from(stage.numbers.cooldown_ticks);
    for (id, player, mut body, mut fighter) in &mut actors {
        if !fighter.is_alive() {
            continue;
        }
        let input = inputs.of(Seat(player.seat));
        body.steer(input);
        if is_playing && input.buttons & SHOOT != 0 && fighter.ready_at <= step.tick {
            fighter.ready_at = Tick(step.tick.0 + cooldown);
            stage.shots.push((*id, fired_by(player, &body, step.tick)));
        }
    }
    stage.shots.sort_unstable_by_key(|(shooter, _)| *shooter);
    for (_, projectile) in stage.shots.drain(..) {
        commands.spawn((ids.fresh(), projectile));
    }
}
