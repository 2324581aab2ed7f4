//! The end of a connection: `bye`, close frame, FIN, and a while in which the client may still read them.
//!
//! Why it lingers: closing a socket that has unread bytes sends RST, and RST throws the close frame away at
//! the client (reliability 4.2).

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::encode;
use tickstone_shared::wire::message::{Bye, ServerMessage};
use tickstone_shared::wire::version::Encoding;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::close_reason::Ending;
use super::frames;
use super::hub::Hub;
use super::link::Link;
use super::outgoing::{Keep, Outgoing};
use super::tls::{ReadHalf, WriteHalf};

/// What a resume token stands behind in the reason of a raw socket's close frame.
const RESUME_PREFIX: &str = "resume=";
/// Bytes read and thrown away after the close frame.
const DRAINED_BYTES_MAX: usize = 64 * 1024;
/// The shortest and longest time a client is told to stay away (interfaces: 1012).
const RETRY_MS: std::ops::RangeInclusive<u32> = 1_000..=30_000;
/// Clients that may come back each second: more of them are told to come over a longer time.
const RETURNS_PER_SECOND: usize = 500;

/// Says the last words and closes the socket, within the linger of the settings.
pub(super) async fn close(hub: &Hub, link: &Link, read: ReadHalf, ending: Ending) {
    let Some((last, keep)) = last_words(hub, link, ending) else { return };
    finish(hub, &link.out, read, (&last, keep)).await;
}

/// Writes the last frames, and waits until the client has read them, within the linger of the settings.
pub(super) async fn finish(
    hub: &Hub,
    out: &Outgoing<WriteHalf>,
    read: ReadHalf,
    (last, keep): (&[Bytes], Keep),
) {
    out.finish(last, keep);
    let mut rest = Rest { read, drained: 0, is_read: false };
    let all = poll_fn(|cx| {
        let is_read = rest.poll_drain(cx);
        match out.poll_flush(cx) {
            Poll::Ready(Ok(())) if is_read => Poll::Ready(()),
            Poll::Ready(Err(_)) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    });
    if tokio::time::timeout(hub.settings.linger, all).await.is_err() {
        out.abandon();
    }
}

/// What is said last, and what goes out before it; none to a client that is gone.
pub(super) fn last_words(hub: &Hub, link: &Link, ending: Ending) -> Option<(Vec<Bytes>, Keep)> {
    // Over QUIC the connection itself is closed with code and reason.
    let closes = link.datagrams.is_none();
    let framed = |payload: &[u8], encoding| link.framed(payload, encoding);
    words(hub, (ending, None), link.spoken.get().map(|spoken| spoken.encoding), &framed, closes)
}

/// The same for a socket whose messages, if they have an encoding of ours, are framed so. A resume token goes with
/// them: in the `bye`, or, where there is none, instead of the reason.
pub(super) fn words(
    hub: &Hub,
    (ending, resume): (Ending, Option<&str>),
    encoding: Option<Encoding>,
    framed: &dyn Fn(&[u8], Encoding) -> Bytes,
    closes: bool,
) -> Option<(Vec<Bytes>, Keep)> {
    match ending {
        Ending::Gone => None,
        Ending::Answered => Some((Vec::new(), Keep::Reliable)),
        Ending::Protocol(number, reason) => Some((vec![frames::close(number, reason)], Keep::Nothing)),
        Ending::Coded(code, reason) => {
            let keep = if code == CloseCode::TooSlow { Keep::Nothing } else { Keep::Reliable };
            let bye = encoding.map(|encoding| framed(&bye(hub, encoding, (code, reason), resume), encoding));
            let reason = match (resume, encoding) {
                (Some(token), None) => Cow::from(format!("{RESUME_PREFIX}{token}")),
                _ => Cow::from(reason),
            };
            let close = closes.then(|| frames::close(code.number(), &reason));
            Some((bye.into_iter().chain(close).collect(), keep))
        }
    }
}

/// The last message, for those whose encoding is known.
fn bye(
    hub: &Hub,
    encoding: Encoding,
    (code, reason): (CloseCode, &'static str),
    resume: Option<&str>,
) -> Vec<u8> {
    let asks_back = matches!(code, CloseCode::Restarting | CloseCode::Overloaded);
    let retry_after_ms = asks_back.then(|| retry_after_ms(hub.places.taken()));
    let bye = ServerMessage::Bye(Bye {
        code,
        reason: reason.to_owned(),
        retry_after_ms,
        resume: resume.map(str::to_owned),
    });
    encode::server_message(&bye, encoding)
}

/// A random time in a span that grows with the number of clients, so that they do not come back all at once.
fn retry_after_ms(connections: usize) -> u32 {
    let seconds = u32::try_from(connections / RETURNS_PER_SECOND + 1).unwrap_or(u32::MAX);
    let span = seconds.saturating_mul(1000).min(RETRY_MS.end() - RETRY_MS.start());
    // Without randomness everybody is told the shortest time, which is still correct.
    let random = getrandom::u32().unwrap_or(0);
    RETRY_MS.start() + random % (span + 1)
}

struct Rest {
    read: ReadHalf,
    drained: usize,
    is_read: bool,
}

impl Rest {
    /// True once the client has closed its side, or has sent more than is read.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> bool {
        let mut space = [0; 1024];
        while !self.is_read {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut self.read).poll_read(cx, &mut buf) {
                Poll::Pending => return false,
                Poll::Ready(Err(_)) => self.is_read = true,
                Poll::Ready(Ok(())) => {
                    let came = buf.filled().len();
                    self.drained += came;
                    self.is_read = came == 0 || self.drained > DRAINED_BYTES_MAX;
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_come_back_stay_within_1_to_30_s() {
        for connections in [0, 1, 400, 20_000, usize::MAX] {
            assert!((0..100).all(|_| RETRY_MS.contains(&retry_after_ms(connections))));
        }
        assert!((0..100).all(|_| retry_after_ms(8) <= 2_000));
    }
}
