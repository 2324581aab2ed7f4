//! The dead come back.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut};

use super::UNIT;
use super::body::Body;
use super::combat::Fighter;
use super::crowd::Crowd;
use super::stage::Stage;
use super::terrain::Terrain;
use crate::ids::NetId;
use crate::sim::world::{Rng, Step};

/// From death to life.
pub const RESPAWN_TICKS: u64 = 120;
/// A spawn point with somebody this near is taken only if chance offers no better one.
const ROOM: i32 = 4 * UNIT;
/// Spawn points that chance offers.
const OFFERS: u32 = 4;

/// What comes back.
pub(super) type Fallen<'w, 's> =
    Query<'w, 's, (&'static NetId, Entity, &'static mut Fighter, &'static mut Body)>;

/// Puts everybody whose time has come on a spawn point that chance picks.
pub(super) fn respawn(mut fighters: Fallen<'_, '_>, step: Res<'_, Step>, mut stage: ResMut<'_, Stage>) {
    let Stage { terrain, crowd, returning, .. } = &mut *stage;
    for (id, entity, fighter, _) in &fighters {
        if !fighter.is_alive() && fighter.respawn_at <= step.tick {
            returning.push((*id, entity));
        }
    }
    if returning.is_empty() {
        return;
    }
    returning.sort_unstable();
    let mut random = step.random("respawn");
    for (_, entity) in returning.drain(..) {
        let place = offered_place(&mut random, terrain, crowd);
        let (_, _, mut fighter, mut body) = fighters.get_mut(entity).expect("it was listed in this tick");
        *fighter = Fighter { ready_at: fighter.ready_at, ..Fighter::fresh() };
        body.place(place);
    }
}

/// The first offer with room around it, or the last.
fn offered_place(random: &mut impl Rng, terrain: &Terrain, crowd: &Crowd) -> (i32, i32) {
    let mut place = terrain.spawn(0);
    for _ in 0..OFFERS {
        place = terrain.spawn(random.next_u32() as usize % terrain.spawn_count());
        let mut is_free = true;
        crowd.near(place.0, place.1, ROOM, |body| {
            is_free &= (body.x - place.0).abs() > ROOM || (body.y - place.1).abs() > ROOM;
        });
        if is_free {
            break;
        }
    }
    place
}
