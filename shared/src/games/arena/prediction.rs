//! Arena on the side of a player's client: their own body ahead of the server, by the server's own rules.
//!
//! Exact in walls and open ground. Others are taken to walk on as they do in the newest state, so bumping into
//! somebody who turns is corrected by a little. A shot that kills is not foreseen.

use super::body::{Body, RADIUS, SPEED_MAX};
use super::crowd::{PUSH_MAX, Spot, limited, push_apart};
use super::geometry::UNIT;
use super::input::ArenaInput;
use super::map::Map;
use super::terrain::Terrain;
use crate::entity::{EntityView, FieldPlace, kind_number};
use crate::ids::Seat;
use crate::input::InputRow;
use crate::predicted::{Moving, Predicted};
use crate::schema::Schema;
use crate::sim::game::Input as _;
use crate::sim::simulation::{pack_input, unpack_input};

/// The furthest a body comes along one axis in a tick: it walks, and is pushed.
const STEP_MAX: i32 = SPEED_MAX + PUSH_MAX;
/// Somebody further away than this meets nobody before the next states have come.
const NEAR: i32 = 6 * UNIT;

/// How arena is foreseen.
#[derive(Debug)]
pub struct ArenaPrediction {
    terrain: Terrain,
    seat: Seat,
    places: Option<Places>,
    others: Vec<Other>,
}

/// Somebody near, and how they walk.
#[derive(Debug, Clone, Copy)]
struct Other {
    spot: Spot,
    vx: i32,
    vy: i32,
}

/// Where the fields of a player stand.
#[derive(Debug, Clone, Copy)]
struct Places {
    kind: usize,
    seat: FieldPlace,
    health: FieldPlace,
    x: FieldPlace,
    y: FieldPlace,
    vx: FieldPlace,
    vy: FieldPlace,
    aim_x: FieldPlace,
    aim_y: FieldPlace,
}

impl Places {
    fn find(schema: &Schema) -> Option<Self> {
        let kind = kind_number(schema, "player")?;
        let place = |name| FieldPlace::find(&schema.kinds[kind], name);
        Some(Self {
            kind,
            seat: place("seat")?,
            health: place("health")?,
            x: place("x")?,
            y: place("y")?,
            vx: place("vx")?,
            vy: place("vy")?,
            aim_x: place("aim_x")?,
            aim_y: place("aim_y")?,
        })
    }

    fn body(&self, player: EntityView<'_>) -> Body {
        // Wide enough by the schema; a server that says otherwise is foreseen wrongly and no more.
        let stored = |place: FieldPlace| place.stored(player) as i32;
        Body {
            x: stored(self.x),
            y: stored(self.y),
            vx: stored(self.vx),
            vy: stored(self.vy),
            aim_x: stored(self.aim_x) as i8,
            aim_y: stored(self.aim_y) as i8,
        }
    }
}

impl ArenaPrediction {
    /// On this map, which a server serves as the asset `maps/{label.map}.json`.
    pub fn new(map: &Map) -> Self {
        Self { terrain: Terrain::new(map), seat: Seat(0), places: None, others: Vec::new() }
    }
}

impl Predicted for ArenaPrediction {
    type Body = Body;

    const MOVING: &'static [Moving] =
        &[Moving { kind: "player", fields: &["x", "y"], step_max: STEP_MAX as i64 }];
    const SNAP_UNITS: f64 = 1.5;

    fn begin(&mut self, schema: &Schema, seat: Seat) {
        self.seat = seat;
        self.places = Places::find(schema);
        self.others.clear();
    }

    fn look<'a>(&mut self, state: impl Iterator<Item = EntityView<'a>>) -> Option<Body> {
        let Self { seat: own_seat, places, others, .. } = self;
        let places = places.as_ref()?;
        others.clear();
        let mut own = None;
        for player in state.filter(|entity| entity.kind == places.kind && places.health.stored(*entity) > 0) {
            let (seat, body) = (places.seat.stored(player) as u16, places.body(player));
            if seat == own_seat.0 {
                own = Some(body);
            } else {
                let spot = Spot { seat, x: body.x, y: body.y };
                others.push(Other { spot, vx: body.vx, vy: body.vy });
            }
        }
        let own = own.filter(|own| can_be(own, &self.terrain))?;
        others.retain(|other| is_within(&own, &other.spot, NEAR));
        Some(own)
    }

    fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    fn step(&self, body: &Body, input: &InputRow, ahead: u64) -> Body {
        let mut body = *body;
        body.steer(unpack_input(input.as_slice()));
        body.walk(&self.terrain);
        let ahead = i32::try_from(ahead).unwrap_or(i32::MAX);
        let own = Spot { seat: self.seat.0, x: body.x, y: body.y };
        let mut push = (0, 0);
        for Other { spot, vx, vy } in &self.others {
            let spot = Spot {
                x: spot.x.saturating_add(vx.saturating_mul(ahead)),
                y: spot.y.saturating_add(vy.saturating_mul(ahead)),
                ..*spot
            };
            if is_within(&body, &spot, 2 * RADIUS) {
                let (by_x, by_y) = push_apart(&own, &spot);
                push = (push.0 + by_x, push.1 + by_y);
            }
        }
        if push != (0, 0) {
            let (by_x, by_y) = limited(push);
            let slid = self.terrain.slide(body.x, body.y, by_x, by_y);
            (body.x, body.y) = (slid.x, slid.y);
        }
        body
    }

    fn starved(&self, last: &InputRow, ticks: u32) -> InputRow {
        pack_input(unpack_input::<ArenaInput>(last.as_slice()).starved(ticks))
    }

    fn is_jump(&self, from: &Body, to: &Body, ticks: u64) -> bool {
        let most = u64::from(STEP_MAX.unsigned_abs()).saturating_mul(ticks);
        u64::from(from.x.abs_diff(to.x).max(from.y.abs_diff(to.y))) > most
    }

    fn place(&self, body: &Body) -> [f64; 2] {
        [body.x, body.y].map(|stored| f64::from(stored) / f64::from(UNIT))
    }
}

/// Is it a body that the rules can have made? Others are not stepped with them.
fn can_be(body: &Body, terrain: &Terrain) -> bool {
    let (width, height) = terrain.size();
    let is_slow = |speed: i32| (-SPEED_MAX..=SPEED_MAX).contains(&speed);
    (0..width).contains(&body.x) && (0..height).contains(&body.y) && is_slow(body.vx) && is_slow(body.vy)
}

fn is_within(body: &Body, spot: &Spot, reach: i32) -> bool {
    let reach = reach.unsigned_abs();
    body.x.abs_diff(spot.x) < reach && body.y.abs_diff(spot.y) < reach
}
