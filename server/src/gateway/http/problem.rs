//! Errors as `application/problem+json` (RFC 9457).
//!
//! Invariant: nothing of the request but the name of a field is in a problem, and nothing internal.

use axum::Extension;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};
use serde_json::json;

use crate::gateway::guard::{Crowded, RefusedFor};
use crate::object::contract::CallError;
use crate::object::id::IdError;

/// Seconds after which to try again where it may help.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem; `code` is stable, for programs.
    pub(in crate::gateway) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let unavailable = status == StatusCode::SERVICE_UNAVAILABLE;
        let later = unavailable || status == StatusCode::TOO_MANY_REQUESTS;
        let retry_after_seconds = later.then_some(RETRY_AFTER_SECONDS);
        Self { status, code, detail: detail.into(), retry_after_seconds }
    }

    /// More than a rate allows; there is room again in so many seconds.
    pub(in crate::gateway) fn too_many(code: &'static str, detail: &str, seconds: u64) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
        Self { retry_after_seconds: Some(seconds), ..problem }
    }

    /// Its status.
    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The same answer for a match that is not there, one that is not yours and an id that is none.
    pub(in crate::gateway) fn no_such_match() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_match", "There is no such match.")
    }

    /// A class that is not served here.
    pub(in crate::gateway) fn no_such_class() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_class", "There is no such class.")
    }

    /// A name that looks like an id, and is none of the class.
    pub(in crate::gateway) fn invalid_id(error: &IdError) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_id",
            format!("64 hex digits are an object's id: {error}."),
        )
    }

    /// An object of which nothing is there.
    pub(in crate::gateway) fn no_such_object() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_object", "There is nothing of this object.")
    }

    /// Why an object that is no match did not answer.
    pub(in crate::gateway) fn of_object(error: CallError) -> Self {
        match error {
            CallError::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "not_found", "The object has nothing by this name.")
            }
            CallError::Over => Self::new(StatusCode::GONE, "object_over", "The object is over."),
            other => other.into(),
        }
    }

    /// A text that is no name of an object.
    pub(in crate::gateway) fn invalid_name() -> Self {
        let detail = "A name has 1 to 128 characters of A-Z a-z 0-9 . _ : -.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_name", detail)
    }

    /// A field that is not what was expected.
    pub(in crate::gateway) fn field(name: &str, expected: &str) -> Self {
        let detail = format!("The field {name}: {expected}.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail)
    }

    /// Too many connections or requests of one address, or too many strangers in all.
    pub(in crate::gateway) fn crowded(crowded: Crowded) -> Self {
        let (status, code) = match crowded {
            Crowded::Server => (StatusCode::SERVICE_UNAVAILABLE, crowded.reason()),
            Crowded::Address | Crowded::Rate => (StatusCode::TOO_MANY_REQUESTS, crowded.reason()),
        };
        Self::new(status, code, "There are too many of these at the moment; try again later.")
    }

    /// Nothing new while the server stops.
    pub(in crate::gateway) fn draining() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "The server is draining; try another or later.",
        )
    }

    /// The same answer with the headers a client needs to do better.
    pub(in crate::gateway) fn with_headers(
        self,
        headers: &[(hyper::header::HeaderName, &'static str)],
    ) -> Response {
        let mut response = self.into_response();
        for (name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn body(&self) -> String {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let kind = format!("urn:tickstone:problem:{}", self.code);
        json!({
            "type": kind,
            "title": title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        })
        .to_string()
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body::from(self.body());
        (self.status, Extension(RefusedFor(self.code)), self.headers(), body).into_response()
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let unavailable = |code, detail: &str| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        match error {
            CallError::NotFound => Self::no_such_match(),
            CallError::Missing { code, reason } => Self::new(StatusCode::NOT_FOUND, code, reason),
            CallError::Over => Self::new(StatusCode::GONE, "match_over", "The match is over."),
            CallError::Conflict { code, reason } => Self::new(StatusCode::CONFLICT, code, reason),
            CallError::Invalid(reason) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", reason),
            CallError::Forbidden(reason) => Self::new(StatusCode::FORBIDDEN, "not_allowed", reason),
            CallError::TooFast { retry_after_ms } => {
                let detail = format!("Too often; again in {retry_after_ms} ms.");
                Self::too_many("too_fast", &detail, retry_after_ms.div_ceil(1000))
            }
            CallError::Overloaded => unavailable("overloaded", "Too much is waiting; try again later."),
            CallError::Reset => {
                unavailable("reset", "The object was reset; the request may have been carried out.")
            }
            CallError::Storage => unavailable("storage_full", "The disk takes no more."),
            CallError::Draining => Self::draining(),
            CallError::SetAside(_) => {
                Self::new(StatusCode::GONE, "set_aside", "What is stored of the object could not be used.")
            }
            CallError::TimedOut => Self::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", "No answer in time."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_turned_away_is_told_what_is_missing() {
        let needed = Problem::new(StatusCode::UNAUTHORIZED, "credential_needed", "why");
        assert_eq!(needed.headers()[WWW_AUTHENTICATE], "Bearer");
        let busy = Problem::too_many("too_many_matches", "why", 3);
        assert_eq!((busy.status.as_u16(), &busy.headers()[RETRY_AFTER]), (429, &HeaderValue::from(3)));
    }

    #[test]
    fn every_call_error_has_its_status_and_code() {
        let conflict = CallError::Conflict { code: "exists", reason: "other body".to_owned() };
        for (error, status, code) in [
            (CallError::NotFound, 404, "no_such_match"),
            (conflict, 409, "exists"),
            (CallError::Missing { code: "no_such_player", reason: String::new() }, 404, "no_such_player"),
            (CallError::Over, 410, "match_over"),
            (CallError::Invalid("why".to_owned()), 422, "invalid"),
            (CallError::Forbidden("why".to_owned()), 403, "not_allowed"),
            (CallError::TooFast { retry_after_ms: 1001 }, 429, "too_fast"),
            (CallError::Overloaded, 503, "overloaded"),
            (CallError::Reset, 503, "reset"),
            (CallError::Storage, 503, "storage_full"),
            (CallError::Draining, 503, "draining"),
            (CallError::SetAside("secret".to_owned()), 410, "set_aside"),
            (CallError::TimedOut, 504, "timed_out"),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.status.as_u16(), problem.code), (status, code));
            assert!(!problem.detail.contains("secret"));
            assert_eq!(problem.headers().contains_key(RETRY_AFTER), status == 503 || status == 429);
        }
    }

    #[test]
    fn a_problem_has_the_members_of_the_rfc() {
        let body: serde_json::Value = serde_json::from_str(&Problem::no_such_match().body()).unwrap();
        assert_eq!(body["type"], "urn:tickstone:problem:no_such_match");
        assert_eq!((&body["title"], &body["status"]), (&json!("Not Found"), &json!(404)));
        assert!(body["code"].is_string() && body["detail"].is_string());
    }
}
