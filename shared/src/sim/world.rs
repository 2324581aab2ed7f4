//! The resources and components every world has, whatever its game.

use bevy_ecs::component::{Component, Mutable, StorageType};
use bevy_ecs::resource::Resource;
use rand_pcg::Pcg32;
/// What draws numbers from [`Step::random`].
pub use rand_pcg::rand_core::Rng;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::event::{Audience, Output};
use super::game::Input;
use crate::ids::{NetId, Seat};
use crate::time::Tick;

impl Component for NetId {
    const STORAGE_TYPE: StorageType = StorageType::Table;
    type Mutability = Mutable;
}

/// Which step this is, and the match's randomness.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The tick being computed: 1 in the first step.
    pub tick: Tick,
    /// The match's seed.
    pub seed: u64,
}

impl Step {
    /// The generator of one system in this tick. Counter-based: its numbers depend on seed, tick and name
    /// alone, so a draw added in one system moves no other (netcode.md, simulation).
    pub fn random(&self, system: &str) -> Pcg32 {
        let state = XxHash3_64::oneshot_with_seed(self.seed ^ self.tick.0.rotate_left(32), system.as_bytes());
        Pcg32::new(state, self.tick.0)
    }
}

/// Gives out the identities of entities.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetIds {
    next: u32,
}

impl Default for NetIds {
    fn default() -> Self {
        Self { next: 1 }
    }
}

impl NetIds {
    /// A fresh identity. Every entity that is to be saved or shown carries one.
    pub fn fresh(&mut self) -> NetId {
        let id = NetId(self.next);
        self.next = self.next.checked_add(1).expect("a match makes fewer than 2^32 entities");
        id
    }
}

/// What every seat wants, by seat: the last input that was consumed.
#[derive(Resource, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Inputs<I: Input> {
    by_seat: Vec<I>,
}

impl<I: Input> Default for Inputs<I> {
    fn default() -> Self {
        Self { by_seat: Vec::new() }
    }
}

impl<I: Input> Inputs<I> {
    /// The input of a seat in this tick; the default where none has come.
    pub fn of(&self, seat: Seat) -> I {
        self.by_seat.get(usize::from(seat.0)).copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, seat: Seat, input: I) {
        let index = usize::from(seat.0);
        if self.by_seat.len() <= index {
            self.by_seat.resize(index + 1, I::default());
        }
        self.by_seat[index] = input;
    }
}

/// What the world tells the outside. Emptied after every step.
#[derive(Resource, Debug, Default)]
pub struct Outbox {
    outputs: Vec<Output>,
}

/// Outputs of one step; more are dropped and counted.
pub const OUTPUTS_PER_STEP_MAX: usize = 4096;

impl Outbox {
    /// Tells everybody that something happened.
    pub fn event(&mut self, name: &'static str, data: serde_json::Value) {
        self.push(Output { to: Audience::Everybody, name: Some(name), data });
    }

    /// Sends data to one player or to all.
    pub fn message(&mut self, to: Audience, data: serde_json::Value) {
        self.push(Output { to, name: None, data });
    }

    fn push(&mut self, output: Output) {
        if self.outputs.len() < OUTPUTS_PER_STEP_MAX {
            self.outputs.push(output);
        }
    }

    pub(super) fn take_into(&mut self, outputs: &mut Vec<Output>) {
        outputs.append(&mut self.outputs);
    }
}
