//! What players see of a match: how right their own body is ahead of the server, how often nothing is there to
//! show between, and whether what they have is what the server has.

use hdrhistogram::Histogram;
use serde::Serialize;

use tickstone_shared::client::interpolation::BEYOND_TICKS_MAX;
use tickstone_shared::client::prediction::{Outcome, length};
use tickstone_shared::client::view::View;

use crate::report::{Percentiles, rounded};

/// Distances are counted in thousandths of a unit of the game, up to a thousand units.
const PER_UNIT: f64 = 1e3;
const DISTANCE_MAX: u64 = 1_000_000;

/// What some bots saw.
#[derive(Debug, Clone)]
pub(crate) struct Feel {
    errors: Histogram<u64>,
    corrections: Histogram<u64>,
    jumps: u64,
    looks: u64,
    starved_looks: u64,
    frozen_looks: u64,
    pub(crate) difference: Difference,
}

/// What a client has beside what the server has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// States that were compared.
    pub states: u64,
    /// Entities in them that the server has.
    pub entities: u64,
    /// Entities that only the client has.
    pub ghosts: u64,
    /// Entities that only the server has.
    pub missing: u64,
    /// Fields that are not the same.
    pub fields: u64,
}

/// How well players see their own movement ahead of the server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PredictionReport {
    /// Ticks in which what was first shown was compared with what came.
    pub compared: u64,
    /// How far apart they were, in units of the game.
    pub error_units: Percentiles,
    /// How often a state moved what was shown, a minute and player.
    pub corrections_per_minute: f64,
    /// By how much.
    pub correction_units: Percentiles,
    /// How often a player was put somewhere else, which nobody can foresee.
    pub jumps: u64,
}

/// How well players see the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InterpolationReport {
    /// Pictures, one for each input.
    pub looks: u64,
    /// How many of them were beyond the newest state, as a share.
    pub starved_fraction: f64,
    /// How many of them were so far beyond it that nothing moved any more.
    pub frozen_fraction: f64,
}

impl Feel {
    pub(crate) fn new() -> Self {
        let distances = || {
            Histogram::new_with_bounds(1, DISTANCE_MAX, 3)
                .expect("the bounds and digits are constants that fit")
        };
        Self {
            errors: distances(),
            corrections: distances(),
            jumps: 0,
            looks: 0,
            starved_looks: 0,
            frozen_looks: 0,
            difference: Difference::default(),
        }
    }

    /// A state came.
    pub(crate) fn compared(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Unforeseen => {}
            Outcome::Jumped => self.jumps += 1,
            Outcome::Compared { error, moved } => {
                self.errors.saturating_record(thousandths(error));
                if moved != [0.0; 2] {
                    self.corrections.saturating_record(thousandths(length(moved)));
                }
            }
        }
    }

    /// A picture was looked at that is so far beyond the newest state.
    pub(crate) fn looked(&mut self, beyond_ticks: f64) {
        self.looks += 1;
        self.starved_looks += u64::from(beyond_ticks > 0.0);
        self.frozen_looks += u64::from(beyond_ticks > BEYOND_TICKS_MAX);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let same = "every meter's histograms have the same bounds";
        self.errors.add(&other.errors).expect(same);
        self.corrections.add(&other.corrections).expect(same);
        self.jumps += other.jumps;
        self.looks += other.looks;
        self.starved_looks += other.starved_looks;
        self.frozen_looks += other.frozen_looks;
        self.difference.add(&other.difference);
    }

    /// None where nothing was foreseen.
    pub(crate) fn prediction(&self, players: usize, seconds: f64) -> Option<PredictionReport> {
        let minutes = players as f64 * seconds / 60.0;
        (!self.errors.is_empty()).then(|| PredictionReport {
            compared: self.errors.len(),
            error_units: units(&self.errors),
            corrections_per_minute: rounded(self.corrections.len() as f64 / minutes),
            correction_units: units(&self.corrections),
            jumps: self.jumps,
        })
    }

    /// None where nobody looked.
    pub(crate) fn interpolation(&self) -> Option<InterpolationReport> {
        let share = |looks: u64| (looks as f64 / self.looks as f64 * 1e6).round() / 1e6;
        (self.looks > 0).then(|| InterpolationReport {
            looks: self.looks,
            starved_fraction: share(self.starved_looks),
            frozen_fraction: share(self.frozen_looks),
        })
    }

    /// None where nothing was compared.
    pub(crate) fn comparison(&self) -> Option<Difference> {
        Some(self.difference).filter(|difference| difference.states > 0)
    }
}

