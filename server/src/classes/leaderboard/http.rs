//! Reading over HTTP, for everybody: `GET .../http/top?from=&limit=`, `rank?user=&around=`, `seasons` and
//! `season?season=`. Nothing that comes this way changes a board.

use serde_json::{Map, Value};

use super::words::BoardCall;
use crate::object::contract::CallError;
use crate::object::request::ObjectRequest;
use crate::object::typed::from_call;

/// What a request asks for.
pub(super) fn asked(request: &ObjectRequest) -> Result<BoardCall, CallError> {
    let is_known = matches!(&*request.path, "top" | "rank" | "seasons" | "season" | "rules");
    if !is_known || !matches!(&*request.method, "GET" | "HEAD") {
        return Err(CallError::NotFound);
    }
    let malformed = || CallError::Invalid("query: expected name=value&..., percent-encoded".to_owned());
    let mut body = Map::new();
    for (name, value) in request.fields().ok_or_else(malformed)? {
        let number = value.parse::<u64>().ok().filter(|_| name != "user");
        if body.insert(name, number.map_or(Value::String(value), Value::from)).is_some() {
            return Err(malformed());
        }
    }
    from_call(request.path.clone(), Value::Object(body))
}
