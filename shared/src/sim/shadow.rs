//! The shadow of a world: its packed, quantised rows, taken after a step. Broadcasts read the shadow and
//! never the world.

use bevy_ecs::component::Component;
use bevy_ecs::query::{QueryData, QueryState, ReadOnlyQueryData, With};
use bevy_ecs::world::World;

use crate::ids::{NetId, Seat};
use crate::schema::{Field, FieldKind, KindSchema};
use crate::snapshot::{Point, ROWS_PER_KIND_MAX, Snapshot, Whereabouts};
use crate::time::Tick;

/// A field that players see of a component.
#[derive(Debug, Clone, Copy)]
pub struct FieldOf<C> {
    name: &'static str,
    kind: FieldKind,
    per_unit: u32,
    private: bool,
    value: fn(&C) -> i64,
}

impl<C> FieldOf<C> {
    /// A field that is stored as it is. Values outside the kind's range are clamped.
    pub fn new(name: &'static str, kind: FieldKind, value: fn(&C) -> i64) -> Self {
        Self { name, kind, per_unit: 1, private: false, value }
    }

    /// Says that the stored value counts fractions: `per_unit(256)` stores 1/256 units.
    #[must_use]
    pub fn per_unit(self, per_unit: u32) -> Self {
        Self { per_unit, ..self }
    }

    /// Told to the entity's owner alone: to everybody else it is 0.
    #[must_use]
    pub fn private(self) -> Self {
        Self { private: true, ..self }
    }
}

/// How one kind of entity is packed: one query over all its components, whose type grows with each of them.
///
/// One query rather than one a component, and never a look-up of a single entity: among 100 matches every
/// query's state and every look-up is another cache miss (11 queries cost about 5 us a tick, a look-up 0.1 us).
pub(super) trait KindShadow: Send + Sync {
    /// How its rows are read.
    fn schema(&self) -> KindSchema;
    /// Appends this kind's section, rows in ascending order of id, and their places if they are wanted; nothing
    /// if it has no entity.
    fn pack(&mut self, kind: u8, world: &World, into: &mut Snapshot, wants_places: bool);
}

/// What is asked of the components of a row: where its entity is, and whose.
pub struct Asked {
    tick: Tick,
    place: Option<Point>,
    owner: Option<Seat>,
}

/// The components of a row, the later ones around the earlier: `((), Option<&A>)`, and so on.
pub trait Row: Send + Sync + 'static {
    /// What a query gives for it.
    type Data: ReadOnlyQueryData + 'static;
    /// Packs the fields to the beginning of `row`; zeros for a component the entity does not have. Answers
    /// where they end, and what is asked.
    fn pack(
        &self,
        item: <Self::Data as QueryData>::Item<'_, '_>,
        row: &mut [u8],
        asked: Option<&mut Asked>,
    ) -> usize;
    /// Appends what the fields are.
    fn schema(&self, fields: &mut Vec<Field>);
}

impl Row for () {
    type Data = ();
    fn pack(&self, (): (), _row: &mut [u8], _asked: Option<&mut Asked>) -> usize {
        0
    }
    fn schema(&self, _fields: &mut Vec<Field>) {}
}

/// A row with the fields of one more component.
pub struct And<R, C> {
    before: R,
    fields: Vec<FieldOf<C>>,
    /// Where it says an entity is.
    pub(super) place: Option<fn(&C, Tick) -> Point>,
    /// Whose it says an entity is.
    pub(super) owner: Option<fn(&C) -> Seat>,
}

impl<R: Row, C: Component> And<R, C> {
    pub(super) fn new(before: R, fields: Vec<FieldOf<C>>) -> Self {
        Self { before, fields, place: None, owner: None }
    }
}

