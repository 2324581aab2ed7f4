//! What a wake finds of an object in the store.

use std::collections::BTreeMap;

use tickstone_shared::ids::Epoch;

use crate::object::class::ClassRules;
use crate::object::contract::WakeReason;
use crate::object::resume::KeptSocket;
use crate::object::socket::SocketId;
use crate::object::storage::{AlarmRow, ReadError, Reader, Record};

/// What is stored of an object that is to be woken.
pub(super) struct Found {
    pub(super) record: Option<Record>,
    pub(super) alarms: Vec<AlarmRow>,
    pub(super) epoch: Epoch,
    /// Sockets of the process before this one to which nobody has come back.
    pub(super) absent: BTreeMap<SocketId, KeptSocket>,
}

impl Found {
    pub(super) fn read(
        reader: &dyn Reader,
        absent: BTreeMap<SocketId, KeptSocket>,
    ) -> Result<Self, ReadError> {
        let (record, epoch) = (reader.record()?, reader.epoch()?);
        let alarms = if record.is_some() { reader.alarms()? } else { Vec::new() };
        Ok(Self { record, alarms, epoch, absent })
    }

    /// Why the object is woken, now that it is known what is stored of it.
    pub(super) fn reason(&self, ordered: &WakeReason, node: u32, rules: &ClassRules) -> WakeReason {
        let Some(record) = &self.record else {
            return match ordered {
                WakeReason::Crash { .. } => ordered.clone(),
                _ => WakeReason::Created,
            };
        };
        match ordered {
            _ if record.class_version < rules.version => WakeReason::Migration { from: record.class_version },
            WakeReason::Crash { .. } => ordered.clone(),
            _ if record.node == node => WakeReason::Hibernation,
            _ => WakeReason::Restart,
        }
    }
}
