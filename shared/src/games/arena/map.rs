//! A map as data: what stands in `assets/maps/*.json` and, checked, in the rules of a match.
//!
//! Responsible for: reading a map and refusing one that cannot be played, with the reason.
//! Not responsible for: what moves on it; see [`super::Terrain`] for the map in the form a tick wants it.

use serde::{Deserialize, Serialize};

use super::terrain::Tiles;

/// Width and height of a map are in this range.
pub const SIDE_MIN: u16 = 8;
/// Width and height of a map are in this range.
pub const SIDE_MAX: u16 = 512;
/// Walls of a map.
pub const WALLS_MAX: usize = 2_048;
/// Spawn points of a map, and as many pickups.
pub const PLACES_MAX: usize = 4_096;

/// Why a text is no map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Not JSON, or not these fields.
    #[error("{0}")]
    Json(String),
    /// Too small or too large.
    #[error("{name} is {value}; expected {SIDE_MIN} to {SIDE_MAX}")]
    Side {
        /// `width` or `height`.
        name: &'static str,
        /// What it is.
        value: u16,
    },
    /// A list that is longer than allowed.
    #[error("{count} {name}; expected at most {max}")]
    TooMany {
        /// The list.
        name: &'static str,
        /// What it has.
        count: usize,
        /// What it may have.
        max: usize,
    },
    /// A wall without area, or one that leaves the map.
    #[error("wall {index} (x, y, width, height) = {wall:?} is empty or leaves the map")]
    Wall {
        /// Its place in the list, from 0.
        index: usize,
        /// The wall.
        wall: [u16; 4],
    },
    /// A place in a wall or outside of the map.
    #[error("{name} {index} at {place:?} is in a wall or outside of the map")]
    Place {
        /// `spawn` or `pickup`.
        name: &'static str,
        /// Its place in the list, from 0.
        index: usize,
        /// The tile.
        place: [u16; 2],
    },
    /// Nowhere to appear.
    #[error("no spawn point: give `spawns`, or `spawn_every` with some free tile")]
    NoSpawn,
    /// A place nobody can walk to.
    #[error("{name} {index} at {place:?} cannot be reached from the first spawn point")]
    Unreachable {
        /// `spawn` or `pickup`.
        name: &'static str,
        /// Its place in the list, from 0.
        index: usize,
        /// The tile.
        place: [u16; 2],
    },
}

/// A map, in whole tiles of one unit. Its edge is a wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// What it is called.
    pub name: String,
    /// Tiles from left to right.
    pub width: u16,
    /// Tiles from top to bottom.
    pub height: u16,
    /// Rectangles of solid tiles: x, y, width, height.
    #[serde(default)]
    pub walls: Vec<[u16; 4]>,
    /// Tiles on which players appear: x, y.
    #[serde(default)]
    pub spawns: Vec<[u16; 2]>,
    /// More of them: every free tile whose x and y are odd multiples of half of this; 0 for none.
    #[serde(default)]
    pub spawn_every: u16,
    /// Tiles on which health lies: x, y.
    #[serde(default)]
    pub pickups: Vec<[u16; 2]>,
}

impl Map {
    /// Reads and checks a map.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let map: Map = serde_json::from_str(text).map_err(|error| MapError::Json(error.to_string()))?;
        map.checked()
    }

    /// The map, if it can be played.
    pub fn checked(self) -> Result<Self, MapError> {
        self.check_size()?;
        self.check_walls()?;
        self.check_places()?;
        Ok(self)
    }

    /// Every tile on which players appear, in an order that is part of the rules.
    pub fn spawn_tiles(&self, tiles: &Tiles) -> Vec<[u16; 2]> {
        let mut places = self.spawns.clone();
        if let Some(every) = std::num::NonZeroU16::new(self.spawn_every) {
            let steps = |side: u16| (every.get() / 2..side).step_by(usize::from(every.get()));
            let lattice = steps(self.height).flat_map(|y| steps(self.width).map(move |x| [x, y]));
            places.extend(lattice.filter(|[x, y]| !tiles.is_solid(i32::from(*x), i32::from(*y))));
        }
        places
    }

    fn check_size(&self) -> Result<(), MapError> {
        for (name, value) in [("width", self.width), ("height", self.height)] {
            if !(SIDE_MIN..=SIDE_MAX).contains(&value) {
                return Err(MapError::Side { name, value });
            }
        }
        let lists = [
            ("walls", self.walls.len(), WALLS_MAX),
            ("spawns", self.spawns.len(), PLACES_MAX),
            ("pickups", self.pickups.len(), PLACES_MAX),
        ];
        match lists.into_iter().find(|(_, count, max)| count > max) {
            Some((name, count, max)) => Err(MapError::TooMany { name, count, max }),
            None => Ok(()),
        }
    }

    fn check_walls(&self) -> Result<(), MapError> {
        let (width, height) = (u32::from(self.width), u32::from(self.height));
        let fits = |[x, y, w, h]: [u16; 4]| {
            let (right, bottom) = (u32::from(x) + u32::from(w), u32::from(y) + u32::from(h));
            w > 0 && h > 0 && right <= width && bottom <= height
        };
        match self.walls.iter().enumerate().find(|(_, wall)| !fits(**wall)) {
            Some((index, wall)) => Err(MapError::Wall { index, wall: *wall }),
            None => Ok(()),
        }
    }

    fn check_places(&self) -> Result<(), MapError> {
        let tiles = Tiles::new(self);
        for (name, places) in [("spawn", &self.spawns), ("pickup", &self.pickups)] {
            let blocked = |[x, y]: [u16; 2]| tiles.is_solid(i32::from(x), i32::from(y));
            if let Some((index, place)) = places.iter().enumerate().find(|(_, place)| blocked(**place)) {
                return Err(MapError::Place { name, index, place: *place });
            }
        }
        let spawns = self.spawn_tiles(&tiles);
        if spawns.len() > PLACES_MAX {
            return Err(MapError::TooMany { name: "spawns", count: spawns.len(), max: PLACES_MAX });
        }
        let first = spawns.first().ok_or(MapError::NoSpawn)?;
        let reached = tiles.reached_from(*first);
        for (name, places) in [("spawn", &spawns), ("pickup", &self.pickups)] {
            let cut_off = |[x, y]: [u16; 2]| !reached.is_solid(i32::from(x), i32::from(y));
            if let Some((index, place)) = places.iter().enumerate().find(|(_, place)| cut_off(**place)) {
                return Err(MapError::Unreachable { name, index, place: *place });
            }
        }
        Ok(())
    }
}
