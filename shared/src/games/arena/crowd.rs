//! Everybody by place: a uniform grid that answers "who is near", and bodies that push each other apart.
//!
//! Responsible for: finding bodies in a time that does not grow with the map or the crowd.
//! Not responsible for: walls (`terrain`), what a touch means (`projectile`, `pickup`).
//!
//! Invariant: nothing here depends on the order of rows. Pushes are sums of integers taken from positions
//! that do not change meanwhile; whoever asks for one body of many gives a rule that names exactly one.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut};

use super::UNIT;
use super::body::{Body, Player, RADIUS};
use super::combat::Fighter;
use super::geometry::{length_up, with_length};
use super::stage::Stage;
use super::terrain::Terrain;

/// The side of a cell: large against a body, small against a map.
const CELL: i32 = 4 * UNIT;
/// The furthest a body is pushed along one axis in a tick, less than a tile so that it cannot jump a wall.
pub const PUSH_MAX: i32 = 64;
/// The end of a cell's list.
const NONE: u16 = u16::MAX;

/// One player in the crowd.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Their entity, in this world and this tick.
    pub entity: Entity,
    /// Their seat.
    pub seat: u16,
    /// Where they are.
    pub x: i32,
    /// Where they are.
    pub y: i32,
    alive: bool,
    cell: usize,
    next: u16,
    push: (i32, i32),
}

/// The players of a tick by place. Filled anew in every tick, never saved.
#[derive(Debug)]
pub struct Crowd {
    columns: i32,
    lines: i32,
    first_in_cell: Vec<u16>,
    by_seat: Vec<u16>,
    standing: Vec<Standing>,
}

impl Crowd {
    /// Room for everybody, on a map of that size.
    pub fn new(terrain: &Terrain, seats: u16) -> Self {
        let (width, height) = terrain.size();
        let (columns, lines) = (width / CELL + 1, height / CELL + 1);
        Self {
            columns,
            lines,
            first_in_cell: vec![NONE; (columns * lines) as usize],
            by_seat: vec![NONE; usize::from(seats)],
            standing: Vec::with_capacity(usize::from(seats)),
        }
    }

    /// The player of a seat, dead or alive.
    pub fn of_seat(&self, seat: u16) -> Option<&Standing> {
        let row = *self.by_seat.get(usize::from(seat))?;
        self.standing.get(usize::from(row))
    }

    /// Shows `visit` everybody alive whose centre may be within `reach` of a point along each axis, and some
    /// who are further away.
    pub fn near<'a>(&'a self, x: i32, y: i32, reach: i32, mut visit: impl FnMut(&'a Standing)) {
        // Bodies are listed in the cell they were in before they were pushed.
        let reach = reach + PUSH_MAX;
        let (left, right) = (self.column(x - reach), self.column(x + reach));
        for line in self.line(y - reach)..=self.line(y + reach) {
            for cell in line * self.columns + left..=line * self.columns + right {
                let mut row = self.first_in_cell[cell as usize];
                while let Some(standing) = self.standing.get(usize::from(row)) {
                    visit(standing);
                    row = standing.next;
                }
            }
        }
    }

    fn column(&self, x: i32) -> i32 {
        (x / CELL).clamp(0, self.columns - 1)
    }

    fn line(&self, y: i32) -> i32 {
        (y / CELL).clamp(0, self.lines - 1)
    }

    /// Empties the grid where it was filled: the cost is that of the players, not of the map.
    fn clear(&mut self) {
        for standing in &self.standing {
            self.first_in_cell[standing.cell] = NONE;
            self.by_seat[usize::from(standing.seat)] = NONE;
        }
        self.standing.clear();
    }

    fn insert(&mut self, entity: Entity, seat: u16, (x, y): (i32, i32), alive: bool) {
        let row = self.standing.len() as u16;
        let cell = (self.line(y) * self.columns + self.column(x)) as usize;
        let next = if alive { std::mem::replace(&mut self.first_in_cell[cell], row) } else { NONE };
        self.by_seat[usize::from(seat)] = row;
        self.standing.push(Standing { entity, seat, x, y, alive, cell, next, push: (0, 0) });
    }

    /// How far the others push one of them: half of every overlap, along the line between the centres.
    fn push_on(&self, one: &Standing) -> (i32, i32) {
        let mut push = (0, 0);
        self.near(one.x, one.y, 2 * RADIUS, |other| {
            let (by_x, by_y) = push_apart(&one.spot(), &other.spot());
            push = (push.0 + by_x, push.1 + by_y);
        });
        limited(push)
    }
}

impl Standing {
    fn spot(&self) -> Spot {
        Spot { seat: self.seat, x: self.x, y: self.y }
    }
}

/// Who is where: what pushing apart needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) seat: u16,
    pub(super) x: i32,
    pub(super) y: i32,
}

/// What a sum of pushes comes to.
pub(super) fn limited((x, y): (i32, i32)) -> (i32, i32) {
    (x.clamp(-PUSH_MAX, PUSH_MAX), y.clamp(-PUSH_MAX, PUSH_MAX))
}

/// How far `other` pushes `one`.
pub(super) fn push_apart(one: &Spot, other: &Spot) -> (i32, i32) {
    let (x, y) = (one.x - other.x, one.y - other.y);
    if one.seat == other.seat || x.abs() >= 2 * RADIUS || y.abs() >= 2 * RADIUS {
        return (0, 0);
    }
    let overlap = 2 * RADIUS - length_up(x, y);
    if overlap <= 0 {
        return (0, 0);
    }
    // Two in the very same spot have no line between them: the lower seat goes left.
    let (x, y) = match (x, y) {
        (0, 0) if one.seat < other.seat => (-1, 0),
        (0, 0) => (1, 0),
        apart => apart,
    };
    with_length(x, y, (overlap + 1) / 2)
}

/// What walks.
type Walkers<'w, 's> = Query<'w, 's, (Entity, &'static Player, &'static Fighter, &'static mut Body)>;

/// Everybody walks; then bodies that overlap move apart, as far as walls let them.
pub(super) fn walk(mut bodies: Walkers<'_, '_>, mut stage: ResMut<'_, Stage>) {
    let Stage { terrain, crowd, .. } = &mut *stage;
    crowd.clear();
    for (entity, player, fighter, mut body) in &mut bodies {
        body.walk(terrain);
        crowd.insert(entity, player.seat, (body.x, body.y), fighter.is_alive());
    }
    for row in 0..crowd.standing.len() {
        if crowd.standing[row].alive {
            crowd.standing[row].push = crowd.push_on(&crowd.standing[row]);
        }
    }
    for standing in crowd.standing.iter_mut().filter(|standing| standing.push != (0, 0)) {
        let slid = terrain.slide(standing.x, standing.y, standing.push.0, standing.push.1);
        (standing.x, standing.y) = (slid.x, slid.y);
        let (_, _, _, mut body) = bodies.get_mut(standing.entity).expect("the crowd was filled in this tick");
        (body.x, body.y) = (slid.x, slid.y);
    }
}
