//! A document in memory: the library's, and the ledger that judges what is applied to it.
//!
//! Invariant: whatever an update has in it, nothing of it is applied unless all of it is, or the replica is broken and to be
//! thrown away. It is made again from what is stored.

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Map, Value};
use yrs::block::Prelim as _;
use yrs::branch::BranchPtr;
use yrs::types::{AsPrelim as _, ToJson as _};
use yrs::updates::decoder::Decode as _;
use yrs::updates::encoder::Encode as _;
use yrs::{
    Any, Array as _, ArrayRef, ClientID, Doc, GetString as _, In, Map as _, MapRef, OffsetKind, Options, Out,
    ReadTxn as _, StateVector, TextRef, Transact as _, TransactionMut, Update as Applied, WriteTxn as _,
    XmlFragmentRef, XmlTextRef,
};

use super::ledger::{Ledger, Refused};
use super::update::Update;
use super::wire::{Malformed, NUMBER_MAX, Reader};

/// The library failed: the replica is not to be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the update cannot be applied")]
pub(super) struct Broken;

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotApplied {
    /// Nothing of it was.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Nobody knows.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// See the module.
pub(super) struct Replica {
    doc: Doc,
    ledger: Ledger,
}

impl Replica {
    /// An empty one, whose own edits are this client's.
    pub(super) fn new(client: u64) -> Self {
        let options = Options {
            offset_kind: OffsetKind::Utf16,
            // What nobody asked for is not removed: it would not be stored.
            cleanup_formatting: false,
            ..Options::with_client_id(ClientID::new(client & NUMBER_MAX))
        };
        Self { doc: Doc::with_options(options), ledger: Ledger::default() }
    }

    /// One with these updates.
    pub(super) fn of<'u>(
        client: u64,
        updates: impl IntoIterator<Item = &'u [u8]>,
    ) -> Result<Self, NotApplied> {
        let mut replica = Self::new(client);
        updates.into_iter().try_for_each(|update| replica.apply(update).map(drop))?;
        Ok(replica)
    }

    /// Applies an update. Answers what it has changed, as an update; none: everything of it was there.
    pub(super) fn apply(&mut self, update: &[u8]) -> Result<Option<Vec<u8>>, NotApplied> {
        self.ledger.take(&Update::read(update).map_err(Refused::from)?)?;
        let changed = self.change(|txn| {
            txn.apply_update(Applied::decode_v1(update).map_err(|_| Broken)?).map_err(|_| Broken)?;
            if txn.has_missing_updates() { Err(Broken) } else { Ok(()) }
        })?;
        Ok(changed)
    }

    /// Changes it; the ledger is told by the caller.
    fn change(
        &mut self,
        work: impl FnOnce(&mut TransactionMut<'_>) -> Result<(), Broken>,
    ) -> Result<Option<Vec<u8>>, Broken> {
        let mut txn = self.doc.transact_mut();
        let done = catch_unwind(AssertUnwindSafe(|| {
            work(&mut txn)?;
            let changed = txn.encode_update_v1();
            txn.commit();
            Ok(changed)
        }));
        match done {
            Ok(Ok(changed)) => Ok(Some(changed).filter(|changed| *changed != Applied::EMPTY_V1)),
            Ok(Err(Broken)) | Err(_) => {
                // It would commit what is broken.
                forget(txn);
                Err(Broken)
            }
        }
    }

    /// The same, by this server: the ledger learns it from the update that comes of it.
    fn edit(
        &mut self,
        work: impl FnOnce(&mut TransactionMut<'_>) -> Result<(), Broken>,
    ) -> Result<Option<Vec<u8>>, Broken> {
        let changed = self.change(work)?;
        if let Some(changed) = &changed {
            let read = Update::read(changed).map_err(|_| Broken)?;
            self.ledger.take(&read).map_err(|_| Broken)?;
        }
        Ok(changed)
    }

    /// What it has, so that somebody can tell it the rest.
    pub(super) fn vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// What somebody has not who has this.
    pub(super) fn beyond(&self, vector: &[u8]) -> Result<Vec<u8>, Malformed> {
        Ok(self.doc.transact().encode_state_as_update_v1(&read_vector(vector)?))
    }

    /// All of it.
    pub(super) fn state(&self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v1(&StateVector::default())
    }

    /// What is in it: its shared types by name; text and XML as text.
    pub(super) fn json(&self) -> Value {
        let txn = self.doc.transact();
        let shown = txn.root_refs().filter_map(|(name, root)| {
            let Out::UndefinedRef(branch) = untyped(&root)? else { return None };
            let any = match untyped(&root)?.as_prelim(&txn) {
                In::Array(_) => ArrayRef::from(branch).to_json(&txn),
                In::Text(_) => Any::from(TextRef::from(branch).get_string(&txn)),
                In::XmlText(_) => Any::from(XmlTextRef::from(branch).get_string(&txn)),
                In::XmlElement(_) => Any::from(XmlFragmentRef::from(branch).get_string(&txn)),
                _ => MapRef::from(branch).to_json(&txn),
            };
            Some((name.to_owned(), plain(any)))
        });
        Value::Object(shown.collect())
    }

    /// What is in a map of it.
    pub(super) fn entries(&self, map: &str) -> Map<String, Value> {
        let txn = self.doc.transact();
        let Some(root) = txn.get_map(map) else { return Map::new() };
        root.iter(&txn).map(|(key, value)| (key.to_owned(), plain(value.to_json(&txn)))).collect()
    }

    /// What has become of the entries of a map that an edit is about; null where they are gone.
    pub(super) fn changes(&self, map: &str, edit: &[u8]) -> Map<String, Value> {
        let Ok(edit) = Update::read(edit) else { return Map::new() };
        let keys = self.ledger.keys_of(map, &edit);
        keys.into_iter().map(|key| (key.to_string(), self.entry(map, &key).unwrap_or_default())).collect()
    }

    fn entry(&self, map: &str, key: &str) -> Option<Value> {
        let txn = self.doc.transact();
        Some(plain(txn.get_map(map)?.get(&txn, key)?.to_json(&txn)))
    }

    /// Those of the changes of a map that are none yet; null removes an entry.
    pub(super) fn news<'c>(&self, map: &str, changes: &'c Map<String, Value>) -> Vec<(&'c str, Option<Any>)> {
        let any =
            |value: &Value| (!value.is_null()).then(|| Any::from_json(&value.to_string()).ok()).flatten();
        let is_news = |(key, any): &(&str, Option<Any>)| self.entry(map, key) != any.clone().map(plain);
        changes.iter().map(|(key, value)| (&**key, any(value))).filter(is_news).collect()
    }

    /// Changes entries of a map.
    pub(super) fn set(
        &mut self,
        map: &str,
        news: Vec<(&str, Option<Any>)>,
    ) -> Result<Option<Vec<u8>>, Broken> {
        self.edit(|txn| {
            let root = txn.get_or_insert_map(map);
            for (key, value) in news {
                match value {
                    Some(value) => drop(root.insert(txn, key, value)),
                    None => drop(root.remove(txn, key)),
                }
            }
            Ok(())
        })
    }

    /// Makes it what another one is, by an edit: what is in it is removed, and what is in the other inserted. Answers
    /// the edit.
    pub(super) fn become_like(&mut self, other: &Replica) -> Result<Option<Vec<u8>>, Broken> {
        let from = other.doc.transact();
        let wanted: Vec<(String, In)> = from
            .root_refs()
            .filter_map(|(name, root)| Some((name.to_owned(), untyped(&root)?.as_prelim(&from))))
            .collect();
        self.edit(|txn| {
            let own: Vec<Out> = txn.root_refs().filter_map(|(_, root)| untyped(&root)).collect();
            own.iter().for_each(|root| clear(txn, root));
            for (name, content) in wanted {
                let root =
                    BranchPtr::from(AsRef::<yrs::branch::Branch>::as_ref(&txn.get_or_insert_map(name)));
                content.integrate(txn, root);
            }
            Ok(())
        })
    }
}

/// A shared type as one of no known kind: what kind it is, is seen from what is in it.
fn untyped(root: &Out) -> Option<Out> {
    Some(Out::UndefinedRef(BranchPtr::from(root.try_branch()?)))
}

/// As JSON; what JSON has no word for is null.
fn plain(any: Any) -> Value {
    serde_json::to_value(any).unwrap_or_default()
}

fn clear(txn: &mut TransactionMut<'_>, root: &Out) {
    let Out::UndefinedRef(branch) = root else { return };
    MapRef::from(*branch).clear(txn);
    let list = ArrayRef::from(*branch);
    let length = list.len(txn);
    if length > 0 {
        list.remove_range(txn, 0, length);
    }
}

pub(super) fn read_vector(bytes: &[u8]) -> Result<StateVector, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut vector = StateVector::default();
    for _ in 0..reader.number()? {
        let (client, clock) = (reader.number()?, reader.number()?);
        vector.set_max(
            ClientID::new(client),
            u32::try_from(clock).map_err(|_| Malformed("a clock is too large"))?,
        );
    }
    reader.end()?;
    Ok(vector)
}
