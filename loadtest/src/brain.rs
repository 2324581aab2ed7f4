//! What a bot does with its body: by what it sees (full) or by whim alone (light).
//!
//! Responsible for: the values of an input, each field found by its name in the schema of `welcome`; a field
//! that is not known stays 0. Not responsible for: sending them, or the game's rules.
//!
//! Full: runs at the nearest enemy while strafing, aims ahead of it, shoots five times a second. Light:
//! wanders, turns its gun and shoots as often, and never looks at an entity.

use tickstone_shared::client::view::{EntityView, FieldPlace, View, kind_number};
use tickstone_shared::ids::Seat;
use tickstone_shared::input::InputRow;
use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
use tickstone_shared::time::Tick;

/// How much of a state a bot looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BrainKind {
    /// The header only: for capacity runs.
    Light,
    /// Every entity.
    Full,
}

/// The trigger is pulled anew every so many ticks, five times a second at 60 Hz ...
const TRIGGER_PERIOD_TICKS: u64 = 12;
/// ... and held so long of them, for guns that shoot as long as it is held.
const TRIGGER_HELD_TICKS: u64 = 10;
/// A whim lasts so many ticks.
const WHIM_TICKS: u64 = 45;
/// Closer than this, in units of the game, a bot strafes rather than runs at its enemy.
const STRAFE_DISTANCE: f64 = 6.0;
/// A projectile's speed in units a tick, until one has been seen.
const PROJECTILE_SPEED_GUESS: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    MoveX,
    MoveY,
    AimX,
    AimY,
    Shoot,
    Unknown,
}

/// One bot's brain.
#[derive(Debug)]
pub struct Brain {
    fields: Vec<(Role, FieldKind, i64)>,
    eyes: Option<Eyes>,
    random: u64,
    heading: (f64, f64),
    aim: (f64, f64),
    strafe: f64,
    packed: Vec<u8>,
}

/// Where the fields stand that a full brain looks at.
#[derive(Debug)]
struct Eyes {
    seat: Seat,
    player: usize,
    player_seat: FieldPlace,
    health: Option<FieldPlace>,
    player_body: Body,
    projectile: Option<(usize, Body)>,
    projectile_speed: f64,
}

#[derive(Debug, Clone, Copy)]
struct Body {
    x: FieldPlace,
    y: FieldPlace,
    vx: Option<FieldPlace>,
    vy: Option<FieldPlace>,
}

impl Body {
    fn find(kind: &KindSchema) -> Option<Self> {
        let place = |name| FieldPlace::find(kind, name);
        Some(Self { x: place("x")?, y: place("y")?, vx: place("vx"), vy: place("vy") })
    }

    fn position(self, entity: EntityView<'_>) -> (f64, f64) {
        (self.x.of(entity), self.y.of(entity))
    }

    fn velocity(self, entity: EntityView<'_>) -> (f64, f64) {
        let of = |place: Option<FieldPlace>| place.map_or(0.0, |place| place.of(entity));
        (of(self.vx), of(self.vy))
    }
}

impl Brain {
    /// A brain for the player in `seat`. In a game without players and positions a full brain sees nothing
    /// and follows its whims.
    pub fn new(kind: BrainKind, schema: &Schema, seat: Seat, seed: u64) -> Self {
        let eyes = if kind == BrainKind::Full { Eyes::find(schema, seat) } else { None };
        let fields = schema.input.iter().map(|field| (role(field), field.kind, full_scale(field))).collect();
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let packed = Vec::with_capacity(tickstone_shared::limits::INPUT_BYTES_MAX);
        Self { fields, eyes, random, heading: (1.0, 0.0), aim: (1.0, 0.0), strafe: 1.0, packed }
    }

    /// Looks at a state.
    pub fn see(&mut self, view: &View) {
        let Some(eyes) = &mut self.eyes else { return };
        if let Some(sight) = eyes.look(view) {
            self.aim = unit(sight.aim).unwrap_or(self.aim);
            let toward = unit(sight.enemy).unwrap_or((1.0, 0.0));
            let closing = if sight.distance > STRAFE_DISTANCE { 1.0 } else { -0.2 };
            let across = (-toward.1 * self.strafe, toward.0 * self.strafe);
            let heading = (toward.0 * closing + across.0 * 0.6, toward.1 * closing + across.1 * 0.6);
            self.heading = unit(heading).unwrap_or(toward);
        }
    }

