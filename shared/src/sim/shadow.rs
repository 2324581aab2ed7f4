//! The shadow of a world: its packed, quantised rows, taken after a step. Broadcasts read the shadow and
//! never the world.

use bevy_ecs::component::Component;
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
///
/// Component by component rather than row by row: a query walks its columns in memory order, where a look-up
/// of every entity missed the cache about once each (7 us for 50 look-ups among 100 matches).
pub(super) struct KindShadow {
    name: &'static str,
    fields: Vec<Field>,
    row_bytes: usize,
    parts: Vec<Box<dyn Part>>,
    members: Box<dyn Members>,
    order: Vec<NetId>,
}

impl KindShadow {
    pub(super) fn new<Tag: Component>(name: &'static str, world: &mut World) -> Self {
        let members = Box::new(world.query_filtered::<&NetId, With<Tag>>());
        Self { name, fields: Vec::new(), row_bytes: ID_BYTES, parts: Vec::new(), members, order: Vec::new() }
    }

    pub(super) fn add<C: Component>(&mut self, fields: Vec<FieldOf<C>>, world: &mut World) {
        self.fields.extend(fields.iter().map(|field| Field {
            name: field.name.to_owned(),
            kind: field.kind,
            per_unit: field.per_unit,
        }));
        let offset = self.row_bytes;
        self.row_bytes += fields.iter().map(|field| field.kind.width()).sum::<usize>();
        self.parts.push(Box::new(ComponentPart { query: world.query::<(&NetId, &C)>(), fields, offset }));
    }

    pub(super) fn schema(&self) -> KindSchema {
        KindSchema { name: self.name.to_owned(), fields: self.fields.clone() }
    }

    /// Appends this kind's section, rows in ascending order of id; nothing if it has no entity.
    pub(super) fn pack(&mut self, kind: u8, world: &World, body: &mut Vec<u8>) {
        self.order.clear();
        self.members.collect(world, &mut self.order);
        self.order.sort_unstable();
        self.order.truncate(ROWS_PER_KIND_MAX);
        if self.order.is_empty() {
            return;
        }
        body.push(kind);
        body.extend_from_slice(&(self.order.len() as u16).to_le_bytes());
        let at = body.len();
        body.resize(at + self.order.len() * self.row_bytes, 0);
        let rows = &mut body[at..];
        for (row, id) in rows.chunks_exact_mut(self.row_bytes).zip(&self.order) {
            row[..ID_BYTES].copy_from_slice(&id.0.to_le_bytes());
        }
        for part in &mut self.parts {
            part.pack(world, &self.order, rows, self.row_bytes);
        }
    }
}

const ID_BYTES: usize = 4;

/// Finds the entities of a kind.
trait Members: Send + Sync {
    fn collect(&mut self, world: &World, order: &mut Vec<NetId>);
}

impl<Tag: Component> Members for QueryState<&'static NetId, With<Tag>> {
    fn collect(&mut self, world: &World, order: &mut Vec<NetId>) {
        order.extend(self.iter(world));
    }
}

/// The fields of one component of a kind.
trait Part: Send + Sync {
    /// Fills them in, in every row whose entity has the component.
    fn pack(&mut self, world: &World, order: &[NetId], rows: &mut [u8], row_bytes: usize);
}

struct ComponentPart<C: Component> {
    query: QueryState<(&'static NetId, &'static C)>,
    fields: Vec<FieldOf<C>>,
    /// Where they begin in a row.
    offset: usize,
}

impl<C: Component> Part for ComponentPart<C> {
    fn pack(&mut self, world: &World, order: &[NetId], rows: &mut [u8], row_bytes: usize) {
        for (id, component) in self.query.iter(world) {
            let Ok(row) = order.binary_search(id) else { continue };
            let mut at = row * row_bytes + self.offset;
            for field in &self.fields {
                let end = at + field.kind.width();
                field.kind.put((field.value)(component), &mut rows[at..end]);
                at = end;
            }
        }
    }
}
