//! The history of a server that has nothing to write grows no shorter by commits, so it is shortened beside them.

use std::sync::Arc;

use redb::Database;

use super::{Committer, Turn};
use crate::store::contents::chunk::Scratch;
use crate::store::contents::history;
use crate::store::error::{StoreError, guarded};
use crate::store::standing::Standing;
use crate::store::tables::{Tables, begin};
use tickstone_shared::time::Moment;

impl Committer {
    /// Until when the history is to be forgotten; none: there is nothing so old.
    pub(super) fn history_overdue(&self) -> Option<u64> {
        let until_ms = self.clock.unix_ms().saturating_sub(self.terms.retention_ms);
        self.standing.oldest_ms.filter(|oldest| *oldest <= until_ms).map(|_| until_ms)
    }

    /// Removes a few rows.
    pub(super) fn shorten_history(&mut self, until_ms: u64, now: Moment) -> Turn {
        match self.opened().and_then(|db| self.forget_some(&db, until_ms)) {
            Ok(standing) => {
                self.standing = standing;
                self.recovered();
                Turn::Again
            }
            Err(error) => self.failed(&error, now),
        }
    }

    fn forget_some(&self, db: &Arc<Database>, until_ms: u64) -> Result<Standing, StoreError> {
        let forget = || {
            let transaction = begin(db)?;
            let mut tables = Tables::new(&transaction);
            let floor = history::prune(&mut tables, &mut Scratch::default(), until_ms)?;
            let oldest_ms = history::oldest_ms(&mut tables)?;
            drop(tables);
            transaction.commit()?;
            let floor = floor.unwrap_or(self.standing.floor);
            Ok(Standing { floor, oldest_ms, ..self.standing.clone() })
        };
        guarded(forget).map_err(self.refused())
    }
}
