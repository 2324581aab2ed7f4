//! Maps whose keys are ids the server gives out: hashes of names, and counters.
//!
//! They are looked up for every message, and need no defence against chosen keys: nobody chooses a counter, and who
//! may choose names may create matches anyway.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from object or socket ids.
pub type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Spreads the first word of a key over all bits of the hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct IdHasher(u64);

/// 2^64 divided by the golden ratio, odd: neighbouring keys land far apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let word = bytes.first_chunk().map_or(bytes.len() as u64, |first| u64::from_le_bytes(*first));
        self.write_u64(word);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(SPREAD).rotate_left(26);
    }

    fn write_usize(&mut self, _length: usize) {
        // All keys of a map are equally long.
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher as _;

    use super::*;
    use crate::object::id::Identity;
    use crate::object::socket::SocketId;
    use tickstone_shared::ids::ObjectName;

    #[test]
    fn neighbouring_counters_and_names_differ_in_the_bits_a_map_looks_at() {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let sockets = (0..1024).map(|number| hasher.hash_one(SocketId(number)));
        let names = (0..1024).map(|number| {
            let name = ObjectName::parse(&format!("m-{number}")).unwrap();
            hasher.hash_one(Identity::named("match", name).id)
        });
        for hashes in [sockets.collect::<Vec<_>>(), names.collect()] {
            let lowest: HashSet<_> = hashes.iter().map(|hash| hash & 0xfff).collect();
            let highest: HashSet<_> = hashes.iter().map(|hash| hash >> 57).collect();
            assert!(lowest.len() > 700, "{} of 1024 places", lowest.len());
            assert_eq!(highest.len(), 128);
        }
    }
}
