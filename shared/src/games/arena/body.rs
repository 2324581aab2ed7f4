//! Bodies: who they belong to, where they are and how a stick moves them.
//!
//! Responsible for: steering, and walking into walls. Not responsible for: bodies that meet, see `crowd`.

use bevy_ecs::component::Component;
use serde::{Deserialize, Serialize};

use super::geometry::{length_up, with_length, within_disc};
use super::input::ArenaInput;
use super::terrain::Terrain;
use crate::ids::PlayerName;
use crate::schema::FieldKind;
use crate::sim::shadow::FieldOf;

/// The radius of a body, in 1/256 unit: 0.4 units.
pub const RADIUS: i32 = 102;
/// The fastest a body walks, in 1/256 unit a tick: 7.5 units a second.
pub const SPEED_MAX: i32 = 32;
/// How much a stick changes a velocity in one tick: full speed after 8 ticks.
pub const ACCELERATION: i32 = 4;
/// How much a body slows down in one tick when the stick is let go.
pub const FRICTION: i32 = 2;

/// Whose a body is.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// Their seat.
    pub seat: u16,
    /// Whether their connection stands.
    pub connected: bool,
}

impl Player {
    pub(super) fn fields() -> Vec<FieldOf<Self>> {
        vec![
            FieldOf::new("seat", FieldKind::U16, |player| i64::from(player.seat)),
            FieldOf::new("connected", FieldKind::Bool, |player| i64::from(player.connected)),
        ]
    }
}

/// What a player is called.
#[derive(Component, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(pub PlayerName);

/// Where a body is, how it moves and where its gun points.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Its centre, to the right, in 1/256 unit.
    pub x: i32,
    /// Its centre, down, in 1/256 unit.
    pub y: i32,
    /// 1/256 unit a tick, to the right.
    pub vx: i32,
    /// 1/256 unit a tick, down.
    pub vy: i32,
    /// The gun's direction, of any length but zero.
    pub aim_x: i8,
    /// The gun's direction, of any length but zero.
    pub aim_y: i8,
}

impl Body {
    /// A body at rest, its gun to the right.
    pub fn at((x, y): (i32, i32)) -> Self {
        Self { x, y, vx: 0, vy: 0, aim_x: 127, aim_y: 0 }
    }

    /// Puts the body somewhere else, at rest; the gun keeps its direction.
    pub fn place(&mut self, (x, y): (i32, i32)) {
        *self = Self { aim_x: self.aim_x, aim_y: self.aim_y, ..Self::at((x, y)) };
    }

    pub(super) fn fields() -> Vec<FieldOf<Self>> {
        vec![
            FieldOf::new("x", FieldKind::I32, |body: &Self| i64::from(body.x)).per_unit(256),
            FieldOf::new("y", FieldKind::I32, |body: &Self| i64::from(body.y)).per_unit(256),
            FieldOf::new("vx", FieldKind::I16, |body: &Self| i64::from(body.vx)).per_unit(256),
            FieldOf::new("vy", FieldKind::I16, |body: &Self| i64::from(body.vy)).per_unit(256),
            FieldOf::new("aim_x", FieldKind::I8, |body| i64::from(body.aim_x)),
            FieldOf::new("aim_y", FieldKind::I8, |body| i64::from(body.aim_y)),
        ]
    }

    /// One tick of a stick: the velocity goes straight toward the one the stick asks for.
    pub(super) fn steer(&mut self, input: ArenaInput) {
        if (input.aim_x, input.aim_y) != (0, 0) {
            (self.aim_x, self.aim_y) = (input.aim_x, input.aim_y);
        }
        let (stick_x, stick_y) = (i32::from(input.move_x), i32::from(input.move_y));
        let goal = (stick_x * SPEED_MAX / 127, stick_y * SPEED_MAX / 127);
        let most = if (stick_x, stick_y) == (0, 0) { FRICTION } else { ACCELERATION };
        let (change_x, change_y) = (goal.0 - self.vx, goal.1 - self.vy);
        (self.vx, self.vy) = if length_up(change_x, change_y) <= most {
            goal
        } else {
            let (by_x, by_y) = with_length(change_x, change_y, most);
            within_disc(self.vx + by_x, self.vy + by_y, SPEED_MAX)
        };
    }

    /// One tick of walking: velocity becomes position, and a wall takes the velocity that ran into it. The dead
    /// have none.
    pub(super) fn walk(&mut self, terrain: &Terrain) {
        if (self.vx, self.vy) == (0, 0) {
            return;
        }
        let slid = terrain.slide(self.x, self.y, self.vx, self.vy);
        (self.x, self.y) = (slid.x, slid.y);
        self.vx = if slid.free_x { self.vx } else { 0 };
        self.vy = if slid.free_y { self.vy } else { 0 };
    }
}
