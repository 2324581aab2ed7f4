//! An entity of a state as a client reads it: its stored numbers, and where a field stands among them.

use crate::ids::NetId;
use crate::schema::{KindSchema, Schema};

/// One entity of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityView<'a> {
    /// Its identity.
    pub id: NetId,
    /// Its kind's number in the schema.
    pub kind: usize,
    /// The stored values of its kind's fields, in the schema's order.
    pub values: &'a [i64],
}

/// The number of the kind with this name.
pub fn kind_number(schema: &Schema, name: &str) -> Option<usize> {
    schema.kinds.iter().position(|kind| kind.name == name)
}

/// Where a field stands in its kind's rows, and how its stored values scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldPlace {
    index: usize,
    per_unit: f64,
}

impl FieldPlace {
    /// The place of the field with this name.
    pub fn find(kind: &KindSchema, name: &str) -> Option<Self> {
        let index = kind.fields.iter().position(|field| field.name == name)?;
        Some(Self { index, per_unit: f64::from(kind.fields[index].per_unit.max(1)) })
    }

    /// The field of an entity as it is stored; 0 where the entity lacks it.
    pub fn stored(self, entity: EntityView<'_>) -> i64 {
        entity.values.get(self.index).copied().unwrap_or(0)
    }

    /// The field of an entity, in units of the game.
    pub fn of(self, entity: EntityView<'_>) -> f64 {
        self.stored(entity) as f64 / self.per_unit
    }
}
