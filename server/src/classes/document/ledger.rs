//! What has been inserted into a document and where it lies, as far as it takes to judge an update before it is
//! applied: that everything it builds on is there, that neighbours are in one list, how deep types nest.
//!
//! An update that passes leaves nothing for later: the library never holds back what waits for something else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::update::{Id, Parent, Piece, Spot, Update};
use super::wire::Malformed;

/// Shared types inside shared types.
pub(super) const TYPE_DEPTH_MAX: u32 = 64;

/// Where what was removed for good has been.
const GONE: Place = 0;

/// One list: of a type, or of one key of it.
type Place = u32;

/// Why an update is not taken. The ledger is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It is none that Yjs makes, or beyond a limit.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It builds on what is not there: whoever sent it has more to tell.
    #[error("it builds on what the document has not")]
    Incomplete,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    Root(Arc<str>),
    Nested(Id),
}

/// A type, and a key if it is one of it.
type List = (Owner, Option<Arc<str>>);

/// What is known of one client: its clock, and from which clock on what it inserted lies where.
#[derive(Debug, Default)]
struct Client {
    clock: u32,
    spans: Vec<(u32, Place)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    clients: BTreeMap<u64, Client>,
    places: HashMap<List, Place>,
    /// Each place, and how deep it is; the first is nowhere.
    lists: Vec<(List, u32)>,
    /// Shared types in others, by how deep they are.
    types: BTreeMap<Id, u32>,
}

impl Default for Ledger {
    fn default() -> Self {
        let (clients, places, types) = Default::default();
        let nowhere = (Owner::Root("".into()), None);
        Self { clients, places, lists: vec![(nowhere, 0)], types }
    }
}

impl Ledger {
    /// Takes an update, all of it or nothing.
    pub(super) fn take(&mut self, update: &Update<'_>) -> Result<(), Refused> {
        let before: Vec<_> = update.runs.iter().map(|run| (run.client, self.mark(run.client))).collect();
        let places = self.lists.len();
        let done = self.insert(update).and_then(|()| {
            let is_there = |(id, end): &(Id, u32)| *end <= self.clock(id.client);
            if update.removed.iter().all(is_there) { Ok(()) } else { Err(Refused::Incomplete) }
        });
        if done.is_err() {
            before.into_iter().for_each(|(client, mark)| self.go_back(client, mark));
            self.places.retain(|_, place| (*place as usize) < places);
            self.lists.truncate(places);
        }
        done
    }

    fn clock(&self, client: u64) -> u32 {
        self.clients.get(&client).map_or(0, |client| client.clock)
    }

    fn mark(&self, client: u64) -> (u32, usize) {
        self.clients.get(&client).map_or((0, 0), |client| (client.clock, client.spans.len()))
    }

