//! What a game says about its world: what is saved, what is shown, what runs when.

use std::marker::PhantomData;

use bevy_ecs::component::{Component, Mutable};
use bevy_ecs::resource::Resource;
use bevy_ecs::system::{BoxedSystem, IntoSystem};
use bevy_ecs::world::World;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::phase::Phase;
use super::save::{Column, ComponentColumn, ResourceColumn};
use super::shadow::{And, FieldOf, Kind, KindShadow, Row};
use crate::ids::Seat;
use crate::snapshot::Point;
use crate::time::Tick;

/// Collects a game's registrations for one world.
pub struct Builder<'w> {
    world: &'w mut World,
    pub(super) columns: Vec<Box<dyn Column>>,
    pub(super) kinds: Vec<Box<dyn KindShadow>>,
    pub(super) systems: Vec<(Phase, BoxedSystem)>,
}

impl<'w> Builder<'w> {
    pub(super) fn new(world: &'w mut World) -> Self {
        Self { world, columns: Vec::new(), kinds: Vec::new(), systems: Vec::new() }
    }

    /// A component that is saved under `name`, for every entity that has a `NetId`. Components that are not
    /// registered are gone after a restore.
    pub fn component<C>(&mut self, name: &'static str) -> &mut Self
    where
        C: Component<Mutability = Mutable> + Serialize + DeserializeOwned,
    {
        self.columns.push(Box::new(ComponentColumn::<C>::new(name, self.world)));
        self
    }

    /// A resource that is saved under `name`.
    pub fn resource<R: Resource + Serialize + DeserializeOwned>(&mut self, name: &'static str) -> &mut Self {
        self.columns.push(Box::new(ResourceColumn::<R>::new(name)));
        self
    }

    /// A kind of entity that players see: every entity with a `NetId` and the component `Tag`.
    pub fn kind<Tag: Component>(&mut self, name: &'static str) -> KindBuilder<'_, Tag, ()> {
        KindBuilder { world: self.world, kinds: &mut self.kinds, name, row: (), tag: PhantomData }
    }

    /// A system, run in every tick in its phase, after those added to the phase before it. It keeps no state
    /// of its own (`Local`): that would not survive a restore.
    pub fn system<M>(&mut self, phase: Phase, system: impl IntoSystem<(), (), M> + 'static) -> &mut Self {
        let mut system: BoxedSystem = Box::new(IntoSystem::into_system(system));
        system.initialize(self.world);
        self.systems.push((phase, system));
        self
    }

    /// Systems in the order of the tick.
    pub(super) fn ordered_systems(systems: Vec<(Phase, BoxedSystem)>) -> Vec<BoxedSystem> {
        let mut systems = systems;
        systems.sort_by_key(|(phase, _)| *phase);
        systems.into_iter().map(|(_, system)| system).collect()
    }
}

impl<Tag: Component, R: Row, C: Component> KindBuilder<'_, Tag, And<R, C>> {
    /// The component named last says where an entity is, at a tick. One without a place is seen by everybody.
    pub fn placed(mut self, place: fn(&C, Tick) -> Point) -> Self {
        self.row.place = Some(place);
        self
    }

    /// The component named last says whose an entity is: its owner sees it always, sees its private fields, and
    /// sees the world from where the first entity of theirs is.
    pub fn owned_by(mut self, owner: fn(&C) -> Seat) -> Self {
        self.row.owner = Some(owner);
        self
    }
}

/// Says which fields of a kind players see.
#[must_use = "a kind is shown once it is `done`"]
pub struct KindBuilder<'b, Tag, R> {
    world: &'b mut World,
    kinds: &'b mut Vec<Box<dyn KindShadow>>,
    name: &'static str,
    row: R,
    tag: PhantomData<fn() -> Tag>,
}

impl<'b, Tag: Component, R: Row> KindBuilder<'b, Tag, R> {
    /// Fields taken from one component. An entity without it shows zeros.
    pub fn with<C: Component>(self, fields: Vec<FieldOf<C>>) -> KindBuilder<'b, Tag, And<R, C>> {
        let Self { world, kinds, name, row, tag } = self;
        KindBuilder { world, kinds, name, row: And::new(row, fields), tag }
    }

    /// Ends the kind.
    pub fn done(self) {
        self.kinds.push(Box::new(Kind::<Tag, R>::new(self.name, self.row, self.world)));
    }
}
