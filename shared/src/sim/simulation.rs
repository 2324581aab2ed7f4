//! One match's world and the one way it moves: apply events, step, repeat.

use std::marker::PhantomData;

use arrayvec::ArrayVec;
use bevy_ecs::entity::Entity;
use bevy_ecs::query::QueryState;
use bevy_ecs::system::{BoxedSystem, RunSystemError};
use bevy_ecs::world::World;
use twox_hash::XxHash3_64;

use super::builder::Builder;
use super::event::{Event, Output};
use super::game::{Fields, Game, Input, JoinRefused};
use super::save::{self, Column, Order, RestoreError};
use super::shadow::KindShadow;
use super::world::{Inputs, NetIds, Outbox, Step};
use crate::ids::{NetId, StateHash};
use crate::input::InputRow;
use crate::limits::INPUT_BYTES_MAX;
use crate::schema::{FieldKind, Schema};
use crate::snapshot::{Sight, Snapshot};
use crate::time::Tick;

/// Ticks between two looks at bevy's change ticks, which a schedule would take by itself: far below the
/// 518 million changes after which they must have been.
const CHANGE_TICK_CHECK_TICKS: u64 = 1 << 20;

/// The world of one match of game `G`.
pub struct Simulation<G: Game> {
    world: World,
    /// `Step::tick` of the world, at hand: it is asked for with every input.
    tick: Tick,
    systems: Vec<BoxedSystem>,
    columns: Vec<Box<dyn Column>>,
    kinds: Vec<Box<dyn KindShadow>>,
    saved: QueryState<(&'static NetId, Entity)>,
    order: Order,
    scratch: Vec<u8>,
    sight: Option<Sight>,
    /// Some field is its owner's alone.
    has_private: bool,
    game: PhantomData<fn() -> G>,
}

impl<G: Game> Simulation<G> {
    /// A new match at tick 0.
    pub fn start(seed: u64, rules: &G::Rules) -> Self {
        let mut simulation = Self::empty();
        simulation.sight = G::sight(rules);
        simulation.world.insert_resource(Step { tick: Tick(0), seed });
        G::load(&mut simulation.world, rules);
        G::start(&mut simulation.world, rules);
        simulation.world.clear_trackers();
        simulation
    }

    /// The match that [`Simulation::save`] saved.
    pub fn restore(rules: &G::Rules, saved: &[u8]) -> Result<Self, RestoreError> {
        let mut simulation = Self::empty();
        simulation.sight = G::sight(rules);
        save::restore(&simulation.columns, &mut simulation.world, saved)?;
        let step = simulation.world.get_resource::<Step>();
        simulation.tick = step.ok_or_else(|| RestoreError::Damaged { column: "step".to_owned() })?.tick;
        G::load(&mut simulation.world, rules);
        simulation.world.clear_trackers();
        Ok(simulation)
    }

    fn empty() -> Self {
        let mut world = World::new();
        world.insert_resource(NetIds::default());
        world.insert_resource(Inputs::<G::Input>::default());
        world.insert_resource(Outbox::default());
        let mut builder = Builder::new(&mut world);
        builder.resource::<Step>("step").resource::<NetIds>("net_ids").resource::<Inputs<G::Input>>("inputs");
        G::build(&mut builder);
        let Builder { columns, kinds, systems, .. } = builder;
        let saved = world.query::<(&NetId, Entity)>();
        Self {
            world,
            tick: Tick(0),
            systems: Builder::ordered_systems(systems),
            columns,
            saved,
            order: Order::new(),
            scratch: Vec::new(),
            sight: None,
            has_private: kinds.iter().any(|kind| kind.schema().fields.iter().any(|field| field.private)),
            kinds,
            game: PhantomData,
        }
    }

