//! What a player does: runs about, turns the gun with every message, shoots.

use tickstone_shared::input::InputRow;

/// Points of the compass.
const POINTS: u32 = 64;
/// A player changes course once in so many inputs, on average.
const COURSE_INPUTS: u32 = 24;
/// Of so many inputs the last ones leave the trigger alone.
const TRIGGER_INPUTS: u32 = 12;
const TRIGGER_HELD: u32 = 10;

/// One player's moves; the same for the same seed.
pub(crate) struct Moves {
    random: u32,
    inputs: u32,
    course: u32,
    aim: u32,
}

impl Moves {
    /// A player's.
    pub(crate) fn new(seed: u32) -> Self {
        let random = seed.wrapping_mul(0x9e37_79b9) | 1;
        Self { random, inputs: seed, course: random >> 8, aim: random >> 16 }
    }

    /// Random bits.
    pub(crate) fn random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }

    /// The next input of the arena: move x and y, aim x and y, buttons.
    pub(crate) fn next(&mut self) -> InputRow {
        let random = self.random();
        self.inputs = self.inputs.wrapping_add(1);
        if random.is_multiple_of(COURSE_INPUTS) {
            self.course = random >> 8;
        }
        self.aim = self.aim.wrapping_add(1 + (random >> 30));
        let shoots = self.inputs % TRIGGER_INPUTS < TRIGGER_HELD;
        let ([move_x, move_y], [aim_x, aim_y]) = (point(self.course), point(self.aim));
        InputRow::new(&[move_x, move_y, aim_x, aim_y, u8::from(shoots)]).expect("an input is 5 bytes")
    }
}

/// A direction, as two stored `i8`.
fn point(number: u32) -> [u8; 2] {
    let angle = f64::from(number % POINTS) / f64::from(POINTS) * std::f64::consts::TAU;
    [angle.cos(), angle.sin()].map(|axis| (axis * 127.0) as i8 as u8)
}
