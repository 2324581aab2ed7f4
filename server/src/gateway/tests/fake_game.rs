//! A game that is only read.

use std::sync::Arc;

use serde_json::Value;
use tickstone_shared::ids::{Epoch, Seat};
use tickstone_shared::input::{InputCodec, InputError, InputRow};
use tickstone_shared::replication::shape::Shape;
use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::game::{RulesError, WorkerGroup};
use tickstone_shared::sim::registered::{AnyGame, AnySimulation};
use tickstone_shared::sim::save::RestoreError;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::message::Welcome;

fn field(name: &str, kind: FieldKind) -> Field {
    Field { name: name.to_owned(), kind, per_unit: 1, private: false }
}

pub(super) fn shape() -> Arc<Shape> {
    let dot = KindSchema { name: "dot".to_owned(), fields: vec![field("x", FieldKind::U8)] };
    let input = vec![field("dx", FieldKind::U8), field("dy", FieldKind::U8)];
    Arc::new(Shape::new(Schema { kinds: vec![dot], input }))
}

/// The game.
pub(super) struct FakeGame(pub(super) Arc<Shape>);

impl InputCodec for FakeGame {
    fn row_bytes(&self) -> usize {
        2
    }
    fn packed(&self, bytes: &[u8]) -> Result<InputRow, InputError> {
        InputRow::new(bytes).ok_or(InputError::Length { got: bytes.len(), expected: 2 })
    }
    fn by_name(&self, value: Value) -> Result<InputRow, InputError> {
        let of = |name: &str| value[name].as_u64().ok_or(InputError::Fields(name.to_owned()));
        self.packed(&[of("dx")? as u8, of("dy")? as u8])
    }
}

impl AnyGame for FakeGame {
    fn name(&self) -> &'static str {
        "fake"
    }
    fn version(&self) -> u32 {
        1
    }
    fn tick_rate_hz(&self) -> u32 {
        60
    }
    fn workers(&self) -> WorkerGroup {
        WorkerGroup::Tick
    }
    fn board(&self) -> Option<&'static str> {
        None
    }
    fn has_secrets(&self) -> bool {
        false
    }
    fn shape(&self) -> &Arc<Shape> {
        &self.0
    }
    fn rules(&self, _: Option<&str>, _: Value, _: &Assets) -> Result<Vec<u8>, RulesError> {
        unreachable!("the gateway starts no matches")
    }
    fn seats(&self, _: &[u8]) -> Result<u16, RestoreError> {
        unreachable!("the gateway starts no matches")
    }
    fn start(&self, _: u64, _: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError> {
        unreachable!("the gateway starts no matches")
    }
    fn restore(&self, _: &[u8], _: &[u8]) -> Result<Box<dyn AnySimulation>, RestoreError> {
        unreachable!("the gateway starts no matches")
    }
    fn idle_input(&self) -> InputRow {
        unreachable!("the gateway moves nobody")
    }
    fn starved_input(&self, _: &InputRow, _: u32) -> InputRow {
        unreachable!("the gateway moves nobody")
    }
}

/// What its matches welcome with.
pub(super) fn welcome(match_id: &str) -> Welcome {
    Welcome {
        protocol: 1,
        match_id: match_id.to_owned(),
        game: "fake".to_owned(),
        game_version: 1,
        epoch: Epoch(1),
        tick: Tick(0),
        tick_rate_hz: 60,
        player: "ann".to_owned(),
        seat: Seat(0),
        resume_token: "token".to_owned(),
        resume_seconds: 30,
        durability: "none".to_owned(),
        last_input: 0,
        schema_hash: shape().schema.hash(),
        schema: Arc::clone(&shape().schema),
        chat_token: None,
    }
}
