//! A checkpoint: everything of a match at one tick boundary, stored. What a re-run starts from.

use serde::{Deserialize, Serialize};
use tickstone_shared::ids::StateHash;
use tickstone_shared::time::Tick;
use twox_hash::XxHash3_64;

use super::admissions::AdmissionRecord;
use super::roster::SeatRecord;

/// The version of a checkpoint's layout.
pub(crate) const CHECKPOINT_FORMAT: u8 = 2;
/// The version that ended before `admission`.
pub(crate) const FORMAT_WITHOUT_ADMISSION: u8 = 1;
/// An empty `admission`: two lists of nothing.
const NO_ADMISSION: [u8; 2] = [0, 0];

/// A match at one tick boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The tick whose state this is.
    pub tick: Tick,
    /// The state hash of `world`, as its number.
    pub hash: u64,
    /// The game's version that wrote it.
    pub game_version: u32,
    /// The schema of the game that wrote it.
    pub schema_hash: u32,
    /// The build that wrote it.
    pub build: String,
    /// Who sits where.
    pub seats: Vec<SeatRecord>,
    /// The saved world.
    #[serde(with = "serde_bytes_compat")]
    pub world: Vec<u8>,
    /// Who may come in, and back.
    pub admission: AdmissionRecord,
}

impl Checkpoint {
    /// The state hash.
    pub fn state_hash(&self) -> StateHash {
        StateHash(self.hash)
    }

    /// To be stored: format, content, checksum.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![CHECKPOINT_FORMAT];
        postcard::to_io(self, &mut bytes).expect("writing plain data to a Vec cannot fail");
        let sum = XxHash3_64::oneshot(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// As stored, or what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (content, sum) = bytes.split_last_chunk::<8>().ok_or("it is too short")?;
        if XxHash3_64::oneshot(content) != u64::from_le_bytes(*sum) {
            return Err("its checksum does not match".to_owned());
        }
        match content.split_first() {
            Some((&CHECKPOINT_FORMAT, rest)) => postcard::from_bytes(rest).map_err(|error| error.to_string()),
            Some((&FORMAT_WITHOUT_ADMISSION, rest)) => {
                let whole = [rest, &NO_ADMISSION].concat();
                postcard::from_bytes(&whole).map_err(|error| error.to_string())
            }
            Some((format, _)) => Err(format!("format {format}; this build reads {CHECKPOINT_FORMAT}")),
            None => Err("it is empty".to_owned()),
        }
    }
}

/// A byte vector as bytes rather than as a sequence of numbers.
mod serde_bytes_compat {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        <&[u8]>::deserialize(deserializer).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickstone_shared::ids::{PlayerName, Seat};

    #[test]
    fn every_flipped_bit_of_a_checkpoint_is_found() {
        let seat = SeatRecord {
            seat: Seat(1),
            player: PlayerName::parse("ann").unwrap(),
            token: [3; 32],
            dropped_at: Some(Tick(7)),
            last_input: 4,
            effective: Default::default(),
        };
        let checkpoint = Checkpoint {
            tick: Tick(9),
            hash: 77,
            game_version: 1,
            schema_hash: 2,
            build: "b".to_owned(),
            seats: vec![seat],
            world: vec![1, 2, 3],
            admission: AdmissionRecord {
                used: vec![([5; 16], Tick(8))],
                tokens_before: vec![(Seat(1), [6; 32])],
            },
        };
        let bytes = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&bytes), Ok(checkpoint));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_checkpoint_of_the_format_before_is_read() {
        let checkpoint = Checkpoint {
            tick: Tick(9),
            hash: 77,
            game_version: 1,
            schema_hash: 2,
            build: "b".to_owned(),
            seats: Vec::new(),
            world: vec![1, 2, 3],
            admission: AdmissionRecord::default(),
        };
        let mut old = checkpoint.encode();
        old.truncate(old.len() - 8 - NO_ADMISSION.len());
        old[0] = FORMAT_WITHOUT_ADMISSION;
        old.extend_from_slice(&XxHash3_64::oneshot(&old).to_le_bytes());
        assert_eq!(Checkpoint::decode(&old), Ok(checkpoint));
    }
}