    /// The newest state there is.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// The world, to look at.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Lets something from outside reach the world. Only joins can be refused; a refused one changed nothing.
    pub fn apply(&mut self, event: &Event) -> Result<(), JoinRefused> {
        match event {
            Event::Join { seat, player } => {
                self.world.resource_mut::<Inputs<G::Input>>().set(*seat, G::Input::default());
                G::join(&mut self.world, *seat, player)?;
            }
            Event::Leave { seat, reason } => G::leave(&mut self.world, *seat, *reason),
            Event::Drop { seat } => {
                self.world.resource_mut::<Inputs<G::Input>>().set(*seat, G::Input::default());
                G::dropped(&mut self.world, *seat);
            }
            Event::Return { seat } => G::returned(&mut self.world, *seat),
            Event::Input { seat, row } => {
                let input = unpack_input::<G::Input>(row.as_slice());
                self.world.resource_mut::<Inputs<G::Input>>().set(*seat, input);
            }
            Event::Message { seat, data } => {
                let data = serde_json::from_str(data).unwrap_or_default();
                G::message(&mut self.world, *seat, &data);
            }
            Event::Signal { data } => {
                let change = serde_json::from_str(data).unwrap_or_default();
                G::signalled(&mut self.world, &change);
            }
            Event::Overdue { .. } => G::overdue(&mut self.world),
        }
        Ok(())
    }

    /// One tick: every system, in the order of [`super::phase::Phase`].
    pub fn step(&mut self) {
        let mut step = self.world.resource_mut::<Step>();
        step.tick = step.tick.next();
        let tick = step.tick;
        self.tick = tick;
        for system in &mut self.systems {
            match system.run((), &mut self.world) {
                // Skipped: the one entity a `Single` asks for is not there in this tick.
                Ok(()) | Err(RunSystemError::Skipped(_)) => {}
                Err(RunSystemError::Failed(error)) => panic!("a system failed: {error}"),
            }
        }
        self.world.clear_trackers();
        if tick.0.is_multiple_of(CHANGE_TICK_CHECK_TICKS) {
            self.check_change_ticks();
        }
    }

    fn check_change_ticks(&mut self) {
        if let Some(check) = self.world.check_change_ticks() {
            for system in &mut self.systems {
                system.check_change_tick(check);
            }
        }
    }

    /// How far players see.
    pub fn sight(&self) -> Option<Sight> {
        self.sight
    }

    /// Packs the newest state; where not everybody sees everything, with the places of all there is.
    pub fn snapshot(&mut self, into: &mut Snapshot) {
        into.tick = self.tick();
        into.body.clear();
        into.places.clear();
        let wants_places = self.sight.is_some() || self.has_private;
        for (number, kind) in self.kinds.iter_mut().enumerate() {
            let number = u8::try_from(number).expect("kinds are limited");
            kind.pack(number, &self.world, into, wants_places);
        }
    }

    /// Appends everything of the match that is saved, in canonical form.
    pub fn save(&mut self, out: &mut Vec<u8>) {
        self.order.clear();
        self.order.extend(self.saved.iter(&self.world).map(|(id, entity)| (*id, entity)));
        self.order.sort_unstable_by_key(|(id, _)| *id);
        save::save(&mut self.columns, &self.world, &self.order, out);
    }

    /// The hash of what [`Simulation::save`] gives.
    pub fn state_hash(&mut self) -> StateHash {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        self.save(&mut bytes);
        let hash = StateHash(XxHash3_64::oneshot(&bytes));
        self.scratch = bytes;
        hash
    }

    /// Moves what the world told the outside since the last call to the end of `outputs`.
    pub fn take_outputs(&mut self, outputs: &mut Vec<Output>) {
        self.world.resource_mut::<Outbox>().take_into(outputs);
    }

    pub(super) fn schema_of_game() -> Schema {
        Self::empty().schema()
    }

    /// How players read this match's states and write its inputs.
    pub fn schema(&self) -> Schema {
        Schema {
            kinds: self.kinds.iter().map(|kind| kind.schema()).collect(),
            input: G::Input::FIELDS.iter().map(|field| field.to_field()).collect(),
        }
    }
}

/// An input from its packed row, whose length has been checked: a short row reads as zeros.
pub(crate) fn unpack_input<I: Input>(row: &[u8]) -> I {
    let mut rest = row;
    let fields: Fields = I::FIELDS.iter().map(|field| field.kind.read(&mut rest).unwrap_or(0)).collect();
    I::from_fields(&fields)
}

/// An input's packed row.
pub(crate) fn pack_input<I: Input>(input: I) -> InputRow {
    let mut fields = Fields::new();
    input.to_fields(&mut fields);
    let mut row = ArrayVec::<u8, INPUT_BYTES_MAX>::new();
    for (field, value) in I::FIELDS.iter().zip(fields) {
        FieldKind::write(field.kind, value, &mut row);
    }
    row.into()
}
