//! The map in the form a tick wants it: one bit a tile, and where bodies stop.
//!
//! Responsible for: what is solid, moving a square until it touches a wall, where players appear.
//! Not responsible for: who moves and why.

use super::map::Map;
use super::{RADIUS, UNIT};

/// A set of tiles of one map. Everything outside the map is in it: the edge is a wall.
#[derive(Debug, Clone)]
pub struct Tiles {
    width: i32,
    height: i32,
    bits: Vec<u64>,
}

impl Tiles {
    /// The solid tiles of a map.
    pub fn new(map: &Map) -> Self {
        let mut tiles = Self::none_of(i32::from(map.width), i32::from(map.height));
        for wall in &map.walls {
            let [x, y, width, height] = wall.map(i32::from);
            for row in y..(y + height).min(tiles.height) {
                for column in x..(x + width).min(tiles.width) {
                    tiles.insert(column, row);
                }
            }
        }
        tiles
    }

    fn none_of(width: i32, height: i32) -> Self {
        let count = usize::try_from(width * height).expect("both sides are at least 0");
        Self { width, height, bits: vec![0; count.div_ceil(64)] }
    }

    fn insert(&mut self, x: i32, y: i32) {
        let index = (y * self.width + x) as usize;
        self.bits[index / 64] |= 1 << (index % 64);
    }

    /// Whether a tile is in the set, as everything outside the map is.
    pub fn is_solid(&self, x: i32, y: i32) -> bool {
        if x < 0 || y < 0 || x >= self.width || y >= self.height {
            return true;
        }
        let index = (y * self.width + x) as usize;
        self.bits[index / 64] >> (index % 64) & 1 == 1
    }

    /// The tiles that can be walked to from one that is free, sideways and up and down.
    pub fn reached_from(&self, start: [u16; 2]) -> Self {
        let mut reached = Self::none_of(self.width, self.height);
        let mut waiting = vec![(i32::from(start[0]), i32::from(start[1]))];
        while let Some((x, y)) = waiting.pop() {
            if self.is_solid(x, y) || reached.is_solid(x, y) {
                continue;
            }
            reached.insert(x, y);
            waiting.extend([(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]);
        }
        reached
    }
}

/// The map of a running match. Follows from the rules, so it is made anew after every restore.
#[derive(Debug)]
pub struct Terrain {
    map_name: String,
    tiles: Tiles,
    spawns: Vec<(i32, i32)>,
}

impl Terrain {
    /// The terrain of a checked map.
    pub fn new(map: &Map) -> Self {
        let tiles = Tiles::new(map);
        let spawns = map.spawn_tiles(&tiles).into_iter().map(middle_of).collect();
        Self { map_name: map.name.clone(), tiles, spawns }
    }

    /// What the map is called.
    pub fn map_name(&self) -> &str {
        &self.map_name
    }

    /// Width and height in stored units.
    pub fn size(&self) -> (i32, i32) {
        (self.tiles.width * UNIT, self.tiles.height * UNIT)
    }

    /// Whether a point is in a wall or outside the map.
    pub fn blocks(&self, x: i32, y: i32) -> bool {
        self.tiles.is_solid(x.div_euclid(UNIT), y.div_euclid(UNIT))
    }

    /// Whether a wall stands between two points. Looks every half a tile along the line: of a wall's corner less
    /// than that may be in the way.
    pub fn hides(&self, from: (i32, i32), to: (i32, i32)) -> bool {
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let looks = across.abs().max(down.abs()) / (UNIT / 2);
        (1..=looks).any(|look| {
            let part = |whole: i32| (i64::from(whole) * i64::from(look) / i64::from(looks + 1)) as i32;
            self.blocks(from.0 + part(across), from.1 + part(down))
        })
    }

    /// Whether a body standing there would be in a wall: bodies are squares to walls and discs to each other.
    pub fn blocks_body(&self, x: i32, y: i32) -> bool {
        let (left, right) = ((x - RADIUS).div_euclid(UNIT), (x + RADIUS - 1).div_euclid(UNIT));
        let (top, bottom) = ((y - RADIUS).div_euclid(UNIT), (y + RADIUS - 1).div_euclid(UNIT));
        (top..=bottom).any(|row| (left..=right).any(|column| self.tiles.is_solid(column, row)))
    }

    /// Moves a body by less than a tile, first along x and then along y, each until it touches a wall: along
    /// a wall it slides. Returns where it is and whether each axis was free.
    pub fn slide(&self, x: i32, y: i32, by_x: i32, by_y: i32) -> Slid {
        let goal_x = x + by_x;
        let free_x = !self.blocks_body(goal_x, y);
        let x = if free_x { goal_x } else { touching(x, by_x) };
        let goal_y = y + by_y;
        let free_y = !self.blocks_body(x, goal_y);
        let y = if free_y { goal_y } else { touching(y, by_y) };
        Slid { x, y, free_x, free_y }
    }

    /// Where the player of a seat appears when a round begins: seats are spread over the whole map.
    pub fn spawn_of_seat(&self, seat: u16, seats: u16) -> (i32, i32) {
        let index = usize::from(seat) * self.spawns.len().max(usize::from(seats)) / usize::from(seats.max(1));
        self.spawn(index)
    }

    /// One of the spawn points; numbers beyond the last start over.
    pub fn spawn(&self, index: usize) -> (i32, i32) {
        self.spawns[index % self.spawns.len()]
    }

    /// How many spawn points there are, at least 1.
    pub fn spawn_count(&self) -> usize {
        self.spawns.len()
    }
}

/// Where a slide ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slid {
    /// The body's x.
    pub x: i32,
    /// The body's y.
    pub y: i32,
    /// No wall stopped it along x.
    pub free_x: bool,
    /// No wall stopped it along y.
    pub free_y: bool,
}

/// The coordinate at which a body that went that way touches the edge of the tile its front is in: the next
/// tile is the one that stopped it, since it moves by less than one.
fn touching(from: i32, by: i32) -> i32 {
    if by > 0 {
        ((from + RADIUS - 1).div_euclid(UNIT) + 1) * UNIT - RADIUS
    } else {
        (from - RADIUS).div_euclid(UNIT) * UNIT + RADIUS
    }
}

/// The middle of a tile.
pub(super) fn middle_of([x, y]: [u16; 2]) -> (i32, i32) {
    (i32::from(x) * UNIT + UNIT / 2, i32::from(y) * UNIT + UNIT / 2)
}
