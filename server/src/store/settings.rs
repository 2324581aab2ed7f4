//! What of the store can be tuned.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::classes::ClassPlan;

/// The store's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The data directory. Created if it is missing.
    pub dir: PathBuf,
    /// Bytes of the file kept in memory.
    pub cache_bytes: usize,
    /// Batches that may wait for the disk; one more is refused.
    pub queue_batches_max: usize,
    /// Bytes of the batches that may wait for the disk; one more is refused.
    pub queue_bytes_max: usize,
    /// How long a batch that is not urgent waits for others to share its commit.
    pub group_interval: Duration,
    /// Between two attempts to open a store that failed.
    pub retry_interval: Duration,
    /// Rows of the log (8 KB each at most, larger entries aside) before its oldest ones move to `tails`.
    pub log_rows_max: usize,
    /// Bytes of values and alarms of one object; more is refused as full (contract: STORE 6).
    pub object_bytes_max: u64,
    /// Bytes of values and alarms of all objects; more is refused as full.
    pub total_bytes_max: u64,
    /// Classes whose values and alarms can be taken back to an earlier moment (contract: STORE 4).
    pub history: BTreeSet<String>,
    /// How far back.
    pub history_retention: Duration,
    /// What the classes declare; none: whatever is stored is taken as it is.
    pub classes: Option<ClassPlan>,
    /// How long closing waits for the disk to take what is queued.
    pub close_wait: Duration,
}

impl StoreSettings {
    /// The defaults for a data directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            cache_bytes: 64 * 1024 * 1024,
            queue_batches_max: 65_536,
            queue_bytes_max: 64 * 1024 * 1024,
            group_interval: Duration::from_millis(16),
            retry_interval: Duration::from_millis(250),
            log_rows_max: 8_192,
            object_bytes_max: 10 * 1024 * 1024 * 1024,
            total_bytes_max: u64::MAX,
            history: BTreeSet::new(),
            history_retention: Duration::from_secs(30 * 24 * 3600),
            classes: None,
            close_wait: Duration::from_secs(10),
        }
    }
}
