//! Why a connection ends, as a close frame says it.
//!
//! Responsible for: the mapping of errors to the close codes of interfaces and RFC 6455.
//! Invariant: a reason is a constant: nothing secret and nothing that was received is in it.

use std::io;

use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::decode::DecodeError;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};

/// RFC 6455: a frame that breaks the protocol.
const PROTOCOL_ERROR: u16 = 1002;
/// RFC 6455: text that is no UTF-8.
const INVALID_DATA: u16 = 1007;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a code of ours; a `bye` goes before it.
    Coded(CloseCode, &'static str),
    /// With a code of RFC 6455 that is none of ours: the frame reader gave up.
    Protocol(u16, &'static str),
    /// The client said so first: its close frame has been answered.
    Answered,
    /// Without a word: the socket is gone.
    Gone,
}

/// What an error of the frame reader means for the client.
pub(super) fn of_socket_error(error: &Error) -> Ending {
    match error {
        Error::Capacity(_) => Ending::Coded(CloseCode::TooBig, "a message is longer than its limit"),
        Error::Utf8(_) => Ending::Protocol(INVALID_DATA, "text that is no UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
        Error::Protocol(_) | Error::AttackAttempt => {
            Ending::Protocol(PROTOCOL_ERROR, "a frame breaks the WebSocket protocol")
        }
        Error::WriteBufferFull(_) => TOO_SLOW,
        Error::Io(error) => of_io_error(error),
        _ => Ending::Gone,
    }
}

/// What an error of the socket itself means: the kernel gave up a client whose side answers no more, or it is gone.
pub(super) fn of_io_error(error: &io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::TimedOut => {
            Ending::Coded(CloseCode::Silent, "the kernel's questions are not answered")
        }
        _ => Ending::Gone,
    }
}

/// What a message that is none means for the client.
pub(super) fn of_decode_error(error: &DecodeError) -> Ending {
    let reason = match error {
        DecodeError::Malformed(_) => "not a message of this protocol",
        DecodeError::Input(_) => "inputs do not fit the schema",
        DecodeError::TooManyInputs { .. } => "more than 10 inputs in a message",
        DecodeError::NotHello => "the first message must be hello",
    };
    Ending::Coded(CloseCode::Malformed, reason)
}

/// The client reads too slowly.
pub(super) const TOO_SLOW: Ending = Ending::Coded(CloseCode::TooSlow, "reading too slowly");
/// The client sends too fast.
pub(super) const TOO_FAST: Ending = Ending::Coded(CloseCode::TooFast, "sending too fast");
/// The client opened a second stream (QUIC).
pub(super) const ONE_STREAM: Ending =
    Ending::Coded(CloseCode::Malformed, "one stream is enough, and the client opens it");
/// The server stops for a while.
pub(super) const RESTARTING: Ending =
    Ending::Coded(CloseCode::Restarting, "the server restarts: resume later");
/// Nobody is awaited by the resume token of a socket of an object.
pub(super) const RESUME_FAILED: Ending =
    Ending::Coded(CloseCode::ResumeFailed, "nobody is awaited by this token");
/// The object's worker takes no more.
pub(super) const OVERLOADED: Ending = Ending::Coded(CloseCode::Overloaded, "overloaded: back off");

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::error::CapacityError;

    #[test]
    fn errors_of_the_frame_reader_have_their_codes() {
        let too_long = Error::Capacity(CapacityError::MessageTooLong { size: 5000, max_size: 4096 });
        assert!(matches!(of_socket_error(&too_long), Ending::Coded(CloseCode::TooBig, _)));
        assert!(matches!(of_socket_error(&Error::Utf8(String::new())), Ending::Protocol(1007, _)));
        let unmasked = Error::Protocol(ProtocolError::UnmaskedFrameFromClient);
        assert!(matches!(of_socket_error(&unmasked), Ending::Protocol(1002, _)));
        let reset = Error::Protocol(ProtocolError::ResetWithoutClosingHandshake);
        assert_eq!(of_socket_error(&reset), Ending::Gone);
        assert_eq!(of_socket_error(&Error::ConnectionClosed), Ending::Gone);
        let of_io = |kind: io::ErrorKind| of_socket_error(&Error::Io(kind.into()));
        assert_eq!(of_io(io::ErrorKind::ConnectionReset), Ending::Gone);
        assert!(matches!(of_io(io::ErrorKind::TimedOut), Ending::Coded(CloseCode::Silent, _)));
    }

    #[test]
    fn what_was_received_is_never_in_a_reason() {
        let error = DecodeError::Malformed("unknown variant `secret`".to_owned());
        assert_eq!(
            of_decode_error(&error),
            Ending::Coded(CloseCode::Malformed, "not a message of this protocol")
        );
    }
}
