//! Where a match is played, and the lists a tick works with.
//!
//! One resource rather than ten: each is an entity of its own to bevy, and finding it touches about eight cache
//! lines, which among 100 matches all miss. Nothing here is saved: it follows from the rules, or every tick
//! fills it anew before it reads it.

use std::sync::Arc;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use super::combat::{Hit, Kill};
use super::crowd::Crowd;
use super::projectile::Projectile;
use super::rules::{Numbers, Rules};
use super::terrain::Terrain;
use crate::ids::NetId;

/// The stage of one match.
#[derive(Resource, Debug)]
pub struct Stage {
    /// What is solid. Shared by the matches that share their rules.
    pub terrain: Arc<Terrain>,
    /// The rules that are numbers.
    pub numbers: Numbers,
    /// The players by place.
    pub crowd: Crowd,
    /// The shots of a tick, to be given identities in the order of those who fired them.
    pub(super) shots: Vec<(NetId, Projectile)>,
    /// The hits of a tick.
    pub(super) hits: Vec<Hit>,
    /// The deaths of a tick.
    pub(super) kills: Vec<Kill>,
    /// The pickups somebody reaches in a tick, and who, to be taken in the order of their ids.
    pub(super) taken: Vec<(NetId, Entity, Entity)>,
    /// The dead of a tick whose time has come, to be put back in the order of their ids.
    pub(super) returning: Vec<(NetId, Entity)>,
}

impl Stage {
    /// An empty stage, with room for everybody.
    pub fn new(rules: &Rules) -> Self {
        let terrain = rules.terrain();
        let seats = usize::from(rules.numbers.players_max);
        Self {
            crowd: Crowd::new(&terrain, rules.numbers.players_max),
            numbers: rules.numbers,
            shots: Vec::with_capacity(seats),
            hits: Vec::with_capacity(seats),
            kills: Vec::with_capacity(seats),
            taken: Vec::with_capacity(rules.map.pickups.len()),
            returning: Vec::with_capacity(seats),
            terrain,
        }
    }

    /// Where the player of a seat appears when a round begins.
    pub fn spawn_of_seat(&self, seat: u16) -> (i32, i32) {
        self.terrain.spawn_of_seat(seat, self.numbers.players_max)
    }
}
