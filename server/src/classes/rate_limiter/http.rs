//! Over HTTP as it is, for proxies: `take` and `peek` with the fields in the query, answered 200 or 429.

use serde_json::{Map, Value};

use super::calls::{RateCall, Take, Verdict};
use crate::object::contract::CallError;
use crate::object::request::{ObjectRequest, ObjectResponse};

/// What a request asks for.
pub(super) fn asked(request: &ObjectRequest) -> Result<RateCall, CallError> {
    let take = || {
        let none = || {
            let expected =
                "query: expected limit=10&window_ms=1000, and cost, algorithm and durability as to take";
            CallError::Invalid(expected.to_owned())
        };
        let fields = request.query.split('&').filter(|field| !field.is_empty());
        let mut body = Map::new();
        for field in fields {
            let (name, value) = field.split_once('=').ok_or_else(none)?;
            let value = value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from);
            if body.insert(name.to_owned(), value).is_some() {
                return Err(none());
            }
        }
        serde_json::from_value::<Take>(Value::Object(body)).map_err(|_| none())
    };
    match &*request.path {
        "take" => Ok(RateCall::Take(take()?)),
        "peek" => Ok(RateCall::Peek(take()?)),
        _ => Err(CallError::NotFound),
    }
}

/// A verdict as a response.
pub(super) fn response(verdict: &Verdict) -> Result<ObjectResponse, CallError> {
    let body = serde_json::to_value(verdict).map_err(|error| CallError::Invalid(error.to_string()))?;
    let mut response = ObjectResponse::json(&body);
    let mut header = |name: &str, value: u64| response.headers.push((name.to_owned(), value.to_string()));
    header("x-ratelimit-limit", verdict.limit);
    header("x-ratelimit-remaining", verdict.remaining);
    if !verdict.allowed {
        header("retry-after", verdict.retry_after_ms.div_ceil(1000));
        response.status = 429;
    }
    Ok(response)
}
