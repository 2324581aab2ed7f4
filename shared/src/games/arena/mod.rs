//! *Arena*, a top-down shooter for 2 to 1,000 players.
//!
//! Responsible for: the rules of that one game, from a stick's position to a round's winner.
//! Not responsible for: seats and who holds them, ticks and when they are due, what is sent to whom.
//!
//! Invariant: no floating point. Positions are in 1/256 unit, velocities in 1/256 unit a tick, and every
//! division rounds toward zero, so that a client in any language predicts the same bits.
//!
//! Invariant: no system depends on the order in which a query gives entities, because a restored world has
//! another one. A system either treats each entity by itself, or adds integers up, or collects the few rows
//! whose order matters into a scratch list and sorts that by `NetId`.
//!
//! Invariant: a tick in which nobody dies allocates nothing. Scratch lists keep their room from tick to tick;
//! they are never saved, because every tick fills them anew before it reads them.

mod body;
mod combat;
mod crowd;
mod game;
pub mod geometry;
mod input;
mod intent;
pub mod map;
mod pickup;
mod prediction;
mod projectile;
mod respawn;
pub mod round;
mod rules;
mod score;
mod signal;
mod stage;
mod terrain;

pub use body::{ACCELERATION, Body, FRICTION, Name, Player, RADIUS, SPEED_MAX};
pub use combat::{DAMAGE, Fighter, HEALTH_MAX};
pub use crowd::{Crowd, PUSH_MAX, Standing};
pub use game::Arena;
pub use geometry::UNIT;
pub use input::{ArenaInput, SHOOT, STARVED_TICKS};
pub use pickup::{PICKUP_HEALTH, PICKUP_RETURN_TICKS, Pickup};
pub use prediction::ArenaPrediction;
pub use projectile::{PROJECTILE_LIFE_TICKS, PROJECTILE_SPEED, Projectile};
pub use respawn::RESPAWN_TICKS;
pub use rules::{Numbers, Options, Rules, SEES_EVERYTHING_MAX};
pub use score::Score;
pub use stage::Stage;
pub use terrain::{Slid, Terrain, Tiles};
