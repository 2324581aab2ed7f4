//! Older states of a document, so that it can become one of them again.

use serde::{Deserialize, Serialize};

use super::record::Kept;
use crate::object::context::Context;
use crate::object::contract::CallError;
use crate::object::values::StorageError;

/// Versions that are kept; the oldest goes for one more.
pub const VERSIONS_MAX: usize = 32;
/// A version is kept by itself with a snapshot, if the newest one is so much older.
pub const VERSION_EVERY_MS: u64 = 300_000;

/// Which versions there are, oldest first.
const LIST: &[u8] = b"versions";

/// A version that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number, one more than the one before.
    pub version: u64,
    /// When its newest edit came, in ms since 1970.
    pub unix_ms: u64,
    /// Its bytes as Yjs encodes it.
    pub bytes: usize,
}

/// Which version somebody means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// This number.
    Number(u64),
    /// The newest that was there at this time.
    At(u64),
}

fn key(version: u64) -> Vec<u8> {
    format!("version/{version:020}").into_bytes()
}

/// Those that are kept, oldest first.
pub(super) fn list(ctx: &mut Context<'_>) -> Result<Vec<Version>, StorageError> {
    Ok(ctx.storage().get_as(LIST)?.unwrap_or_default())
}

/// Keeps a version, unless the newest is this very one.
pub(super) fn keep(ctx: &mut Context<'_>, kept: &Kept) -> Result<Version, CallError> {
    let mut all = list(ctx)?;
    if let Some(newest) = all.last()
        && newest.unix_ms == kept.unix_ms
        && read(ctx, newest.version)?.state == kept.state
    {
        return Ok(*newest);
    }
    let number = all.last().map_or(1, |newest| newest.version + 1);
    let version = Version { version: number, unix_ms: kept.unix_ms, bytes: kept.state.len() };
    ctx.storage().put_as(key(number), kept)?;
    all.push(version);
    if all.len() > VERSIONS_MAX {
        ctx.storage().delete(key(all.remove(0).version));
    }
    ctx.storage().put_as(LIST, &all)?;
    Ok(version)
}

/// Keeps a version if the newest is old.
pub(super) fn keep_now_and_then(ctx: &mut Context<'_>, kept: &Kept) -> Result<(), CallError> {
    let newest = list(ctx)?.last().map(|newest| newest.unix_ms);
    if newest.is_none_or(|newest_ms| newest_ms + VERSION_EVERY_MS <= kept.unix_ms) {
        keep(ctx, kept)?;
    }
    Ok(())
}

/// The version that somebody means.
pub(super) fn find(ctx: &mut Context<'_>, which: Which) -> Result<(Version, Kept), CallError> {
    let all = list(ctx)?;
    let found = match which {
        Which::Number(number) => all.iter().find(|version| version.version == number),
        Which::At(unix_ms) => all.iter().rev().find(|version| version.unix_ms <= unix_ms),
    };
    let missing = || {
        let reason = "no such version is kept: versions lists those that are".to_owned();
        CallError::Missing { code: "no_such_version", reason }
    };
    let version = *found.ok_or_else(missing)?;
    Ok((version, read(ctx, version.version)?))
}

fn read(ctx: &mut Context<'_>, version: u64) -> Result<Kept, CallError> {
    let kept = ctx.storage().get_as(&key(version))?;
    kept.ok_or_else(|| CallError::SetAside("a version is not there".to_owned()))
}
