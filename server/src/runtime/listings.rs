//! What objects publish of themselves, readable without an event to any of them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::RwLock;

use tickstone_shared::ids::ObjectName;

use crate::metrics::MetricsRef;
use crate::object::effects::Listing;
use crate::object::id::Identity;

pub mod snapshots;

const POISON: &str = "no code under this lock panics";

/// Listings by class and name.
#[derive(Debug)]
pub struct Listings {
    entries: RwLock<BTreeMap<(&'static str, ObjectName), Listing>>,
    metrics: MetricsRef,
}

impl Listings {
    /// Nothing published yet; counts objects by class and state.
    pub fn new(metrics: MetricsRef) -> Self {
        Self { entries: RwLock::default(), metrics }
    }

    /// Replaces what is shown of an object; an entry of null shows nothing.
    pub fn publish(&self, identity: &Identity, listing: Listing) {
        if listing.entry.is_null() {
            return self.withdraw(identity);
        }
        let (key, state) = ((identity.class, identity.name.clone()), listing.state);
        let before = self.entries.write().expect(POISON).insert(key, listing);
        self.metrics.count_state(identity.class, before.map(|listing| listing.state), Some(state));
    }

    /// Shows nothing of an object any more.
    pub fn withdraw(&self, identity: &Identity) {
        let before = self.entries.write().expect(POISON).remove(&(identity.class, identity.name.clone()));
        self.metrics.count_state(identity.class, before.map(|listing| listing.state), None);
    }

    /// What is shown of one object.
    pub fn of(&self, identity: &Identity) -> Option<Listing> {
        self.entries.read().expect(POISON).get(&(identity.class, identity.name.clone())).cloned()
    }

    /// A page of a class, by name.
    pub fn page(
        &self,
        class: &'static str,
        after: Option<&ObjectName>,
        limit: usize,
        filter: &dyn Fn(&Listing) -> bool,
    ) -> Vec<Listing> {
        let lowest = ObjectName::parse("-").expect("a name that sorts before every other");
        let start = match after {
            Some(name) => Bound::Excluded((class, name.clone())),
            None => Bound::Included((class, lowest)),
        };
        let entries = self.entries.read().expect(POISON);
        let of_class = entries.range((start, Bound::Unbounded)).take_while(|((entry, _), _)| *entry == class);
        of_class.map(|(_, listing)| listing).filter(|listing| filter(listing)).take(limit).cloned().collect()
    }
}
