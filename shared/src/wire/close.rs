//! Why a connection ends: one number space for every transport (interfaces: close codes).

use serde::{Deserialize, Serialize};

/// The reason a connection was closed, as a number clients act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
#[repr(u16)]
pub enum CloseCode {
    /// The match ended.
    MatchEnded = 1000,
    /// The server is going away for good.
    GoingAway = 1001,
    /// A message was longer than its limit.
    TooBig = 1009,
    /// The match crashed and is being restored: resume.
    Restoring = 1011,
    /// The server restarts: the resume token holds; retry after 1 to 30 s with jitter.
    Restarting = 1012,
    /// Too much load: back off.
    Overloaded = 1013,
    /// The player left.
    Left = 4000,
    /// The hello offered a resume token that does not hold.
    ResumeFailed = 4003,
    /// A malformed or invalid message.
    Malformed = 4400,
    /// Token invalid, expired or used.
    TokenRefused = 4401,
    /// Kicked.
    Kicked = 4403,
    /// No such match, or not yours.
    NoSuchMatch = 4404,
    /// No hello in 3 s, or silent for 25 s.
    Silent = 4408,
    /// The same player connected anew.
    Replaced = 4409,
    /// The match is over or set aside.
    MatchOver = 4410,
    /// The client reads too slowly.
    TooSlow = 4420,
    /// The match moved; the last message says where.
    Moved = 4421,
    /// The match is locked or full.
    Full = 4423,
    /// Version or schema not spoken.
    Version = 4426,
    /// The client sends too fast.
    TooFast = 4429,
}

impl CloseCode {
    /// Every code, in ascending order.
    pub const ALL: [CloseCode; 20] = [
        CloseCode::MatchEnded,
        CloseCode::GoingAway,
        CloseCode::TooBig,
        CloseCode::Restoring,
        CloseCode::Restarting,
        CloseCode::Overloaded,
        CloseCode::Left,
        CloseCode::ResumeFailed,
        CloseCode::Malformed,
        CloseCode::TokenRefused,
        CloseCode::Kicked,
        CloseCode::NoSuchMatch,
        CloseCode::Silent,
        CloseCode::Replaced,
        CloseCode::MatchOver,
        CloseCode::TooSlow,
        CloseCode::Moved,
        CloseCode::Full,
        CloseCode::Version,
        CloseCode::TooFast,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// May a client come back by itself, with its resume token?
    pub const fn may_resume(self) -> bool {
        matches!(
            self,
            CloseCode::Restoring
                | CloseCode::Restarting
                | CloseCode::Overloaded
                | CloseCode::TooSlow
                | CloseCode::Silent
        )
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> u16 {
        code.number()
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|code| code.number() == number)
            .ok_or_else(|| format!("{number} is no close code of tickstone"))
    }
}
