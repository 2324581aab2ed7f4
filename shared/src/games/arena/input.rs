//! What a player wants in one tick: a stick, a direction and buttons, in five bytes.

use serde::{Deserialize, Serialize};

use super::geometry::within_disc;
use crate::schema::FieldKind;
use crate::sim::game::{Fields, Input, InputField};

/// The bit of `buttons` that shoots.
pub const SHOOT: u8 = 1;
/// The full deflection of the stick.
const FULL: i32 = 127;
/// So many ticks after the last input a starved player stands still.
pub const STARVED_TICKS: u32 = 15;

/// The stick (`move_x`, `move_y`), clamped to the disc of radius 127; the direction of the gun (`aim_x`,
/// `aim_y`), of any length, where zero keeps the last one; and the buttons held. x grows to the right, y
/// down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArenaInput {
    /// The stick, to the right.
    pub move_x: i8,
    /// The stick, down.
    pub move_y: i8,
    /// The gun, to the right.
    pub aim_x: i8,
    /// The gun, down.
    pub aim_y: i8,
    /// Bits: [`SHOOT`].
    pub buttons: u8,
}

impl Input for ArenaInput {
    const FIELDS: &'static [InputField] = &[
        InputField::new("move_x", FieldKind::I8),
        InputField::new("move_y", FieldKind::I8),
        InputField::new("aim_x", FieldKind::I8),
        InputField::new("aim_y", FieldKind::I8),
        InputField::new("buttons", FieldKind::U8),
    ];

    fn from_fields(fields: &[i64]) -> Self {
        let axis = |index: usize| fields.get(index).map_or(0, |value| (*value).clamp(-127, 127) as i32);
        let (move_x, move_y) = within_disc(axis(0), axis(1), FULL);
        let buttons = fields.get(4).map_or(0, |value| (*value & 0xff) as u8);
        Self {
            move_x: move_x as i8,
            move_y: move_y as i8,
            aim_x: axis(2) as i8,
            aim_y: axis(3) as i8,
            buttons: buttons & SHOOT,
        }
    }

    fn to_fields(self, fields: &mut Fields) {
        let axes = [self.move_x, self.move_y, self.aim_x, self.aim_y];
        fields.extend(axes.map(i64::from));
        fields.push(i64::from(self.buttons));
    }

    /// The stick glides back to the middle; the gun and the buttons stay as they were.
    fn starved(self, ticks: u32) -> Self {
        let left = STARVED_TICKS.saturating_sub(ticks) as i32;
        let faded = |axis: i8| (i32::from(axis) * left / STARVED_TICKS as i32) as i8;
        Self { move_x: faded(self.move_x), move_y: faded(self.move_y), ..self }
    }
}
