//! A game whose type is forgotten: how a server holds many games. The one place where types are erased.

use std::sync::{Arc, Mutex, PoisonError};

use super::assets::Assets;
use super::event::{Event, Output};
use super::game::{Deadline, Game, Input, JoinRefused, RulesError, SignalAnswer, SignalRefused, WorkerGroup};
use super::save::RestoreError;
use super::simulation::{Simulation, pack_input, unpack_input};
use crate::ids::{PlayerName, StateHash};
use crate::input::{InputCodec, InputError, InputRow};
use crate::limits::{FIELDS_MAX, INPUT_BYTES_MAX, KINDS_MAX, SEATS_MAX};
use crate::replication::shape::Shape;
use crate::schema::{Schema, row_bytes};
use crate::snapshot::{Point, Sight, Snapshot};
use crate::time::Tick;

/// One match of any game. Its methods are those of [`Simulation`].
pub trait AnySimulation: Send {
    /// [`Simulation::tick`].
    fn tick(&self) -> Tick;
    /// [`Simulation::apply`].
    fn apply(&mut self, event: &Event) -> Result<(), JoinRefused>;
    /// [`Simulation::step`].
    fn step(&mut self);
    /// [`Simulation::snapshot`].
    fn snapshot(&mut self, into: &mut Snapshot);
    /// [`Game::sight`].
    fn sight(&self) -> Option<Sight>;
    /// [`Game::is_hidden`].
    fn is_hidden(&self, from: Point, to: Point) -> bool;
    /// [`Simulation::save`].
    fn save(&mut self, out: &mut Vec<u8>);
    /// [`Simulation::state_hash`].
    fn state_hash(&mut self) -> StateHash;
    /// [`Simulation::take_outputs`].
    fn take_outputs(&mut self, outputs: &mut Vec<Output>);
    /// [`Game::signal`].
    fn signal(&self, name: &str, data: &serde_json::Value) -> Result<SignalAnswer, SignalRefused>;
    /// [`Game::label`].
    fn label(&self) -> serde_json::Value;
    /// [`Game::outcome`].
    fn outcome(&self) -> Option<serde_json::Value>;
    /// [`Game::scores`].
    fn scores(&self) -> Vec<(PlayerName, i64)>;
    /// [`Game::deadline`].
    fn deadline(&self) -> Option<Deadline>;
}

impl<G: Game> AnySimulation for Simulation<G> {
    fn tick(&self) -> Tick {
        Simulation::tick(self)
    }
    fn apply(&mut self, event: &Event) -> Result<(), JoinRefused> {
        Simulation::apply(self, event)
    }
    fn step(&mut self) {
        Simulation::step(self);
    }
    fn snapshot(&mut self, into: &mut Snapshot) {
        Simulation::snapshot(self, into);
    }
    fn sight(&self) -> Option<Sight> {
        Simulation::sight(self)
    }
    fn is_hidden(&self, from: Point, to: Point) -> bool {
        G::is_hidden(self.world(), from, to)
    }
    fn save(&mut self, out: &mut Vec<u8>) {
        Simulation::save(self, out);
    }
    fn state_hash(&mut self) -> StateHash {
        Simulation::state_hash(self)
    }
    fn take_outputs(&mut self, outputs: &mut Vec<Output>) {
        Simulation::take_outputs(self, outputs);
    }
    fn signal(&self, name: &str, data: &serde_json::Value) -> Result<SignalAnswer, SignalRefused> {
        G::signal(self.world(), name, data)
    }
    fn label(&self) -> serde_json::Value {
        G::label(self.world())
    }
    fn outcome(&self) -> Option<serde_json::Value> {
        G::outcome(self.world())
    }
    fn scores(&self) -> Vec<(PlayerName, i64)> {
        G::scores(self.world())
    }
    fn deadline(&self) -> Option<Deadline> {
        G::deadline(self.world())
    }
}

