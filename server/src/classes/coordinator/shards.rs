//! Which shard a key has, by the key alone: nothing is stored of it, and one shard more takes from each of the others
//! its even share of keys and moves no other ("A Fast, Minimal Memory, Consistent Hash Algorithm", Lamping and Veach,
//! 2014).

/// The shard of a key.
pub(super) fn shard(key: &str, shards: u32) -> u32 {
    let hash = blake3::hash(key.as_bytes());
    let mut state = u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("32 bytes hold 8"));
    let (mut shard, mut next) = (0, 0_u64);
    while next < u64::from(shards) {
        shard = next;
        state = state.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        // (shard + 1) divided by a number of (0, 1], in whole numbers: the same on every machine.
        let divisor = u128::from(state >> 33) + 1;
        next = u64::try_from((u128::from(shard + 1) << 31) / divisor).unwrap_or(u64::MAX);
    }
    u32::try_from(shard).expect("it is less than the number of shards")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: u32 = 20_000;

    fn keys() -> impl Iterator<Item = String> {
        (0..KEYS).map(|n| format!("key-{n}"))
    }

    #[test]
    fn a_key_has_the_same_shard_for_ever() {
        let shards: Vec<u32> = ["", "ann", "bob", "cid", "dan"].map(|key| shard(key, 100)).into();
        assert_eq!(
            shards,
            [72, 46, 7, 36, 45],
            "what is stored in a shard is found there by every later build"
        );
        assert_eq!(shard("ann", 8), 7, "as the README has it");
        assert!(keys().all(|key| shard(&key, 1) == 0));
    }

    #[test]
    fn shards_have_even_shares() {
        let mut counts = [0_u32; 16];
        keys().for_each(|key| counts[shard(&key, 16) as usize] += 1);
        let even = KEYS / 16;
        assert!(counts.iter().all(|count| count.abs_diff(even) < even / 10), "{counts:?}");
    }

    #[test]
    fn one_shard_more_moves_its_share_of_keys_there_and_no_other() {
        for shards in [1, 2, 7, 31, 1023] {
            let moved: Vec<u32> = keys()
                .map(|key| (shard(&key, shards), shard(&key, shards + 1)))
                .filter(|(before, after)| before != after)
                .map(|(_, after)| after)
                .collect();
            assert!(moved.iter().all(|after| *after == shards), "moved to the new one alone");
            let share = KEYS as usize / (shards as usize + 1);
            assert!(moved.len() < share + share / 5 + 20, "{shards}: {} of {share}", moved.len());
            assert!(moved.len() + share / 5 + 20 > share, "{shards}: {} of {share}", moved.len());
        }
    }
}
