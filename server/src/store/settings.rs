//! What of the store can be tuned.

use std::path::PathBuf;
use std::time::Duration;

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
            group_interval: Duration::from_millis(33),
            retry_interval: Duration::from_millis(250),
            log_rows_max: 8_192,
            close_wait: Duration::from_secs(10),
        }
    }
}
