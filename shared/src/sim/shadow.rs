//! The shadow of a world: its packed, quantised rows, taken after a step. Broadcasts read the shadow and
//! never the world.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::query::{QueryState, With};
use bevy_ecs::world::World;

use crate::ids::NetId;
use crate::schema::{Field, FieldKind, KindSchema};
use crate::snapshot::ROWS_PER_KIND_MAX;

/// A field that players see of a component.
#[derive(Debug, Clone, Copy)]
pub struct FieldOf<C> {
    name: &'static str,
    kind: FieldKind,
    per_unit: u32,
    value: fn(&C) -> i64,
}

impl<C> FieldOf<C> {
    /// A field that is stored as it is. Values outside the kind's range are clamped.
    pub fn new(name: &'static str, kind: FieldKind, value: fn(&C) -> i64) -> Self {
        Self { name, kind, per_unit: 1, value }
    }

    /// Says that the stored value counts fractions: `per_unit(256)` stores 1/256 units.
    #[must_use]
    pub fn per_unit(self, per_unit: u32) -> Self {
        Self { per_unit, ..self }
    }
}

/// How one kind of entity is packed.
pub(super) struct KindShadow {
    name: &'static str,
    fields: Vec<Field>,
    parts: Vec<Box<dyn Part>>,
    members: Box<dyn Members>,
    order: Vec<(NetId, Entity)>,
}

impl KindShadow {
    pub(super) fn new<Tag: Component>(name: &'static str, world: &mut World) -> Self {
        let members = Box::new(world.query_filtered::<(&NetId, Entity), With<Tag>>());
        Self { name, fields: Vec::new(), parts: Vec::new(), members, order: Vec::new() }
    }

    pub(super) fn add<C: Component>(&mut self, fields: Vec<FieldOf<C>>, world: &mut World) {
        self.fields.extend(fields.iter().map(|field| Field {
            name: field.name.to_owned(),
            kind: field.kind,
            per_unit: field.per_unit,
        }));
        self.parts.push(Box::new(ComponentPart { query: world.query::<&C>(), fields }));
    }

    pub(super) fn schema(&self) -> KindSchema {
        KindSchema { name: self.name.to_owned(), fields: self.fields.clone() }
    }

    /// Appends this kind's section, rows in ascending order of id; nothing if it has no entity.
    pub(super) fn pack(&mut self, kind: u8, world: &World, body: &mut Vec<u8>) {
        self.order.clear();
        self.members.collect(world, &mut self.order);
        self.order.sort_unstable_by_key(|(id, _)| *id);
        self.order.truncate(ROWS_PER_KIND_MAX);
        if self.order.is_empty() {
            return;
        }
        body.push(kind);
        body.extend_from_slice(&(self.order.len() as u16).to_le_bytes());
        for part in &mut self.parts {
            part.prepare(world);
        }
        for (id, entity) in &self.order {
            body.extend_from_slice(&id.0.to_le_bytes());
            for part in &self.parts {
                part.pack(world, *entity, body);
            }
        }
    }
}

/// Finds the entities of a kind.
trait Members: Send + Sync {
    fn collect(&mut self, world: &World, order: &mut Vec<(NetId, Entity)>);
}

impl<Tag: Component> Members for QueryState<(&'static NetId, Entity), With<Tag>> {
    fn collect(&mut self, world: &World, order: &mut Vec<(NetId, Entity)>) {
        order.extend(self.iter(world).map(|(id, entity)| (*id, entity)));
    }
}

/// The fields of one component of a kind.
trait Part: Send + Sync {
    fn prepare(&mut self, world: &World);
    fn pack(&self, world: &World, entity: Entity, body: &mut Vec<u8>);
}

struct ComponentPart<C: Component> {
    query: QueryState<&'static C>,
    fields: Vec<FieldOf<C>>,
}

impl<C: Component> Part for ComponentPart<C> {
    fn prepare(&mut self, world: &World) {
        self.query.update_archetypes(world);
    }

    fn pack(&self, world: &World, entity: Entity, body: &mut Vec<u8>) {
        let component = self.query.get_manual(world, entity).ok();
        for field in &self.fields {
            field.kind.write(component.map_or(0, field.value), body);
        }
    }
}