    fn go_back(&mut self, client: u64, (clock, spans): (u32, usize)) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.clock = clock;
            client.spans.truncate(spans);
        }
        self.types.retain(|id, _| id.client != client || id.clock < clock);
    }

    /// Everything after what it builds on, whatever the order it came in.
    fn insert(&mut self, update: &Update<'_>) -> Result<(), Refused> {
        let mut next: Vec<(usize, u32)> = update.runs.iter().map(|run| (0, run.clock)).collect();
        let mut ready: Vec<usize> = (0..update.runs.len()).rev().collect();
        let mut waiting: BTreeMap<Id, Vec<usize>> = BTreeMap::new();
        while let Some(at) = ready.pop() {
            let run = &update.runs[at];
            let (done, clock) = &mut next[at];
            while let Some(piece) = run.pieces.get(*done) {
                let start = Id { client: run.client, clock: *clock };
                if let Some(needed) = self.needs(start, piece) {
                    waiting.entry(needed).or_default().push(at);
                    break;
                }
                self.add(start, piece)?;
                *clock += piece.count;
                *done += 1;
            }
            let [first, known] = [0, self.clock(run.client)].map(|clock| Id { client: run.client, clock });
            let freed: Vec<Id> = waiting.range(first..known).map(|(id, _)| *id).collect();
            ready.extend(freed.iter().filter_map(|id| waiting.remove(id)).flatten());
        }
        let is_done = next.iter().zip(&update.runs).all(|((done, _), run)| *done == run.pieces.len());
        if is_done { Ok(()) } else { Err(Refused::Incomplete) }
    }

    /// What has to be there before this piece, and is not.
    fn needs(&self, start: Id, piece: &Piece<'_>) -> Option<Id> {
        let known = self.clock(start.client);
        if start.clock + piece.count <= known {
            return None;
        }
        let gap =
            (start.clock > known || piece.spot == Spot::Skipped).then_some(Id { clock: u32::MAX, ..start });
        let missing = |id: Id| (id.clock >= self.clock(id.client)).then_some(id);
        gap.or_else(|| match piece.spot {
            Spot::Beside { left, right } => left.and_then(missing).or_else(|| right.and_then(missing)),
            Spot::In { parent: Parent::Nested(id), .. } => missing(id),
            _ => None,
        })
    }

    fn add(&mut self, start: Id, piece: &Piece<'_>) -> Result<(), Refused> {
        let known = self.clock(start.client);
        let end = start.clock + piece.count;
        if end <= known {
            return Ok(());
        }
        let place = if known > start.clock {
            // A part of it is there; the rest goes behind it.
            self.place_of(Id { clock: known - 1, ..start })
        } else {
            self.place_for(piece)?
        };
        if piece.is_type && place != GONE {
            let depth = self.lists[place as usize].1;
            if depth >= TYPE_DEPTH_MAX {
                return Err(Malformed("shared types are nested too deep").into());
            }
            self.types.insert(start, depth);
        }
        let client = self.clients.entry(start.client).or_default();
        if client.spans.last().is_none_or(|(_, last)| *last != place) {
            client.spans.push((known, place));
        }
        client.clock = end;
        Ok(())
    }

    /// Where something lies that is there.
    fn place_of(&self, id: Id) -> Place {
        let Some(client) = self.clients.get(&id.client) else { return GONE };
        let behind = client.spans.partition_point(|(start, _)| *start <= id.clock);
        behind.checked_sub(1).map_or(GONE, |at| client.spans[at].1)
    }

    fn place_for(&mut self, piece: &Piece<'_>) -> Result<Place, Refused> {
        match piece.spot {
            Spot::Gone | Spot::Skipped => Ok(GONE),
            Spot::Beside { left, right } => {
                let [left, right] = [left, right].map(|id| id.map_or(GONE, |id| self.place_of(id)));
                if left != GONE && right != GONE && left != right {
                    return Err(Malformed("neighbours in different lists").into());
                }
                Ok(if left == GONE { right } else { left })
            }
            Spot::In { parent, key } => {
                let (owner, depth) = match parent {
                    Parent::Root(name) => (Owner::Root(name.into()), 1),
                    Parent::Nested(id) => match self.types.get(&id) {
                        Some(depth) => (Owner::Nested(id), depth + 1),
                        None => return Ok(GONE),
                    },
                };
                Ok(self.place_named(owner, key, depth))
            }
        }
    }

    fn place_named(&mut self, owner: Owner, key: Option<&str>, depth: u32) -> Place {
        let Self { places, lists, .. } = self;
        let list = (owner, key.map(Into::into));
        *places.entry(list.clone()).or_insert_with(|| {
            lists.push((list, depth));
            lists.len() as Place - 1
        })
    }

    /// The keys of a root that an update which was taken is about.
    pub(super) fn keys_of(&self, root: &str, update: &Update<'_>) -> BTreeSet<Arc<str>> {
        let mut places = BTreeSet::new();
        for run in &update.runs {
            let count = run.pieces.iter().map(|piece| piece.count).sum::<u32>();
            self.note_places(Id { client: run.client, clock: run.clock }, run.clock + count, &mut places);
        }
        update.removed.iter().for_each(|(id, end)| self.note_places(*id, *end, &mut places));
        let keys = places.into_iter().filter_map(|place| match &self.lists[place as usize].0 {
            (Owner::Root(name), Some(key)) if **name == *root => Some(Arc::clone(key)),
            _ => None,
        });
        keys.collect()
    }

    /// Where everything of a client lies, from one clock up to another.
    fn note_places(&self, from: Id, end: u32, places: &mut BTreeSet<Place>) {
        let Some(client) = self.clients.get(&from.client) else { return };
        let first = client.spans.partition_point(|(start, _)| *start <= from.clock).saturating_sub(1);
        let spans = client.spans[first..].iter().take_while(|(start, _)| *start < end);
        places.extend(spans.map(|(_, place)| *place));
    }
}
