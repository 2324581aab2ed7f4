//! What an object stores, as a plain map, and changes to it: each is made of the map and of the object alike.

use std::collections::BTreeMap;
use std::time::Duration;

use tickstone_server::object::context::Context;
use tickstone_server::object::storage::{AlarmRow, Range};
use tickstone_server::object::values::{Storage, StorageError};

use crate::rng::Rng;

/// Under this key an object stores which of its versions it is.
pub(crate) const VERSION: &[u8] = b"version";
/// Bytes of a value that is stored in pieces on several pages.
const LARGE: usize = 9_000;

/// Values by key.
pub(crate) type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// Everything that is stored of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) values: Values,
    pub(crate) alarms: BTreeMap<String, Alarm>,
}

/// An alarm that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) scheduled_ms: u64,
    pub(crate) every_ms: Option<u64>,
}

impl Alarm {
    /// Its occurrence after now, and how many were skipped.
    pub(crate) fn next(self, now_ms: u64) -> Option<(Alarm, u64)> {
        let every_ms = self.every_ms?;
        let (mut scheduled_ms, mut skipped) = (self.scheduled_ms + every_ms, 0);
        while scheduled_ms <= now_ms {
            scheduled_ms += every_ms;
            skipped += 1;
        }
        Some((Alarm { scheduled_ms, ..self }, skipped))
    }
}

impl State {
    /// What is read of an object.
    pub(crate) fn read(values: Vec<(Vec<u8>, Vec<u8>)>, alarms: Vec<AlarmRow>) -> Self {
        let alarm =
            |row: AlarmRow| (row.name, Alarm { scheduled_ms: row.scheduled_ms, every_ms: row.every_ms });
        Self { values: values.into_iter().collect(), alarms: alarms.into_iter().map(alarm).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.alarms.is_empty()
    }

    /// Which of its versions it says it is; 0: it says nothing.
    pub(crate) fn version(&self) -> u64 {
        let stored = self.values.get(VERSION).and_then(|bytes| bytes.first_chunk());
        stored.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// A change.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put {
        key: u8,
        bytes: usize,
    },
    Delete {
        key: u8,
    },
    DeleteAll,
    Arm {
        name: u8,
        in_ms: i64,
    },
    Repeat {
        name: u8,
        in_ms: i64,
        every_ms: u64,
    },
    Cancel {
        name: u8,
    },
    /// A transaction in which these are made; it is taken back, or not.
    Within {
        changes: Vec<Change>,
        stays: bool,
    },
}

/// The names of keys and alarms.
fn key(of: u8) -> Vec<u8> {
    format!("key/{of}").into_bytes()
}

pub(crate) fn alarm_name(of: u8) -> String {
    if of == 0 { String::new() } else { format!("alarm-{of}") }
}

impl Change {
    /// Any change; within a transaction only of values.
    pub(crate) fn random(rng: &mut Rng, depth: u32) -> Self {
        let (some_key, name) = (rng.below(6) as u8, rng.below(4) as u8);
        let in_ms = rng.between(0, 21_000) as i64 - 1_000;
        match rng.below(if depth == 0 { 40 } else { 22 }) {
            0..14 => Change::Put { key: some_key, bytes: rng.between(1, 90) as usize },
            14 => Change::Put { key: some_key, bytes: LARGE },
            15..20 => Change::Delete { key: some_key },
            20..22 if depth < 2 => {
                let changes = (0..rng.between(1, 3)).map(|_| Change::random(rng, depth + 1)).collect();
                Change::Within { changes, stays: rng.one_in(2) }
            }
            22..25 => {
                let changes = (0..rng.between(1, 3)).map(|_| Change::random(rng, 1)).collect();
                Change::Within { changes, stays: rng.one_in(2) }
            }
            25..33 => Change::Arm { name, in_ms },
            33..35 => Change::Repeat { name, in_ms, every_ms: rng.between(700, 5_000) },
            35..39 => Change::Cancel { name },
            39 => Change::DeleteAll,
            _ => Change::Put { key: some_key, bytes: 8 },
        }
    }