impl<R: Row, C: Component> Row for And<R, C> {
    type Data = (R::Data, Option<&'static C>);

    fn pack(
        &self,
        (before, component): <Self::Data as QueryData>::Item<'_, '_>,
        row: &mut [u8],
        mut asked: Option<&mut Asked>,
    ) -> usize {
        let mut at = self.before.pack(before, row, asked.as_deref_mut());
        if let (Some(asked), Some(component)) = (asked, component) {
            asked.place = self.place.map(|place| place(component, asked.tick)).or(asked.place);
            asked.owner = self.owner.map(|owner| owner(component)).or(asked.owner);
        }
        for field in &self.fields {
            let end = at + field.kind.width();
            field.kind.put(component.map_or(0, field.value), &mut row[at..end]);
            at = end;
        }
        at
    }

    fn schema(&self, fields: &mut Vec<Field>) {
        self.before.schema(fields);
        fields.extend(self.fields.iter().map(|field| Field {
            name: field.name.to_owned(),
            kind: field.kind,
            per_unit: field.per_unit,
            private: field.private,
        }));
    }
}

const ID_BYTES: usize = 4;

/// The shadow of the entities with `Tag`, shown as rows `R`.
pub(super) struct Kind<Tag: Component, R: Row> {
    name: &'static str,
    row: R,
    /// Bytes of a row, its id included.
    row_bytes: usize,
    query: QueryState<(&'static NetId, R::Data), With<Tag>>,
    /// Room to sort rows in.
    sorting: Sorting,
}

impl<Tag: Component, R: Row> Kind<Tag, R> {
    pub(super) fn new(name: &'static str, row: R, world: &mut World) -> Self {
        let mut fields = Vec::new();
        row.schema(&mut fields);
        let row_bytes = ID_BYTES + fields.iter().map(|field| field.kind.width()).sum::<usize>();
        Self { name, row, row_bytes, query: world.query_filtered(), sorting: Sorting::default() }
    }
}

impl<Tag: Component, R: Row> KindShadow for Kind<Tag, R> {
    fn schema(&self) -> KindSchema {
        let mut fields = Vec::new();
        self.row.schema(&mut fields);
        KindSchema { name: self.name.to_owned(), fields }
    }

    fn pack(&mut self, kind: u8, world: &World, into: &mut Snapshot, wants_places: bool) {
        let Self { row, row_bytes, query, sorting, .. } = self;
        let row_bytes = *row_bytes;
        let Snapshot { tick, body, places } = into;
        let (head, first_place) = (body.len(), places.len());
        body.extend_from_slice(&[kind, 0, 0]);
        let first = body.len();
        let (mut last, mut is_sorted, mut count) = (None, true, 0);
        for (id, item) in query.iter(world) {
            let at = body.len();
            body.resize(at + row_bytes, 0);
            let (begin, fields) = body[at..].split_at_mut(ID_BYTES);
            begin.copy_from_slice(&id.0.to_le_bytes());
            if wants_places {
                let mut asked = Asked { tick: *tick, place: None, owner: None };
                row.pack(item, fields, Some(&mut asked));
                let Asked { place, owner, .. } = asked;
                places.push(Whereabouts { kind, id: *id, place, owner });
            } else {
                row.pack(item, fields, None);
            }
            is_sorted &= last < Some(*id);
            last = Some(*id);
            count += 1;
        }
        if count == 0 {
            return body.truncate(head);
        }
        if !is_sorted {
            sorting.sort(&mut body[first..], row_bytes);
            places[first_place..].sort_unstable_by_key(|row| row.id);
        }
        let count = count.min(ROWS_PER_KIND_MAX);
        body.truncate(first + count * row_bytes);
        places.truncate(first_place + count);
        body[head + 1..first].copy_from_slice(&(count as u16).to_le_bytes());
    }
}

/// Sorts rows by their ids.
#[derive(Default)]
struct Sorting {
    order: Vec<(u32, usize)>,
    rows: Vec<u8>,
}

impl Sorting {
    fn sort(&mut self, rows: &mut [u8], row_bytes: usize) {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        let by_id = self.rows.chunks_exact(row_bytes).enumerate();
        self.order.clear();
        self.order.extend(by_id.map(|(at, row)| (id_of(row), at)));
        self.order.sort_unstable();
        for ((_, at), row) in self.order.iter().zip(rows.chunks_exact_mut(row_bytes)) {
            row.copy_from_slice(&self.rows[at * row_bytes..][..row_bytes]);
        }
    }
}

fn id_of(row: &[u8]) -> u32 {
    row.first_chunk().map_or(0, |id| u32::from_le_bytes(*id))
}
