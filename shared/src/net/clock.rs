//! The clock of native clients: the one place in this crate that reads the time.

use std::time::Instant;

use crate::time::Moment;

/// A monotonic clock that started with its client.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { started: read() }
    }

    /// The time since the start.
    pub fn now(self) -> Moment {
        Moment(0) + read().saturating_duration_since(self.started)
    }

    /// Waits until `moment`.
    pub async fn wait_until(self, moment: Moment) {
        tokio::time::sleep_until((self.started + moment.since(Moment(0))).into()).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock of native clients")]
fn read() -> Instant {
    Instant::now()
}
