//! Who runs beside whom: tests that measure, or that load the machine, run alone.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static TURN: RwLock<()> = RwLock::new(());

/// A place beside others.
#[derive(Debug)]
pub struct Shared(#[expect(dead_code, reason = "held for its lock")] RwLockReadGuard<'static, ()>);

/// The whole machine.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "held for its lock")] RwLockWriteGuard<'static, ()>);

/// Waits for a place beside others.
pub fn shared() -> Shared {
    Shared(TURN.read().unwrap_or_else(PoisonError::into_inner))
}

/// Waits until nobody else runs.
pub fn alone() -> Alone {
    Alone(TURN.write().unwrap_or_else(PoisonError::into_inner))
}
