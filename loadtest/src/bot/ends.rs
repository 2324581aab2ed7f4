//! How a bot's connection ended, and whether it comes back.

use std::time::Duration;

use tickstone_shared::client::session::AfterClose;
use tickstone_shared::net::connect_error::ConnectError;
use tickstone_shared::wire::close::CloseCode;

use super::{Bot, Ended};

impl Bot {
    pub(super) fn connect_failed(&mut self, error: &ConnectError) -> Ended {
        self.meter().error(error.to_string());
        match error {
            ConnectError::Unreachable(_) | ConnectError::Refused { status: 429 | 500..=599 } => {
                Ended::TryAgain
            }
            ConnectError::Url(_)
            | ConnectError::Subprotocol(_)
            | ConnectError::Untrusted(_)
            | ConnectError::Refused { .. } => Ended::GaveUp,
        }
    }

    pub(super) fn closed(&mut self, code: Option<u16>, reason: &str) -> Ended {
        if self.stopping() {
            return Ended::Stopped;
        }
        let known = code.and_then(|code| CloseCode::try_from(code).ok());
        let was_welcome = self.session.welcome().is_some();
        {
            let mut meter = self.meter();
            let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
            meter.example(format!("closed ({code}): {reason}"));
            meter.disconnects += u64::from(was_welcome);
            meter.errors += u64::from(!was_welcome);
            if let Some(second) = meter.second(&self.shared.window, self.now()) {
                second.disconnects += u64::from(was_welcome);
            }
            let told = known == Some(CloseCode::Restarting) && self.retry_after > Duration::ZERO;
            meter.told_to_return += u64::from(told);
        }
        match self.session.on_closed(known) {
            AfterClose::TryAgain => Ended::TryAgain,
            AfterClose::GiveUp => Ended::GaveUp,
        }
    }
}