/// A registered game, its type forgotten.
pub trait AnyGame: InputCodec {
    /// [`Game::NAME`].
    fn name(&self) -> &'static str;
    /// [`Game::VERSION`].
    fn version(&self) -> u32;
    /// [`Game::TICK_RATE_HZ`].
    fn tick_rate_hz(&self) -> u32;
    /// Does it step as time goes by?
    fn has_ticks(&self) -> bool {
        self.tick_rate_hz() > 0
    }
    /// [`Game::WORKERS`].
    fn workers(&self) -> WorkerGroup;
    /// [`Game::BOARD`].
    fn board(&self) -> Option<&'static str>;
    /// [`Game::SECRETS`].
    fn has_secrets(&self) -> bool;
    /// The shape of its states.
    fn shape(&self) -> &Arc<Shape>;
    /// The schema of its states and inputs.
    fn schema(&self) -> &Arc<Schema> {
        &self.shape().schema
    }
    /// Checked, stored rules from a request's preset and options.
    fn rules(
        &self,
        preset: Option<&str>,
        options: serde_json::Value,
        assets: &Assets,
    ) -> Result<Vec<u8>, RulesError>;
    /// Seats of a match with these rules.
    fn seats(&self, rules: &[u8]) -> Result<u16, RestoreError>;
    /// A new match.
    fn start(&self, seed: u64, rules: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError>;
    /// A saved match.
    fn restore(&self, rules: &[u8], saved: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError>;
    /// The input of a seat nobody moves.
    fn idle_input(&self) -> InputRow;
    /// [`Input::starved`] on packed rows.
    fn starved_input(&self, last: &InputRow, ticks: u32) -> InputRow;
}

/// Forgets a game's type. Panics if the game breaks a limit: that is found at start-up, never in a match.
pub fn register<G: Game>() -> Arc<dyn AnyGame> {
    let input_bytes = row_bytes(&G::Input::FIELDS.iter().map(|field| field.to_field()).collect::<Vec<_>>());
    assert!(
        input_bytes <= INPUT_BYTES_MAX,
        "{}: an input has {input_bytes} bytes; at most {INPUT_BYTES_MAX}",
        G::NAME
    );
    let row = pack_input(G::Input::default());
    assert_eq!(
        row.as_slice().len(),
        input_bytes,
        "{}: Input::to_fields gives another number of fields than FIELDS",
        G::NAME
    );
    assert!(
        G::TICK_RATE_HZ > 0 || G::WORKERS == WorkerGroup::General,
        "{}: a game without ticks runs on general workers",
        G::NAME
    );
    let schema = Simulation::<G>::schema_of_game();
    assert!(schema.kinds.len() <= KINDS_MAX, "{}: more than {KINDS_MAX} kinds", G::NAME);
    let fields_max = schema.kinds.iter().map(|kind| kind.fields.len()).max().unwrap_or(0);
    assert!(fields_max <= FIELDS_MAX, "{}: a kind with more than {FIELDS_MAX} fields", G::NAME);
    Arc::new(Registered::<G> {
        shape: Arc::new(Shape::new(schema)),
        input_bytes,
        last_rules: Mutex::default(),
    })
}

/// Rules as stored, and as a game reads them.
type Decoded<G> = (Vec<u8>, Arc<<G as Game>::Rules>);

struct Registered<G: Game> {
    shape: Arc<Shape>,
    input_bytes: usize,
    /// The rules that were last asked for: most matches have the same, and share what follows from them.
    last_rules: Mutex<Option<Decoded<G>>>,
}

impl<G: Game> Registered<G> {
    fn decoded(&self, rules: &[u8]) -> Result<Arc<G::Rules>, RestoreError> {
        let mut last = self.last_rules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, decoded)) = &*last
            && known == rules
        {
            return Ok(Arc::clone(decoded));
        }
        let decoded =
            serde_json::from_slice(rules).map_err(|error| RestoreError::Rules(error.to_string()))?;
        let decoded = Arc::new(decoded);
        *last = Some((rules.to_vec(), Arc::clone(&decoded)));
        Ok(decoded)
    }
}

impl<G: Game> AnyGame for Registered<G> {
    fn name(&self) -> &'static str {
        G::NAME
    }
    fn version(&self) -> u32 {
        G::VERSION
    }
    fn tick_rate_hz(&self) -> u32 {
        G::TICK_RATE_HZ
    }
    fn workers(&self) -> WorkerGroup {
        G::WORKERS
    }
    fn board(&self) -> Option<&'static str> {
        G::BOARD
    }
    fn has_secrets(&self) -> bool {
        G::SECRETS
    }
    fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    fn rules(
        &self,
        preset: Option<&str>,
        options: serde_json::Value,
        assets: &Assets,
    ) -> Result<Vec<u8>, RulesError> {
        let options = laid_over::<G>(preset, options)?;
        let rules = G::rules(options, assets)?;
        let seats = G::seats(&rules);
        if seats == 0 || seats > SEATS_MAX {
            let problem = format!("{seats} seats; expected 1 to {SEATS_MAX}");
            return Err(RulesError { option: "seats", problem });
        }
        Ok(serde_json::to_vec(&rules).expect("rules are plain data"))
    }

    fn seats(&self, rules: &[u8]) -> Result<u16, RestoreError> {
        self.decoded(rules).map(|rules| G::seats(&rules))
    }

    fn start(&self, seed: u64, rules: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError> {
        Ok(Box::new(Simulation::<G>::start(seed, &*self.decoded(rules)?)))
    }

    fn restore(&self, rules: &[u8], saved: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError> {
        Ok(Box::new(Simulation::<G>::restore(&*self.decoded(rules)?, saved)?))
    }

    fn idle_input(&self) -> InputRow {
        pack_input(G::Input::default())
    }

    fn starved_input(&self, last: &InputRow, ticks: u32) -> InputRow {
        pack_input(unpack_input::<G::Input>(last.as_slice()).starved(ticks))
    }
}

impl<G: Game> InputCodec for Registered<G> {
    fn row_bytes(&self) -> usize {
        self.input_bytes
    }

    fn packed(&self, bytes: &[u8]) -> Result<InputRow, InputError> {
        if bytes.len() != self.input_bytes {
            return Err(InputError::Length { got: bytes.len(), expected: self.input_bytes });
        }
        Ok(pack_input(unpack_input::<G::Input>(bytes)))
    }

    fn by_name(&self, value: serde_json::Value) -> Result<InputRow, InputError> {
        let input: G::Input =
            serde_json::from_value(value).map_err(|error| InputError::Fields(error.to_string()))?;
        self.packed(pack_input(input).as_slice())
    }
}

fn laid_over<G: Game>(preset: Option<&str>, options: serde_json::Value) -> Result<G::Options, RulesError> {
    let base = match preset {
        Some(name) => G::preset(name).ok_or_else(|| RulesError {
            option: "preset",
            problem: format!("the game {} has no preset of that name", G::NAME),
        })?,
        None => serde_json::json!({}),
    };
    let mut merged = base;
    match (&mut merged, options) {
        (_, serde_json::Value::Null) => {}
        (serde_json::Value::Object(base), serde_json::Value::Object(options)) => base.extend(options),
        _ => return Err(RulesError { option: "options", problem: "expected a JSON object".to_owned() }),
    }
    serde_json::from_value(merged)
        .map_err(|error| RulesError { option: "options", problem: error.to_string() })
}