    /// The input for `tick`, packed by the schema.
    pub fn row(&mut self, tick: Tick) -> InputRow {
        if tick.0 % WHIM_TICKS == self.random % WHIM_TICKS {
            self.whim();
        }
        let pulled = (tick.0 + self.random_phase()) % TRIGGER_PERIOD_TICKS < TRIGGER_HELD_TICKS;
        self.packed.clear();
        for &(role, kind, scale) in &self.fields {
            let axis = |value: f64| (value * scale as f64).round() as i64;
            let value = match role {
                Role::MoveX => axis(self.heading.0),
                Role::MoveY => axis(self.heading.1),
                Role::AimX => axis(self.aim.0),
                Role::AimY => axis(self.aim.1),
                Role::Shoot => i64::from(pulled),
                Role::Unknown => 0,
            };
            kind.write(value, &mut self.packed);
        }
        InputRow::new(&self.packed).unwrap_or_default()
    }

    /// The trigger's phase: the same for a brain's whole life, different between brains.
    fn random_phase(&self) -> u64 {
        self.fields.len() as u64 + u64::from(self.eyes.as_ref().map_or(0, |eyes| eyes.seat.0))
    }

    fn whim(&mut self) {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let angle = (self.random >> 40) as f64 / f64::from(1 << 24) * std::f64::consts::TAU;
        self.strafe = -self.strafe;
        let seen = self.eyes.as_ref().is_some_and(|_| self.random >> 63 == 0);
        if !seen {
            self.heading = (angle.cos(), angle.sin());
        }
        if self.eyes.is_none() {
            self.aim = (angle.sin(), angle.cos());
        }
    }
}

/// What a full brain acts on; vectors from its own body, in units of the game.
struct Sight {
    enemy: (f64, f64),
    distance: f64,
    aim: (f64, f64),
}

impl Eyes {
    fn find(schema: &Schema, seat: Seat) -> Option<Self> {
        let player = kind_number(schema, "player")?;
        let kind = &schema.kinds[player];
        let projectile = kind_number(schema, "projectile");
        let projectile = projectile.and_then(|number| Some((number, Body::find(&schema.kinds[number])?)));
        Some(Self {
            seat,
            player,
            player_seat: FieldPlace::find(kind, "seat")?,
            health: FieldPlace::find(kind, "health"),
            player_body: Body::find(kind)?,
            projectile,
            projectile_speed: PROJECTILE_SPEED_GUESS,
        })
    }

    fn look(&mut self, view: &View) -> Option<Sight> {
        self.measure_projectile(view);
        let is_me = |entity: &EntityView<'_>| self.player_seat.of(*entity) == f64::from(self.seat.0);
        let me = self.player_body.position(view.of_kind(self.player).find(is_me)?);
        let alive = |entity: &EntityView<'_>| self.health.is_none_or(|health| health.of(*entity) > 0.0);
        let enemies = view.of_kind(self.player).filter(|entity| !is_me(entity) && alive(entity));
        let offset = |entity: EntityView<'_>| {
            let (x, y) = self.player_body.position(entity);
            (x - me.0, y - me.1)
        };
        let nearest = enemies.min_by(|a, b| length(offset(*a)).total_cmp(&length(offset(*b))))?;
        let enemy = offset(nearest);
        let distance = length(enemy);
        let (vx, vy) = self.player_body.velocity(nearest);
        let ticks = distance / self.projectile_speed.max(0.01);
        Some(Sight { enemy, distance, aim: (enemy.0 + vx * ticks, enemy.1 + vy * ticks) })
    }

    fn measure_projectile(&mut self, view: &View) {
        let Some((kind, body)) = self.projectile else { return };
        if let Some(shot) = view.of_kind(kind).next() {
            let speed = length(body.velocity(shot));
            self.projectile_speed = if speed > 0.0 { speed } else { self.projectile_speed };
        }
    }
}

fn role(field: &Field) -> Role {
    match field.name.as_str() {
        "move_x" | "x" => Role::MoveX,
        "move_y" | "y" | "move" => Role::MoveY,
        "aim_x" => Role::AimX,
        "aim_y" => Role::AimY,
        "buttons" | "shoot" | "fire" => Role::Shoot,
        _ => Role::Unknown,
    }
}