    /// Makes it, of the object and of the model. Err: the two do not agree.
    pub(crate) fn make(&self, id: u64, ctx: &mut Context<'_>, state: &mut State) -> Result<(), String> {
        let now_ms = ctx.unix_ms();
        match self {
            Change::DeleteAll => {
                *state = State::default();
                ctx.storage().delete_all();
                Ok(())
            }
            Change::Arm { name, in_ms } => {
                let (name, scheduled_ms) = (alarm_name(*name), now_ms.saturating_add_signed(*in_ms));
                ctx.set_alarm(&name, scheduled_ms).map_err(|refused| refused.to_string())?;
                state.alarms.insert(name.clone(), Alarm { scheduled_ms, every_ms: None });
                agree("an alarm", &ctx.alarm(&name), &Some(scheduled_ms))
            }
            Change::Repeat { name, in_ms, every_ms } => {
                let (name, scheduled_ms) = (alarm_name(*name), now_ms.saturating_add_signed(*in_ms));
                let every = Duration::from_millis(*every_ms);
                ctx.repeat_alarm(&name, scheduled_ms, every).map_err(|refused| refused.to_string())?;
                state.alarms.insert(name, Alarm { scheduled_ms, every_ms: Some(*every_ms) });
                Ok(())
            }
            Change::Cancel { name } => {
                ctx.cancel_alarm(&alarm_name(*name));
                state.alarms.remove(&alarm_name(*name));
                agree("a cancelled alarm", &ctx.alarm(&alarm_name(*name)), &None)
            }
            values => values.make_of_values(id, &mut ctx.storage(), &mut state.values),
        }
    }

    fn make_of_values(
        &self,
        id: u64,
        storage: &mut Storage<'_, '_>,
        values: &mut Values,
    ) -> Result<(), String> {
        match self {
            Change::Put { key: of, bytes } => {
                let value: Vec<u8> = id.to_le_bytes().into_iter().cycle().take(*bytes).collect();
                values.insert(key(*of), value.clone());
                storage.put(key(*of), value).map_err(|refused| refused.to_string())
            }
            Change::Delete { key: of } => {
                values.remove(&key(*of));
                storage.delete(key(*of));
                Ok(())
            }
            Change::Within { changes, stays } => {
                let mut inner = values.clone();
                let made = storage.transaction(|storage| {
                    let made =
                        changes.iter().try_for_each(|change| change.make_of_values(id, storage, &mut inner));
                    let agreed = made.and_then(|()| see(storage, &inner));
                    if *stays { Ok(agreed) } else { Err(agreed) }
                });
                match made {
                    Ok(agreed) => {
                        *values = inner;
                        agreed
                    }
                    Err(agreed) => agreed.and_then(|()| see(storage, values)),
                }
            }
            other => Err(format!("{other:?} is no change of values")),
        }
    }
}

/// What the object sees of its values must be the model's.
pub(crate) fn see(storage: &mut Storage<'_, '_>, values: &Values) -> Result<(), String> {
    match storage.list(&Range::default()) {
        Ok(rows) => agree("what is listed", &rows.into_iter().collect(), values),
        // The store is being opened again: a handler may have to live with that.
        Err(StorageError::Read(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// The two must be the same.
pub(crate) fn agree<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should: &T) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what} is {is:?}, and should be {should:?}")) }
}

impl Change {
    /// What the handler of an alarm changes beside: sets its alarm anew, to the same millisecond or later, or ends it.
    pub(crate) fn rearming(name: &str, chance: u64) -> Vec<Change> {
        let name = (0..4).find(|of| alarm_name(*of) == name).unwrap_or(0);
        let put = Change::Put { key: 8, bytes: 20 };
        match chance {
            2..4 => vec![put, Change::Arm { name, in_ms: 0 }],
            4..8 => vec![Change::Arm { name, in_ms: 3_000 }],
            8..11 => vec![put, Change::Cancel { name }],
            _ => vec![put],
        }
    }
}