impl Difference {
    /// One state of a client beside the server's of the same tick.
    pub(crate) fn between(client: &View, server: &View) -> Self {
        let mut found = Self { states: 1, ..Self::default() };
        let mut had = client.entities().peekable();
        for entity in server.entities() {
            found.entities += 1;
            while had.next_if(|other| (other.kind, other.id) < (entity.kind, entity.id)).is_some() {
                found.ghosts += 1;
            }
            match had.next_if(|other| (other.kind, other.id) == (entity.kind, entity.id)) {
                None => found.missing += 1,
                Some(other) => {
                    let pairs = entity.values.iter().zip(other.values);
                    found.fields += pairs.filter(|(one, other)| one != other).count() as u64;
                }
            }
        }
        found.ghosts += had.count() as u64;
        found
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.states += other.states;
        self.entities += other.entities;
        self.ghosts += other.ghosts;
        self.missing += other.missing;
        self.fields += other.fields;
    }
}

fn thousandths(units: f64) -> u64 {
    (units * PER_UNIT).round() as u64
}

fn units(distances: &Histogram<u64>) -> Percentiles {
    let at = |quantile: f64| {
        let thousandths = distances.value_at_quantile(quantile) as f64;
        (!distances.is_empty()).then(|| rounded(thousandths / PER_UNIT))
    };
    Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickstone_shared::ids::Epoch;
    use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
    use tickstone_shared::time::Tick;
    use tickstone_shared::wire::state::StateMessage;

    /// Entities of a kind with one field each.
    fn view(entities: &[(u32, u8)]) -> View {
        let fields = vec![Field { name: "f".into(), kind: FieldKind::U8, per_unit: 1, private: false }];
        let schema = Schema { kinds: vec![KindSchema { name: "k".into(), fields }], input: Vec::new() };
        let mut body = vec![0, entities.len() as u8, 0];
        for (id, value) in entities {
            body.extend_from_slice(&id.to_le_bytes());
            body.push(*value);
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
        view.replace(&state, &schema).unwrap();
        view
    }

    #[test]
    fn ghosts_missing_entities_and_wrong_fields_are_told_apart() {
        let server = view(&[(2, 1), (4, 1), (6, 1)]);
        let same = Difference { states: 1, entities: 3, ..Difference::default() };
        assert_eq!(Difference::between(&server, &server), same);
        let client = view(&[(1, 1), (4, 9), (6, 1), (7, 1)]);
        let expected = Difference { states: 1, entities: 3, ghosts: 2, missing: 1, fields: 1 };
        assert_eq!(Difference::between(&client, &server), expected);
        assert_eq!(Difference::between(&view(&[]), &server).missing, 3);
    }

    #[test]
    fn errors_corrections_and_starved_looks_are_counted() {
        let mut feel = Feel::new();
        assert!(feel.prediction(2, 30.0).is_none() && feel.interpolation().is_none());
        assert_eq!(feel.comparison(), None);
        for _ in 0..99 {
            feel.compared(Outcome::Compared { error: 0.0, moved: [0.0; 2] });
        }
        feel.compared(Outcome::Compared { error: 0.25, moved: [0.3, -0.4] });
        feel.compared(Outcome::Jumped);
        feel.compared(Outcome::Unforeseen);
        [0.0, 0.0, 3.0, 21.0].into_iter().for_each(|beyond| feel.looked(beyond));
        let mut both = Feel::new();
        both.merge(&feel);
        let prediction = both.prediction(2, 30.0).unwrap();
        assert_eq!((prediction.compared, prediction.jumps, prediction.corrections_per_minute), (100, 1, 1.0));
        assert_eq!((prediction.error_units.p50, prediction.error_units.max), (Some(0.0), Some(0.25)));
        assert_eq!(prediction.correction_units.p99, Some(0.5));
        let looks = both.interpolation().unwrap();
        assert_eq!((looks.looks, looks.starved_fraction, looks.frozen_fraction), (4, 0.5, 0.25));
    }
}
