//! Health, and what hits do to it.
//!
//! Responsible for: damage, death and who gets the credit. Not responsible for: finding hits, coming back.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::system::Query;
use serde::{Deserialize, Serialize};

use super::body::{Body, Player};
use super::respawn::RESPAWN_TICKS;
use super::score::Score;
use super::stage::Stage;
use crate::ids::NetId;
use crate::schema::FieldKind;
use crate::sim::shadow::FieldOf;
use crate::time::Tick;

/// The health of a fresh player.
pub const HEALTH_MAX: u8 = 100;
/// What a hit takes.
pub const DAMAGE: u8 = 25;

/// What a player can take and when they may shoot.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fighter {
    /// 0 is dead.
    pub health: u8,
    /// The first tick in which they may shoot again.
    pub ready_at: Tick,
    /// The tick in which they come back, if they are dead.
    pub respawn_at: Tick,
}

impl Fighter {
    /// A player in full health, ready to shoot.
    pub fn fresh() -> Self {
        Self { health: HEALTH_MAX, ready_at: Tick(0), respawn_at: Tick(0) }
    }

    /// Whether they live.
    pub fn is_alive(&self) -> bool {
        self.health > 0
    }

    pub(super) fn fields() -> Vec<FieldOf<Self>> {
        vec![FieldOf::new("health", FieldKind::U8, |fighter| i64::from(fighter.health))]
    }
}

/// A projectile that met a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) projectile: NetId,
    pub(super) owner: u16,
    pub(super) victim: Entity,
}

/// A death, to be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kill {
    pub(super) by: u16,
    pub(super) victim: u16,
}

/// What a hit can change of a player.
pub(super) type Fighters<'w, 's> =
    Query<'w, 's, (&'static Player, &'static mut Body, &'static mut Fighter, &'static mut Score)>;

/// Hits become damage and death, in the order in which the projectiles were fired.
pub(super) fn wound(fighters: &mut Fighters<'_, '_>, stage: &mut Stage, tick: Tick) {
    let Stage { hits, kills, crowd, .. } = stage;
    hits.sort_unstable_by_key(|hit| hit.projectile);
    for hit in hits.drain(..) {
        let Some(victim) = strike(fighters, hit.victim, tick) else { continue };
        let killer = crowd.of_seat(hit.owner).map(|standing| standing.entity);
        if let Some((.., mut score)) = killer.and_then(|entity| fighters.get_mut(entity).ok()) {
            score.kills = score.kills.saturating_add(1);
        }
        kills.push(Kill { by: hit.owner, victim });
    }
}

/// Takes a hit's damage; the victim's seat if that was their death.
fn strike(fighters: &mut Fighters<'_, '_>, victim: Entity, tick: Tick) -> Option<u16> {
    let (player, mut body, mut fighter, mut score) = fighters.get_mut(victim).ok()?;
    if !fighter.is_alive() {
        return None;
    }
    fighter.health = fighter.health.saturating_sub(DAMAGE);
    if fighter.is_alive() {
        return None;
    }
    fighter.respawn_at = Tick(tick.0 + RESPAWN_TICKS);
    score.deaths = score.deaths.saturating_add(1);
    (body.vx, body.vy) = (0, 0);
    Some(player.seat)
}
