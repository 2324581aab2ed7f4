//! Saving a world and restoring it. The saved bytes are canonical: equal worlds give equal bytes, so their
//! hash is the state hash.
//!
//! Layout: format `u8`, then for every registered column, in order of registration: its name (length `u8`),
//! the length of its content `u32` little-endian, its content. A component's content is its number of rows
//! and then id and value of each, ascending by id, all in postcard. The column `entities` comes first.

use std::marker::PhantomData;

use bevy_ecs::component::{Component, Mutable};
use bevy_ecs::entity::Entity;
use bevy_ecs::query::QueryState;
use bevy_ecs::resource::Resource;
use bevy_ecs::world::World;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::NetId;

/// The version of the layout.
pub const SAVE_FORMAT: u8 = 1;

/// Why saved bytes are no world of this game.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Another layout than this build's.
    #[error("save format {got}; this build reads {SAVE_FORMAT}")]
    Format {
        /// The format found.
        got: u8,
    },
    /// The bytes end early, or hold what their column cannot be.
    #[error("column {column}: the saved bytes are damaged")]
    Damaged {
        /// The column.
        column: String,
    },
    /// A column this build does not know.
    #[error("column {column} is not registered by this game")]
    UnknownColumn {
        /// The column.
        column: String,
    },
    /// The rules stored with the match are not this game's.
    #[error("the stored rules are not this game's: {0}")]
    Rules(String),
}

/// The entities of a world that are saved, ascending by id.
pub(super) type Order = Vec<(NetId, Entity)>;

/// Something of a world that is saved.
pub(super) trait Column: Send + Sync {
    fn name(&self) -> &'static str;
    fn save(&mut self, world: &World, order: &Order, out: &mut Vec<u8>);
    fn restore(&self, world: &mut World, order: &Order, content: &[u8]) -> Option<()>;
}

pub(super) struct ComponentColumn<C: Component> {
    name: &'static str,
    query: QueryState<&'static C>,
}

impl<C: Component> ComponentColumn<C> {
    pub(super) fn new(name: &'static str, world: &mut World) -> Self {
        Self { name, query: world.query::<&C>() }
    }
}

impl<C: Component<Mutability = Mutable> + Serialize + DeserializeOwned> Column for ComponentColumn<C> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn save(&mut self, world: &World, order: &Order, out: &mut Vec<u8>) {
        self.query.update_archetypes(world);
        let rows =
            order.iter().filter_map(|(id, entity)| Some((id, self.query.get_manual(world, *entity).ok()?)));
        let count = u32::try_from(rows.clone().count()).expect("ids are 32 bits");
        put(&count, out);
        for (id, component) in rows {
            put(id, out);
            put(component, out);
        }
    }

    fn restore(&self, world: &mut World, order: &Order, content: &[u8]) -> Option<()> {
        let mut rest = content;
        let count: u32 = take(&mut rest)?;
        for _ in 0..count {
            let id: NetId = take(&mut rest)?;
            let component: C = take(&mut rest)?;
            let index = order.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            world.entity_mut(order[index].1).insert(component);
        }
        rest.is_empty().then_some(())
    }
}

pub(super) struct ResourceColumn<R> {
    name: &'static str,
    kind: PhantomData<fn() -> R>,
}

impl<R> ResourceColumn<R> {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, kind: PhantomData }
    }
}

impl<R: Resource + Serialize + DeserializeOwned> Column for ResourceColumn<R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn save(&mut self, world: &World, _order: &Order, out: &mut Vec<u8>) {
        put(&world.get_resource::<R>(), out);
    }

    fn restore(&self, world: &mut World, _order: &Order, content: &[u8]) -> Option<()> {
        let mut rest = content;
        if let Some(resource) = take::<Option<R>>(&mut rest)? {
            world.insert_resource(resource);
        }
        rest.is_empty().then_some(())
    }
}

/// The identities themselves: restoring this column spawns the entities, in ascending order of id.
const ENTITIES: &str = "entities";

/// Appends the saved form of a world.
pub(super) fn save(columns: &mut [Box<dyn Column>], world: &World, order: &Order, out: &mut Vec<u8>) {
    out.push(SAVE_FORMAT);
    write_column(ENTITIES, out, |out| {
        put(&u32::try_from(order.len()).expect("ids are 32 bits"), out);
        for (id, _) in order {
            put(id, out);
        }
    });
    for column in columns {
        write_column(column.name(), out, |out| column.save(world, order, out));
    }
}

fn write_column(name: &str, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    out.push(u8::try_from(name.len()).expect("a column's name has at most 255 bytes"));
    out.extend_from_slice(name.as_bytes());
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    content(out);
    let length = u32::try_from(out.len() - at - 4).expect("a column has less than 4 GiB");
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Fills an empty world from its saved form.
pub(super) fn restore(
    columns: &[Box<dyn Column>],
    world: &mut World,
    saved: &[u8],
) -> Result<(), RestoreError> {
    let (&format, mut rest) = saved.split_first().ok_or_else(|| damaged("format"))?;
    if format != SAVE_FORMAT {
        return Err(RestoreError::Format { got: format });
    }
    let mut order = Order::new();
    while !rest.is_empty() {
        let (name, content) = read_column(&mut rest).ok_or_else(|| damaged("header"))?;
        if name == ENTITIES {
            order = spawn_entities(world, content).ok_or_else(|| damaged(name))?;
            continue;
        }
        let known = columns.iter().find(|column| column.name() == name);
        let column = known.ok_or_else(|| RestoreError::UnknownColumn { column: name.to_owned() })?;
        column.restore(world, &order, content).ok_or_else(|| damaged(name))?;
    }
    world.clear_trackers();
    Ok(())
}

fn damaged(column: &str) -> RestoreError {
    RestoreError::Damaged { column: column.to_owned() }
}

fn read_column<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, &'a [u8])> {
    let (&name_length, after) = rest.split_first()?;
    let (name, after) = after.split_at_checked(usize::from(name_length))?;
    let (length, after) = after.split_first_chunk::<4>()?;
    let (content, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some((std::str::from_utf8(name).ok()?, content))
}

fn spawn_entities(world: &mut World, content: &[u8]) -> Option<Order> {
    let mut rest = content;
    let count: u32 = take(&mut rest)?;
    let mut order = Order::new();
    for _ in 0..count {
        let id: NetId = take(&mut rest)?;
        if order.last().is_some_and(|(last, _)| *last >= id) {
            return None;
        }
        order.push((id, world.spawn(id).id()));
    }
    rest.is_empty().then_some(order)
}

fn put<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    postcard::to_io(value, out).expect("writing plain data to a Vec cannot fail");
}

fn take<T: DeserializeOwned>(rest: &mut &[u8]) -> Option<T> {
    let (value, after) = postcard::take_from_bytes(rest).ok()?;
    *rest = after;
    Some(value)
}
