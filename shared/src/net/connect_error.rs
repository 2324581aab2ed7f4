//! What can go wrong on the way to a server, on every transport.

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one of this transport: trying again is no use.
    #[error("not a url of this transport: {0}")]
    Url(String),
    /// The server answered the upgrade with this status.
    #[error("the server answered {status} instead of upgrading")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The server upgraded without choosing the subprotocol asked for.
    #[error("the server did not choose the subprotocol {0}")]
    Subprotocol(&'static str),
    /// The server is not who it should be, or speaks another protocol: trying again is no use.
    #[error("the server cannot be trusted: {0}")]
    Untrusted(String),
    /// Nothing answers, or not by this protocol: it may, later.
    #[error("cannot connect: {0}")]
    Unreachable(String),
}

/// The connection is over; receiving from it says why.
#[derive(Debug, thiserror::Error)]
#[error("the connection does not take messages any more: {0}")]
pub struct SendError(pub(super) String);

/// Nothing answers.
pub(super) fn unreachable(error: &dyn std::fmt::Display) -> ConnectError {
    ConnectError::Unreachable(error.to_string())
}
