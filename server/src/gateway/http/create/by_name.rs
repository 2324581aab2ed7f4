//! Join or create: `POST /v1/matches` with a `name`. The match that runs under a name, or a new one; however many ask at
//! once, and whatever crashes, one match.
//!
//! The name is that of an object of class `single_flight`, which knows the match's id and creates it. The id is chosen
//! and stored there before the match is asked to be; so a crash in between ends in the same match.

use serde_json::{Map, Value, json};
use tickstone_shared::ids::ObjectName;

use super::{check_open, check_rate, generated_id};
use crate::gateway::http::access::{Caller, MATCH_CLASS};
use crate::gateway::http::problem::Problem;
use crate::gateway::http::routes::{CallResult, Readiness, Routes};
use crate::object::contract::CallError;
use crate::object::id::Identity;
use hyper::StatusCode;

/// The class that knows which match a name has.
const FLIGHT_CLASS: &str = "single_flight";
/// What the match is called there.
const KEY: &str = "match";
/// Until somebody finds that it has ended: the longest time there is.
const KEEP_SECONDS: u32 = u32::MAX;
/// How long to wait for whoever creates it just now: somewhat less than a call may take.
const WAIT_SECONDS: u32 = 25;
/// A match that ends between its creation and the look at it is followed by another, so many times.
const TRIES: usize = 3;

/// The match of a name.
struct Named {
    id: ObjectName,
    /// Names this creation among those of the name.
    number: u64,
    /// For this request.
    created: bool,
}

/// The match of a name that runs, by its id, as it is now; created if there is none.
pub(super) async fn join_or_create(
    routes: &Routes,
    caller: Caller<'_>,
    mut body: Map<String, Value>,
) -> Result<(ObjectName, Value), Problem> {
    if body.contains_key("id") {
        return Err(Problem::field("name", "expected this or `id`, not both"));
    }
    let name = body.remove("name").and_then(|name| ObjectName::parse(name.as_str()?).ok());
    let name = name.ok_or_else(|| Problem::field("name", "expected a name"))?;
    let flight = Identity::offered(FLIGHT_CLASS, name).map_err(|error| Problem::invalid_id(&error))?;
    if !routes.hub.classes.contains_key(FLIGHT_CLASS) {
        return Err(Problem::field("name", "this server has no class single_flight"));
    }
    for _ in 0..TRIES {
        let named = match known(routes, &flight).await? {
            Some(named) => named,
            None => create(routes, caller, &flight, &body).await?,
        };
        if let Some(mut entry) = running(routes, &named.id).await? {
            if entry["game"] != body["game"] {
                let detail = "The match of this name is of another game.";
                return Err(Problem::new(StatusCode::CONFLICT, "match_exists", detail));
            }
            entry["created"] = named.created.into();
            return Ok((named.id, entry));
        }
        let over = json!({ "key": KEY, "of": "do", "number": named.number });
        routes.call(&flight, "forget", over).await?;
    }
    Err(CallError::Overloaded.into())
}

/// The match that the name has, or is being given; none: it has none.
async fn known(routes: &Routes, flight: &Identity) -> Result<Option<Named>, Problem> {
    let body = json!({ "key": KEY, "of": "do", "wait_seconds": WAIT_SECONDS });
    match routes.try_call(flight, "get", body).await {
        Err(CallError::Missing { .. }) => Ok(None),
        answer => named(answer).map(Some),
    }
}

/// Gives the name a match. Whoever may not create one joins that of somebody who does so just now.
async fn create(
    routes: &Routes,
    caller: Caller<'_>,
    flight: &Identity,
    body: &Map<String, Value>,
) -> Result<Named, Problem> {
    if (routes.api.readiness)() == Readiness::StorageFailing {
        return Err(CallError::Storage.into());
    }
    let id = generated_id()?;
    let object = Identity::named(MATCH_CLASS, ObjectName::parse(&id).map_err(|_| CallError::Reset)?);
    let creating = match check_rate(routes, caller) {
        Ok(()) => check_open(routes, caller, &object).await,
        Err(problem) => Err(problem),
    };
    let _creating = match creating {
        Ok(creating) => creating,
        Err(problem) => return known(routes, flight).await?.ok_or(problem),
    };
    caller.note("create", &object.name);
    let asked = json!({
        "key": KEY, "class": MATCH_CLASS, "name": id, "method": "create", "body": body,
        "keep_seconds": KEEP_SECONDS, "wait_seconds": WAIT_SECONDS,
    });
    named(routes.try_call(flight, "do", asked).await)
}

/// The match in an answer of the name's object.
fn named(answer: CallResult) -> Result<Named, Problem> {
    let answer = answer?;
    let id = answer["result"]["match_id"].as_str().and_then(|id| ObjectName::parse(id).ok());
    let (id, number) = id.zip(answer["number"].as_u64()).ok_or(CallError::Reset)?;
    Ok(Named { id, number, created: answer["shared"] == Value::Bool(false) })
}

/// The match, if it has not ended.
async fn running(routes: &Routes, id: &ObjectName) -> Result<Option<Value>, Problem> {
    match routes.try_call(&Identity::named(MATCH_CLASS, id.clone()), "inspect", json!({})).await {
        Ok(entry) => Ok(Some(entry).filter(|entry| entry["state"] != "ended")),
        // Of one that was not stored nothing is left after a restart.
        Err(CallError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
