//! Who sees what: for each player the rows of a snapshot that they see.
//!
//! Responsible for: distance with hysteresis, walls, what concerns everybody, what is a player's own.
//! Not responsible for: what becomes of a row that is seen ([`super::view`]).

use super::grid::Grid;
use crate::ids::Seat;
use crate::snapshot::{Point, Sight, Snapshot, Whereabouts};

/// A row that a player sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its number in the snapshot.
    pub row: u32,
    /// From 0, at the edge of sight, to [`NEAREST`], at the player; what is their own or concerns everybody.
    pub nearness: u8,
}

/// The nearness of what is at hand.
pub const NEAREST: u8 = 255;

/// What each of a snapshot's receivers sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sights {
    seen: Vec<Seen>,
    ends: Vec<usize>,
}

impl Sights {
    /// What the receiver with this number sees, in the order of rows; none where everybody sees everything.
    pub fn of(&self, receiver: usize) -> Option<&[Seen]> {
        let end = *self.ends.get(receiver)?;
        let start = receiver.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.seen[start..end])
    }

    /// Receivers of whom it is known what they see.
    pub fn receivers(&self) -> usize {
        self.ends.len()
    }

    /// Rows that they see, all together.
    pub fn rows(&self) -> usize {
        self.seen.len()
    }

    /// Does everybody see everything?
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Nothing is known: everybody sees everything.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.ends.clear();
    }
}

/// What the players of one match saw in the tick before.
#[derive(Debug, Default)]
pub struct Interest {
    grid: Grid,
    /// Rows of the tick before, and of this one.
    before: Vec<Whereabouts>,
    /// The row in the tick before, for each row.
    was: Vec<Option<u32>>,
    /// The rows of each seat, by seat.
    own: Vec<(Seat, u32)>,
    /// Rows without a place.
    everybodys: Vec<u32>,
    /// What each seat saw, and from where.
    seats: Vec<Sighted>,
    seen: Rows,
}

#[derive(Debug, Default, Clone)]
struct Sighted {
    from: Option<Point>,
    rows: Rows,
}

impl Interest {
    /// Fills `sights` for receivers in these seats. `is_hidden` is asked about pairs of places within sight.
    pub fn look(
        &mut self,
        snapshot: &Snapshot,
        sight: Sight,
        seats: impl Iterator<Item = Seat>,
        is_hidden: impl Fn(Point, Point) -> bool,
        sights: &mut Sights,
    ) {
        sights.clear();
        self.survey(snapshot, sight);
        for seat in seats {
            let index = usize::from(seat.0);
            if self.seats.len() <= index {
                self.seats.resize_with(index + 1, Sighted::default);
            }
            self.look_from(&snapshot.places, sight, seat, &is_hidden);
            self.gather(&snapshot.places, sight, seat, sights);
            std::mem::swap(&mut self.seats[index].rows, &mut self.seen);
        }
        self.before.clone_from(&snapshot.places);
    }

    fn survey(&mut self, snapshot: &Snapshot, sight: Sight) {
        let places = &snapshot.places;
        self.grid.fill(places.iter().map(|row| row.place), sight.leave);
        self.everybodys.clear();
        self.own.clear();
        self.was.clear();
        let mut before = (0_u32..).zip(&self.before).peekable();
        for (number, row) in (0_u32..).zip(places) {
            if row.place.is_none() {
                self.everybodys.push(number);
            }
            self.own.extend(row.owner.map(|owner| (owner, number)));
            let is_before = |known: &(u32, &Whereabouts)| (known.1.kind, known.1.id) < (row.kind, row.id);
            while before.next_if(is_before).is_some() {}
            let same = before.next_if(|known| (known.1.kind, known.1.id) == (row.kind, row.id));
            self.was.push(same.map(|(number, _)| number));
        }
        self.own.sort_unstable();
    }

    fn look_from(
        &mut self,
        places: &[Whereabouts],
        sight: Sight,
        seat: Seat,
        is_hidden: &impl Fn(Point, Point) -> bool,
    ) {
        let Self { grid, was, own, everybodys, seats, seen, .. } = self;
        let sighted = &mut seats[usize::from(seat.0)];
        seen.clear(places.len());
        everybodys.iter().for_each(|row| seen.insert(*row));
        let own = &own[own.partition_point(|(owner, _)| *owner < seat)..];
        let own = own.iter().take_while(|(owner, _)| *owner == seat).map(|(_, row)| *row);
        own.clone().for_each(|row| seen.insert(row));
        let eyes = own.clone().find_map(|row| places[row as usize].place);
        // Whoever has nothing in the world any more looks on from where it was.
        sighted.from = eyes.or(sighted.from);
        let Some(from) = sighted.from else { return };
        grid.near(from, |row| {
            let entity = &places[row as usize];
            let Some(at) = entity.place else { return };
            let distance = distance_squared(from, at);
            let was_seen = || was[row as usize].is_some_and(|was| sighted.rows.contains(was));
            let is_near = distance <= squared(sight.enter) || distance <= squared(sight.leave) && was_seen();
            if is_near && !(sight.is_blocked && is_hidden(from, at)) {
                seen.insert(row);
            }
        });
    }

    fn gather(&self, places: &[Whereabouts], sight: Sight, seat: Seat, sights: &mut Sights) {
        let from = self.seats[usize::from(seat.0)].from;
        self.seen.each(|row| {
            let entity = &places[row as usize];
            let nearness = match (from, entity.place) {
                (Some(from), Some(at)) if entity.owner != Some(seat) => {
                    nearness(distance_squared(from, at), sight.leave)
                }
                _ => NEAREST,
            };
            sights.seen.push(Seen { row, nearness });
        });
        sights.ends.push(sights.seen.len());
    }
}

fn squared(distance: i32) -> i64 {
    i64::from(distance) * i64::from(distance)
}

fn distance_squared(one: Point, other: Point) -> i64 {
    let (across, down) = (i64::from(one.0) - i64::from(other.0), i64::from(one.1) - i64::from(other.1));
    across.saturating_mul(across).saturating_add(down.saturating_mul(down))
}

/// Falls with the square of the distance: what is half as far as one sees has three quarters of it.
fn nearness(distance_squared: i64, leave: i32) -> u8 {
    let whole = squared(leave).max(1);
    let left = whole - distance_squared.min(whole);
    (left.saturating_mul(i64::from(NEAREST)) / whole) as u8
}

/// A set of rows.
#[derive(Debug, Default, Clone)]
struct Rows(Vec<u64>);

impl Rows {
    fn clear(&mut self, rows: usize) {
        self.0.clear();
        self.0.resize(rows.div_ceil(64), 0);
    }

    fn insert(&mut self, row: u32) {
        self.0[row as usize / 64] |= 1 << (row % 64);
    }

    fn contains(&self, row: u32) -> bool {
        self.0.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// In ascending order.
    fn each(&self, mut visit: impl FnMut(u32)) {
        for (word, bits) in (0_u32..).zip(&self.0) {
            let mut bits = *bits;
            while bits != 0 {
                visit(word * 64 + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
    }
}

#[cfg(test)]
#[path = "interest_tests.rs"]
mod tests;