/// What 1.0 of an axis is stored as: the schema's scale, or the kind's full range where it gives none.
fn full_scale(field: &Field) -> i64 {
    if field.per_unit > 1 {
        return i64::from(field.per_unit);
    }
    match field.kind {
        FieldKind::I8 => i64::from(i8::MAX),
        FieldKind::I16 => i64::from(i16::MAX),
        FieldKind::U8 | FieldKind::U16 | FieldKind::U32 | FieldKind::I32 | FieldKind::Bool => 1,
    }
}

fn length((x, y): (f64, f64)) -> f64 {
    x.hypot(y)
}

fn unit(vector: (f64, f64)) -> Option<(f64, f64)> {
    let length = length(vector);
    (length > 1e-9).then(|| (vector.0 / length, vector.1 / length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickstone_shared::ids::Epoch;
    use tickstone_shared::wire::state::StateMessage;

    fn schema() -> Schema {
        let field = |name: &str, kind, per_unit| Field { name: name.into(), kind, per_unit, private: false };
        let player = vec![
            field("seat", FieldKind::U16, 1),
            field("x", FieldKind::I32, 256),
            field("y", FieldKind::I32, 256),
            field("health", FieldKind::U8, 1),
        ];
        let mut input: Vec<_> =
            ["move_x", "move_y", "aim_x", "aim_y"].map(|name| field(name, FieldKind::I8, 1)).into();
        input.push(field("buttons", FieldKind::U8, 1));
        input.push(field("emote", FieldKind::Bool, 1));
        Schema { kinds: vec![KindSchema { name: "player".into(), fields: player }], input }
    }

    fn values(row: InputRow, schema: &Schema) -> Vec<i64> {
        let mut rest = row.as_slice();
        schema.input.iter().map(|field| field.kind.read(&mut rest).unwrap()).collect()
    }

    /// Players at these places, in seats 0, 1, 2...
    fn view(players: &[(i32, i32, u8)]) -> View {
        let mut body = vec![0, players.len() as u8, 0];
        for (seat, (x, y, health)) in players.iter().enumerate() {
            body.extend_from_slice(&(seat as u32 + 1).to_le_bytes());
            body.extend_from_slice(&(seat as u16).to_le_bytes());
            body.extend_from_slice(&(x * 256).to_le_bytes());
            body.extend_from_slice(&(y * 256).to_le_bytes());
            body.push(*health);
        }
        let state = StateMessage {
            epoch: Epoch(1),
            tick: Tick(1),
            base: None,
            hash: None,
            body: Some(body),
            entities: None,
            last_input: 0,
            lead: 0,
            starved: 0,
        };
        let mut view = View::default();
        view.replace(&state, &schema()).unwrap();
        view
    }

    #[test]
    fn every_input_fits_the_schema_and_shoots_four_times_a_second() {
        let schema = schema();
        for kind in [BrainKind::Light, BrainKind::Full] {
            let mut brain = Brain::new(kind, &schema, Seat(0), 3);
            brain.see(&view(&[(0, 0, 100), (9, 9, 100)]));
            let mut pulls = 0;
            let mut before = 0;
            for tick in 0..600 {
                let row = brain.row(Tick(tick));
                assert_eq!(row.as_slice().len(), 6);
                let values = values(row, &schema);
                assert!(values[..4].iter().all(|axis| (-127..=127).contains(axis)), "{values:?}");
                assert!((0..=1).contains(&values[4]) && values[5] == 0);
                pulls += i32::from(values[4] == 1 && before == 0);
                before = values[4];
            }
            assert!(pulls >= 40, "{pulls} shots in ten seconds");
        }
    }

    #[test]
    fn a_full_brain_aims_at_the_nearest_living_enemy() {
        let schema = schema();
        let mut brain = Brain::new(BrainKind::Full, &schema, Seat(0), 3);
        brain.see(&view(&[(0, 0, 100), (2, 0, 0), (0, 20, 50), (40, 0, 100)]));
        let values = values(brain.row(Tick(1)), &schema);
        assert_eq!((values[2], values[3]), (0, 127));
        assert!(values[1] > 60, "it runs at the enemy: {values:?}");
    }

    #[test]
    fn a_light_brain_changes_its_mind() {
        let schema = schema();
        let mut brain = Brain::new(BrainKind::Light, &schema, Seat(0), 3);
        let headings: std::collections::BTreeSet<_> =
            (0..600).map(|tick| values(brain.row(Tick(tick)), &schema)[..4].to_vec()).collect();
        assert!(headings.len() > 5);
    }
}
