//! Counting what was refused, by reason: `tickstone_refused_total{reason}`.
//!
//! Reasons are constants: codes of problems, `close_` and a close code, and those below.

use std::io;

use axum::response::Response;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::gateway::close_reason::Ending;
use crate::metrics::{Metrics, ReasonLabel};

/// Carried by the answer to a request that was refused: the problem's code.
#[derive(Debug, Clone, Copy)]
pub(in crate::gateway) struct RefusedFor(pub(in crate::gateway) &'static str);

/// Counts refusals.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Refusals(Family<ReasonLabel, Counter>);

impl Refusals {
    /// The counters of the metrics.
    pub(in crate::gateway) fn of(metrics: &Metrics) -> Self {
        Self(metrics.refused.clone())
    }

    /// One more.
    pub(in crate::gateway) fn count(&self, reason: &'static str) {
        self.0.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// An answer leaves: counted if it is a problem.
    pub(in crate::gateway) fn count_answer(&self, answer: &Response) {
        if let Some(RefusedFor(code)) = answer.extensions().get() {
            self.count(code);
        }
    }

    /// A connection of HTTP broke off: counted if that was the client's fault.
    pub(in crate::gateway) fn count_http_error(&self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            self.count("head_too_big");
        } else if error.is_parse() {
            self.count("bad_request");
        } else if error.is_timeout() {
            self.count("no_request_in_time");
        } else if took_no_answer(error) {
            self.count("takes_no_answer");
        }
    }

    /// A client closes. A code that nobody may send has been made 1002 by the frame reader, which answers it.
    pub(in crate::gateway) fn count_close_frame(&self, frame: Option<&CloseFrame>) {
        if frame.is_some_and(|frame| frame.code == CloseCode::Protocol) {
            self.count("close_1002");
        }
    }

    /// A WebSocket ends: counted if the client is to blame.
    pub(in crate::gateway) fn count_ending(&self, ending: Ending) {
        let code = match ending {
            Ending::Coded(code, _) => code.number(),
            Ending::Protocol(code, _) => code,
            Ending::Answered | Ending::Gone => return,
        };
        if let Some(reason) = reason_of_close(code) {
            self.count(reason);
        }
    }
}

/// The kernel gave up a client that acknowledged nothing for the time of the settings.
fn took_no_answer(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// None for an end that is nobody's fault: it ended, restarting, left, kicked, replaced.
fn reason_of_close(code: u16) -> Option<&'static str> {
    Some(match code {
        1002 => "close_1002",
        1007 => "close_1007",
        1009 => "close_1009",
        1013 => "close_1013",
        4003 => "close_4003",
        4400 => "close_4400",
        4401 => "close_4401",
        4404 => "close_4404",
        4408 => "close_4408",
        4410 => "close_4410",
        4420 => "close_4420",
        4423 => "close_4423",
        4426 => "close_4426",
        4429 => "close_4429",
        _ => return None,
    })
}
